"""Programs that share a school see whether another one speaks with a platform, and whether it is in trouble there."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from bot import speaking
from bot.adapters.base import Capabilities
from bot.clock import SystemClock
from bot.speaking import OLD, Speaking
from storage import cursors, losses
from storage.database import Database
from storage.losses import Loss
from tests.fakes.memory import Platform
from tests.school import NOON, on_postgresql, on_sqlite


async def nobody(_loss: Loss) -> bool:
    raise AssertionError("there is nothing to own up to")


async def test_whoever_shows_pages_knows_how_it_goes_where_another_program_speaks(database: Database) -> None:
    clock, platform = SystemClock(), Platform(name="chat")
    speaks, shows = Speaking(database, clock, [platform], [], nobody), Speaking(database, clock, [], [platform], nobody)

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
    shows, stop = Speaking(database, SystemClock(), [], [Platform(name="chat")], nobody), asyncio.Event()
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
        speaks = Speaking(database, clock, [telegram, slack], [], nobody)
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


@pytest.mark.parametrize("word", ["words", "presses"])
async def test_f31_f54_what_was_lost_is_owned_up_to_once_also_when_that_fails_at_first(
    database: Database, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setattr(speaking, "EVERY", 0.01)
    monkeypatch.setattr(speaking, "SURE", timedelta())
    clock, told = SystemClock(), list[Loss]()
    span = timedelta(hours=24) if word == "words" else timedelta(seconds=150)
    capabilities = Capabilities(keeps=span) if word == "words" else Capabilities(presses=span)
    platform = Platform(name="chat", account="a", capabilities=capabilities)
    away = clock.wall() - span - timedelta(seconds=5)
    database.write(lambda connection: cursors.move(connection, "heard:chat:a", away)).result()

    async def own_up(loss: Loss) -> bool:
        told.append(loss)
        if len(told) == 1:
            raise OSError("the database is away")
        return len(told) > 2

    async def run() -> None:
        stop = asyncio.Event()
        task = asyncio.create_task(Speaking(database, clock, [platform], [], own_up).run(stop))
        await asyncio.sleep(0.3)
        stop.set()
        await task

    await run()
    await run()
    assert len(told) == 3, "it failed, it had to wait, it was done"
    assert {(loss.platform, loss.account, loss.words) for loss in told} == {("chat", "a", word == "words")}
    assert abs(told[0].since - away) < timedelta(seconds=1)
    assert len(set(told)) == 1


@on_sqlite
async def test_f54_a_restart_in_the_middle_does_not_end_an_outage(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "EVERY", 0.01)
    clock = SystemClock()
    platform = Platform(name="chat", account="a", capabilities=Capabilities(keeps=timedelta(hours=24)))
    away = clock.wall() - timedelta(hours=20)
    database.write(lambda connection: cursors.move(connection, "heard:chat:a", away)).result()
    stop = asyncio.Event()
    task = asyncio.create_task(Speaking(database, clock, [platform], [], nobody).run(stop))
    await asyncio.sleep(0.1)  # nothing is wrong yet: it has not tried for long enough
    stop.set()
    await task
    speaks = Speaking(database, clock, [platform], [], nobody)
    database.write(lambda connection: speaks.mark(connection, clock.wall() + timedelta(hours=5))).result()
    assert "was out of reach" in speaks.troubles[0].text


def test_f31_lost_presses_are_owned_up_to_once_in_six_hours(database: Database) -> None:
    clock, now = SystemClock(), SystemClock().wall()
    slack = Platform(name="slack", account="a", capabilities=Capabilities(presses=timedelta(seconds=150)))
    speaks = Speaking(database, clock, [slack], [], nobody)

    def lost(after: timedelta) -> Loss | None:
        def unit(connection: Connection) -> Loss | None:
            speaks.mark(connection, now + after)
            found = losses.noted(connection, "slack", "a", words=False)
            if found is not None:
                losses.told(connection, found)
            return found

        return database.write(unit).result()

    assert lost(timedelta()) is None
    assert lost(timedelta(seconds=149)) is None
    assert lost(timedelta(minutes=10)) is not None
    assert lost(timedelta(minutes=20)) is None
    assert lost(timedelta(hours=6, minutes=21)) is not None


def test_f31_f54_an_outage_that_nobody_was_told_of_yet_grows(database: Database) -> None:
    first, second = (Loss("telegram", "a", True, NOON + at, NOON + at + timedelta(hours=25)) for at in _TWICE)

    def unit(connection: Connection) -> Loss | None:
        losses.note(connection, first)
        losses.note(connection, second)
        return losses.noted(connection, "telegram", "a", words=True)

    found = database.write(unit).result()
    assert found == Loss("telegram", "a", True, first.since, second.until)


_TWICE = (timedelta(), timedelta(hours=26))
