"""The one query that asks what is due, and the occurrences that planning writes (decisions.md 9): no timer table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from bot.domain import DeliveryNews, Due, DueKind, News, Occurrence
from storage import tables
from storage.inbox import insert_once

_TABLES = {
    DueKind.ESCALATION: tables.escalation,
    DueKind.CONVERSATION: tables.conversation,
    DueKind.OCCURRENCE: tables.occurrence,
    DueKind.PAUSE: tables.person,
}


_AHEAD = ("planned", "held")
"""Occurrences that may still fire."""


def what_is_due(connection: Connection, now: datetime, limit: int = 500) -> Sequence[Due | DeliveryNews]:
    """Everything whose time has come: news of failed sends, cases, conversations, occurrences, pauses."""
    escalation, conversation = tables.escalation.c, tables.conversation.c
    occurrence, person, message = tables.occurrence.c, tables.person.c, tables.message.c
    queries = (
        (DueKind.ESCALATION, escalation.id, escalation.next_action_at, escalation.status != "closed"),
        (DueKind.CONVERSATION, conversation.id, conversation.due_at, conversation.status == "waiting"),
        (DueKind.OCCURRENCE, occurrence.id, occurrence.due_at, occurrence.status.in_(_AHEAD)),
        (DueKind.PAUSE, person.id, person.paused_until, person.status == "paused"),
    )
    events: list[Due | DeliveryNews] = [
        DeliveryNews(row.id, News(row.news), row.error)
        for row in connection.execute(
            select(message.id, message.news, message.error).where(message.news != "").order_by(message.id).limit(limit)
        )
    ]
    for kind, id_, at, running in queries:
        rows = connection.execute(select(id_, at).where(running, at <= now).order_by(at).limit(limit))
        events += [Due(kind, row[0], row[1]) for row in rows]
    return events


def person_of(connection: Connection, event: Due | DeliveryNews) -> int | None:
    """Whom something due is about, read without judging the row: it may be the very row that cannot be read."""
    if isinstance(event, DeliveryNews):
        table, id_ = tables.message, event.message_id
    else:
        table, id_ = _TABLES[event.kind], event.id
    who = table.c.id if table is tables.person else table.c.person_id
    return connection.execute(select(who).where(table.c.id == id_)).scalar()


def next_due(connection: Connection) -> datetime | None:
    """The earliest moment at which something will be due, or None."""
    escalation, conversation = tables.escalation.c, tables.conversation.c
    occurrence, person = tables.occurrence.c, tables.person.c
    queries = (
        select(func.min(escalation.next_action_at)).where(escalation.status != "closed"),
        select(func.min(conversation.due_at)).where(conversation.status == "waiting"),
        select(func.min(occurrence.due_at)).where(occurrence.status.in_(_AHEAD)),
        select(func.min(person.paused_until)).where(person.status == "paused"),
    )
    moments = [moment for query in queries if (moment := connection.execute(query).scalar()) is not None]
    return min(moments, default=None)


def next_planned(connection: Connection, flows: Collection[str], after: datetime) -> datetime | None:
    """When the next planned occurrence of one of these flows is due, or None."""
    column = tables.occurrence.c
    return connection.execute(
        select(func.min(column.due_at)).where(column.status.in_(_AHEAD), column.flow.in_(flows), column.due_at > after)
    ).scalar()


def replan(
    connection: Connection, wanted: Iterable[Occurrence], begin: datetime, end: datetime, keep: Sequence[str] = ()
) -> int:
    """Make the planned occurrences due from `begin` to `end` exactly those; gives how many were new.

    What fired, was missed or cancelled keeps its row, so that it never fires again. `keep`: schedules left alone.
    """
    column = tables.occurrence.c
    rows = connection.execute(
        select(tables.occurrence).where(
            column.due_at >= begin, column.due_at < end, column.status == "planned", column.schedule.not_in(keep)
        )
    )
    planned = {(row.schedule, row.person_id, row.local_date, row.slot): row for row in rows}
    new = []
    for one in wanted:
        row = planned.pop((one.schedule, one.person_id, one.local_date, one.slot), None)
        if row is None:
            new.append(one)
        elif (row.due_at, row.expires_at, row.flow) != (one.due_at, one.expires_at, one.flow):
            connection.execute(update(tables.occurrence).where(column.id == row.id).values(_row(one) | {"id": row.id}))
    if planned:
        gone = [row.id for row in planned.values()]
        connection.execute(delete(tables.occurrence).where(column.id.in_(gone)))
    return add(connection, new)


def add(connection: Connection, occurrences: Iterable[Occurrence]) -> int:
    """Write occurrences that are not there yet; gives how many were new."""
    added = 0
    for one in occurrences:
        added += connection.execute(insert_once(connection, tables.occurrence).values(_row(one))).rowcount
    return added


def people_without(connection: Connection, schedule: str) -> Sequence[int]:
    """Ids of people for whom this schedule was never planned."""
    column = tables.occurrence.c
    planned = select(column.person_id).where(column.schedule == schedule)
    return connection.execute(select(tables.person.c.id).where(tables.person.c.id.not_in(planned))).scalars().all()


def occurrence(connection: Connection, occurrence_id: int) -> Occurrence | None:
    """A planned occurrence; None when it has fired, was missed or cancelled meanwhile."""
    column = tables.occurrence.c
    row = connection.execute(
        select(tables.occurrence).where(column.id == occurrence_id, column.status.in_(_AHEAD))
    ).one_or_none()
    return None if row is None else _occurrence(row)


def due_together(connection: Connection, one: Occurrence, now: datetime) -> Sequence[Occurrence]:
    """All due occurrences of the same schedule and person: after a long silence only the newest fires."""
    column = tables.occurrence.c
    rows = connection.execute(
        select(tables.occurrence).where(
            column.schedule == one.schedule,
            column.person_id == one.person_id,
            column.status.in_(_AHEAD),
            column.due_at <= now,
        )
    )
    return [_occurrence(row) for row in rows]


def fired_between(connection: Connection, person_id: int, begin: datetime, end: datetime) -> Sequence[Occurrence]:
    """What fired for a person with a due time in a stretch of time."""
    column = tables.occurrence.c
    rows = connection.execute(
        select(tables.occurrence).where(
            column.person_id == person_id, column.status == "fired", column.due_at >= begin, column.due_at < end
        )
    )
    return [_occurrence(row) for row in rows]


def mark_beat(connection: Connection, name: str, wall: datetime) -> None:
    """Leave a beat's mark; its age is what staff and the health page see."""
    column = tables.beat.c
    if not connection.execute(update(tables.beat).where(column.name == name).values(at=wall)).rowcount:
        connection.execute(insert_once(connection, tables.beat).values(name=name, at=wall))


def _row(one: Occurrence) -> dict[str, Any]:
    return {
        "id": one.id,
        "schedule": one.schedule,
        "person_id": one.person_id,
        "local_date": one.local_date,
        "slot": one.slot,
        "local_time": one.local_time,
        "due_at": one.due_at,
        "expires_at": one.expires_at,
        "flow": one.flow,
        "match_id": one.match_id,
        "values": dict(one.values),
        "status": "planned",
    }


def _occurrence(row: Any) -> Occurrence:
    return Occurrence(
        id=row.id,
        schedule=row.schedule,
        person_id=row.person_id,
        local_date=row.local_date,
        slot=row.slot,
        local_time=row.local_time,
        due_at=row.due_at,
        expires_at=row.expires_at,
        flow=row.flow,
        match_id=row.match_id,
        values=dict(row._mapping["values"] or {}),
    )
