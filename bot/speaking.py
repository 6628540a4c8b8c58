"""Whether somebody speaks with each platform, as all programs of a school see it: marks in the database.

A program that shows pages need not be the one that speaks; and a program that is gone tells nobody what is wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.adapters.base import Adapter
from bot.checks import Kind, Trouble
from bot.clock import Clock
from storage import cursors, losses
from storage.database import Database
from storage.losses import Loss

log = logging.getLogger(__name__)

EVERY = 10.0
"""Seconds between two marks, and between two looks at them."""
RINGS = timedelta(minutes=30)
"""So long it is an alarm that something was lost for good; then it is a line on the health page until a restart."""
SURE = timedelta(seconds=60)
"""After a start without trouble so long the platform was heard: each has said by then if it cannot be reached."""
OFTEN = timedelta(hours=6)
"""Within it nobody is asked a second time because of presses that were lost."""
OLD = timedelta(seconds=45)
"""A mark that is older says that nobody speaks there."""


class Speaking:
    """Marks how it goes with the platforms `here`, and looks how it goes `elsewhere`: `troubles`.

    `own_up`: tells people what was lost; False where they cannot be told yet.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        here: Sequence[Adapter],
        elsewhere: Sequence[Adapter],
        own_up: Callable[[Loss], Awaitable[bool]],
    ) -> None:
        self._database, self._clock, self._own_up = database, clock, own_up
        self._here, self._elsewhere = here, elsewhere
        self._begun: datetime | None = None
        self._silent: Sequence[Trouble] = ()
        self._gaps: dict[str, datetime] = {}
        """Of each platform where we were away for too long: when we were back."""

    @property
    def troubles(self) -> Sequence[Trouble]:
        """What is wrong elsewhere, and what was lost here."""
        wall = self._clock.wall()
        gaps = [Trouble(Kind.PLATFORM, text, warns=wall - back > RINGS) for text, back in self._gaps.items()]
        return (*self._silent, *gaps)

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop`. What was left by programs that ran before is no news at the start."""
        begun = self._begun = self._clock.wall()
        while not stop.is_set():
            try:
                wall = self._clock.wall()
                if self._here:
                    await self._database.run(lambda connection, wall=wall: self.mark(connection, wall))  # type: ignore[misc]
                    await self._make_up()
                if self._elsewhere and wall - begun > OLD:
                    self._silent = await asyncio.to_thread(self.look, wall)
            except Exception as error:
                log.error("platforms not marked error=%s", type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await stop.wait()

    def mark(self, connection: Connection, wall: datetime) -> None:
        """Note how it goes here."""
        for adapter in self._here:
            word = "trouble" if adapter.trouble() else "well"
            cursors.move(connection, name_of(word, adapter), wall)
            if word == "well" and (self._begun is None or wall - self._begun >= SURE):
                self._look_for_a_gap(connection, adapter, wall)
                cursors.move(connection, name_of("heard", adapter), wall)

    def _look_for_a_gap(self, connection: Connection, adapter: Adapter, wall: datetime) -> None:
        """What waited at the platform for longer than it keeps it is gone, and nobody else can know that (F31, F54)."""
        keeps, presses = adapter.capabilities.keeps, adapter.capabilities.presses
        last = cursors.read(connection, name_of("heard", adapter))
        if last is None:
            return
        if keeps is not None and wall - last > keeps:
            losses.note(connection, Loss(adapter.name, adapter.account, True, last, wall))
            hours = int(keeps.total_seconds() // 3600)
            text = (
                f"{adapter.name.capitalize()} was out of reach, {last:%Y-%m-%d %H:%M} to {wall:%Y-%m-%d %H:%M} UTC. "
                f"It keeps what people write for {hours} hours: what is older is lost. They are asked to write again."
            )
            log.critical("messages may be lost: %s", text)
            self._gaps[text] = wall
        elif presses is not None and wall - last > presses:
            loss = Loss(adapter.name, adapter.account, False, last, wall)
            told = losses.told_at(connection, loss)
            if told is None or wall - told > OFTEN:
                losses.note(connection, loss)

    async def _make_up(self) -> None:
        """Whoever was not told yet of what was lost is told; after a crash, those that are left."""
        for loss in await asyncio.to_thread(self._untold):
            if await self._own_up(loss):
                await self._database.run(lambda connection, loss=loss: losses.told(connection, loss))  # type: ignore[misc]

    def _untold(self) -> Sequence[Loss]:
        with self._database.read() as connection:
            found = [
                losses.noted(connection, adapter.name, adapter.account, words=words)
                for adapter in self._here
                for words in (True, False)
            ]
        return [loss for loss in found if loss is not None]

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
    """The name of the mark that an account of a platform is well, in trouble, or was heard."""
    return f"{word}:{adapter.name}:{adapter.account}"


def heard_from(connection: Connection, adapters: Sequence[Adapter], wall: datetime) -> set[str]:
    """The names of the platforms with which some program has spoken just now, well or not."""
    words = ("well", "trouble")
    last = {adapter.name: [cursors.read(connection, name_of(word, adapter)) for word in words] for adapter in adapters}
    return {name for name, marks in last.items() if any(at is not None and wall - at <= OLD for at in marks)}
