"""Doing something only while the lease is ours: standing by, taking over, stopping at once when it is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection

from bot.clock import SystemClock
from bot.domain import Lease, Raw, Turn
from bot.errors import LeaseLost
from bot.leases import Leases, Times
from storage import leases, tables
from storage.database import Database
from tests.school import MAYA, House, on_postgresql, on_sqlite
from tests.test_delivery import message, save, until

TIMES = Times(valid=1.0, renew=0.2, look=0.05)
NAME = "send:web:main"


class Work:
    """Something that only one may do; it notes when it was begun and told to end."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.ended = 0

    async def __call__(self, lease: Lease, ending: asyncio.Event) -> None:
        self.begun.append(lease.token)
        await ending.wait()
        self.ended += 1


@asynccontextmanager
async def keeping(keeper: Leases, work: Work, name: str = NAME) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(keeper.keep(name, work, stop))
    try:
        yield
    finally:
        stop.set()
        async with asyncio.timeout(10):
            await task


def keeper(database: Database, times: Times = TIMES) -> Leases:
    return Leases(database, SystemClock(), times)


def rob(database: Database) -> None:
    """Another program takes the lease, as if this one had been frozen for longer than it is valid."""
    wall = SystemClock().wall()

    def unit(connection: Connection) -> None:
        taken = leases.take(connection, NAME, "office:2", wall + timedelta(hours=1), timedelta(0))
        assert taken is not None
        leases.give_up(connection, taken, wall)

    database.write(unit).result()


@on_postgresql
async def test_the_second_stands_by_and_takes_over_when_the_first_ends(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "bot.leases")
    first, second = Work(), Work()
    async with keeping(keeper(database), first):
        await until(lambda: first.begun == [1])
        async with keeping(keeper(database), second):
            await until(lambda: "standing by" in caplog.text)
            await asyncio.sleep(1.5)  # longer than the lease: renewing is what keeps it
            assert (first.ended, second.begun) == (0, [])
        assert second.begun == []
    assert first.ended == 1
    async with keeping(keeper(database), second):
        await until(lambda: second.begun == [2])


@on_postgresql
async def test_who_was_robbed_is_told_at_the_next_renewal_and_stands_by_again(database: Database) -> None:
    work, mine = Work(), keeper(database)
    async with keeping(mine, work):
        await until(lambda: work.begun == [1])
        assert mine.held(NAME)
        rob(database)
        await until(lambda: work.ended == 1)
        await until(lambda: work.begun == [1, 3])  # the robber's token was the second


@on_postgresql
async def test_who_hears_nothing_from_the_database_stops_before_the_next_one_begins(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    work, mine = Work(), keeper(database)
    async with keeping(mine, work):
        await until(lambda: work.begun == [1])

        def away(*_: object) -> None:
            raise OSError("away")

        with monkeypatch.context() as patched:
            patched.setattr(leases, "renew", away)
            patched.setattr(leases, "take", away)
            await until(lambda: work.ended == 1)
            await until(lambda: not mine.held(NAME))
        await until(lambda: work.begun == [1, 2])


@on_postgresql
async def test_a_poller_is_stopped_wherever_it_waits_when_another_takes_over(database: Database) -> None:
    mine = keeper(database)
    with pytest.raises(LeaseLost):  # noqa: PT012
        async with mine.hold(NAME) as lease:
            assert lease == Lease(NAME, 1)
            rob(database)
            await asyncio.sleep(30)
    assert not mine.held(NAME)


@on_postgresql
async def test_a_poller_that_ends_by_itself_gives_its_lease_up(database: Database) -> None:
    mine = keeper(database)
    with pytest.raises(TimeoutError):
        async with mine.hold(NAME):
            raise TimeoutError  # its own, and no lost lease
    with database.read() as connection:
        assert leases.holder(connection, NAME, SystemClock().wall()) == ""


@on_postgresql
async def test_a_poller_that_is_canceled_gives_its_lease_up(database: Database) -> None:
    mine = keeper(database)

    async def poll() -> None:
        async with mine.hold(NAME):
            await asyncio.sleep(30)

    task = asyncio.create_task(poll())
    await until(lambda: mine.held(NAME))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with database.read() as connection:
        assert leases.holder(connection, NAME, SystemClock().wall()) == ""


@on_sqlite
async def test_on_sqlite_everything_is_ours_at_once_and_leaves_no_rows(database: Database) -> None:
    work, mine = Work(), keeper(database)
    async with keeping(mine, work), mine.hold("poll:web:main") as lease:
        await until(lambda: work.begun == [0])
        assert lease.token == 0
        assert mine.held(NAME)
    with database.read() as connection:
        assert connection.execute(tables.lease.select()).all() == []


@on_postgresql
async def test_work_that_fails_ends_the_program_and_frees_the_lease(database: Database) -> None:
    async def work(lease: Lease, ending: asyncio.Event) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await keeper(database).keep(NAME, work, asyncio.Event())
    with database.read() as connection:
        assert leases.holder(connection, NAME, SystemClock().wall()) == ""


# --- what a lease guards ---


@on_postgresql
async def test_what_a_late_poller_brings_is_not_stored(house: House) -> None:
    late = house.write(lambda c: leases.take(c, NAME, "library:1", house.clock.wall(), timedelta(0)))
    now = house.write(lambda c: leases.take(c, NAME, "office:2", house.clock.wall(), timedelta(0)))
    raw = Raw("web", "main", "e1", {"chat": str(MAYA), "text": "hello"})
    with pytest.raises(LeaseLost):
        await house.app.port.receive(raw, late)
    assert house.rows(tables.inbox) == []
    await house.app.port.receive(raw, now)
    assert len(house.rows(tables.inbox)) == 1


@on_postgresql
async def test_a_sender_that_lost_its_lease_claims_nothing_more(house: House) -> None:
    late = house.write(lambda c: leases.take(c, NAME, "library:1", house.clock.wall(), timedelta(0)))
    now = house.write(lambda c: leases.take(c, NAME, "office:2", house.clock.wall(), timedelta(0)))
    save(house.database, Turn(messages=(message(1),)), house.clock.now())
    delivery = house.app.deliveries[0]
    for lease, status in ((late, "pending"), (now, "sent")):
        stop = asyncio.Event()
        running = asyncio.create_task(delivery.run(stop, lease))
        await asyncio.sleep(0.2)
        stop.set()
        await running
        assert house.rows(tables.message)[0].status == status
