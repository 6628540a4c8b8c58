"""F17 on PostgreSQL: a program that stands still in the middle of a transaction holds nobody up for long."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, text, update
from sqlalchemy.exc import OperationalError

from storage import frozen, tables
from storage.database import Database
from tests.school import NOON

FREEZES = """
import os, signal, sys
from storage.database import Database
from storage.hot import Text

mark = Text("UPDATE beat SET at = at WHERE name = :name")

class Rows(list):
    stops = [signal.SIGSTOP]

    def __iter__(self):
        yield {"name": "turns"}
        while self.stops:
            os.kill(os.getpid(), self.stops.pop())
        yield {"name": "due"}

database = Database(sys.argv[1])
print(database.write(lambda connection: mark.run(connection, Rows(range(2)))).result(), flush=True)
database.close()
"""
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)


@contextmanager
def frozen_program(url: str) -> Iterator[subprocess.Popen[str]]:
    """Another program that has locked a row and sent half of what it wants to send."""
    command = [sys.executable, "-c", FREEZES, url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        try:
            yield process
        finally:
            process.kill()


def touch(connection: Connection) -> None:
    connection.execute(text("SET LOCAL lock_timeout = '100ms'"))
    connection.execute(update(tables.beat).where(tables.beat.c.name == "turns").values(at=NOON))


def until_locked(database: Database) -> None:
    """Until the server has done what the frozen program still sent."""
    for _ in range(100):
        try:
            with database.engine.connect() as connection:
                touch(connection)
        except OperationalError:
            return
        time.sleep(0.1)
    pytest.fail("the frozen program locks nothing")


def end_frozen(database: Database) -> int:
    with database.read() as connection:
        return frozen.end_frozen(connection)


@on_postgresql
def test_f17_a_program_frozen_in_the_middle_of_a_pipeline_is_ended(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"name": name, "at": NOON} for name in ("turns", "due")]
    database.write(lambda connection: connection.execute(tables.beat.insert(), rows)).result()
    with frozen_program(database_url) as process:
        until_locked(database)
        assert end_frozen(database) == 0  # nobody is taken for frozen so soon
        monkeypatch.setattr(frozen, "FROZEN", 0.5)
        time.sleep(0.6)
        assert end_frozen(database) == 1
        database.write(touch).result()
        process.send_signal(signal.SIGCONT)
        out, _ = process.communicate(timeout=60)
    # Its transaction was taken back as a whole; awake again, it did all of it anew.
    assert out == "2\n"


@on_postgresql
def test_a_reader_and_one_that_is_at_work_are_left_alone(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "FROZEN", 0.1)
    with database.engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM beat")).all()
        time.sleep(0.2)
        assert end_frozen(database) == 0
        reader.execute(text("SELECT count(*) FROM beat")).all()
    slow = database.write(
        lambda connection: connection.execute(text("SELECT pg_current_xact_id(), pg_sleep(0.5)")).all()
    )
    time.sleep(0.3)
    assert end_frozen(database) == 0
    assert slow.result()
