"""The record of who looked at what and who did what. Append only; it never holds a person's words."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from sqlalchemy import Connection, insert

from bot.domain import AuditEntry
from storage import tables


def record(connection: Connection, entry_id: int, entry: AuditEntry) -> None:
    """Add one entry, in the transaction of what it tells about."""
    connection.execute(
        insert(tables.audit).values(
            id=entry_id,
            at=entry.at,
            actor=entry.actor,
            action=entry.action,
            person_id=entry.person_id,
            escalation_id=entry.escalation_id,
            detail=entry.detail,
        )
    )


def record_all(connection: Connection, new_id: Callable[[], int], entries: Iterable[AuditEntry]) -> None:
    """Add several entries, in their order."""
    for entry in entries:
        record(connection, new_id(), entry)
