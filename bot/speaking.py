"""Whether somebody speaks with each platform, as all programs of a school see it: marks in the database.

A program that shows pages need not be the one that speaks; and a program that is gone tells nobody what is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.adapters.base import Adapter
from bot.checks import Kind, Trouble
from bot.clock import Clock
from storage import cursors
from storage.database import Database

log = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two marks, and between two looks at them."""
OLD = timedelta(seconds=45)
"""A mark that is older says that nobody speaks there."""


class Speaking:
    """Marks how it goes with the platforms `here`, and looks how it goes `elsewhere`: `troubles`."""

    def __init__(self, database: Database, clock: Clock, here: Sequence[Adapter], elsewhere: Sequence[Adapter]) -> None:
        self._database, self._clock = database, clock
        self._here, self._elsewhere = here, elsewhere
        self.troubles: Sequence[Trouble] = ()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. What was left by programs that ran before is no news at the start."""
        begun = self._clock.wall()
        while not stop.is_set():
            try:
                wall = self._clock.wall()
                if self._here:
                    await self._database.run(lambda connection, wall=wall: self.mark(connection, wall))  # type: ignore[misc]
                if self._elsewhere and wall - begun > OLD:
                    self.troubles = await asyncio.to_thread(self.look, wall)
            except Exception as error:
                log.error("platforms not marked error=%s", type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await stop.wait()

    def mark(self, connection: Connection, wall: datetime) -> None:
        """Note how it goes here."""
        for adapter in self._here:
            cursors.move(connection, name_of("trouble" if adapter.trouble() else "well", adapter), wall)

    def look(self, wall: datetime) -> Sequence[Trouble]:
        """How it goes elsewhere."""
        found = []
        with self._database.read() as connection:
            for adapter in self._elsewhere:
                last = {word: cursors.read(connection, name_of(word, adapter)) for word in ("well", "trouble")}
                fresh = {word for word, at in last.items() if at is not None and wall - at <= OLD}
                name = adapter.name.capitalize()
                if "trouble" in fresh:
                    text = f"{name}: the program that speaks there is in trouble; its own /healthz and log say how."
                    found.append(Trouble(Kind.PLATFORM, text))
                elif "well" not in fresh:
                    text = f"{name}: no program speaks there. Is the one with --role ingress running?"
                    found.append(Trouble(Kind.PLATFORM, text))
        return found


def name_of(word: str, adapter: Adapter) -> str:
    """The name of the mark that an account of a platform is well, or in trouble."""
    return f"{word}:{adapter.name}:{adapter.account}"
