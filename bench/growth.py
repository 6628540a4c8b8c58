"""P10: what one more message costs where much is stored already, and what open conversations cost in memory.

`python -m bench.growth walk FOLDER FIRST COUNT IN_FLIGHT` lets students of a filled school have their conversation.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Integer, cast, func, select

from bench import fill
from bench.conversation import STEPS, updates
from bench.day import POOL
from bench.measure import (
    Case,
    Figures,
    calibration,
    cpu,
    interleaved,
    median,
    medians,
    percentile,
    ratio,
    report,
    resident,
    run,
)
from bench.result import Claim, Result, Size
from bench.way import Wire, drive, school
from bot.app import App
from bot.clock import SystemClock
from bot.program import load_program
from bot.school import open_database
from storage import tables
from storage.database import Database

IN_FLIGHT = 16
WARM = 20
"""Students who go first and are not measured."""
FEW, MANY = "10,000 stored messages", "5,000,000 stored messages"
SMALL, LARGE = "1,000 open conversations", "100,000 open conversations"


def goal(size: Size) -> Result:
    """P10."""
    with tempfile.TemporaryDirectory(prefix="nearpeer-growth-") as folder:
        root = Path(folder)
        found = _stored(root, size) | _open(root, size)
    pickles = interleaved([_pickle(size.of(1_000, 20)), _pickle(size.of(10_000, 200))], min(size.rounds, 3))
    small, large = pickles.values()
    day = run(Case("a day", "bench.day", (str(size.of(300, 4)), "5" if size.share == 1 else "60")))
    hours = day.pop("hours")
    more = median(found[LARGE], "resident_mb") - median(found[SMALL], "resident_mb")
    claims = (
        Claim("CPU of a message with 5,000,000 stored, against 10,000", ratio(found[MANY], found[FEW]), 2.0, "x"),
        Claim("with 100,000 open conversations, against 1,000", ratio(found[LARGE], found[SMALL]), 1.2, "x"),
        Claim("memory more for 99,000 open conversations more", more, 5.0, "MB"),
        Claim("a day of 24 hours: memory more for each hour", day["mb_an_hour"], 0.1, "MB"),
        Claim("the same day: files open more than before", day["more_open_files"], POOL, "files"),
        Claim("the same day: rows left unhandled or unsent", day["left_over_rows"], 0, "rows"),
        Claim("the same day: the write-ahead log at its largest", day["largest_wal_mb"], 16, "MB"),
    )
    figures = {name: medians({name: rounds}, "cpu_us", "resident_mb")[name] for name, rounds in found.items()}
    figures["a day"] = {"students": day["students"], "messages": hours[-1]["messages"]}
    peers = {name: medians({name: rounds}, "cpu_us")[name] for name, rounds in pickles.items()}
    peers["python-telegram-bot, 10,000 open against 1,000"] = {"times": ratio(large, small)}
    return Result(claims, figures, peers)


def crowd(folder: Path, students: int, open_conversations: int) -> Path:
    """A school where so many have been asked and have not answered, and others who have not."""
    program, database = school(folder, [])
    database.close()
    file = program.folder / "nearpeer.db"
    fill.students(file, students)
    fill.open_conversations(file, program, open_conversations)
    return program.folder


def _stored(root: Path, size: Size) -> dict[str, list[Figures]]:
    """The same few students with little and with much behind the school."""
    cases = []
    for name, messages in ((FEW, size.of(10_000, 100)), (MANY, size.of(5_000_000, 1_000))):
        students = max(size.of(1_000, 100), messages // 250)
        folder = crowd(root / name, students, 0)
        fill.past(folder / "nearpeer.db", load_program(folder), messages, students)
        cases.append(walking(name, folder, 1, size.of(200, 10)))
    return interleaved(cases, min(size.rounds, 3))


def _open(root: Path, size: Size) -> dict[str, list[Figures]]:
    """The same students and the same few who write, with few and with many conversations open."""
    rounds = min(size.rounds, 3)
    students, writing = size.of(100_000, 200), size.of(200, 10)
    cases = []
    for name, open_ in ((SMALL, size.of(1_000, 10)), (LARGE, students)):
        folder = crowd(root / name, students + rounds * (WARM + writing), open_)
        cases.append(walking(name, folder, students + 1, writing))
    return interleaved(cases, rounds)


def _pickle(conversations: int) -> Case:
    name = f"python-telegram-bot, a pickle each step, {conversations:,} open"
    return Case(name, "bench.peers.telegram_pickle", ("steps", str(conversations)), peer=True)


def walking(name: str, folder: Path, first: int, count: int, in_flight: int = IN_FLIGHT) -> Case:
    return Case(name, "bench.growth", ("walk", str(folder), str(first), str(count), str(in_flight)))


async def walk(folder: Path, first: int, count: int, in_flight: int) -> Figures:
    """CPU of a message's whole way for so many students, and the memory that the process holds after it."""
    logging.disable(logging.WARNING)
    program = load_program(folder)
    database = open_database(program)
    wire, stop = Wire(), asyncio.Event()
    app = App(program, database, SystemClock(), [wire])
    await app.beat_due()  # the plans are made before anything is measured
    running = asyncio.create_task(app.run(stop))
    await wire.started.wait()
    first, event = _fresh(database, first), time.time_ns() // 1_000
    await drive(app, wire, updates(range(first, first + WARM), event), in_flight)
    asked = updates(range(first + WARM, first + WARM + count), event + WARM * STEPS)
    used, sent = cpu(), wire.sent
    took = sorted(await drive(app, wire, asked, in_flight))
    used, sent, held = cpu() - used, wire.sent - sent, resident()
    stop.set()
    await running
    database.close()
    if sent != count * STEPS:
        raise RuntimeError(f"{sent} replies to {count * STEPS} messages")
    return {
        "messages": sent,
        "cpu_us": used / sent * 1e6,
        "p50_us": percentile(took, 0.50) * 1e6,
        "p99_us": percentile(took, 0.99) * 1e6,
        "resident_mb": held / 1e6,
        "calibration_us": calibration(),
    }


def _fresh(database: Database, first: int) -> int:
    """The first student who has not walked here before: whoever feels low twice has a case that nobody here takes."""
    message = tables.message.c
    today = (message.direction == "in", message.created_at > datetime.now(UTC) - timedelta(days=1))
    with database.read() as connection:
        last = connection.execute(select(func.max(cast(message.chat, Integer))).where(*today)).scalar()
    return first if last is None else int(last) + 1


if __name__ == "__main__":
    report(asyncio.run(walk(Path(sys.argv[2]), *map(int, sys.argv[3:]))))
