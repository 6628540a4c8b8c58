"""What platforms handed us: stored before they are told, read in order, quarantined when it cannot be handled.

One process on SQLite reads what is fresh. On PostgreSQL several workers claim it, the head of each chat, under a lease:
a worker finishes an event only while the lease is its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Executable,
    Insert,
    Select,
    Table,
    and_,
    bindparam,
    case,
    exists,
    func,
    literal_column,
    null,
    or_,
    select,
    update,
)

from bot.domain import Raw
from storage import tables
from storage.hot import Statement, bound, inserting
from storage.types import Instant
from storage.upsert import insert_into

TRIES = 5
"""After this many failures alone an event is quarantined."""
LEASE = timedelta(seconds=30)
"""How long a worker may take over what it claimed; then another one may."""
NEAR = 256
"""So many of the oldest events are looked at one by one: mostly a claim finds enough among them."""

_inbox = tables.inbox.c
_NEW = _inbox.status == literal_column("'new'")
_WHOLE = tuple(
    _inbox[name] for name in ("id", "platform", "account", "event_id", "chat", "body", "received_at", "tries")
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A raw event with its place in the inbox."""

    id: int
    raw: Raw
    received_at: datetime
    tries: int = 0
    token: int | None = None
    """The lease under which a worker has it in hand; none where there is only one process."""


def insert_once(connection: Connection, table: Table) -> Insert:
    """INSERT ... ON CONFLICT DO NOTHING, in the database's own words. Its `rowcount` tells whether the row was new."""
    new: Insert = insert_into(table, connection.dialect).on_conflict_do_nothing()
    # Without the option SQLAlchemy does not ask PostgreSQL how many rows an INSERT wrote.
    return new.execution_options(preserve_rowcount=True)


_PUT = inserting(
    tables.inbox,
    ("id", "platform", "account", "event_id", "chat", "body", "received_at", "next_at", "status"),
    # Named, so that an id that another program made as well is an error that is tried again, and drops no event.
    lambda insert: insert.on_conflict_do_nothing(index_elements=["platform", "account", "event_id"]),
    tries=literal_column("0"),
    error=literal_column("''"),
)


def put(connection: Connection, events: Sequence[Stored], done: int = 0) -> int:
    """Store events; gives how many were not here already. The first `done` have been handled in this transaction."""
    rows = [
        {
            "id": one.id,
            "platform": one.raw.platform,
            "account": one.raw.account,
            "event_id": one.raw.event_id,
            "chat": one.raw.chat,
            "body": one.raw.body,
            "received_at": one.received_at,
            "next_at": one.received_at,
            "status": "done" if place < done else "new",
        }
        for place, one in enumerate(events)
    ]
    return _PUT.run(connection, rows)


_NOW = bindparam("now", type_=Instant)
_TOKEN = bindparam("token", type_=BigInteger)
_LIMIT = bindparam("limit", type_=BigInteger)


_LEASED_ELSEWHERE: ColumnElement[bool] = and_(_inbox.lease_token != _TOKEN, _inbox.lease_until >= _NOW)
_FREE = or_(_inbox.lease_token.is_(None), _inbox.lease_token == _TOKEN, _inbox.lease_until < _NOW)
_READY = and_(_NEW, _inbox.next_at <= _NOW)
_OF_NOBODY = _inbox.chat == literal_column("''")
"""An event whose chat nobody can tell holds up none and waits for none."""


def _near_heads(*columns: Any) -> Select[Any]:
    """Of the oldest events those that are the first of their chat, where no other worker has anything of it in hand.

    What is in hand was the first of its chat when it was taken. So it stands before all that are ready and were never
    tried: behind the first of those nobody need look, however many wait there.
    """
    near = select(_inbox.id).where(_READY).order_by(_inbox.id).limit(literal_column(str(NEAR))).subquery("near")
    other, untried = tables.inbox.alias("other").c, tables.inbox.alias("untried").c
    first_untried = (
        select(func.coalesce(func.min(untried.id), literal_column(str(2**63 - 1))))
        .where(*_same_chat(untried), untried.next_at <= _NOW, untried.tries == literal_column("0"))
        .correlate(tables.inbox)
        .scalar_subquery()
    )
    older = exists().where(*_same_chat(other), other.id < _inbox.id, other.next_at <= _NOW)
    in_hand = exists().where(
        *_same_chat(other),
        other.id <= first_untried,
        other.id != _inbox.id,
        other.lease_token != _TOKEN,
        other.lease_until >= _NOW,
    )
    alone = or_(_OF_NOBODY, and_(~older, ~in_hand))
    found = select(*columns).where(_inbox.id.in_(select(near.c.id)), _READY, _FREE, alone)
    return found.order_by(_inbox.id).limit(_LIMIT)


def _same_chat(column: Any) -> Sequence[ColumnElement[bool]]:
    return (
        column.status == literal_column("'new'"),
        column.platform == _inbox.platform,
        column.account == _inbox.account,
        column.chat == _inbox.chat,
    )


