"""P5: planning and firing a whole school, beside a bare INSERT..SELECT of the very same rows and SQLModel's add_all.

Ours is the real planner and the real fan-out: read, think, render, write in short transactions with FULL commits. The
others only copy the rows that ours made from another file, in one transaction.

    make bench ONLY=P5, or one measurement: python -m bench.planning plan|fire ours|select|objects 10000
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects import sqlite
from sqlmodel import Session, SQLModel

from bench.crowd import CHECK_IN, MONDAY, settle, watched
from bench.measure import Case, Figures, cpu, interleaved, median, medians, ratio, report
from bench.result import Claim, Result, Size
from bench.stalls import beside, own_stall, ticking
from bot.beats import Beats
from bot.clock import HandsClock
from bot.turns.handle import Turns
from bot.turns.planned import plan_ahead
from storage import tables
from storage.models.conversations import Conversation
from storage.models.messages import Message
from storage.models.time import Occurrence

LARGE = "ours, ten times as many"
OBJECTS: Mapping[str, type[SQLModel]] = {"occurrence": Occurrence, "conversation": Conversation, "message": Message}


async def ours(folder: Path, people: int, what: str) -> Figures:
    """Plan a school that has no plan yet; or fire the check-in of a school where it is due for everybody."""
    program, database = settle(folder, people, pairs=what == "plan")
    clock = HandsClock(MONDAY)
    beats = Beats(database, program, clock, Turns(database, program, clock, {}, _nothing), _nothing)
    if what == "fire":
        await plan_ahead(database, program, MONDAY, clock.new_ids)
        clock.set(CHECK_IN)
    gc.collect()
    gc.freeze()  # as App does
    with beside() as idle, watched(database) as transactions:
        async with ticking() as stalls:
            before, begun = cpu(), time.perf_counter()
            if what == "plan":
                await plan_ahead(database, program, MONDAY, clock.new_ids)
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
        "idle_stall_ms": idle.longest_ms,
        "transaction_ms": transactions.longest_ms,
        "transaction_cpu_ms": transactions.longest_cpu_ms,
        "transactions": len(transactions.each_ms),
        "each_ms": transactions.each_ms,
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


def goal(size: Size) -> Result:
    """P5."""
    people, large = size.of(10_000, 100), size.of(100_000, 300)
    ways = [(what, how, people) for what in ("plan", "fire") for how in ("ours", "select", "objects")]
    found = interleaved(
        [_case(*way) for way in (*ways, ("plan", LARGE, large), ("fire", LARGE, large))], min(size.rounds, 3)
    )
    mine = {what: found[f"{what} ours"] for what in ("plan", "fire")}
    whole = {what: found[f"{what} {LARGE}"] for what in mine}
    times = {what: ratio(whole[what], mine[what]) * large / people for what in mine}
    claims = (
        Claim("CPU of planning a school against a bare INSERT..SELECT of its rows", _ratio(found, "plan"), 5.0, "x"),
        Claim("CPU of a fan-out against a bare INSERT..SELECT of its rows", _ratio(found, "fire"), 5.0, "x"),
        Claim("add_all against planning", 1 / _ratio(found, "plan", "objects"), 10.0, "x", at_least=True),
        Claim(f"planning {large:,} people against {people:,}", times["plan"], 12.0, "x"),
        Claim(f"a fan-out to {large:,} people against {people:,}", times["fire"], 12.0, "x"),
        Claim("the event loop's longest stall, beyond an idle loop's",
              max(statistics.median(map(own_stall, rounds)) for rounds in whole.values()), 50.0, "ms"),
        Claim("the write transaction that takes longest", max(map(longest_of_all, whole.values())), 50.0, "ms"),
    )  # fmt: skip
    peers = {
        "INSERT..SELECT": {f"{what}_cpu_us": median(found[f"{what} select"], "cpu_us") for what in mine},
        "SQLModel add_all": {f"{what}_cpu_us": median(found[f"{what} objects"], "cpu_us") for what in mine},
    }
    told = mine | {f"{what} {large:,}": rounds for what, rounds in whole.items()}
    keys = [key for key in told["plan"][0] if key != "each_ms"]
    return Result(claims, medians(told, *keys), peers)


def longest_of_all(rounds: Sequence[Figures]) -> float:
    """Milliseconds of the write transaction that takes longest, each by its median over the rounds.

    All rounds write the same rows in the same transactions. What is ours is there in every round; a pause of the
    machine meets another transaction each time, and is among the figures as the longest that was seen.
    """
    return max(float(statistics.median(one)) for one in zip_longest(*(one["each_ms"] for one in rounds), fillvalue=0.0))


def _case(what: str, how: str, people: int) -> Case:
    return Case(f"{what} {how}", "bench.planning", (what, "ours" if how == LARGE else how, str(people)))


def _ratio(found: Mapping[str, Sequence[Figures]], what: str, peer: str = "select") -> float:
    return ratio(found[f"{what} ours"], found[f"{what} {peer}"])


def _nothing() -> None:
    """Nobody is waiting to send here."""


def main(what: str, how: str, people: int) -> None:
    """One measured process: plan or fire, in our way or in another."""
    with tempfile.TemporaryDirectory(prefix="nearpeer-bench-") as folder:
        school = Path(folder) / "school"
        report(asyncio.run(ours(school, people, what)) if how == "ours" else copied(school, people, what, how))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
