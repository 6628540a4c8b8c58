"""The engine, the one writer, and the migrations runner.

All writes of a process go through one thread. Whatever has queued up becomes one transaction (group commit): it is
faster than one commit each, keeps the order of the queue, and leaves no lost updates on SQLite. If a unit of a batch
raises, the whole batch is rolled back and each unit is replayed alone: one bad unit harms nobody (decisions.md 8).
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, ExceptionContext, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError

from bot.errors import Refused
from bot.failpoints import failpoint

T = TypeVar("T")
Unit = Callable[[Connection], T]

_MIGRATIONS = Path(__file__).parent / "migrations"
_BATCH = 64
_MIGRATION_LOCK = 0x6E656172  # any number that only Nearpeer's migrations use


class Database:
    """One database: `write` queues a unit of work for the writer thread, `read` gives a connection for reading."""

    def __init__(self, url: str) -> None:
        self.engine = _engine(url)
        self._units: queue.PriorityQueue[tuple[int, int, Unit[Any] | None, Future[Any]]] = queue.PriorityQueue()
        self._order = count()
        self._closing = threading.Lock()
        self._closed = False
        self._writer = threading.Thread(target=self._write_batches, name="database-writer", daemon=True)
        self._writer.start()

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def write(self, unit: Unit[T], *, first: bool = False) -> Future[T]:
        """Run `unit(connection)` in the next transaction; the Future is done after the commit.

        `first`: intake goes before other work, because a platform is waiting for its acknowledgement. A unit may run
        twice (its batch was rolled back), so it must not touch anything but the connection.
        """
        future: Future[T] = Future()
        with self._closing:
            if self._closed:
                raise Refused("The database is closed.")
            self._units.put((0 if first else 1, next(self._order), unit, future))
        return future

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection that sees one consistent state and writes nothing."""
        with self.engine.connect().execution_options(reads_only=True) as connection:
            yield connection

    def migrate(self) -> None:
        """Bring the tables to this version's schema. Refuses a database that a newer Nearpeer made."""
        try:
            self._migrate()
        except DBAPIError as error:
            # The driver's own words name the file or server; statements and their values are not in them.
            reason = str(error.orig).strip().partition("\n")[0]
            raise Refused(f"The database cannot be opened: {reason}. See storage.url in nearpeer.toml.") from error

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS))
        known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
        with self.engine.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            current = _revision(connection)
            if current is not None and current not in known:
                raise Refused(
                    f"The database is at schema {current}, which this version does not know: a newer Nearpeer made it. "
                    "Start that version again, or restore the backup from before the upgrade."
                )
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            failpoint("migrate.step")

    def close(self) -> None:
        """Finish what is queued, then stop the writer and give the connections back."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._units.put((2, next(self._order), None, Future()))
        self._writer.join()
        self.engine.dispose()

    def _write_batches(self) -> None:
        stopping = False
        while not stopping:
            batch = [self._units.get()]
            while len(batch) < _BATCH:
                try:
                    batch.append(self._units.get_nowait())
                except queue.Empty:
                    break
            stopping = any(unit is None for _, _, unit, _ in batch)
            work = [
                (unit, future)
                for _, _, unit, future in batch
                if unit is not None and future.set_running_or_notify_cancel()
            ]
            if work and not self._commit(work):
                for pair in work:
                    self._commit([pair], alone=True)

    def _commit(self, work: list[tuple[Unit[Any], Future[Any]]], *, alone: bool = False) -> bool:
        """One transaction for all of `work`; True when every Future was answered."""
        try:
            with self.engine.begin() as connection:
                results = [unit(connection) for unit, _ in work]
        except Exception as error:
            # Told to whoever waits for the Future; a batch is replayed one by one first, a batch of one as well,
            # because a lost connection or a lock is often gone at the second try.
            if alone:
                work[0][1].set_exception(error)
            return alone
        for (_, future), result in zip(work, results, strict=True):
            future.set_result(result)
        return True


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database, or None for any other database."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _revision(connection: Connection) -> str | None:
    tables = connection.dialect.get_table_names(connection)
    if "alembic_version" not in tables:
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


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


def _engine(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        engine = create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True)
        event.listen(engine, "handle_error", _quote_no_row)
        return engine
    _make_private(parsed.database)
    engine = create_engine(parsed, connect_args={"check_same_thread": False, "timeout": 5}, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves, below
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # A write transaction that begins as a reader and is upgraded fails at once with "locked" (reliability.md 3.4).
        reads_only = connection.get_execution_options().get("reads_only", False)
        connection.exec_driver_sql("BEGIN" if reads_only else "BEGIN IMMEDIATE")

    return engine
