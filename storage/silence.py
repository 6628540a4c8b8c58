"""Who has not been heard of: the newest word of each student, and the check-ins that fired since. Reading only.

It is asked once a day, some people at a time; a person's newest messages are found by their index.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from bot.domain import STUDENTS, PersonStatus
from storage import tables

NOTED = "fell silent"
"""What the record says of it: once for each silence."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """One student who gets check-ins. None: never."""

    person_id: int
    heard_at: datetime | None
    noted_at: datetime | None

    @property
    def is_noted(self) -> bool:
        """Whether this silence was told of already."""
        return self.noted_at is not None and (self.heard_at is None or self.noted_at > self.heard_at)


def students(connection: Connection, after: int, limit: int, only: int | None = None) -> Sequence[Quiet]:
    """Active mentees and mentors behind `after` by id, or `only` this one."""
    person, message, audit = tables.person.c, tables.message.c, tables.audit.c
    heard = (
        select(message.created_at)
        .where(message.person_id == person.id, message.direction == "in")
        .order_by(message.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    noted = (
        select(audit.at)
        .where(audit.person_id == person.id, audit.action == NOTED)
        .order_by(audit.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    query = select(person.id, heard, noted).where(person.role.in_(STUDENTS), person.status == PersonStatus.ACTIVE)
    query = query.where(person.id > after) if only is None else query.where(person.id == only)
    return [Quiet(*row) for row in connection.execute(query.order_by(person.id).limit(limit))]


def check_ins(
    connection: Connection, people: Collection[int], flows: Collection[str], since: datetime
) -> dict[int, list[datetime]]:
    """When check-ins of these flows went out to each of these people, earliest first."""
    column = tables.occurrence.c
    rows = connection.execute(
        select(column.person_id, column.due_at)
        .where(column.person_id.in_(people), column.status == "fired", column.flow.in_(flows), column.due_at >= since)
        .order_by(column.due_at)
    )
    fired: dict[int, list[datetime]] = {}
    for person_id, due_at in rows:
        fired.setdefault(person_id, []).append(due_at)
    return fired
