"""P13: what a message costs on its way out, from the words to the receipt, beside python-telegram-bot's own.

Both post over kept connections on loopback to a server in a process of its own. Ours is what a school runs.

    python -m bench.sending --messages 500 --in-flight 10
"""

from __future__ import annotations

import argparse
import asyncio

from bench.measure import Case, Figures, interleaved, median, medians, ratio, report
from bench.result import Claim, Result, Size
from bench.send_path import LABELS, TEXT, measured
from bot.adapters.telegram.adapter import Adapter
from bot.adapters.telegram.network import BotApi
from bot.domain import Address, Choice, MessageKind, Outbound, Priority
from tests.fakes.port import MemoryPort
from tests.fakes.strict import alone

MANY, ONE = 10, 1
"""In flight: as a fan-out sends, and as a quiet hour does."""


def goal(size: Size) -> Result:
    """P13."""
    found: dict[str, list[Figures]] = {}
    for in_flight, messages in ((MANY, size.of(500, 20)), (ONE, size.of(150, 10))):
        arguments = ("--messages", str(messages), "--in-flight", str(in_flight))
        cases = (
            Case(f"ours {in_flight}", "bench.sending", arguments),
            Case(f"theirs {in_flight}", "bench.peers.telegram_send", (str(messages), str(in_flight)), peer=True),
        )
        found |= interleaved(cases, size.rounds)
    claims = [
        Claim(
            f"CPU of a sent message against python-telegram-bot's own, {in_flight} in flight",
            ratio(found[f"ours {in_flight}"], found[f"theirs {in_flight}"]),
            0.5,
            "x",
        )
        for in_flight in (MANY, ONE)
    ]
    ours = {f"cpu_us, {in_flight} in flight": median(found[f"ours {in_flight}"], "cpu_us") for in_flight in (MANY, ONE)}
    peers = {
        f"python-telegram-bot, {in_flight} in flight": medians({"": found[f"theirs {in_flight}"]}, "cpu_us")[""]
        for in_flight in (MANY, ONE)
    }
    return Result(claims, ours, peers)


async def send(port: int, messages: int, in_flight: int) -> Figures:
    """Ours."""
    telegram = Adapter("42", BotApi("42:TEST", f"http://127.0.0.1:{port}"), polls=False)
    await telegram.start(MemoryPort())
    choices = tuple(Choice(label, f"{number}") for number, label in enumerate(LABELS))

    async def one(chat: int) -> None:
        address = Address("telegram", "42", str(chat))
        await telegram.send(Outbound(chat, address, MessageKind.QUESTION, Priority.CHECK_IN, TEXT, choices))

    figures = await measured(one, messages, in_flight)
    await telegram.stop()
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=500)
    parser.add_argument("--in-flight", type=int, default=MANY)
    given = parser.parse_args()
    with alone(10**9) as at:
        report(asyncio.run(send(at, given.messages, given.in_flight)))
