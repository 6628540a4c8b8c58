"""P9: everybody due in the same second, beside APScheduler with a job for each student.

Ours fires for real: conversations begin and their questions are in the outbox, committed. APScheduler only calls an
empty function. Meanwhile students write to us: how long their words take to be stored, their alerts to be written.

    make bench ONLY=P9, or one measurement: python -m bench.due ours|memory|store 10000
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from apscheduler.events import EVENT_JOB_MISSED
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.date import DateTrigger
from sqlalchemy import select

from bench.crowd import CHECK_IN, MONDAY, settle, watched
from bench.measure import Case, Figures, cpu, interleaved, median, percentile, report, resident
from bench.result import Claim, Result, Size
from bench.stalls import beside, ticking
from bot.beats import Beats
from bot.clock import HandsClock
from bot.domain import Address, Inbound, InboundKind, Raw
from bot.turns import fanout
from bot.turns.handle import Turns
from bot.turns.planned import plan_ahead
from storage import tables
from storage.database import Database

MEMORY, STORE = "APScheduler, in memory", "APScheduler, jobs in SQLite"
WARM = 50
"""People asked before anything is measured, so that what is loaded once is loaded."""
STORED_JOBS = 1_000
"""With more, one measurement of the job store takes minutes."""


async def ours(folder: Path, people: int) -> Figures:
    """Fire everybody's check-in while others write, one of them for an adult."""
    program, database = settle(folder, people, pairs=False)
    clock = HandsClock(MONDAY)
    turns = Turns(database, program, clock, {"web": _translate}, _nothing)
    beats = Beats(database, program, clock, turns, _nothing)
    before = cpu()
    await plan_ahead(database, program, MONDAY, clock.new_ids)
    planned = cpu() - before
    clock.set(CHECK_IN)
    warm = database.write(lambda c: fanout.fire(c, program, CHECK_IN, clock.new_ids, limit=WARM)).result().count
    figures = await _fired(beats, database, turns, people)
    fates = _fates(database)
    database.close()
    return {
        "fired": fates["fired"],
        "missed": people - fates["fired"],
        "add_cpu_us": planned / people * 1e6,
        "cpu_us": figures.pop("cpu_s") / (people - warm) * 1e6,
        "bytes_each": figures.pop("bytes") / people,
        **figures,
    }


async def _fired(beats: Beats, database: Database, turns: Turns, people: int) -> Figures:
    """What it takes to fire everything, and how it is for those who write meanwhile."""
    before_firing, stored, alerted = resident(), list[float](), list[float]()
    gc.freeze()  # as App does
    done = asyncio.Event()
    talking = asyncio.create_task(_talk(turns, people, stored, alerted, done))
    with beside() as idle, watched(database) as transactions:
        async with ticking() as stalls:
            before = cpu()
            while await beats.due():
                pass
            used = cpu() - before
    done.set()
    await talking
    return {
        "cpu_s": used,
        "bytes": max(0, stalls.most_bytes - before_firing),
        "stall_ms": stalls.longest_ms,
        "idle_stall_ms": idle.longest_ms,
        "transaction_ms": transactions.longest_ms,
        "transaction_cpu_ms": transactions.longest_cpu_ms,
        "stored_p99_ms": percentile(sorted(stored), 0.99) * 1000,
        "alert_p99_ms": percentile(sorted(alerted), 0.99) * 1000,
        "alerts": len(alerted),
    }


def _fates(database: Database) -> Counter[str]:
    """What became of everything that was due."""
    due = tables.occurrence.c.due_at <= CHECK_IN
    with database.read() as connection:
        return Counter(connection.execute(select(tables.occurrence.c.status).where(due)).scalars())


