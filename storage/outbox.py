"""The way out, as rows: claim, send, record. Only delivery uses this door.

pending -> sending (with a lease and its token) -> sent | failed | pending again | cancelled | expired. A lease that ran
out means that the outcome is unknown: `requeue_expired` counts it as ambiguous and the message is sent again (law 10).
Leases and back-off are wall time; whether a message has expired is program time (decisions.md 16).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, insert, or_, select, true, update

from bot.domain import Address, Choice, MessageKind, Outbound, PageKind, Priority
from bot.failpoints import failpoint
from storage import tables

LEASE = timedelta(seconds=60)
"""Longer than any send may take (delivery's own deadline is 30 s), so that a live sender never meets its successor."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A message that this sender may send now, until the lease ends."""

    outbound: Outbound
    token: int
    attempt: int
    ambiguous: int


def claim(
    connection: Connection,
    platform: str,
    account: str,
    token: int,
    wall: datetime,
    limit: int,
    *,
    alerts_only: bool = False,
) -> Sequence[Claim]:
    """Take up to `limit` messages to send: urgent first, one in flight per chat, alerts exempt (decisions.md 11)."""
    message = tables.message
    heads = _heads(platform, account, wall, limit, alerts_only)
    if connection.dialect.name == "postgresql":
        heads = heads.with_for_update(skip_locked=True, of=message)
    claimed = connection.execute(
        update(message)
        .where(message.c.id.in_(heads.scalar_subquery()))
        .values(status="sending", lease_token=token, lease_until=wall + LEASE, attempts=message.c.attempts + 1)
        .returning(message)
    ).all()
    if claimed:
        failpoint("send.claimed_uncommitted")
    claims = [Claim(_outbound(row), token, row.attempts, row.ambiguous) for row in claimed]
    return sorted(claims, key=lambda one: (one.outbound.priority, one.outbound.id))


def _heads(platform: str, account: str, wall: datetime, limit: int, alerts_only: bool) -> Select[tuple[int]]:
    """Ids of what may go out next: the head of each chat that has nothing in flight, and every alert."""
    message = tables.message
    other = message.alias("other")
    same_chat = and_(
        other.c.platform == message.c.platform, other.c.account == message.c.account, other.c.chat == message.c.chat
    )
    behind = exists().where(
        same_chat,
        other.c.priority > 0,
        or_(
            other.c.status == "sending",
            and_(
                other.c.status == "pending",
                or_(
                    other.c.priority < message.c.priority,
                    and_(other.c.priority == message.c.priority, other.c.id < message.c.id),
                ),
            ),
        ),
    )
    return (
        select(message.c.id)
        .where(
            message.c.status == "pending",
            message.c.platform == platform,
            message.c.account == account,
            or_(message.c.not_before.is_(None), message.c.not_before <= wall),
            message.c.priority == 0 if alerts_only else or_(message.c.priority == 0, ~behind),
        )
        .order_by(message.c.priority, message.c.id)
        .limit(limit)
    )


def still_wanted(connection: Connection, message_id: int, now: datetime) -> str:
    """Why a claimed message must not be sent any more ("cancelled", "expired"), or "" when its reason still holds."""
    message, escalation, person = tables.message.c, tables.escalation.c, tables.person.c
    conversation, newer = tables.conversation.c, tables.message.alias("newer")
    asked_since = exists().where(
        newer.c.conversation_id == message.conversation_id,
        newer.c.kind == MessageKind.QUESTION,
        newer.c.id > message.id,
    )
    row = connection.execute(
        select(
            message.kind,
            message.priority,
            message.expires_at,
            message.created_at,
            message.dedupe_key,
            escalation.status.label("case"),
            escalation.acknowledged_at,
            escalation.asked_at,
            person.status.label("person"),
            conversation.status.label("conversation"),
            asked_since.label("asked_since"),
        )
        .select_from(tables.message)
        .outerjoin(tables.escalation, escalation.id == message.escalation_id)
        .outerjoin(tables.person, person.id == message.person_id)
        .outerjoin(tables.conversation, conversation.id == message.conversation_id)
        .where(message.id == message_id)
    ).one()
    if row.expires_at is not None and row.expires_at < now:
        return "expired"
    return "" if _reason_holds(row) else "cancelled"


def _reason_holds(row: Any) -> bool:
    if row.kind == MessageKind.ALERT and (row.dedupe_key or "").startswith(f"{PageKind.STILL}:"):
        return row.case == "acknowledged" and row.asked_at is not None
    if row.kind == MessageKind.ALERT:
        # Somebody has the case; what was told after that (help wanted, still with it?) is still meant.
        taken = row.case == "acknowledged" and row.created_at < row.acknowledged_at
        return not taken and row.case != "closed"
    if row.kind == MessageKind.QUESTION and (row.conversation != "waiting" or row.asked_since):
        return False
    if row.conversation in ("suspended", "stopped"):
        return False
    return bool(row.priority < Priority.REMINDER or row.person == "active")


def complete(
    connection: Connection, claim: Claim, provider_id: str, started: datetime, now: datetime, wall: datetime
) -> bool:
    """Record that the platform took it; False when the lease was lost meanwhile and the result is refused."""
    recorded = _record(
        connection, claim, "sent", "", started, wall, status="sent", sent_at=now, provider_id=provider_id, error=""
    )
    failpoint("send.recorded_uncommitted")
    return recorded


def give_back(
    connection: Connection,
    claim: Claim,
    code: str,
    started: datetime,
    wall: datetime,
    *,
    wait: float,
    ambiguous: bool = False,
) -> bool:
    """Try again after `wait` seconds."""
    message = tables.message.c
    return _record(
        connection,
        claim,
        "ambiguous" if ambiguous else "later",
        code,
        started,
        wall,
        status="pending",
        not_before=wall + timedelta(seconds=wait),
        error=code,
        ambiguous=message.ambiguous + (1 if ambiguous else 0),
    )


def fail(connection: Connection, claim: Claim, code: str, started: datetime, wall: datetime) -> bool:
    """This address will not take it; `news` makes sure that somebody acts on that."""
    return _record(connection, claim, "failed", code, started, wall, status="failed", error=code, news="failed")


def drop(connection: Connection, claim: Claim, status: str, wall: datetime) -> bool:
    """The reason no longer holds: `status` is cancelled or expired."""
    return _record(connection, claim, status, "", wall, wall, status=status)


def requeue_expired(connection: Connection, wall: datetime) -> int:
    """Return messages whose sender vanished to pending, as ambiguous. Gives their number."""
    return _requeue(connection, tables.message.c.lease_until < wall)


def requeue_all(connection: Connection) -> int:
    """Return every message under way to pending, as ambiguous: only for whoever knows that no sender lives."""
    return _requeue(connection, true())


def unsent(connection: Connection, wall: datetime) -> int:
    """How many messages are under way or may be sent now."""
    message = tables.message.c
    due = or_(message.not_before.is_(None), message.not_before <= wall)
    count = select(func.count()).select_from(tables.message)
    return connection.execute(
        count.where(or_(message.status == "sending", and_(message.status == "pending", due)))
    ).scalar_one()


def choices_of(value: Any) -> tuple[Choice, ...]:
    """Choices as the message row keeps them."""
    return tuple(Choice(one["label"], one["token"], one["value"]) for one in value or ())


def _requeue(connection: Connection, which: ColumnElement[bool]) -> int:
    message = tables.message
    return connection.execute(
        update(message)
        .where(message.c.status == "sending", which)
        .values(status="pending", lease_token=None, lease_until=None, ambiguous=message.c.ambiguous + 1)
    ).rowcount


def _record(
    connection: Connection, claim: Claim, result: str, code: str, started: datetime, ended: datetime, **values: Any
) -> bool:
    message = tables.message.c
    held = connection.execute(
        update(tables.message)
        .where(message.id == claim.outbound.id, message.lease_token == claim.token, message.status == "sending")
        .values(lease_token=None, lease_until=None, **values)
    ).rowcount
    if held:
        connection.execute(
            insert(tables.delivery_attempt).values(
                message_id=claim.outbound.id,
                number=claim.attempt,
                started_at=started,
                ended_at=ended,
                result=result,
                code=code,
            )
        )
    return bool(held)


def _outbound(row: Any) -> Outbound:
    return Outbound(
        id=row.id,
        address=Address(row.platform, row.account, row.chat),
        kind=MessageKind(row.kind),
        priority=Priority(row.priority),
        text=row.text,
        choices=choices_of(row.choices),
        replaces=row.replaces,
        created_at=row.created_at,
    )
