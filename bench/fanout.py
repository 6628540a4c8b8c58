"""Thousands of check-ins leave at a platform's pace while alerts and replies are raised in the middle (P6, P7).

The real Delivery, outbox and Telegram adapter on a SQLite file, over real HTTP to a platform that counts strictly and
runs in a process of its own (tests/fakes/strict.py).

    python -m bench.fanout --messages 10000                # about six minutes: thirty messages a second
    python -m bench.fanout --messages 10000 --seconds 60   # the first minute of it
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.measure import Case, Figures, cpu, medians, percentile, ratio, report, run
from bench.result import Claim, Result, Size
from bench.stalls import beside, own_stall
from bot.adapters.base import Port
from bot.adapters.telegram.adapter import Adapter as Telegram
from bot.adapters.telegram.network import BotApi
from bot.clock import SystemClock
from bot.delivery import IN_FLIGHT, Delivery
from bot.domain import Address, Message, MessageKind, Person, Priority, Role, Turn
from bot.flows import state
from storage import outbox, people, tables
from storage.database import Database
from storage.turns import save_turn
from tests.fakes.strict import Entry, alone, worst_second

LIMITER = "python-telegram-bot's AIORateLimiter"
TICK = 0.005
ALERT_CHATS, REPLY_CHATS = 1_000_000, 2_000_000
"""Chats of adults, and of students who get a reply, count from here."""


class Http(Telegram):
    """The Telegram adapter on loopback."""

    def __init__(self, port: int, per_second: float) -> None:
        self._at = f"http://127.0.0.1:{port}"
        super().__init__("bench", BotApi("42:TEST", self._at), polls=False, per_second=per_second)

    async def journal(self) -> list[Entry]:
        """What the platform saw."""

        def asked() -> Any:
            with urllib.request.urlopen(f"{self._at}/journal") as answer:
                return json.load(answer)

        return [Entry(**entry) for entry in (await asyncio.to_thread(asked))["result"]]


class NoPort(Port):
    """Nobody writes here."""


@dataclass
class Raiser:
    """Raises messages in the middle of the fan-out, and knows when."""

    database: Database
    delivery: Delivery
    clock: SystemClock
    raised: dict[str, float] = field(default_factory=dict)
    """Moment by text."""
    over: bool = False

    async def every(self, seconds: float, kind: MessageKind, priority: Priority, first_chat: int) -> None:
        """One message each so many seconds, until it is over."""
        number = 0
        while not self.over:
            await asyncio.sleep(seconds)
            number += 1
            await self.write(kind, priority, first_chat + number)

    async def write(self, kind: MessageKind, priority: Priority, chat: int) -> None:
        """A turn commits this message, and delivery is told."""
        text = f"{kind} {chat}"
        address = Address(Telegram.name, "bench", str(chat))
        message = Message(self.clock.new_id(), 1, kind, priority, text, text, address=address)
        turn, now = Turn(messages=(message,)), self.clock.now()
        self.raised[text] = time.monotonic()
        await asyncio.wrap_future(
            self.database.write(lambda connection: save_turn(connection, turn, now, self.clock.new_id, state.dump))
        )
        self.delivery.kick()

    def pending(self) -> int:
        """How many messages are not sent yet."""
        with self.database.read() as connection:
            return outbox.unsent(connection, self.clock.wall())

    def waited(self, journal: list[Entry], kind: MessageKind) -> list[float]:
        """Seconds from raising to arriving, rising."""
        arrived = {entry.text: entry.at for entry in journal if not entry.refused}
        return sorted(arrived[text] - at for text, at in self.raised.items() if text.startswith(kind))


def planned(database: Database, messages: int, clock: SystemClock) -> None:
    """A school of so many students, each with a check-in that waits in the outbox."""

    def unit(connection: Any) -> None:
        now = clock.now()
        people.add(connection, Person(1, "rivera", "Ms. Rivera", Role.ADVISOR, "en", ""), now, 2)
        person = {"role": "mentee", "language": "en", "zone": "", "status": "active", "email": "", "phone": ""}
        ids = [clock.new_id() for _ in range(messages)]
        everybody = [person | {"id": id_, "key": f"s{id_}", "name": "Student", "created_at": now} for id_ in ids]
        connection.execute(tables.person.insert(), everybody)
        row: dict[str, Any] = {"direction": "out", "platform": Telegram.name, "account": "bench", "step": ""}
        row |= {"kind": "reminder", "priority": Priority.CHECK_IN, "text": "How is your week?", "status": "pending"}
        row |= {"created_at": now, "attempts": 0, "ambiguous": 0, "provider_id": "", "error": "", "news": ""}
        waiting = [row | {"id": clock.new_id(), "person_id": id_, "chat": str(n)} for n, id_ in enumerate(ids, 1)]
        connection.execute(tables.message.insert(), waiting)

    database.write(unit).result()


async def ticking(longest: list[float]) -> None:
    """Note how long the event loop kept a ticker of 5 ms waiting at most, and the most CPU it used meanwhile.

    The first is what others feel; on a busy machine it is mostly the machine, and the second is what is ours.
    """
    while True:
        began, used = time.monotonic(), time.thread_time()
        await asyncio.sleep(TICK)
        longest[0] = max(longest[0], time.monotonic() - began - TICK)
        longest[1] = max(longest[1], time.thread_time() - used)


async def _sent(
    delivery: Delivery, adapter: Http, raiser: Raiser, every: float, seconds: float | None
) -> tuple[list[float], float]:
    """Run until nothing is left to send, or so many seconds; gives the longest stalls and the CPU seconds it took."""
    longest, stop = [0.0, 0.0], asyncio.Event()
    ticker = asyncio.create_task(ticking(longest))
    await adapter.start(NoPort())  # type: ignore[abstract]
    used, running = cpu(), asyncio.create_task(delivery.run(stop))
    raising = [
        asyncio.create_task(raiser.every(every, MessageKind.ALERT, Priority.ALERT, ALERT_CHATS)),
        asyncio.create_task(raiser.every(every * 1.1, MessageKind.REPLY, Priority.REPLY, REPLY_CHATS)),
    ]
    await (_until_sent(raiser) if seconds is None else asyncio.sleep(seconds))
    raiser.over = True
    await asyncio.gather(*raising)
    await (_until_sent(raiser) if seconds is None else asyncio.sleep(1))
    stop.set()
    await running
    ticker.cancel()
    return longest, cpu() - used


async def _until_sent(raiser: Raiser) -> None:
    while await asyncio.to_thread(raiser.pending):  # noqa: ASYNC110  (nobody tells when the last one is recorded)
        await asyncio.sleep(0.5)


def fanout(
    messages: int = 10_000,
    per_second: float = 30,
    *,
    limit: int = 30,
    every: float = 3,
    seconds: float | None = None,
) -> Figures:
    """How a fan-out leaves: its share of the rate, refusals, how long alerts and replies raised in it took to arrive.

    `limit`: how many a second the platform takes. `every`: an alert and a reply each so many seconds. `seconds`: only
    the beginning.
    """
    with tempfile.TemporaryDirectory(prefix="nearpeer-fanout-") as folder, alone(limit) as port:
        clock, database = SystemClock(), Database(f"sqlite:///{Path(folder) / 'school.db'}")
        database.migrate()
        planned(database, messages, clock)
        adapter = Http(port, per_second)
        raiser = Raiser(database, Delivery(database, adapter, clock, lambda: None), clock)
        gc.collect()
        gc.freeze()  # as App does
        with beside() as idle:
            figures = asyncio.run(_fanout(adapter, raiser, every, seconds))
        database.close()
    if seconds is None and figures["check_ins"] != messages:
        raise RuntimeError(f"{figures['check_ins']} check-ins arrived instead of {messages}")
    return {"messages": messages} | figures | {"idle_stall_ms": idle.longest_ms}


async def _fanout(adapter: Http, raiser: Raiser, every: float, seconds: float | None) -> Figures:
    stalls, used = await _sent(raiser.delivery, adapter, raiser, every, seconds)
    figures = _figures(await adapter.journal(), raiser, adapter.capabilities.per_second)
    await adapter.stop()
    figures |= {"stall_ms": stalls[0] * 1e3, "stall_cpu_ms": stalls[1] * 1e3}
    return figures | {"cpu_us": used / figures["accepted"] * 1e6}


def _figures(journal: list[Entry], raiser: Raiser, per_second: float) -> Figures:
    taken = [entry for entry in journal if not entry.refused]
    moments = [entry.at for entry in taken]
    check_ins = [int(entry.chat) for entry in taken if int(entry.chat) < ALERT_CHATS]
    # Behind the last check-in only what is raised every few seconds is still to come: no rate to keep.
    fan_out = [entry.at for entry in taken if int(entry.chat) < ALERT_CHATS]
    begun, ended = fan_out[0], fan_out[-1]
    ranks = {chat: rank for rank, chat in enumerate(sorted(check_ins))}
    figures: Figures = {
        "accepted": len(taken),
        "check_ins": len(set(check_ins)),
        "twice": len(taken) - len({(entry.chat, entry.text) for entry in taken}),
        # What is under way at the same moment may overtake each other.
        "in_order": all(abs(place - ranks[chat]) < IN_FLIGHT for place, chat in enumerate(check_ins)),
        "refused": len(journal) - len(taken),
        "seconds": ended - begun,
        "rate_share": sum(begun < at <= ended for at in moments) / (ended - begun) / per_second,
        "worst_second": worst_second(moments),
        "gap_ms": 1e3 / per_second,
    }
    for name, kind in (("alert", MessageKind.ALERT), ("reply", MessageKind.REPLY)):
        waited = raiser.waited(journal, kind)
        figures[f"{name}_count"] = len(waited)
        if waited:
            figures[f"{name}_p50_ms"] = percentile(waited, 0.5) * 1e3
            figures[f"{name}_p99_ms"] = percentile(waited, 0.99) * 1e3
            figures[f"{name}_longest_ms"] = waited[-1] * 1e3
    return figures


# --- the goals -----------------------------------------------------------------------------------------------------


def paced(size: Size) -> Result:
    """P6."""
    figures = run(Case("Nearpeer", "bench.fanout", ("--messages", str(size.of(10_000, 100)))), timeout=1200)
    claims = (
        Claim("of the platform's limit is used", figures["rate_share"], 0.98, "x", at_least=True),
        Claim("refused by a platform that counts strictly", figures["refused"], 0, "messages"),
        Claim("in the busiest second", figures["worst_second"], 30, "messages"),
        Claim("the event loop's longest stall, beyond an idle loop's", own_stall(figures), 50, "ms"),
        Claim("came twice", figures["twice"], 0, "messages"),
        Claim("99 of 100 alerts raised in the middle arrive within two gaps", figures["alert_p99_ms"], 67, "ms"),
    )
    return Result(claims, figures)


def overtaking(size: Size) -> Result:
    """P7."""
    seconds = str(size.of(60, 3))
    full = run(Case("Nearpeer", "bench.fanout", ("--messages", "10000", "--seconds", seconds, "--every", "1")))
    few = size.of(300, 60)
    ours, peer = [], []
    for _ in range(min(size.rounds, 3)):
        ours.append(run(Case("Nearpeer", "bench.fanout", ("--messages", str(few), "--every", "1"))))
        peer.append(run(Case(LIMITER, "bench.peers.telegram_limiter", (str(few), "0"), peer=True)))
    claims = (
        Claim("an alert with 10,000 pending arrives, half of them within", full["alert_p50_ms"], 67, "ms"),
        Claim("99 of 100 within", full["alert_p99_ms"], 150, "ms"),
        Claim("with 300 pending, against AIORateLimiter", ratio(ours, peer, "alert_p50_ms"), 0.02, "x"),
    )
    return Result(claims, full, medians({LIMITER: peer}, "alert_p50_ms", "refused", "lost", "worst_second", "cpu_us"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--every", type=float, default=3)
    parser.add_argument("--seconds", type=float)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    report(fanout(arguments.messages, every=arguments.every, seconds=arguments.seconds))
