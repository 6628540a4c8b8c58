"""Programs that share a school see whether another one speaks with a platform, and whether it is in trouble there."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from bot import speaking
from bot.adapters.base import Capabilities
from bot.clock import SystemClock
from bot.speaking import OLD, Speaking
from storage.database import Database
from tests.fakes.memory import Platform
from tests.school import NOON, on_postgresql


async def test_whoever_shows_pages_knows_how_it_goes_where_another_program_speaks(database: Database) -> None:
    clock, platform = SystemClock(), Platform(name="chat")
    speaks, shows = Speaking(database, clock, [platform], []), Speaking(database, clock, [], [platform])

    def seen(after: timedelta) -> list[str]:
        return [one.text for one in shows.look(NOON + after)]

    def marks(after: timedelta) -> None:
        database.write(lambda connection: speaks.mark(connection, NOON + after)).result()

    assert "no program speaks there" in seen(timedelta())[0]
    marks(timedelta())
    assert seen(OLD) == []
    platform.troubled = "violet-lantern"
    marks(timedelta(seconds=10))
    (told,) = seen(timedelta(seconds=20))
    assert "in trouble" in told
    assert "violet" not in told
    platform.troubled = ""
    marks(timedelta(seconds=60))
    assert seen(timedelta(seconds=70)) == []
    assert "no program speaks there" in seen(timedelta(seconds=60) + OLD + timedelta(seconds=1))[0]


@on_postgresql
async def test_it_looks_again_and_again_and_at_the_start_believes_no_old_mark(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "EVERY", 0.01)
    shows, stop = Speaking(database, SystemClock(), [], [Platform(name="chat")]), asyncio.Event()
    task = asyncio.create_task(shows.run(stop))
    await asyncio.sleep(0.1)
    assert shows.troubles == ()
    monkeypatch.setattr(speaking, "OLD", timedelta())
    async with asyncio.timeout(10):
        while not shows.troubles:  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(0.01)
    stop.set()
    await task


async def test_f54_an_outage_that_is_longer_than_the_platform_keeps_things_is_owned_up_to(database: Database) -> None:
    clock = SystemClock()
    telegram = Platform(name="telegram", capabilities=Capabilities(keeps=timedelta(hours=24)))
    slack = Platform(name="slack", capabilities=Capabilities())
    now = clock.wall()

    def marks(at: datetime) -> Speaking:
        speaks = Speaking(database, clock, [telegram, slack], [])
        database.write(lambda connection: speaks.mark(connection, at)).result()
        return speaks

    assert marks(now - timedelta(hours=48)).troubles == ()
    assert marks(now - timedelta(hours=25)).troubles == (), "a day is kept"
    (lost,) = marks(now).troubles
    assert not lost.warns
    assert "Telegram was out of reach" in lost.text
    (later,) = marks(now + timedelta(hours=25)).troubles
    assert later.text != lost.text
    assert marks(now + timedelta(hours=26)).troubles == ()
