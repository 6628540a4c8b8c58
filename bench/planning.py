"""P5: planning and firing a whole school, beside a bare INSERT..SELECT of the very same rows and SQLModel's add_all.

Ours is the real planner and the real fan-out: read, think, render, write in short transactions with FULL commits. The
others only copy the rows that ours made from another file, in one transaction.

    python -m bench.planning [--people 10000] [--rounds 3] [--large 100000]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import sqlite
from sqlmodel import Session, SQLModel

from bench.crowd import CHECK_IN, MONDAY, settle, ticking, watched
from bench.measure import Case, Figures, cpu, interleaved, median, ratio, report, run
from bot.beats import Beats
from bot.clock import HandsClock
from bot.turns.handle import Turns
from bot.turns.planned import plan_ahead
from storage import tables
from storage.models.conversations import Conversation
from storage.models.messages import Message
from storage.models.time import Occurrence

OBJECTS: Mapping[str, type[SQLModel]] = {"occurrence": Occurrence, "conversation": Conversation, "message": Message}


async def ours(folder: Path, people: int, what: str) -> Figures:
    """Plan a school that has no plan yet; or fire the check-in of a school where it is due for everybody."""
    program, database = settle(folder, people, pairs=what == "plan")
    clock = HandsClock(MONDAY)
    beats = Beats(database, program, clock, Turns(database, program, clock, {}, _nothing), _nothing)
    if what == "fire":
        await plan_ahead(database, program, MONDAY, clock.new_id)
        clock.set(CHECK_IN)
    gc.collect()
    gc.freeze()  # as App does
    with watched(database) as transactions:
        async with ticking() as stalls:
            before, begun = cpu(), time.perf_counter()
            if what == "plan":
                await plan_ahead(database, program, MONDAY, clock.new_id)
            else:
                while await beats.fire():
                    pass
            used, wall = cpu() - before, time.perf_counter() - begun
    with database.read() as connection:
        rows = len(connection.execute(select((tables.occurrence if what == "plan" else tables.message).c.id)).all())
    database.close()
    return {
        "cpu_us": used / people * 1e6,
        "rows_each": rows / people,
        "wall_s": wall,
        "stall_ms": stalls.longest_ms,
        "transaction_ms": transactions.longest_ms,
        "transaction_cpu_ms": transactions.longest_cpu_ms,
        "transactions": transactions.count,
    }


def copied(folder: Path, people: int, what: str, how: str) -> Figures:
    """The rows that ours makes, written into a school of the same size in another way."""
    asyncio.run(ours(folder / "ours", people, what))
    _, database = settle(folder / "theirs", people, pairs=what == "plan")
    names = ["occurrence"] if what == "plan" else ["conversation", "message"]
    with database.engine.connect() as connection:
        driver: Any = connection.connection.driver_connection  # outside of any transaction, where ATTACH is allowed
        driver.execute(f"ATTACH '{folder / 'ours' / 'nearpeer.db'}' AS ours")
        if what == "fire":  # planned, and not fired yet
            driver.execute("INSERT INTO occurrence SELECT * FROM ours.occurrence")
            driver.execute("UPDATE occurrence SET status = 'planned'")
            driver.execute("INSERT INTO definition SELECT * FROM ours.definition")
        rows = {name: driver.execute(f"SELECT * FROM ours.{name}").fetchall() for name in names}
        values = {name: [_values(name, row) for row in found] for name, found in rows.items() if how == "objects"}
        before = cpu()
        with connection.begin():
            for name in names:
                if how == "select":
                    connection.exec_driver_sql(f"INSERT INTO {name} SELECT * FROM ours.{name}")
                else:
                    with Session(bind=connection) as session:
                        session.add_all([OBJECTS[name](**row) for row in values[name]])
                        session.flush()
            if what == "fire":
                fired = "SELECT id FROM ours.occurrence WHERE status = 'fired'"
                connection.exec_driver_sql(f"UPDATE occurrence SET status = 'fired' WHERE id IN ({fired})")
        used = cpu() - before
    database.close()
    return {"cpu_us": used / people * 1e6}


def _values(name: str, row: Sequence[Any]) -> dict[str, Any]:
    """A row as an author has it: moments and values, not what the driver stores."""
    dialect = sqlite.dialect()
    columns = OBJECTS[name].__table__.columns  # type: ignore[attr-defined]
    found = {}
    for column, stored in zip(columns, row, strict=True):
        read = column.type.dialect_impl(dialect).result_processor(dialect, None)
        found[column.name] = read(stored) if read else stored
    return found


def measure(people: int = 10_000, rounds: int = 3, large: int = 100_000) -> Figures:
    """The figures of P5, medians of interleaved rounds."""
    cases = [
        Case(f"{what} {how}", "bench.planning", ("one", what, how, str(people)))
        for what in ("plan", "fire")
        for how in ("ours", "select", "objects")
    ]
    found = interleaved(cases, rounds)
    big = {what: run(Case("large", "bench.planning", ("one", what, "ours", str(large)))) for what in ("plan", "fire")}
    figures: Figures = {"people": people, "large": large}
    for what in ("plan", "fire"):
        mine = found[f"{what} ours"]
        figures[what] = {
            "x_insert_select": ratio(mine, found[f"{what} select"]),
            "add_all_x_ours": ratio(found[f"{what} objects"], mine),
            "x_large": big[what]["cpu_us"] * large / (median(mine, "cpu_us") * people),
            **{key: median(mine, key) for key in mine[0]},
            **{f"large_{key}": big[what][key] for key in ("stall_ms", "transaction_ms", "transaction_cpu_ms")},
        }
    return figures


def _nothing() -> None:
    """Nobody is waiting to send here."""


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.planning", description=__doc__)
    parser.add_argument("one", nargs="*", help="what (plan, fire), how (ours, select, objects), people")
    parser.add_argument("--people", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args(arguments)
    if not given.one:
        print(json.dumps(measure(given.people, given.rounds, given.large), indent=2))
        return
    _, what, how, people = given.one
    with tempfile.TemporaryDirectory(prefix="nearpeer-bench-") as folder:
        school = Path(folder) / "school"
        report(
            asyncio.run(ours(school, int(people), what)) if how == "ours" else copied(school, int(people), what, how)
        )


if __name__ == "__main__":
    main(sys.argv[1:])
