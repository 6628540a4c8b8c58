"""The heartbeat: it beats, leaves marks, survives what a beat throws, and is rebuilt when it has stopped."""

from __future__ import annotations

import asyncio

import pytest

from bot import heartbeat as heartbeat_module
from bot.heartbeat import Heartbeat
from storage import tables
from storage.database import Database
from tests.fakes.memory import Hands
from tests.school import CANARY, NOON, on_sqlite
from tests.test_delivery import until

pytestmark = on_sqlite


@pytest.fixture(autouse=True)
def _quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat_module, "EVERY", 0.02)
    monkeypatch.setattr(heartbeat_module, "MISSED", 0.2)


class Counts:
    """Counts its beats; `wrong` is raised by the next one."""

    def __init__(self) -> None:
        self.beats = 0
        self.wrong: Exception | None = None
        self.hold: asyncio.Event | None = None

    async def __call__(self) -> None:
        self.beats += 1
        if self.hold is not None:
            await self.hold.wait()
        if self.wrong is not None:
            wrong, self.wrong = self.wrong, None
            raise wrong


def marks(database: Database) -> set[str]:
    with database.read() as connection:
        rows = list(connection.execute(tables.beat.select()))
    assert all(row.at == NOON for row in rows)
    return {row.name for row in rows}


async def test_every_beat_leaves_its_mark(database: Database) -> None:
    due, leases = Counts(), Counts()
    heartbeat = Heartbeat(database, Hands(NOON), {"due": due, "leases": leases})
    heartbeat.start()
    await until(lambda: due.beats > 2 and leases.beats > 2)
    heartbeat.stop()
    await heartbeat.finish()
    assert marks(database) == {"due", "leases"}
    beats = due.beats
    await asyncio.sleep(0.06)
    assert due.beats == beats


async def test_a_beat_that_fails_leaves_no_mark_says_no_words_and_beats_again(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    due = Counts()
    due.wrong = ValueError(CANARY)
    heartbeat = Heartbeat(database, Hands(NOON), {"due": due})
    await heartbeat._beat("due")
    assert marks(database) == set()
    assert "beat failed beat=due error=ValueError" in caplog.text
    assert CANARY not in caplog.text
    heartbeat.start()
    await until(lambda: marks(database) == {"due"})
    heartbeat.stop()
    await heartbeat.finish()


async def test_a_slow_beat_never_runs_twice_at_once_and_holds_up_no_other(database: Database) -> None:
    due, leases = Counts(), Counts()
    due.hold = asyncio.Event()
    heartbeat = Heartbeat(database, Hands(NOON), {"due": due, "leases": leases})
    heartbeat.start()
    await until(lambda: leases.beats > 4)
    assert due.beats == 1
    due.hold.set()
    heartbeat.stop()
    await heartbeat.finish()


async def test_a_scheduler_that_has_stopped_is_rebuilt(database: Database, caplog: pytest.LogCaptureFixture) -> None:
    """As after a clock that was set back an hour: the scheduler is alive and its jobs are not due."""
    due = Counts()
    heartbeat = Heartbeat(database, Hands(NOON), {"due": due})
    heartbeat.start()
    stop = asyncio.Event()
    watching = asyncio.create_task(heartbeat.watch(stop))
    await until(lambda: due.beats > 0)
    assert heartbeat._scheduler is not None
    heartbeat._scheduler.pause()
    await heartbeat.finish()
    beats = due.beats
    await until(lambda: due.beats > beats + 2)
    assert "heartbeat stopped" in caplog.text
    stop.set()
    await watching
    heartbeat.stop()
    await heartbeat.finish()


async def test_a_beat_that_hangs_keeps_no_other_from_being_rebuilt(database: Database) -> None:
    due, leases = Counts(), Counts()
    due.hold = asyncio.Event()
    heartbeat = Heartbeat(database, Hands(NOON), {"due": due, "leases": leases})
    heartbeat.start()
    stop = asyncio.Event()
    watching = asyncio.create_task(heartbeat.watch(stop))
    await until(lambda: leases.beats > 0)
    assert heartbeat._scheduler is not None
    heartbeat._scheduler.pause()
    await asyncio.sleep(0.05)
    beats = leases.beats
    await until(lambda: leases.beats > beats + 2)
    stop.set()
    await watching
    due.hold.set()
    heartbeat.stop()
    await heartbeat.finish()
