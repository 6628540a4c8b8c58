"""What drills left behind: when the last one was, who was told when, and who answered when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, case, func, select

from storage import tables

FRESH = timedelta(days=30)
"""A drill that is older proves nothing any more: it is time for the next."""
ANSWERED = "answered the drill"
"""The action in the record, with the adult as its person."""


@dataclass(frozen=True, slots=True)
class Drill:
    id: int
    began_at: datetime
    ended_at: datetime | None
    """None: it is under way."""


@dataclass(frozen=True, slots=True)
class Answered:
    person_id: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Result:
    """How it went for one adult."""

    name: str
    told_at: datetime | None
    answered_at: datetime | None


def last(connection: Connection) -> Drill | None:
    """The newest drill."""
    column = tables.escalation.c
    row = connection.execute(
        select(column.id, column.opened_at, column.closed_at).where(column.drill).order_by(column.id.desc()).limit(1)
    ).one_or_none()
    return None if row is None else Drill(row.id, row.opened_at, row.closed_at)


def answers(connection: Connection, drill_id: int) -> Sequence[Answered]:
    """Who has answered."""
    column = tables.audit.c
    rows = connection.execute(
        select(column.person_id, func.min(column.at).label("at"))
        .where(column.escalation_id == drill_id, column.action == ANSWERED, column.person_id.is_not(None))
        .group_by(column.person_id)
    )
    return [Answered(row.person_id, row.at) for row in rows]


def told(connection: Connection, drill_id: int) -> Mapping[int, datetime]:
    """When the first message of a drill left for each adult."""
    column = tables.message.c
    rows = connection.execute(
        select(column.person_id, func.min(column.sent_at).label("at"))
        .where(column.escalation_id == drill_id, column.kind == "alert", column.status == "sent")
        .group_by(column.person_id)
    )
    return {row.person_id: row.at for row in rows}


def arrived(connection: Connection, drill_id: int) -> Mapping[str, bool]:
    """By platform over which a drill was told, whether a message of it arrived there."""
    column = tables.message.c
    rows = connection.execute(
        select(column.platform, func.max(case((column.status == "sent", 1), else_=0)).label("sent"))
        .where(column.escalation_id == drill_id, column.kind == "alert", column.platform.is_not(None))
        .group_by(column.platform)
        .order_by(column.platform)
    )
    return {row.platform: bool(row.sent) for row in rows}


def results(connection: Connection, drill_id: int) -> Sequence[Result]:
    """How it went for each adult whom it was meant for, by name."""
    message, person = tables.message.c, tables.person.c
    meant = connection.execute(
        select(person.id, person.name)
        .where(person.id.in_(select(message.person_id).where(message.escalation_id == drill_id)))
        .order_by(person.name)
    ).all()
    when, who = told(connection, drill_id), {one.person_id: one.at for one in answers(connection, drill_id)}
    return [Result(row.name, when.get(row.id), who.get(row.id)) for row in meant]
