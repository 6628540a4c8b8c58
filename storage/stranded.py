"""What a wrong clock has put too far ahead, found when a run starts long before the last one ended: due at once."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select, update

from storage import tables

_USUAL = timedelta(minutes=10)
"""Retries are planned no farther ahead than this."""


def newest_beat(connection: Connection) -> datetime | None:
    """The newest mark of the heartbeat: about when the last run ended."""
    return connection.execute(select(func.max(tables.beat.c.at))).scalar()


def bring_back(connection: Connection, now: datetime) -> int:
    """Make due now what would wait for a time that the clock reaches much later; gives the number of open cases.

    An adult is asked too often rather than too late: every open case climbs at once.
    """
    escalation, message, inbox, beat = tables.escalation.c, tables.message.c, tables.inbox.c, tables.beat.c
    ahead = now + _USUAL
    connection.execute(
        update(tables.message)
        .where(message.status == "pending", message.priority <= 1, message.not_before > ahead)
        .values(not_before=now)
    )
    connection.execute(update(tables.inbox).where(inbox.status == "new", inbox.next_at > now).values(next_at=now))
    connection.execute(update(tables.beat).where(beat.at > now).values(at=now))
    return connection.execute(
        update(tables.escalation)
        .where(escalation.status != "closed", escalation.next_action_at > now)
        .values(next_action_at=now)
    ).rowcount
