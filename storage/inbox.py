"""What platforms handed us: stored before they are told, read in order, quarantined when it cannot be handled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Insert, Table, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from bot.domain import Raw
from storage import tables

TRIES = 5
"""After this many failures alone an event is quarantined."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A raw event with its place in the inbox."""

    id: int
    raw: Raw
    received_at: datetime
    tries: int


def insert_once(connection: Connection, table: Table) -> Insert:
    """INSERT ... ON CONFLICT DO NOTHING, in the database's own words. Its `rowcount` tells whether the row was new."""
    new = postgresql_insert(table) if connection.dialect.name == "postgresql" else sqlite_insert(table)
    # Without the option SQLAlchemy does not ask PostgreSQL how many rows an INSERT wrote.
    return new.on_conflict_do_nothing().execution_options(preserve_rowcount=True)


def put(connection: Connection, raw: Raw, id_: int, now: datetime) -> bool:
    """Store an event; False when it was here already."""
    row = {
        "id": id_,
        "platform": raw.platform,
        "account": raw.account,
        "event_id": raw.event_id,
        "chat": raw.chat,
        "body": dict(raw.body),
        "received_at": now,
        "status": "new",
        "tries": 0,
        "next_at": now,
        "error": "",
    }
    return connection.execute(insert_once(connection, tables.inbox).values(row)).rowcount == 1


def fresh(connection: Connection, now: datetime, limit: int = 64) -> Sequence[Stored]:
    """Events that wait to be handled, oldest first; those that failed step aside until their next try."""
    inbox = tables.inbox.c
    rows = connection.execute(
        select(tables.inbox).where(inbox.status == "new", inbox.next_at <= now).order_by(inbox.id).limit(limit)
    )
    return [
        Stored(row.id, Raw(row.platform, row.account, row.event_id, row.body, row.chat), row.received_at, row.tries)
        for row in rows
    ]


def still_new(connection: Connection, id_: int) -> bool:
    """Whether nobody has handled the event meanwhile."""
    inbox = tables.inbox.c
    return connection.execute(select(inbox.status).where(inbox.id == id_)).scalar() == "new"


def finish(connection: Connection, id_: int) -> None:
    """Mark an event as handled: in the transaction of everything that it caused."""
    connection.execute(update(tables.inbox).where(tables.inbox.c.id == id_).values(status="done"))


def failed(connection: Connection, stored: Stored, error: str, now: datetime) -> bool:
    """Note that handling failed (`error`: a class name, never a text); True when the event is quarantined now."""
    tries = stored.tries + 1
    quarantined = tries >= TRIES
    connection.execute(
        update(tables.inbox)
        .where(tables.inbox.c.id == stored.id)
        .values(
            tries=tries,
            error=error,
            next_at=now + timedelta(seconds=2**tries),
            status="quarantined" if quarantined else "new",
        )
    )
    return quarantined
