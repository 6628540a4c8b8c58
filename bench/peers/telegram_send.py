"""python-telegram-bot's own way to send: build, encode, POST over kept connections, parse the answer.

`python -m bench.peers.telegram_send MESSAGES IN_FLIGHT`: to the same server as bench.sending.
"""

from __future__ import annotations

import asyncio
import sys

from telegram import Bot, ReplyKeyboardMarkup
from telegram.request import HTTPXRequest

from bench.measure import report
from bench.send_path import LABELS, TEXT, measured
from tests.fakes.strict import alone


async def _send(port: int, messages: int, in_flight: int) -> None:
    request = HTTPXRequest(connection_pool_size=max(in_flight, 8))
    keyboard = ReplyKeyboardMarkup([[label] for label in LABELS], resize_keyboard=True, one_time_keyboard=True)
    async with Bot("42:TEST", base_url=f"http://127.0.0.1:{port}/bot", request=request) as bot:

        async def send(chat: int) -> None:
            await bot.send_message(chat, TEXT, reply_markup=keyboard, disable_web_page_preview=True)

        report(await measured(send, messages, in_flight))


if __name__ == "__main__":
    with alone(10**9) as at:
        asyncio.run(_send(at, int(sys.argv[1]), int(sys.argv[2])))
