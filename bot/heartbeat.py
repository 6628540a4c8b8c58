"""The only file that knows APScheduler: it wakes us every second to ask what is due. It decides nothing.

Each beat leaves a mark whose age staff and the health page see. `watch` looks at the beats' age by the monotonic clock
and rebuilds the scheduler after three missed seconds: a clock set back stops an interval job (decisions.md 17).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping

from apscheduler.executors.asyncio import AsyncIOExecutor
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.clock import Clock
from storage import due
from storage.database import Database

log = logging.getLogger(__name__)

EVERY = 1
"""Seconds between two beats."""
MISSED = 3
"""After so many seconds without a beat the scheduler is rebuilt."""


class Heartbeat:
    """Calls each of `beats` (name -> what to do) once a second, never two of the same at once."""

    def __init__(self, database: Database, clock: Clock, beats: Mapping[str, Callable[[], Awaitable[object]]]) -> None:
        self._database = database
        self._clock = clock
        self._beats = beats
        self._beaten_at = dict.fromkeys(beats, time.monotonic())
        self._running: dict[str, asyncio.Task[None]] = {}
        self._scheduler: AsyncIOScheduler | None = None

    def start(self) -> None:
        """Begin to tick, in the running event loop."""
        scheduler = AsyncIOScheduler(timezone="UTC", executors={"default": AsyncIOExecutor()})
        for name in self._beats:
            scheduler.add_job(
                self._tick,
                "interval",
                seconds=EVERY,
                args=[name],
                coalesce=True,
                max_instances=1,
                misfire_grace_time=None,
            )
        scheduler.start()
        self._beaten_at = dict.fromkeys(self._beats, time.monotonic())  # whoever stood by has missed nothing
        self._scheduler = scheduler

    def stop(self) -> None:
        """Tick no more."""
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
            self._scheduler = None

    async def finish(self) -> None:
        """Wait for the beats that are under way."""
        await asyncio.gather(*self._running.values())

    async def watch(self, stop: asyncio.Event) -> None:
        """Until `stop`: rebuild the scheduler when it has stopped ticking, whatever the reason."""
        while not stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), EVERY)
            # A beat that is still at work is slow, not missed: it keeps no other from being rebuilt.
            silent = self._beaten_at.keys() - self._running.keys()
            late = [name for name in silent if time.monotonic() - self._beaten_at[name] > MISSED]
            if late:
                log.critical("heartbeat stopped beats=%s, starting it anew", ",".join(late))
                self.stop()
                self.start()

    async def _tick(self, name: str) -> None:
        # A task of our own: the scheduler cancels what it runs when it is shut down or rebuilt.
        if name not in self._running:
            self._running[name] = asyncio.create_task(self._beat(name))

    async def _beat(self, name: str) -> None:
        try:
            await self._beats[name]()
            wall = self._clock.wall()
            await asyncio.wrap_future(self._database.write(lambda connection: due.mark_beat(connection, name, wall)))
        except Exception as error:
            # No mark is left, so the beat's age tells; the next second tries again.
            log.error("beat failed beat=%s error=%s", name, type(error).__name__)
        finally:
            self._beaten_at[name] = time.monotonic()
            self._running.pop(name, None)
