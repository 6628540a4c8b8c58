"""Leases as rows: one holder, a token that only rises, and nobody late gets through."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain import Lease
from storage import leases, tables
from storage.database import Database
from storage.wake import Channel, Listener, wake
from tests.school import NOON, on_postgresql

VALID = timedelta(seconds=30)
POLL = "poll:telegram:mentors"


@pytest.fixture
def taken(database: Database) -> Lease:
    lease = database.write(lambda c: leases.take(c, POLL, "library:1", NOON, VALID)).result()
    assert lease == Lease(POLL, 1)
    return lease


def holder(database: Database, at: datetime) -> str:
    with database.read() as connection:
        return leases.holder(connection, POLL, at)


@on_postgresql
def test_a_lease_has_one_holder_until_it_runs_out(database: Database, taken: Lease) -> None:
    later = NOON + timedelta(seconds=29)
    assert database.write(lambda c: leases.take(c, POLL, "office:2", later, VALID)).result() is None
    assert holder(database, later) == "library:1"
    after = NOON + VALID
    assert holder(database, after) == ""
    assert database.write(lambda c: leases.take(c, POLL, "office:2", after, VALID)).result() == Lease(POLL, 2)
    assert holder(database, after) == "office:2"


@on_postgresql
def test_who_renews_keeps_it(database: Database, taken: Lease) -> None:
    later = NOON + timedelta(seconds=20)
    assert database.write(lambda c: leases.renew(c, taken, later, VALID)).result()
    assert database.write(lambda c: leases.take(c, POLL, "office:2", NOON + VALID, VALID)).result() is None


@on_postgresql
def test_who_gives_it_up_lets_the_next_one_in_at_once(database: Database, taken: Lease) -> None:
    assert database.write(lambda c: leases.give_up(c, taken, NOON)).result()
    assert database.write(lambda c: leases.take(c, POLL, "office:2", NOON, VALID)).result() == Lease(POLL, 2)


@on_postgresql
def test_who_was_paused_and_comes_back_late_neither_holds_nor_renews_nor_gives_up(
    database: Database, taken: Lease
) -> None:
    after = NOON + timedelta(minutes=1)
    database.write(lambda c: leases.take(c, POLL, "office:2", after, VALID)).result()
    assert not database.write(lambda c: leases.holds(c, taken)).result()
    assert not database.write(lambda c: leases.renew(c, taken, after, VALID)).result()
    assert not database.write(lambda c: leases.give_up(c, taken, after)).result()
    assert holder(database, after) == "office:2"


@on_postgresql
def test_of_many_who_try_at_once_one_gets_it(database: Database) -> None:
    start = threading.Barrier(8)

    def attempt(number: int) -> Lease | None:
        with database.engine.begin() as connection:
            start.wait()
            return leases.take(connection, POLL, f"machine:{number}", NOON, VALID)

    with ThreadPoolExecutor(8) as threads:
        got = [lease for lease in threads.map(attempt, range(8)) if lease is not None]
    assert got == [Lease(POLL, 1)]


@on_postgresql
def test_nobody_takes_over_between_the_look_at_the_token_and_the_commit(database: Database, taken: Lease) -> None:
    """The claim of a sender that still holds, and the take-over that waits for it."""
    after = NOON + timedelta(minutes=1)
    with database.engine.begin() as connection:
        assert leases.holds(connection, taken)
        successor = database.write(lambda c: leases.take(c, POLL, "office:2", after, VALID))
        time.sleep(0.2)
        assert not successor.done()
    assert successor.result(timeout=10) == Lease(POLL, 2)


@on_postgresql
def test_every_program_gets_a_number_of_its_own(database: Database) -> None:
    numbers = [database.write(lambda c: leases.program_number(c, NOON)).result() for _ in range(3)]
    assert numbers == [1, 2, 3]


@on_postgresql
def test_the_databases_time_is_a_moment_in_utc(database: Database) -> None:
    with database.read() as connection:
        moment = leases.database_time(connection)
    assert moment.tzinfo is UTC
    assert abs(moment - datetime.now(UTC)) < timedelta(minutes=1)


def test_on_sqlite_the_instance_lock_is_the_lease(database: Database) -> None:
    """Nobody takes a row there, and nothing is refused for lack of one."""
    held = database.write(lambda c: leases.holds(c, Lease(POLL, 0))).result()
    assert held == database.is_sqlite


class Told:
    def __init__(self) -> None:
        self.times = 0
        self.news = threading.Event()

    def __call__(self) -> None:
        self.times += 1
        self.news.set()

    def again(self) -> bool:
        """Whether there was news since the last time; waits for it."""
        heard = self.news.wait(5)
        self.news.clear()
        return heard


@on_postgresql
def test_whoever_listens_is_woken_once_for_a_whole_commit(database: Database) -> None:
    inbox, outbox = Told(), Told()
    listener = Listener(database, {Channel.INBOX: inbox, Channel.OUTBOX: outbox})
    try:
        assert inbox.again()  # the first look, for what came while nobody listened
        assert outbox.again()
        with database.engine.begin() as connection:
            for _ in range(5):
                wake(connection, Channel.INBOX)
            time.sleep(0.1)
            assert not inbox.news.is_set(), "woken before the commit"
        assert inbox.again()
        assert (inbox.times, outbox.times) == (2, 1)
    finally:
        listener.close()


@on_postgresql
def test_a_turn_that_is_rolled_back_wakes_nobody(database: Database) -> None:
    outbox = Told()
    listener = Listener(database, {Channel.OUTBOX: outbox})
    try:
        assert outbox.again()
        with pytest.raises(ZeroDivisionError), database.engine.begin() as connection:  # noqa: PT012
            wake(connection, Channel.OUTBOX)
            raise ZeroDivisionError
        with database.engine.begin() as connection:
            wake(connection, Channel.OUTBOX)
        assert outbox.again()
        assert outbox.times == 2
    finally:
        listener.close()


@on_postgresql
def test_a_listener_comes_back_after_its_connection_was_killed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.wake._AGAIN", 0.05)
    inbox = Told()
    listener = Listener(database, {Channel.INBOX: inbox})
    try:
        assert inbox.again()
        with database.engine.begin() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert inbox.again(), "it looks by itself as soon as it listens again"
        with database.engine.begin() as connection:
            wake(connection, Channel.INBOX)
        assert inbox.again()
    finally:
        listener.close()


def test_on_sqlite_waking_costs_nothing_and_nobody_listens(database: Database) -> None:
    if not database.is_sqlite:
        return
    listener = Listener(database, {})
    database.write(lambda c: wake(c, Channel.INBOX)).result()
    listener.close()
    with database.read() as connection:
        assert connection.execute(tables.lease.select()).all() == []
