"""P13: what a message costs on its way out, from the words to the receipt, beside the SDKs' own ways.

All post over kept connections on loopback to a server in a process of its own. Ours is what a school runs.

    python -m bench.sending telegram --messages 500 --in-flight 10
"""

from __future__ import annotations

import argparse
import asyncio
import logging
from dataclasses import dataclass

from bench.measure import Case, Figures, interleaved, median, ratio, report
from bench.result import Claim, Result, Size
from bench.send_path import LABELS, TEXT, measured
from bot.adapters.base import Adapter
from bot.adapters.slack.adapter import Adapter as Slack
from bot.adapters.telegram.adapter import Adapter as Telegram
from bot.adapters.telegram.network import BotApi
from bot.domain import Address, Choice, MessageKind, Outbound, Priority
from tests.fakes.port import MemoryPort
from tests.fakes.strict import WORKSPACE, alone

MANY, ONE = 10, 1
"""In flight: as a fan-out sends, and as a quiet hour does."""


@dataclass(frozen=True)
class Rival:
    """Who else sends to the same server: `limit` is what ours may come to of its CPU."""

    name: str
    platform: str
    module: str
    limit: float
    elsewhere: bool
    """Whether it needs the peers' own Python."""


PTB = Rival("python-telegram-bot's own", "telegram", "bench.peers.telegram_send", 0.5, elsewhere=True)
SLACK_SDK = Rival("slack_sdk's own, with a shared session", "slack", "bench.peers.slack_send", 1.2, elsewhere=False)


def goal(size: Size) -> Result:
    """P13."""
    claims, ours, peers = [], {}, {}
    for rival in (PTB, SLACK_SDK):
        for in_flight, messages in ((MANY, size.of(500, 20)), (ONE, size.of(150, 10))):
            arguments = ("--messages", str(messages), "--in-flight", str(in_flight))
            cases = (
                Case("ours", "bench.sending", (rival.platform, *arguments)),
                Case("theirs", rival.module, (str(messages), str(in_flight)), peer=rival.elsewhere),
            )
            found = interleaved(cases, size.rounds)
            text = f"CPU of a sent message against {rival.name}, {in_flight} in flight"
            claims.append(Claim(text, ratio(found["ours"], found["theirs"]), rival.limit, "x"))
            ours[f"{rival.platform}, {in_flight} in flight"] = {"cpu_us": median(found["ours"], "cpu_us")}
            peers[f"{rival.name}, {in_flight} in flight"] = {"cpu_us": median(found["theirs"], "cpu_us")}
    return Result(claims, ours, peers)


async def send(platform: str, port: int, messages: int, in_flight: int) -> Figures:
    """Ours."""
    url = f"http://127.0.0.1:{port}"
    adapter = _telegram(url) if platform == "telegram" else _slack(url)
    await adapter.start(MemoryPort())
    choices = tuple(Choice(label, f"{number}") for number, label in enumerate(LABELS))

    async def one(chat: int) -> None:
        address = Address(platform, adapter.account, str(chat))
        await adapter.send(Outbound(chat, address, MessageKind.QUESTION, Priority.CHECK_IN, TEXT, choices))

    figures = await measured(one, messages, in_flight)
    await adapter.stop()
    return figures


def _telegram(url: str) -> Adapter:
    return Telegram("42", BotApi("42:TEST", url), polls=False)


def _slack(url: str) -> Adapter:
    """Without sockets; once it has begun it looks at nothing meanwhile."""
    return Slack(WORKSPACE, "xoxb-bench", signing_secret="none", base_url=url, look=1e9)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("platform", choices=("telegram", "slack"))
    parser.add_argument("--messages", type=int, default=500)
    parser.add_argument("--in-flight", type=int, default=MANY)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    with alone(10**9) as at:
        report(asyncio.run(send(given.platform, at, given.messages, given.in_flight)))
