"""A platform that cannot be started holds up no other: it is told, and tried again."""

from __future__ import annotations

import asyncio

import pytest

from bot import app as app_module
from bot.adapters.base import Port
from bot.app import App
from bot.clock import SystemClock
from bot.program import Program
from storage.database import Database
from tests.fakes.memory import Platform
from tests.school import CANARY, on_sqlite


class Broken(Platform):
    """Its start fails twice, as where the computer names a proxy that cannot be used."""

    tries = 0

    async def start(self, port: Port) -> None:
        self.tries += 1
        if self.tries < 3:
            raise ImportError(CANARY)


@on_sqlite
async def test_the_house_runs_while_one_platform_cannot_be_started(
    database: Database, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_module, "START_AGAIN", 0.3)
    broken = Broken("sms", "sms")
    app, stop = App(program, database, SystemClock(), [Platform(), broken]), asyncio.Event()
    running = asyncio.create_task(app.run(stop))
    async with asyncio.timeout(20):
        while not app.platform_troubles():  # noqa: ASYNC110  (it tells nobody)
            await asyncio.sleep(0.01)
        (told,) = app.platform_troubles()
        assert told.text.startswith("sms cannot be started (ImportError)")
        assert CANARY not in told.text
        while app.platform_troubles():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert (broken.tries, running.done()) == (3, False)
    stop.set()
    await running
