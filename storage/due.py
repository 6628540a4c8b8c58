"""What is due, and what will be next: due times are columns (decisions.md 9), there is no timer table."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Dialect,
    Integer,
    Select,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from bot.domain import DeliveryNews, Due, DueKind, News, PageKind
from storage import occurrences, tables
from storage.hot import Statement, bound
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

# --- statements: each beat asks them, mostly in vain -----------------------------------------------------------------

_LIMIT = bindparam("limit", type_=Integer())
_escalation, _person = tables.escalation.c, tables.person.c
_WAITS = {
    DueKind.ESCALATION: (_escalation.next_action_at, _escalation.status != "closed"),
    DueKind.NEWS: (_escalation.news_at, _escalation.news_at.is_not(None)),
    DueKind.REPORT: (_escalation.report_at, _escalation.report_at.is_not(None)),
    DueKind.CONVERSATION: (tables.conversation.c.due_at, tables.conversation.c.status == "waiting"),
    DueKind.PAUSE: (_person.paused_until, _person.status == "paused"),
    DueKind.FOLLOW_UP: (_escalation.follow_up_at, _escalation.follow_up_at.is_not(None)),
}
"""Which column says when, and for which rows it counts."""


def _statement(kind: DueKind) -> Statement:
    at, running = _WAITS[kind]
    query = select(_TABLES[kind].c.id, at).where(running, at <= bound(at, "now")).order_by(at).limit(_LIMIT)
    return Statement(lambda _dialect: query)


_DUE = {kind: _statement(kind) for kind in _WAITS}


def _news(_dialect: Dialect) -> Select[Any]:
    """What became of messages, and nobody was told yet."""
    message = tables.message.c
    query = select(message.id, message.news, message.error).where(message.news != "")
    return query.order_by(message.id).limit(_LIMIT)


def _late(_dialect: Dialect) -> Select[Any]:
    """Alerts about open cases that have not left and were told nowhere else."""
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
    return (
        select(message.id)
        .join(tables.escalation, message.escalation_id == escalation.id)
        .where(
            escalation.status != "closed",
            message.kind == "alert",
            message.status.in_((literal_column("'pending'"), literal_column("'sending'"))),
            message.created_at <= bound(message.created_at, "since"),
            or_(~asks, escalation.asked_at.is_not(None)),
            exists().where(place.person_id == message.person_id, is_elsewhere),
            ~told_elsewhere,
        )
        .limit(_LIMIT)  # in no order: with one, all messages would be walked through to find the oldest
    )


def _next(_dialect: Dialect) -> Select[Any]:
    """The earliest moment of each kind."""
    waits = [*_WAITS.values(), (tables.occurrence.c.due_at, AHEAD)]
    return select(*(select(func.min(at)).where(running).scalar_subquery() for at, running in waits))


_NEWS, _LATE, _NEXT = Statement(_news), Statement(_late), Statement(_next)

# --- what is due -----------------------------------------------------------------------------------------------------


def alerts_due(connection: Connection, now: datetime, limit: int = 500) -> Sequence[Due | DeliveryNews]:
    """What waits for nothing: news of failed sends, and cases whose next action is due."""
    news = _NEWS.rows(connection, limit=limit)
    told = [DeliveryNews(id_, News(what), error) for id_, what, error in news]
    return [*told, *_due(connection, (DueKind.ESCALATION, DueKind.NEWS, DueKind.REPORT), now, limit)]


def late_alerts(connection: Connection, since: datetime, limit: int = 500) -> Sequence[DeliveryNews]:
    """Alerts about open cases that were written before then, have not left yet, and were told nowhere else so far."""
    return [DeliveryNews(row[0], News.LATE) for row in _LATE.rows(connection, since=since, limit=limit)]


def waits_due(connection: Connection, now: datetime, limit: int = 500) -> Sequence[Due]:
    """Conversations that have waited long enough for an answer, pauses that are over, and closed cases to ask about."""
    return _due(connection, (DueKind.CONVERSATION, DueKind.PAUSE, DueKind.FOLLOW_UP), now, limit)


def prompt_due(connection: Connection, now: datetime) -> bool:
    """Whether any planned occurrence is due."""
    return bool(occurrences.next_due(connection, now, None, 1))


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
    ((*moments,),) = _NEXT.rows(connection)
    return min((moment for moment in moments if moment is not None), default=None)


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


def _due(connection: Connection, kinds: Sequence[DueKind], now: datetime, limit: int) -> list[Due]:
    return [Due(kind, id_, at) for kind in kinds for id_, at in _DUE[kind].rows(connection, now=now, limit=limit)]