def _heads(*columns: Any) -> Select[Any]:
    """The same of all that waits, read once from end to end: for where a few chats fill the line with what waits."""
    head = func.min(case((_inbox.next_at <= _NOW, _inbox.id)))
    elsewhere = func.coalesce(func.max(case((_LEASED_ELSEWHERE, literal_column("1")))), literal_column("0"))
    chats = (
        select(head.label("id"))
        .where(_NEW)
        .group_by(_inbox.platform, _inbox.account, _inbox.chat, case((_OF_NOBODY, _inbox.id)))
        .having(elsewhere == literal_column("0"))
        .subquery("chats")
    )
    found = select(*columns).where(_inbox.id.in_(select(chats.c.id)), _READY, _FREE)
    return found.order_by(_inbox.id).limit(_LIMIT)


def _claiming(found: Select[Any]) -> Executable:
    # Materialized, so that the heads are looked for once: an inner query could run again for each row.
    heads = found.with_for_update(skip_locked=True, of=tables.inbox).cte("heads").prefix_with("MATERIALIZED")
    lease = {"lease_token": _TOKEN, "lease_until": bindparam("until", type_=Instant)}
    return update(tables.inbox).where(_inbox.id == heads.c.id).values(lease).returning(*_WHOLE)


_WAITS = Statement(
    lambda _: select(_inbox.id).where(_NEW, _inbox.tries == literal_column("0")).limit(literal_column("1"))
)
_FRESH = Statement(lambda _: select(*_WHOLE).where(_READY).order_by(_inbox.id).limit(_LIMIT))
_NEAR_HEADS = Statement(lambda _: _near_heads(*_WHOLE))
_HEADS = Statement(lambda _: _heads(*_WHOLE))
_CLAIM_NEAR = Statement(lambda _: _claiming(_near_heads(_inbox.id)))
_CLAIM = Statement(lambda _: _claiming(_heads(_inbox.id)))
_BEHIND = Statement(
    lambda _: select(_inbox.id).where(_READY).order_by(_inbox.id).offset(literal_column(str(NEAR))).limit(1)
)


def waits(connection: Connection) -> bool:
    """Whether an event waits for its first turn."""
    return bool(_WAITS.rows(connection))


def fresh(connection: Connection, now: datetime, limit: int = 64) -> Sequence[Stored]:
    """Events that wait to be handled, oldest first; those that failed step aside until their next try.

    Where more wait than fit, the oldest of each chat come first: one person's flood holds up nobody else.
    """
    found = [_stored(row) for row in _FRESH.rows(connection, now=now, limit=limit)]
    if len(found) < limit:
        return found
    rows = _NEAR_HEADS.rows(connection, now=now, token=0, limit=limit)
    if len(rows) < limit and _BEHIND.rows(connection, now=now):
        rows = _HEADS.rows(connection, now=now, token=0, limit=limit)
    heads = [_stored(row) for row in rows]
    known = {one.id for one in heads}
    return [*heads, *(one for one in found if one.id not in known)][:limit]


def claim(connection: Connection, token: int, wall: datetime, limit: int = 64) -> Sequence[Stored]:
    """Take the heads of up to `limit` chats in hand, oldest first, for a worker that has nothing else in hand.

    `token`: the worker's own. Until the lease ends no other worker gets them, nor what waits behind them.
    """
    given = {"token": token, "now": wall, "until": wall + LEASE, "limit": limit}
    rows = _CLAIM_NEAR.rows(connection, **given)
    if len(rows) < limit and _BEHIND.rows(connection, now=wall):
        rows = _CLAIM.rows(connection, **given)  # those again, and what is farther back
    return sorted((_stored(row, token) for row in rows), key=lambda one: one.id)


_DONE = {"status": literal_column("'done'"), "lease_token": null(), "lease_until": null()}
_FINISH = Statement(lambda _: update(tables.inbox).where(_inbox.id == bound(_inbox.id, "event"), _NEW).values(_DONE))
_FINISH_CLAIMED = Statement(
    lambda _: (
        update(tables.inbox)
        .where(_inbox.id == bound(_inbox.id, "event"), _NEW, _inbox.lease_token == _TOKEN)
        .values(_DONE)
    )
)


def finish(connection: Connection, events: Sequence[Stored]) -> bool:
    """Mark events as handled, in the transaction of everything that they caused.

    False when somebody else has handled one of them, or has it in hand: then none of that may be committed.
    """
    claimed = [{"event": one.id, "token": one.token} for one in events if one.token is not None]
    others = [{"event": one.id} for one in events if one.token is None]
    return _FINISH.run(connection, others) + _FINISH_CLAIMED.run(connection, claimed) == len(events)


def failed(connection: Connection, stored: Stored, error: str, now: datetime) -> bool:
    """Note that handling failed (`error`: a class name, never a text); True when the event is quarantined now."""
    tries = stored.tries + 1
    quarantined = tries >= TRIES
    mine = _inbox.lease_token.is_(None) if stored.token is None else _inbox.lease_token == stored.token
    noted = connection.execute(
        update(tables.inbox)
        .where(_inbox.id == stored.id, _NEW, mine)
        .values(
            tries=tries,
            error=error,
            next_at=now + timedelta(seconds=2**tries),
            status="quarantined" if quarantined else "new",
            lease_token=None,
            lease_until=None,
        )
    ).rowcount
    return quarantined and bool(noted)


def _stored(row: Sequence[Any], token: int | None = None) -> Stored:
    id_, platform, account, event_id, chat, body, received_at, tries = row
    return Stored(id_, Raw(platform, account, event_id, body, chat), received_at, tries, token)
