"""How each database is opened: durable commits, bounded waits, private files. Nothing is read or written here."""

from __future__ import annotations

import contextlib
import os
from typing import Any

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url

LOCK_WAIT = 2.0
"""Seconds that one try waits for a lock."""
_LONGEST_STATEMENT = 30.0
FROZEN = 15.0
"""Seconds, on PostgreSQL: no transaction of ours thinks so long. One that does belongs to a frozen program."""
PROGRAM = "nearpeer"
"""What our connections are called there."""
_FREE_CONNECTION = 6.0
"""Seconds to wait for one of the pool."""


def _quote_no_row(context: ExceptionContext) -> None:
    """Keep the first line of an error: PostgreSQL goes on with the row that it refused, people's words and all."""
    for error in (context.original_exception, context.sqlalchemy_exception):
        if error is not None and error.args:
            error.args = (str(error.args[0]).partition("\n")[0], *error.args[1:])


def _make_private(file: str | None) -> None:
    """A new file only its owner may read, as SQLite's own would be for everybody; its write-ahead log follows it."""
    if file and file != ":memory:":
        with contextlib.suppress(OSError):  # there already, or not to be written: SQLite says so in its own words
            os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))


def engine_for(url: str) -> Engine:
    """The engine of a database, with every connection set up so that what is committed survives a power cut."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return _postgresql(parsed)
    _make_private(parsed.database)
    engine = create_engine(
        parsed, connect_args={"check_same_thread": False, "timeout": LOCK_WAIT}, hide_parameters=True
    )

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            f"busy_timeout={LOCK_WAIT * 1000:.0f}",
            "foreign_keys=ON",
            # After a long reader the write-ahead log shrinks again (F90).
            "journal_size_limit=67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A write transaction that begins as a reader and is upgraded fails at once with "locked" (reliability.md 3.4).
        reads_only = connection.get_execution_options().get("reads_only", False)
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: URL) -> Engine:
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_timeout=_FREE_CONNECTION,
        hide_parameters=True,
        # A server that vanished without a word is noticed in seconds, not in the two hours of TCP.
        connect_args={
            "connect_timeout": 5,
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            "application_name": PROGRAM,
        },
    )
    event.listen(engine, "handle_error", _quote_no_row)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.execute(f"SET statement_timeout = {_LONGEST_STATEMENT * 1000:.0f}")
        connection.execute(f"SET lock_timeout = {LOCK_WAIT * 1000:.0f}")
        # Between two statements; storage/frozen.py ends those that stopped in the middle of one.
        connection.execute(f"SET idle_in_transaction_session_timeout = {FROZEN * 1000:.0f}")
        connection.commit()

    return engine
