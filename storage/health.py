"""Whether the house is working, as staff can see it: marks of the heartbeat, what waits too long, what was given up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, select

from storage import tables

_RECENT = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Health:
    """Moments and counts; whoever shows them judges their age."""

    beats: Mapping[str, datetime]
    """Wall time of each beat's last mark."""
    oldest_pending: datetime | None
    """When the message that has waited longest to be sent was written."""
    oldest_new: datetime | None
    """When the event that has waited longest to be read came in."""
    quarantined: int
    failed: int
    """Messages that reached nobody in the last seven days."""
    failed_alerts: int
    """Alerts about cases that are not closed which could not be delivered."""


def health(connection: Connection, now: datetime) -> Health:
    """The state of the house at this moment of program time."""
    message, inbox, escalation, beat = (
        tables.message.c,
        tables.inbox.c,
        tables.escalation.c,
        tables.beat,
    )
    failed = select(func.count()).select_from(tables.message).where(message.status == "failed")
    alerts = (
        failed.join(tables.escalation, escalation.id == message.escalation_id)
        .where(message.kind == "alert", escalation.status != "closed")
    )  # fmt: skip
    return Health(
        beats={row.name: row.at for row in connection.execute(select(beat).order_by(beat.c.name))},
        oldest_pending=connection.execute(
            select(func.min(message.created_at)).where(message.status.in_(("pending", "sending")))
        ).scalar(),
        oldest_new=connection.execute(select(func.min(inbox.received_at)).where(inbox.status == "new")).scalar(),
        quarantined=connection.execute(
            select(func.count()).select_from(tables.inbox).where(inbox.status == "quarantined")
        ).scalar_one(),
        failed=connection.execute(failed.where(message.created_at >= now - _RECENT)).scalar_one(),
        failed_alerts=connection.execute(alerts).scalar_one(),
    )
