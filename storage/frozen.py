"""Ends what a frozen program holds up on PostgreSQL: its transaction, with all the rows that it has locked.

`idle_in_transaction_session_timeout` (storage/engine.py) ends it between two statements only. Many rows reach the
server as one pipeline: whoever freezes in the middle of that is "active" for it, and it waits for the rest for ever.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, text

from storage.engine import FROZEN, PROGRAM

_END = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = :program"
    " AND datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()"
    # It has written or locked something, and waits for its program, not for us or the disk.
    " AND backend_xid IS NOT NULL AND wait_event_type = 'Client'"
    " AND state_change < clock_timestamp() - :frozen"
)


def end_frozen(connection: Connection) -> int:
    """End transactions of programs that have sent nothing for too long; gives how many. The rows are free then."""
    given = {"program": PROGRAM, "frozen": timedelta(seconds=FROZEN)}
    return len(connection.execute(_END, given).all())
