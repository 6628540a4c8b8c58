"""slack_sdk without its network: what it would send is encoded, and the answer decoded, as Slack's would be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from slack_sdk.web.async_base_client import AsyncBaseClient

from bench.conversation import TEAM


def cut_off(taken: Callable[[str], None]) -> None:
    """From now on no client in this process sends anything; `taken` is called with the chat of each message."""

    async def request(_client: AsyncBaseClient, *, api_url: str, req_args: Mapping[str, Any], **_more: Any) -> Any:
        body = json.dumps(req_args.get("json") or {}).encode()
        if api_url.endswith("chat.postMessage") and body:
            taken(req_args["json"]["channel"])
        return {"data": json.loads(ANSWER), "headers": {}, "status_code": 200}

    AsyncBaseClient._request = request  # type: ignore[method-assign, assignment]  # it takes any request


ANSWER = json.dumps(
    {
        "ok": True,
        "team_id": TEAM,
        "user_id": "U0BOT",
        "bot_id": "B0BOT",
        "channel": "D1",
        "ts": "1760000000.000100",
        "message": {"type": "message", "user": "U0BOT", "bot_id": "B0BOT", "text": "x", "ts": "1760000000.000100"},
    }
).encode()
