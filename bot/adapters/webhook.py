"""A signed POST to an address of the school's own: an incident system, a chat's gateway, whatever else reaches adults.

Whoever stands there proves with the secret that a message is ours and fresh, as docs/adults.md says. Nothing is read.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import httpx

from bot.adapters.base import Capabilities, Finding, Port
from bot.domain import WEBHOOK, Inbound, Outbound, Receipt
from bot.errors import Ambiguous, SlowDown, TryLater, Unreachable

PATIENCE = httpx.Timeout(20.0, connect=5.0)
SIGNATURE, TIMESTAMP = "Nearpeer-Signature", "Nearpeer-Timestamp"
_GONE = 410
_TOO_MANY = 429
_SERVER = 500


class Adapter:
    """One address. `secret` signs; `wall`: what tells the time that stands beside the signature."""

    name = WEBHOOK
    capabilities = Capabilities(buttons=False, hears=False, length=20_000, per_second=5.0, per_chat_second=5.0)

    def __init__(self, account: str = WEBHOOK, *, url: str, secret: str, wall: Callable[[], datetime]) -> None:
        self.account = account
        self._url, self._secret, self._wall = url, secret.encode(), wall
        self._client: httpx.AsyncClient | None = None
        self._trouble = ""

    def translate(self, body: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
        """Nothing comes from there."""
        raise ValueError("nothing is read from a webhook")

    async def start(self, port: Port) -> None:
        """Send from now on."""
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=PATIENCE)

    async def stop(self) -> None:
        """Send no more."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def send(self, outbound: Outbound) -> Receipt:
        """Post one message; any 2xx takes it."""
        if self._client is None:
            raise TryLater("not_running")
        body = render(outbound)
        headers = {"Content-Type": "application/json", **signed(body, self._secret, int(self._wall().timestamp()))}
        try:
            answer = await self._client.post(self._url, content=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            self._trouble = f"The webhook cannot be reached ({type(error).__name__}): look at [webhook] url."
            raise TryLater("no_connection") from None
        except httpx.HTTPError:
            self._trouble = "The webhook does not answer."
            raise Ambiguous("answer_lost") from None
        self._judge(answer)
        return Receipt(provider_id=str(outbound.id))

    def routes(self) -> Sequence[Any]:
        """None."""
        return ()

    def trouble(self) -> str:
        """Why the last message was not taken; "" while they are."""
        return self._trouble

    async def examine(self, *, fix: bool = False, running: bool = False) -> Sequence[Finding]:
        """Whether somebody listens there. Nothing is posted: it could wake somebody up."""
        wrong = ""
        try:
            async with httpx.AsyncClient(timeout=PATIENCE) as client:
                await client.options(self._url)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            wrong = f"Nobody answers ({type(error).__name__}): look at [webhook] url."
        return [Finding("webhook.reached", "The webhook's server answers.", wrong)]

    def _judge(self, answer: httpx.Response) -> None:
        status = answer.status_code
        if answer.is_success:
            self._trouble = ""
            return
        self._trouble = f"The webhook answers {status}: look at [webhook] url and secret_file."
        if status == _TOO_MANY:
            after = answer.headers.get("Retry-After", "")
            raise SlowDown("too_many_requests", float(after) if after.isdecimal() else None)
        if status >= _SERVER:
            raise Ambiguous("server_error")
        raise Unreachable("gone" if status == _GONE else "refused")


def render(outbound: Outbound) -> bytes:
    """A message as JSON; `id` is the same at each try, so that a repeat is known by it."""
    told = {"id": str(outbound.id), "kind": str(outbound.kind), "to": outbound.address.chat, "text": outbound.text}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()


def signed(body: bytes, secret: bytes, at: int) -> dict[str, str]:
    """The headers that prove a body: HMAC-SHA256 over `<seconds>.<body>`, in hex."""
    signature = hmac.new(secret, b"%d.%b" % (at, body), hashlib.sha256).hexdigest()
    return {TIMESTAMP: str(at), SIGNATURE: f"v1={signature}"}
