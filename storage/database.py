"""One database: its engine, its one writer (storage/writer.py), connections to read, and the schema of its tables."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from bot.errors import Refused
from storage.engine import engine_for
from storage.faults import Condition, Fault, fault_of, outage
from storage.writer import Job, Unit, Writer

T = TypeVar("T")

MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 0x6E656172  # any number that only Nearpeer's migrations use


class Database:
    """`write`, `run` and `queue` queue units of work for the writer, `read` gives a connection for reading.

    A unit may run twice (its batch was rolled back), so it must not touch anything but the connection. `first`: intake
    goes before other work, because a platform is waiting for its acknowledgement.
    """

    def __init__(self, url: str) -> None:
        self.condition = Condition()
        self.engine = engine_for(url)
        self._file = sqlite_file(url)
        self._place = _place(self._file)
        self._writer = Writer(self.engine, self.condition, self.is_in_place)

    @property
    def is_sqlite(self) -> bool:
        return self.engine.dialect.name == "sqlite"

    def write(self, unit: Unit[T], *, first: bool = False) -> Future[T]:
        """Run `unit(connection)` in the next transaction; the Future is done after the commit."""
        future: Future[T] = Future()
        self._writer.take(Job(unit, future), first=first)
        return future

    async def run(self, unit: Unit[T], *, first: bool = False) -> T:
        """The same for coroutines."""
        return await self.queue(unit, first=first)

    def queue(self, unit: Unit[T], *, first: bool = False) -> asyncio.Future[T]:
        """The same, and what is queued by it now shares a transaction with what is queued next, if time allows."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._writer.take(Job(unit, future, loop), first=first)
        return future

    def queue_each(
        self, together: Unit[Sequence[T]], alone: Sequence[Unit[Any]], *, first: bool = False
    ) -> asyncio.Future[Sequence[T | Exception]]:
        """Run many small units as the one that does them all; if that fails, each alone: their results or errors."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Sequence[T | Exception]] = loop.create_future()
        self._writer.take(Job(together, future, loop, alone), first=first)
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

    def refuse_newer(self, connection: Connection) -> str | None:
        """Which schema the tables have, None for none. Raises Refused when they are those of a newer Nearpeer."""
        current = _revision(connection)
        if current is not None and current not in known_revisions():
            raise Refused(
                f"The database is at schema {current}, which this version does not know: a newer Nearpeer made it. "
                "Start that version again, or restore the backup from before the upgrade."
            )
        return current

    def _migrate(self) -> None:
        with self.engine.begin() as connection:
            if not self.is_sqlite:
                # Others may be migrating, and a large table takes its time.
                connection.execute(text("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            if self.refuse_newer(connection) != max(known_revisions()):
                # Alembic is a quarter second and 8 MB of what a start takes, and hardly any start has tables to change.
                from storage.upgrade import upgrade

                upgrade(connection, MIGRATIONS)

    def close(self) -> None:
        """Finish what is queued, then stop the writer and give the connections back."""
        self._writer.close()
        self.engine.dispose()


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


@cache
def known_revisions() -> frozenset[str]:
    """The schemas that this version has been through; their files begin with their numbers, the newest is the last."""
    return frozenset(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    tables = connection.dialect.get_table_names(connection)
    if "alembic_version" not in tables:
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
