"""The engine, the one writer, and the migrations runner.

All writes of a process go through one thread. Whatever has queued up becomes one transaction (group commit): it is
faster than one commit each, keeps the order of the queue, and leaves no lost updates on SQLite. If a unit of a batch
raises, the whole batch is rolled back and each unit is replayed alone: one bad unit harms nobody (decisions.md 8).

When the database itself is at fault (storage/faults.py), nobody is replayed: the batch waits for what passes, within
the writer's patience; then everybody is told by an Outage, also those who queued up meanwhile, and asks again.
"""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.errors import Outage, Refused
from bot.failpoints import failpoint
from storage.engine import engine_for
from storage.faults import PASSING, Condition, Fault, fault_of, outage

T = TypeVar("T")
Unit = Callable[[Connection], T]
_Work = tuple[Unit[Any], Future[Any]]
_Entry = tuple[int, int, Unit[Any] | None, Future[Any]]

_MIGRATIONS = Path(__file__).parent / "migrations"
_BATCH = 64
_MIGRATION_LOCK = 0x6E656172  # any number that only Nearpeer's migrations use
PATIENCE = 6.0
"""Seconds in which the writer tries a batch again while the fault may pass: a page waits ten for its answer."""


class Database:
    """One database: `write` queues a unit of work for the writer thread, `read` gives a connection for reading."""

    def __init__(self, url: str) -> None:
        self.condition = Condition()
        self.engine = engine_for(url)
        self._file = sqlite_file(url)
        self._place = _place(self._file)
        self._units: queue.PriorityQueue[_Entry] = queue.PriorityQueue()
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
        """A connection that sees one consistent state and writes nothing. Raises Outage while the database is away."""
        if self.condition.fault is Fault.REPLACED:
            raise outage(Fault.REPLACED)
        try:
            with self.engine.connect().execution_options(reads_only=True) as connection:
                yield connection
        except SQLAlchemyError as error:
            fault = fault_of(error)
            if fault is None:
                raise
            raise outage(fault) from error

    def is_in_place(self) -> bool:
        """Whether the file that was opened is still the one of that name; if not, nothing is read or written again."""
        if self._place is not None and _place(self._file) != self._place:
            self.condition.met(Fault.REPLACED)
        return self.condition.fault is not Fault.REPLACED

    def migrate(self) -> None:
        """Bring the tables to this version's schema. Refuses a database that a newer Nearpeer made."""
        try:
            self._migrate()
        except DBAPIError as error:
            # The driver's own words name the file or server; statements and their values are not in them.
            reason = str(error.orig).strip().partition("\n")[0]
            raise Refused(f"The database cannot be opened: {reason}. See storage.url in nearpeer.toml.") from error

    def refuse_newer(self, connection: Connection) -> None:
        """Raises Refused when the tables are those of a newer Nearpeer."""
        current = _revision(connection)
        if current is not None and current not in _known_revisions():
            raise Refused(
                f"The database is at schema {current}, which this version does not know: a newer Nearpeer made it. "
                "Start that version again, or restore the backup from before the upgrade."
            )

    def _migrate(self) -> None:
        config = _migrations()
        with self.engine.begin() as connection:
            if not self.is_sqlite:
                # Others may be migrating, and a large table takes its time.
                connection.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            self.refuse_newer(connection)
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
            batch = [self._units.get(), *self._queued(_BATCH - 1)]
            stopping = any(unit is None for _, _, unit, _ in batch)
            work = _running(batch)
            if work and not self._commit(work):
                for pair in work:
                    self._commit([pair], alone=True)

    def _queued(self, limit: int) -> list[_Entry]:
        """Up to `limit` entries that wait now."""
        entries: list[_Entry] = []
        with contextlib.suppress(queue.Empty):
            while len(entries) < limit:
                entries.append(self._units.get_nowait())
        return entries

    def _commit(self, work: list[_Work], *, alone: bool = False) -> bool:
        """One transaction for all of `work`; True when every Future was answered."""
        began_at = self.condition.busy_since = time.monotonic()
        try:
            results = self._results(work, began_at + PATIENCE)
        except Outage as error:
            self._give_up(work, error)
        except Exception as error:
            # Told to whoever waits for the Future; a batch is replayed one by one first.
            if not alone and len(work) > 1:
                return False
            work[0][1].set_exception(error)
        else:
            for (_, future), result in zip(work, results, strict=True):
                future.set_result(result)
        finally:
            self.condition.busy_since = None
        return True

    def _results(self, work: list[_Work], until: float) -> list[Any]:
        """What each unit gave, after their commit. Raises Outage when the database is at fault until then."""
        while True:
            try:
                results = self._attempt(work, until)
            except Exception as error:
                fault = fault_of(error)
                if fault is None:
                    raise
                if fault not in PASSING or time.monotonic() > until:
                    self.condition.met(fault)
                    raise outage(fault) from error
                time.sleep(random.uniform(0.02, 0.2))  # noqa: S311  (jitter, no secret)
                continue
            # A commit into a file that nobody will find again is none.
            if not self.is_in_place():
                raise outage(Fault.REPLACED)
            return results

    def _attempt(self, work: list[_Work], until: float) -> list[Any]:
        """One try. A COMMIT whose answer was lost is asked about, so that nothing is done twice (F83)."""
        ticket = None
        try:
            with self.engine.begin() as connection:
                results = [unit(connection) for unit, _ in work]
                if not self.is_sqlite:
                    ticket = connection.execute(text("SELECT pg_current_xact_id_if_assigned()::text")).scalar()
        except SQLAlchemyError as error:
            if ticket is None or fault_of(error) is not Fault.AWAY or not self._landed(ticket, until):
                raise
        return results

    def _landed(self, ticket: str, until: float) -> bool:
        """Whether a transaction was committed, as PostgreSQL remembers it. Raises Outage when it does not say so."""
        while True:
            try:
                with self.engine.connect() as connection:
                    status = connection.execute(
                        text("SELECT pg_xact_status(CAST(:ticket AS xid8))"), {"ticket": ticket}
                    ).scalar()
            except SQLAlchemyError:
                status = "in progress"
            if status != "in progress":
                return bool(status == "committed")
            if time.monotonic() > until:
                self.condition.met(Fault.AWAY)
                raise outage(Fault.AWAY)
            time.sleep(0.1)

    def _give_up(self, work: list[_Work], error: Outage) -> None:
        """Tell all who wait, also in the queue: they ask again, and the queue cannot grow while the fault lasts."""
        waiting = self._queued(self._units.qsize())
        for entry in waiting:
            if entry[2] is None:
                self._units.put(entry)
        for _, future in (*work, *_running(waiting)):
            future.set_exception(error)


def _running(entries: list[_Entry]) -> list[_Work]:
    """The units of these entries that nobody has cancelled."""
    return [
        (unit, future) for _, _, unit, future in entries if unit is not None and future.set_running_or_notify_cancel()
    ]


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database, or None for any other database."""
    parsed = make_url(url)
    return Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None


def _place(file: Path | None) -> tuple[int, int] | None:
    """Device and inode of a file; None when there is none."""
    try:
        found = file.stat() if file else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None


def _migrations() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    return config


@cache
def _known_revisions() -> frozenset[str]:
    return frozenset(script.revision for script in ScriptDirectory.from_config(_migrations()).walk_revisions())


def _revision(connection: Connection) -> str | None:
    tables = connection.dialect.get_table_names(connection)
    if "alembic_version" not in tables:
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