async def _talk(turns: Turns, people: int, stored: list[float], alerted: list[float], done: asyncio.Event) -> None:
    """Students write, twenty a second, and every fifth asks for an adult."""
    number = 0
    while not done.is_set() or not alerted:
        number += 1
        text = "/adult" if number % 5 == 0 else "I had two tests this week."
        body = {"chat": str(people - number), "text": text}
        begun = time.perf_counter()
        await turns.receive(Raw("web", "web", f"talk{number}", body))
        stored.append(time.perf_counter() - begun)
        await turns.drain()
        if text == "/adult":
            alerted.append(time.perf_counter() - begun)
        await asyncio.sleep(0.05)


def _translate(body: Mapping[str, Any], account: str, event_id: str) -> Inbound:
    return Inbound(Address("web", account, body["chat"]), event_id, InboundKind.TEXT, body["text"])


def _nothing() -> None:
    """Nobody is waiting to send here."""


async def jobs(folder: Path, students: int, *, kept: bool) -> Figures:
    """As a bot's author would: a job for each student, in memory or in the job store."""
    logging.disable(logging.CRITICAL)
    stores = {"default": SQLAlchemyJobStore(url=f"sqlite:///{folder}/jobs.db")} if kept else {}
    scheduler = AsyncIOScheduler(timezone="UTC", jobstores=stores)
    missed: list[object] = []
    scheduler.add_listener(missed.append, EVENT_JOB_MISSED)
    scheduler.start(paused=True)
    held, before = resident(), cpu()
    # Long enough ahead for all of them to be added; then they are due in one second.
    due = datetime.now(UTC) + timedelta(seconds=5 + students * (0.03 if kept else 0.001))
    for number in range(students):
        scheduler.add_job(_fire, DateTrigger(due), args=[number], id=f"job{number}")
    added, each = cpu() - before, (resident() - held) / students
    scheduler.resume()
    used, end = cpu(), time.perf_counter() + 900
    async with ticking() as stalls:
        await asyncio.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()))
        while len(FIRED) + len(missed) < students and time.perf_counter() < end:  # noqa: ASYNC110  (APScheduler tells nobody)
            await asyncio.sleep(0.05)
    used = cpu() - used
    scheduler.shutdown(wait=False)
    return {
        "fired": len(FIRED),
        "missed": len(missed),
        "add_cpu_us": added / students * 1e6,
        "cpu_us": used / students * 1e6,
        "bytes_each": each,
        "stall_ms": stalls.longest_ms,
    }


FIRED: list[int] = []


async def _fire(student: int) -> None:
    FIRED.append(student)


def goal(size: Size) -> Result:
    """P9."""
    everybody, some = size.of(100_000, 200), size.of(10_000, 100)
    crowd, smaller = f"Nearpeer, {everybody:,}", f"Nearpeer, {some:,}"
    cases = [
        Case(crowd, "bench.due", ("ours", str(everybody))),
        Case(smaller, "bench.due", ("ours", str(some))),
        Case(f"{MEMORY}, {everybody:,}", "bench.due", ("memory", str(everybody))),
        Case(f"{MEMORY}, {some:,}", "bench.due", ("memory", str(some))),
        Case(STORE, "bench.due", ("store", str(size.of(STORED_JOBS, 20)))),
    ]
    found = interleaved(cases, min(size.rounds, 3))
    ours = found.pop(crowd)
    claims = (
        Claim(f"missed of {everybody:,} due in one second", sum(one["missed"] for one in ours), 0, "people"),
        Claim("the event loop's longest stall", median(ours, "stall_ms"), 50.0, "ms"),
        Claim("memory for each of them", median(ours, "bytes_each"), 100.0, "bytes"),
    )
    peers = {name: {key: median(rounds, key) for key in rounds[0]} for name, rounds in found.items()}
    return Result(claims, {key: median(ours, key) for key in ours[0]}, peers)


def main(who: str, students: int) -> None:
    """One measured process."""
    with tempfile.TemporaryDirectory(prefix="nearpeer-bench-") as folder:
        if who == "ours":
            report(asyncio.run(ours(Path(folder) / "school", students)))
        else:
            report(asyncio.run(jobs(Path(folder), students, kept=who == "store")))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
