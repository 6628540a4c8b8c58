"""The database itself at fault, named after reliability.md 7 E: waits for what passes, tells the rest, and recovers."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import psycopg
import pytest
from sqlalchemy import Connection, insert, select, text

from bot.errors import Outage
from storage import tables, writer
from storage.database import Database, sqlite_file
from storage.faults import Fault
from tests.fakes.proxy import cable
from tests.school import NOON, on_sqlite

LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held_by_another_process(database_url: str) -> Iterator[subprocess.Popen[str]]:
    """Somebody else's program holds the file for writing until its input ends."""
    command = [sys.executable, "-c", LOCKER, str(sqlite_file(database_url))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.stdin.close()
            process.wait(10)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer that gives up soon."""
    monkeypatch.setattr(writer, "PATIENCE", 0.3)


def beat(connection: Connection, name: str) -> str:
    connection.execute(insert(tables.beat).values(name=name, at=NOON))
    return name


def write(database: Database, name: str) -> Future[str]:
    return database.write(lambda connection: beat(connection, name))


def names(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(select(tables.beat.c.name)).scalars())


def answer_of(future: Future[str]) -> str:
    """What became of a write: its result, or why the database did not take it."""
    try:
        return future.result(30)
    except Outage as error:
        return error.code


# --- F77: locked ---


@on_sqlite
def test_f77_the_writer_waits_for_a_short_lock(database: Database, database_url: str) -> None:
    with held_by_another_process(database_url):
        waiting = write(database, "patient")
        time.sleep(0.3)
        assert not waiting.done()
        assert database.condition.busy_since is not None
    assert waiting.result(10) == "patient"
    assert database.condition.fault is None


@on_sqlite
@pytest.mark.usefixtures("hasty")
def test_f77_a_long_lock_is_told_to_all_who_wait_and_then_it_goes_on(database: Database, database_url: str) -> None:
    with held_by_another_process(database_url):
        waiting = [write(database, f"early {number}") for number in range(200)]
        assert {answer_of(future) for future in waiting} == {Fault.LOCKED}
        assert database.condition.fault is Fault.LOCKED
    assert write(database, "later").result(10) == "later"
    assert names(database) == {"later"}


# --- F78, F79: full, read-only ---


@on_sqlite
def test_f78_a_full_disk_is_told_at_once_and_is_over_when_there_is_space(database: Database) -> None:
    def grown(connection: Connection, pages: int) -> None:
        connection.execute(text(f"PRAGMA max_page_count = {pages}"))

    with database.engine.connect() as connection:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
    database.write(lambda connection: grown(connection, pages)).result()
    long = "x" * 300_000
    assert answer_of(write(database, long)) == Fault.FULL
    assert database.condition.fault is Fault.FULL
    database.write(lambda connection: grown(connection, pages + 1_000)).result()
    assert answer_of(write(database, long)) == long


@on_sqlite
def test_f79_a_database_that_became_read_only_is_told(database: Database) -> None:
    database.write(lambda connection: connection.execute(text("PRAGMA query_only = 1")))
    assert answer_of(write(database, "lost")) == Fault.READ_ONLY
    assert names(database) == set()


# --- F80: replaced ---


@on_sqlite
@pytest.mark.parametrize("how", ["deleted", "replaced"])
def test_f80_nothing_is_acknowledged_into_a_file_that_nobody_will_find_again(
    database: Database, database_url: str, how: str
) -> None:
    file = sqlite_file(database_url)
    assert file is not None
    assert write(database, "before").result(5) == "before"
    if how == "replaced":
        copy = file.with_name("copy.db")
        copy.write_bytes(file.read_bytes())
        copy.rename(file)
    else:
        file.unlink()
    assert answer_of(write(database, "after")) == Fault.REPLACED
    assert not database.is_in_place()
    with pytest.raises(Outage, match="deleted or replaced"), database.read():
        raise AssertionError("read from a file that is not ours")


# --- F81: damaged ---


@on_sqlite
def test_f81_a_damaged_page_is_no_fault_of_whoever_reads_it(database: Database, database_url: str) -> None:
    file = sqlite_file(database_url)
    assert file is not None
    database.write(lambda connection: [beat(connection, f"{number} {'x' * 2_000}") for number in range(40)]).result()
    with database.engine.connect() as connection:
        root = connection.execute(text("SELECT rootpage FROM sqlite_master WHERE name = 'beat'")).scalar_one()
        size = connection.execute(text("PRAGMA page_size")).scalar_one()
    database.close()
    with file.open("r+b") as opened:
        opened.seek((root - 1) * size)
        opened.write(os.urandom(size))
    again = Database(database_url)
    with pytest.raises(Outage) as caught, again.read() as connection:
        connection.execute(select(tables.beat)).all()
    again.close()
    assert caught.value.code == Fault.DAMAGED


# --- F82, F83, F84: PostgreSQL ---

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


def killed_by(database_url: str) -> None:
    """Somebody ends every connection to the database but their own."""
    other = Database(database_url)
    with other.engine.connect() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    other.close()


@on_postgresql
def test_f82_a_connection_that_is_killed_in_the_middle_of_a_batch_does_its_work_once(
    database: Database, database_url: str
) -> None:
    runs = []

    def counted(connection: Connection) -> None:
        runs.append(1)
        beat(connection, f"run {len(runs)}")
        if len(runs) == 1:
            killed_by(database_url)

    database.write(counted).result(30)
    assert names(database) == {"run 2"}
    assert database.condition.fault is None


@on_postgresql
def test_f84_a_deadlock_is_tried_again_and_nobody_hears_of_it(database: Database, database_url: str) -> None:
    for name in ("a", "b"):
        write(database, name).result()
    other = Database(database_url)
    both = threading.Barrier(2)
    met: list[int] = []

    def crossing(first: str, second: str):  # type: ignore[no-untyped-def]
        def unit(connection: Connection) -> None:
            column = tables.beat.c
            connection.execute(select(column.name).where(column.name == first).with_for_update())
            if len(met) < 2:
                met.append(1)
                both.wait(10)
            connection.execute(select(column.name).where(column.name == second).with_for_update())

        return unit

    futures = [database.write(crossing("a", "b")), other.write(crossing("b", "a"))]
    for future in futures:
        future.result(30)
    other.close()
    assert (database.condition.fault, other.condition.fault) == (None, None)


@on_postgresql
def test_f83_a_commit_whose_answer_was_lost_is_not_done_again(database_url: str) -> None:
    with cable(database_url) as line:
        database = Database(line.url)
        runs: list[int] = []

        def counted(connection: Connection) -> int:
            runs.append(1)
            beat(connection, f"run {len(runs)}")
            return len(runs)

        assert database.write(counted).result(10) == 1
        line.swallow = 1
        assert database.write(counted).result(10) == 2
        assert (line.swallowed, len(runs), names(database)) == (1, 2, {"run 1", "run 2"})
        line.cut()
        assert database.write(counted).result(10) == len(runs)
        assert names(database) == {"run 1", "run 2", f"run {len(runs)}"}
        database.close()


def taken(database_url: str) -> list[psycopg.Connection]:
    """All connections that the server still gives."""
    others: list[psycopg.Connection] = []
    with contextlib.suppress(psycopg.OperationalError):
        while True:
            others.append(psycopg.connect(database_url, autocommit=True))
    return others


@on_postgresql
@pytest.mark.usefixtures("hasty")
def test_f82_a_server_that_takes_no_more_connections_is_an_outage_and_over_by_itself(
    database: Database, database_url: str
) -> None:
    write(database, "before").result()
    others = taken(database_url)
    others[0].execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND NOT pid = ANY(%s)",
        [[other.info.backend_pid for other in others]],
    )
    others.append(psycopg.connect(database_url, autocommit=True))
    assert answer_of(write(database, "refused")) == Fault.AWAY
    for other in others:
        other.close()
    assert write(database, "after").result(30) == "after"
    assert names(database) == {"before", "after"}


@on_postgresql
def test_f82_a_reader_waits_not_for_ever_for_a_free_connection(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.engine._FREE_CONNECTION", 0.2)
    database = Database(database_url)
    with contextlib.ExitStack() as readers:
        for _ in range(15):
            readers.enter_context(database.read())
        with pytest.raises(Outage, match="does not answer"):
            readers.enter_context(database.read())
    assert write(database, "after").result(10) == "after"
    database.close()
