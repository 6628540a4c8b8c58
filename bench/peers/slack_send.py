"""slack_sdk's own way to send, with a session that is kept: build, encode, POST, parse the answer.

`python -m bench.peers.slack_send MESSAGES IN_FLIGHT`: to the same server as bench.sending.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import Any

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bench.measure import report
from bench.send_path import LABELS, TEXT, measured
from tests.fakes.strict import alone


def blocks(text: str, labels: tuple[str, ...]) -> list[dict[str, Any]]:
    """A text with buttons, as the documentation writes blocks."""
    buttons = [
        {
            "type": "button",
            "text": {"type": "plain_text", "text": label},
            "action_id": f"choice-{label}",
            "value": label,
        }
        for label in labels
    ]
    section = {"type": "section", "text": {"type": "plain_text", "text": text}}
    return [section, {"type": "actions", "elements": buttons}]


async def _send(port: int, messages: int, in_flight: int) -> None:
    async with aiohttp.ClientSession() as session:
        client = AsyncWebClient("xoxb-bench", base_url=f"http://127.0.0.1:{port}/", session=session)

        async def send(chat: int) -> None:
            await client.chat_postMessage(
                channel=str(chat), text=TEXT, blocks=blocks(TEXT, LABELS), unfurl_links=False, unfurl_media=False
            )

        report(await measured(send, messages, in_flight))


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    with alone(10**9) as at:
        asyncio.run(_send(at, int(sys.argv[1]), int(sys.argv[2])))
