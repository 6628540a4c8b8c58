"""An app on slack-bolt's Socket Mode, built and run as its own documentation does with asyncio.

`python -m bench.peers.bolt_socket URL BOT_TOKEN APP_TOKEN RECORD LAST`
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from bench.peers.record import Record


async def main(url: str, bot_token: str, app_token: str, record: Record) -> None:
    app = AsyncApp(client=AsyncWebClient(bot_token, base_url=f"{url}/api/"))

    @app.event("message")
    async def hear(event: Mapping[str, Any]) -> None:
        await record.handle(event["text"])

    await AsyncSocketModeHandler(app, app_token).start_async()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4], Record(sys.argv[4], int(sys.argv[5]))))
