"""From a student's words to an adult's alert, while ten thousand are asked how their week is (P16).

The real App on a SQLite file with all packs that ship: its beats fire the check-in of a school, its delivery sends
at a platform's pace, and students write that they are in danger. The clock runs from the moment at which the platform
hands a student's words over, before they are stored, until the adapter gets the alert about them.

    python -m bench.alerting 10000 60
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.crowd import CHECK_IN, MONDAY, settle
from bench.measure import Case, Figures, percentile, report, run
from bench.result import Claim, Result, Size
from bench.stalls import beside, ticking
from bot.app import App
from bot.clock import HandsClock
from bot.domain import MessageKind, Outbound, Priority, Raw, Receipt
from storage import tables
from tests.fakes.memory import Platform

PER_SECOND = 30.0
EVERY = 0.5
"""Seconds between two students in danger."""
WORDS = ("i want to kill myself tonight", "me quiero morir y tengo un plan", "my dad hits me every night")


class Watched(Platform):
    """A chat platform that takes thirty messages a second, and notes what it gets when."""

    def __init__(self) -> None:
        super().__init__()
        self.capabilities = replace(self.capabilities, per_second=PER_SECOND, per_chat_second=1.0)
        self.alerts: asyncio.Queue[tuple[float, int]] = asyncio.Queue()
        self.asked = 0
        """Check-ins so far."""

    async def send(self, outbound: Outbound) -> Receipt:
        if outbound.kind is MessageKind.ALERT:
            self.alerts.put_nowait((time.perf_counter(), self.asked))
        self.asked += outbound.priority is Priority.CHECK_IN
        return await super().send(outbound)


async def alerted(folder: Path, people: int, seconds: float) -> Figures:
    """Let students be in danger, one after the other, while everybody is asked."""
    program, database = settle(folder, people, pairs=False)
    clock, platform, stop = HandsClock(MONDAY), Watched(), asyncio.Event()
    app = App(program, database, clock, [platform])
    running = asyncio.create_task(app.run(stop))
    await asyncio.sleep(1.5)  # the first beats plan ahead for everybody
    gc.collect()
    gc.freeze()
    clock.set(CHECK_IN)
    took: list[float] = []
    overtaken: list[int] = []
    with beside() as idle:
        async with ticking() as stalls:
            end, number = time.perf_counter() + seconds, people
            while time.perf_counter() < end:
                body = {"chat": str(number), "text": WORDS[number % len(WORDS)]}
                begun, asked = time.perf_counter(), platform.asked
                await app.port.receive(Raw(platform.name, platform.account, f"danger{number}", body))
                at, before = await asyncio.wait_for(platform.alerts.get(), 30)
                took.append(at - begun)
                overtaken.append(before - asked)
                number -= 1
                await asyncio.sleep(EVERY)
    pending = _pending(database)
    stop.set()
    await running
    database.close()
    took.sort()
    return {
        "people": people,
        "alerts": len(took),
        "alert_p50_ms": percentile(took, 0.5) * 1e3,
        "alert_p99_ms": percentile(took, 0.99) * 1e3,
        "alert_longest_ms": took[-1] * 1e3,
        "check_ins_before_an_alert": max(overtaken),
        "check_ins_sent": platform.asked,
        "check_ins_waiting_at_the_end": pending,
        "stall_ms": stalls.longest_ms,
        "idle_stall_ms": idle.longest_ms,
    }


def _pending(database: Any) -> int:
    """Check-ins that still wait to be sent: the fan-out was running all the time."""
    message = tables.message
    with database.read() as connection:
        rows = connection.execute(message.select().where(message.c.priority == Priority.CHECK_IN)).all()
    return Counter(row.status for row in rows)["pending"]


def goal(size: Size) -> Result:
    """P16."""
    people, seconds = size.of(10_000, 300), size.of(60, 3)
    figures = run(Case("Nearpeer", "bench.alerting", (str(people), str(seconds))), timeout=300)
    claims = (
        Claim("99 of 100 alerts are handed to the adapter within", figures["alert_p99_ms"], 250, "ms"),
        Claim("check-ins that leave before an alert raised earlier, at most", figures["check_ins_before_an_alert"], 8,
              "messages"),
        Claim("check-ins that still wait when it ends", figures["check_ins_waiting_at_the_end"], 1, "messages",
              at_least=True),
    )  # fmt: skip
    return Result(claims, figures)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="nearpeer-alerting-") as made:
        report(asyncio.run(alerted(Path(made) / "school", int(sys.argv[1]), float(sys.argv[2]))))
