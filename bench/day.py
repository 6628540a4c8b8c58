"""A school day of 24 hours by a clock whose hands move: nothing may grow that is not people's words (P10).

The real App, with its beats, its plans and its delivery. Everybody is asked at noon; students answer over the day and
the night, twice more begin by themselves, and every twentieth never answers. `python -m bench.day STUDENTS MINUTES`
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import statistics
import sys
import tempfile
import threading
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from bench.conversation import update, written_by
from bench.measure import Figures, report, resident
from bench.way import school
from bot.adapters.telegram.adapter import Adapter as Telegram
from bot.app import App
from bot.clock import HandsClock, SystemClock
from bot.program import Program
from storage import tables
from storage.database import Database

HOURS = 24
WARM_HOURS = 8
"""Caches fill before growth is looked for."""
POOL = 10
"""Files that the database's pool may open and close as it likes; a leak would be hundreds."""
SILENT = 20
"""Every so manieth student never answers."""
PAUSE = timedelta(minutes=5)
"""Between two answers of a student."""


class Phones(Telegram):
    """Telegram, but for the network: takes everything at once."""

    capabilities = replace(Telegram.capabilities, per_second=1e9, per_chat_second=1e9)

    def __init__(self) -> None:
        super().__init__("bench", self, polls=False)
        self.sent = 0

    async def __call__(self, method: str, parameters: Mapping[str, Any], within: float = 0) -> Mapping[str, Any]:
        self.sent += 1
        return {"ok": True, "result": {"message_id": self.sent}}

    async def close(self) -> None:
        """There is no network."""


async def day(program: Program, database: Database, students: int, minutes: int) -> Figures:
    """Let the day happen in steps of so many minutes; gives what was seen each hour."""
    begin = _noon(program)
    clock, phones, stop = HandsClock(begin), Phones(), asyncio.Event()
    app = App(program, database, clock, [phones])
    running = asyncio.create_task(app.run(stop))
    said, seen = _script(students, begin), []
    for step in range(HOURS * 60 // minutes + 1):
        clock.set(begin + step * timedelta(minutes=minutes))
        for moment in sorted(moment for moment in said if moment <= clock.now()):
            for body in said.pop(moment):
                await phones.take(json.loads(body))
        if not await app.settle(within=60):
            raise RuntimeError(f"the school did not come to rest at {clock.now():%H:%M}")
        if step * minutes % 60 == 0:
            seen.append({"hour": step * minutes // 60, **_look(database)})
    stop.set()
    await running
    done = _count(database, tables.conversation, "done")
    answering = students - len(range(SILENT, students + 1, SILENT))
    if done != 3 * answering:
        raise RuntimeError(f"{done} conversations were finished instead of {3 * answering}")
    return {"students": students, "sent": phones.sent, "hours": seen, **_growth(seen)}


def _script(students: int, begin: datetime) -> dict[datetime, list[bytes]]:
    """Who writes what, when."""
    said: dict[datetime, list[bytes]] = defaultdict(list)
    numbers = iter(range(1, students * 20))
    for student in range(1, students + 1):
        if student % SILENT == 0:
            continue
        # Never the lowest mood, which twice opens a case: what nobody takes rings on, and its rows are meant to grow.
        check_in = written_by(3)
        moment = begin + PAUSE + timedelta(hours=HOURS - 3) * (student - 1) / students
        for text in (*check_in[1:], *check_in, *check_in):
            said[moment].append(update(next(numbers), student, text))
            moment += PAUSE
    return said


def _noon(program: Program) -> datetime:
    """When the check-in of bench.way goes out: three days from now."""
    on = (SystemClock().now() + timedelta(days=3)).date()  # by UTC, as bench.way names the weekday
    return datetime.combine(on, time(12), program.zone).astimezone(UTC)


def _look(database: Database) -> Figures:
    wal = Path(f"{database.engine.url.database}-wal")
    return {
        "resident_mb": resident() / 1e6,
        "open_files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
        "wal_mb": wal.stat().st_size / 1e6 if wal.exists() else 0.0,
        "unhandled": _count(database, tables.inbox, "new"),
        "unsent": _count(database, tables.message, "pending", "sending"),
        "messages": _count(database, tables.message),
    }


def _count(database: Database, table: Any, *statuses: str) -> int:
    query = select(func.count()).select_from(table)
    with database.read() as connection:
        return int(connection.execute(query.where(table.c.status.in_(statuses)) if statuses else query).scalar_one())


def _growth(seen: Sequence[Figures]) -> Figures:
    """What the day has left behind, once the caches were full."""
    later = [one for one in seen if one["hour"] >= WARM_HOURS]
    hours, held = ([one[key] for one in later] for key in ("hour", "resident_mb"))
    return {
        "mb_an_hour": statistics.linear_regression(hours, held).slope,
        "more_open_files": later[-1]["open_files"] - later[0]["open_files"],
        "left_over_rows": later[-1]["unhandled"] + later[-1]["unsent"],
        "largest_wal_mb": max(one["wal_mb"] for one in seen),
    }


def main(students: int, minutes: int) -> None:
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        program, database = school(Path(folder), [range(1, students + 1)])
        try:
            report(asyncio.run(day(program, database, students, minutes)))
        finally:
            database.close()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
