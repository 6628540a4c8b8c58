"""A school of any size, with the program that ships: what the benches of planning and firing begin with."""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from bot.program import Program, create, load_program
from bot.school import open_database
from storage import tables
from storage.bulk import insert_rows
from storage.database import Database

MONDAY = datetime(2026, 10, 5, 16, 0, tzinfo=UTC)
CHECK_IN = datetime(2026, 10, 6, 19, 30, tzinfo=UTC)
"""Tuesday, 15:30 in New York: the mentees' check-in of the program that ships."""
PERSON = ("id", "key", "name", "role", "language", "zone", "grade", "email", "phone", "status", "created_at")
FIRST_ADVISOR = 10_000_000
STUDENTS_AN_ADVISOR = 50


def settle(folder: Path, people: int, *, pairs: bool = True) -> tuple[Program, Database]:
    """A school's folder and database. With `pairs` half of the people mentor the other half.

    Without, all are mentees who know Nearpeer: only the weekly check-in is planned for them, for all at one second.
    """
    logging.disable(logging.WARNING)
    create(folder)
    program = load_program(folder)
    if not pairs:
        program = replace(program, first_contact="")
    database = open_database(program)
    database.write(lambda connection: _move_in(connection, people, pairs)).result()
    return program, database


def _move_in(connection: Connection, people: int, pairs: bool) -> None:
    stamp = int(MONDAY.timestamp() * 1000)

    def person(id_: int, role: str) -> tuple[Any, ...]:
        name = f"Amina{id_} Yusuf"
        return (id_, f"key{id_}", name, role, ("en", "es")[id_ % 3 == 0], "", "", "", "", "active", stamp)

    students = range(1, people + 1)
    advisors = range(FIRST_ADVISOR, FIRST_ADVISOR + people // STUDENTS_AN_ADVISOR + 1)
    roles = ("mentor", "mentee") if pairs else ("mentee", "mentee")
    rows = [person(id_, roles[id_ % 2]) for id_ in students] + [person(id_, "advisor") for id_ in advisors]
    insert_rows(connection, tables.person, PERSON, rows)
    addresses = [(row[0], row[0], "web", "web", str(row[0]), 100) for row in rows]
    insert_rows(connection, tables.address, ("id", "person_id", "platform", "account", "chat", "position"), addresses)
    if not pairs:
        matches = [(id_, FIRST_ADVISOR + id_ // STUDENTS_AN_ADVISOR, "") for id_ in students]
        members = [(id_, id_, "mentee") for id_ in students]
    else:
        days, hours = ("Mon", "Tue", "Wed", "Thu", "Fri"), (12, 13, 14, 15)
        matches = [
            (id_, FIRST_ADVISOR + id_ // STUDENTS_AN_ADVISOR, f"{days[id_ % 5]} {hours[id_ % 4]}:00 45m")
            for id_ in range(2, people + 1, 2)
        ]
        members = [(id_ + id_ % 2, id_, roles[id_ % 2]) for id_ in range(1, people - people % 2 + 1)]
    insert_rows(connection, tables.match, ("id", "advisor_id", "meets"), matches)
    insert_rows(connection, tables.match_member, ("match_id", "person_id", "side"), members)


@dataclass
class Transactions:
    """How long each write transaction took on the wall, and what of the longest was our own CPU."""

    each_ms: list[float] = field(default_factory=list)
    longest_cpu_ms: float = 0.0

    @property
    def longest_ms(self) -> float:
        return max(self.each_ms, default=0.0)


@contextlib.contextmanager
def watched(database: Database) -> Iterator[Transactions]:
    """Time every write transaction of a database, from its BEGIN to the end of its COMMIT."""
    seen, begun, dialect = Transactions(), [0.0, 0.0], database.engine.dialect
    commit = dialect.do_commit

    def begin(connection: Connection) -> None:
        if not connection.get_execution_options().get("reads_only", False):
            begun[:] = time.perf_counter(), time.thread_time()

    def ended(connection: Any) -> None:
        commit(connection)
        seen.each_ms.append((time.perf_counter() - begun[0]) * 1000)
        seen.longest_cpu_ms = max(seen.longest_cpu_ms, (time.thread_time() - begun[1]) * 1000)

    event.listen(database.engine, "begin", begin)
    dialect.do_commit = ended  # type: ignore[assignment,method-assign]
    try:
        yield seen
    finally:
        event.remove(database.engine, "begin", begin)
        dialect.do_commit = commit  # type: ignore[method-assign]
