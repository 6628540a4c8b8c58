"""Students with their language and grade, and what became of cases about them, for counts by group. Reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from bot.domain import STUDENTS, ActionKind, Outcome
from storage import tables
from storage.sight import may_read

_TAKEN = (ActionKind.TAKE, ActionKind.NEED_HELP, ActionKind.CLOSE)
"""Whoever does one of these has the case, if nobody had it."""


@dataclass(frozen=True, slots=True)
class Student:
    id: int
    language: str
    grade: str


@dataclass(frozen=True, slots=True)
class Case:
    """A case about a student. `false_alarm`: an adult closed it as not a concern; None: it is not closed."""

    person_id: int
    false_alarm: bool | None
    opened_at: datetime
    taken_at: datetime | None
    """When an adult had it for the first time."""


def students(connection: Connection) -> Sequence[Student]:
    """Everybody whom a case may be about, whatever they get at present."""
    person = tables.person.c
    rows = connection.execute(select(person.id, person.language, person.grade).where(person.role.in_(STUDENTS)))
    return [Student(row.id, row.language, row.grade) for row in rows]


def cases(connection: Connection, since: datetime, reader: int | None) -> Sequence[Case]:
    """Cases of students opened since then of which the reader may know; drills are none."""
    case, person, audit = tables.escalation.c, tables.person.c, tables.audit.c
    taken_at = (
        select(func.min(audit.at)).where(audit.escalation_id == case.id, audit.action.in_(_TAKEN)).scalar_subquery()
    )
    rows = connection.execute(
        select(case.person_id, case.status, case.outcome, case.opened_at, taken_at.label("taken_at"))
        .join(tables.person, person.id == case.person_id)
        .where(case.opened_at >= since, ~case.drill, person.role.in_(STUDENTS), may_read(reader))
    )
    return [
        Case(
            row.person_id,
            row.outcome == Outcome.FALSE_ALARM if row.status == "closed" else None,
            row.opened_at,
            row.taken_at,
        )
        for row in rows
    ]
