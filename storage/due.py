"""What is due, and what will be next: due times are columns (decisions.md 9), there is no timer table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, exists, func, or_, select, update

from bot.domain import DeliveryNews, Due, DueKind, News, PageKind
from storage import tables
from storage.inbox import insert_once
from storage.occurrences import AHEAD

_TABLES = {
    DueKind.ESCALATION: tables.escalation,
    DueKind.CONVERSATION: tables.conversation,
    DueKind.OCCURRENCE: tables.occurrence,
    DueKind.PAUSE: tables.person,
    DueKind.NEWS: tables.escalation,
    DueKind.REPORT: tables.escalation,
    DueKind.FOLLOW_UP: tables.escalation,
    DueKind.SILENCE: tables.person,
    DueKind.LOST_WORDS: tables.person,
    DueKind.LOST_PRESS: tables.person,
}


def alerts_due(connection: Connection, now: datetime, limit: int = 500) -> Sequence[Due | DeliveryNews]:
    """What waits for nothing: news of failed sends, and cases whose next action is due."""
    message, escalation = tables.message.c, tables.escalation.c
    news = select(message.id, message.news, message.error).where(message.news != "").order_by(message.id).limit(limit)
    told = [DeliveryNews(row.id, News(row.news), row.error) for row in connection.execute(news)]
    open_case = escalation.status != "closed"
    return [
        *told,
        *_due(connection, DueKind.ESCALATION, escalation.next_action_at, open_case, now, limit),
        *_due(connection, DueKind.NEWS, escalation.news_at, escalation.news_at.is_not(None), now, limit),
        *_due(connection, DueKind.REPORT, escalation.report_at, escalation.report_at.is_not(None), now, limit),
    ]


def late_alerts(connection: Connection, since: datetime, limit: int = 500) -> Sequence[DeliveryNews]:
    """Alerts about open cases that were written before then, have not left yet, and were told nowhere else so far."""
    message, escalation, place = tables.message.c, tables.escalation.c, tables.address.c
    another = tables.message.alias("another").c
    # Whether somebody is still with it is asked only while they are.
    asks, asks_as_well = (one.dedupe_key.startswith(f"{PageKind.STILL}:") for one in (message, another))
    same = (
        getattr(another, name) == getattr(message, name) for name in ("escalation_id", "person_id", "rung", "round")
    )
    told_elsewhere = exists().where(
        *same, another.id != message.id, another.created_at >= message.created_at, asks_as_well == asks
    )
    is_elsewhere = or_(*(place[name] != message[name] for name in ("platform", "account", "chat")))
    query = (
        select(message.id)
        .join(tables.escalation, message.escalation_id == escalation.id)
        .where(
            escalation.status != "closed",
            message.kind == "alert",
            message.status.in_(("pending", "sending")),
            message.created_at <= since,
            or_(~asks, escalation.asked_at.is_not(None)),
            exists().where(place.person_id == message.person_id, is_elsewhere),
            ~told_elsewhere,
        )
        .limit(limit)  # in no order: with one, all messages would be walked through to find the oldest
    )
    return [DeliveryNews(id_, News.LATE) for id_ in connection.execute(query).scalars()]


def waits_due(connection: Connection, now: datetime, limit: int = 500) -> Sequence[Due]:
    """Conversations that have waited long enough for an answer, pauses that are over, and closed cases to ask about."""
    conversation, person, case = tables.conversation.c, tables.person.c, tables.escalation.c
    return [
        *_due(connection, DueKind.CONVERSATION, conversation.due_at, conversation.status == "waiting", now, limit),
        *_due(connection, DueKind.PAUSE, person.paused_until, person.status == "paused", now, limit),
        *_due(connection, DueKind.FOLLOW_UP, case.follow_up_at, case.follow_up_at.is_not(None), now, limit),
    ]


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
        select(func.min(escalation.news_at)).where(escalation.news_at.is_not(None)),
        select(func.min(escalation.report_at)).where(escalation.report_at.is_not(None)),
        select(func.min(conversation.due_at)).where(conversation.status == "waiting"),
        select(func.min(occurrence.due_at)).where(AHEAD),
        select(func.min(person.paused_until)).where(person.status == "paused"),
        select(func.min(escalation.follow_up_at)).where(escalation.follow_up_at.is_not(None)),
    )
    moments = [moment for query in queries if (moment := connection.execute(query).scalar()) is not None]
    return min(moments, default=None)


def next_planned(connection: Connection, flows: Collection[str], after: datetime) -> datetime | None:
    """When the next planned occurrence of one of these flows is due, or None."""
    column = tables.occurrence.c
    return connection.execute(
        select(func.min(column.due_at)).where(AHEAD, column.flow.in_(flows), column.due_at > after)
    ).scalar()


def mark_beat(connection: Connection, name: str, wall: datetime) -> None:
    """Leave a beat's mark; its age is what staff and the health page see."""
    column = tables.beat.c
    if not connection.execute(update(tables.beat).where(column.name == name).values(at=wall)).rowcount:
        connection.execute(insert_once(connection, tables.beat).values(name=name, at=wall))


def _due(
    connection: Connection, kind: DueKind, at: Column[Any], running: ColumnElement[bool], now: datetime, limit: int
) -> list[Due]:
    query = select(_TABLES[kind].c.id, at).where(running, at <= now).order_by(at).limit(limit)
    return [Due(kind, row[0], row[1]) for row in connection.execute(query)]
