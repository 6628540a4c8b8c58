"""slack-bolt's AsyncApp over Socket Mode: an envelope in, its listener run, the reply out, and nothing kept.

`python -m bench.peers.bolt_app STUDENTS LISTENERS`: five listeners are the conversation's; the others stand for other
flows, half of them in front, for Bolt asks one after the other whether a message is its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import sys
from typing import Any

from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_sdk.socket_mode.request import SocketModeRequest

from bench import conversation as texts
from bench.measure import converse, report
from bench.peers.slack_send import blocks
from bench.peers.slack_unsent import cut_off

OWN = 5
KNOWN: dict[str, dict[str, Any]] = {}
"""What is remembered of each student: Bolt has no place for it."""


class Socket:
    """Takes an acknowledgement, encoded as for the network."""

    logger = logging.getLogger(__name__)
    acknowledged = 0

    async def send_socket_mode_response(self, response: Any) -> None:
        self.acknowledged += len(json.dumps(response.to_dict())) > 0


def build(listeners: int) -> AsyncApp:
    """The app, as its own documentation writes one."""
    app = AsyncApp(token="xoxb-bench")
    others = [f"other-{number}" for number in range(listeners - OWN)]
    for word in others[: len(others) // 2]:
        app.message(word)(other)

    @app.command("/checkin")
    async def begin(ack: Any, command: Any, client: Any) -> None:
        await ack()
        KNOWN[command["user_id"]] = {}
        text = texts.GREETING.format(name=command["user_name"])
        await client.chat_postMessage(channel=command["channel_id"], text=text, blocks=blocks(text, texts.READY))

    @app.message(re.compile("^ready$"))
    async def ready(say: Any) -> None:
        await say(text=texts.ASK_MOOD, blocks=blocks(texts.ASK_MOOD, texts.MOODS))

    @app.message(re.compile("^[1-5]$"))
    async def mood(message: Any, say: Any) -> None:
        known = KNOWN[message["user"]]
        known["mood"] = int(message["text"])
        await say(text=texts.ASK_LOW if known["mood"] <= 2 else texts.ASK_HIGH)

    @app.message(re.compile("^yes$"))
    async def confirm(message: Any, say: Any) -> None:
        del KNOWN[message["user"]]
        await say(text=texts.THANKS)

    @app.event("message")
    async def note(event: Any, say: Any) -> None:
        known = KNOWN[event["user"]]
        known["note"] = event["text"]
        text = texts.ASK_CONFIRM.format(**known)
        await say(text=text, blocks=blocks(text, texts.YES_NO))

    for word in others[len(others) // 2 :]:
        app.message(word)(other)
    return app


async def other(say: Any) -> None:
    await say(text="This is another flow.")


async def main(students: int, listeners: int) -> None:
    logging.disable(logging.CRITICAL)
    sent: list[str] = []
    replied = asyncio.Event()

    def taken(chat: str) -> None:
        sent.append(chat)
        replied.set()

    cut_off(taken)
    handler, socket = AsyncSocketModeHandler(build(listeners), "xapp-bench"), Socket()

    async def take(raw: bytes) -> None:
        replied.clear()
        await handler.handle(socket, SocketModeRequest.from_dict(json.loads(raw)))
        await replied.wait()  # the listener runs on after the acknowledgement

    figures = await converse(take, lambda: len(sent), students, texts.envelope)
    assert socket.acknowledged == len(sent)
    report(figures)
    await handler.close_async()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
