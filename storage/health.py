"""Whether the house is working, as the database shows it: marks of the heartbeat, what waits, what was given up.

Read every few seconds by open pages and every minute by the auditor, so each query is one look into a small index.
"""

from __future__ import annotations

import contextlib
import secrets
import sqlite3
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import ColumnElement, Connection, ScalarSelect, bindparam, exists, func, insert, or_, select

from storage import tables

BACKUP = "backup"
"""The mark that a backup leaves among those of the beats."""
_WELL = "well:"
"""Begins the mark that all is well with an account of a platform."""
_RECENT = timedelta(days=7)
_TOLD_WITHIN = timedelta(seconds=60)
_TRIAL_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Health:
    """Moments and counts; whoever shows them judges their age."""

    beats: Mapping[str, datetime]
    """Wall time of each beat's last mark."""
    heard: Mapping[str, datetime]
    """Wall time when all was last well with each platform's account: `telegram:school_bot`."""
    backed_up_at: datetime | None
    """Wall time of the last backup."""
    overdue_case: datetime | None
    """When the open case that has waited longest should have been acted on; it may lie ahead."""
    undelivered_cases: int
    """Open cases that nobody has and whose last alerts have reached no adult in any way for a minute."""
    oldest_urgent: datetime | None
    """When the alert, crisis card or reply that has waited longest to be sent was written."""
    oldest_prompt: datetime | None
    """The same of reminders, check-ins and digests."""
    oldest_new: datetime | None
    """When the event that has waited longest to be read came in, by wall time."""
    quarantined: int
    failed: int
    """Messages that reached nobody in the last seven days."""
    failed_alerts: int
    """Alerts about cases that are not closed which reached the adult in no way at all."""


def health(connection: Connection, now: datetime, wall: datetime) -> Health:
    """The state of the house at this moment: `now` of program time, `wall` of the clock on the wall."""
    message, inbox, escalation = tables.message.c, tables.inbox.c, tables.escalation.c
    failed = (
        select(func.count()).select_from(tables.message).where(_is(message.status, "failed"), ~_arrived_otherwise())
    )
    alerts = (
        select(func.count())
        .select_from(tables.escalation)
        .join(tables.message, message.escalation_id == escalation.id)
        .where(_is_not(escalation.status, "closed"), message.kind == "alert", message.status == "failed")
        .where(~_arrived_otherwise())
    )
    quarantined = select(func.count()).select_from(tables.inbox).where(_is(inbox.status, "quarantined"))
    marks = {row.name: row.at for row in connection.execute(select(tables.beat).order_by(tables.beat.c.name))}
    cursor = tables.cursor.c
    well = connection.execute(select(cursor.name, cursor.at).where(cursor.name.between(_WELL, f"{_WELL}\U0010ffff")))
    return Health(
        heard={row.name.removeprefix(_WELL): row.at for row in well},
        backed_up_at=marks.pop(BACKUP, None),
        beats=marks,
        overdue_case=connection.execute(
            select(func.min(escalation.next_action_at)).where(_is_not(escalation.status, "closed"))
        ).scalar(),
        undelivered_cases=_undelivered(connection, now),
        oldest_urgent=_oldest(connection, wall, message.priority <= 1),
        oldest_prompt=_oldest(connection, wall, message.priority > 1),
        oldest_new=connection.execute(select(func.min(inbox.received_at)).where(_is(inbox.status, "new"))).scalar(),
        quarantined=connection.execute(quarantined).scalar_one(),
        failed=connection.execute(failed.where(message.created_at >= now - _RECENT)).scalar_one(),
        failed_alerts=connection.execute(alerts).scalar_one(),
    )


def try_to_store(connection: Connection, id_: int, now: datetime) -> None:
    """Write what needs room, and take it back: whether the database takes messages (F78). Raises when it does not."""
    with connection.begin_nested() as nested:
        row = {"id": id_, "at": now, "actor": "Nearpeer", "action": "trial", "detail": secrets.token_hex(_TRIAL_BYTES)}
        connection.execute(insert(tables.audit).values(row))
        nested.rollback()


def damage(file: Path, within: float) -> str:
    """What SQLite finds wrong with a file, in its own words; empty when nothing, or nothing within so many seconds."""
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        impatient = threading.Timer(within, connection.interrupt)
        impatient.start()
        try:
            found = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
            return "" if found == "ok" else found
        except sqlite3.OperationalError:  # interrupted, or locked and so far only busy
            return ""
        except sqlite3.DatabaseError as error:
            return str(error)
        finally:
            impatient.cancel()


def _oldest(connection: Connection, wall: datetime, which: ColumnElement[bool]) -> datetime | None:
    """When the message that has waited longest was written; what waits for its next try is not late."""
    message = tables.message.c
    is_due = or_(message.not_before.is_(None), message.not_before <= wall)
    moments = [
        connection.execute(select(func.min(message.created_at)).where(status, is_due, which)).scalar()
        for status in (_is(message.status, "pending"), _is(message.status, "sending"))
    ]
    return min(filter(None, moments), default=None)


def _arrived_otherwise() -> ColumnElement[bool]:
    """Whether the same alert reached the same adult in another way: in a crisis it goes all ways at once."""
    message, another = tables.message.c, tables.message.alias("another").c
    same = (
        getattr(another, name) == getattr(message, name) for name in ("escalation_id", "person_id", "rung", "round")
    )
    return exists().where(*same, another.kind == "alert", another.status == "sent")


def _undelivered(connection: Connection, now: datetime) -> int:
    """Open cases nobody has which should have been told a minute ago, and of which no alert has arrived since.

    An alert may tell of several cases of a student at once.
    """
    escalation, message = tables.escalation.c, tables.message.c
    long_ago = now - _TOLD_WITHIN
    on_its_way = message.status.in_(("pending", "sending", "failed")) & (message.created_at <= long_ago)
    rows = connection.execute(
        select(
            escalation.person_id,
            escalation.told_at,
            _newest_alert(on_its_way).label("missing"),
            _newest_alert(message.status == "sent").label("arrived"),
        ).where(_is_not(escalation.status, "closed"), escalation.status == "open", ~escalation.drill)
    ).all()
    reached: dict[int, datetime] = {}
    for row in rows:
        if row.arrived is not None:
            reached[row.person_id] = max(row.arrived, reached.get(row.person_id, row.arrived))
    wanted = [(row.missing or row.told_at, reached.get(row.person_id)) for row in rows]
    return sum(
        at is not None and at <= long_ago and (arrived_at is None or arrived_at < at) for at, arrived_at in wanted
    )


def _newest_alert(which: ColumnElement[bool]) -> ScalarSelect[Any]:
    message = tables.message.c
    of_case = (message.escalation_id == tables.escalation.c.id) & (message.kind == "alert")
    return select(func.max(message.created_at)).where(of_case, which).scalar_subquery()


def _is(column: Any, word: str) -> ColumnElement[bool]:
    """The comparison with the word in the statement itself: only so a database sees that a partial index fits."""
    return column == bindparam(None, word, literal_execute=True)  # type: ignore[no-any-return]


def _is_not(column: Any, word: str) -> ColumnElement[bool]:
    return column != bindparam(None, word, literal_execute=True)  # type: ignore[no-any-return]
