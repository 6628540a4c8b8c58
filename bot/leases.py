"""Doing something only while we alone may: stand by, take over, renew, stop at once when the lease is lost.

On SQLite the instance lock is the lease: everything is ours at once, and stays so (decisions.md 18).
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Connection

from bot.clock import Clock
from bot.domain import Lease
from bot.errors import LeaseLost
from storage import leases
from storage.database import Database

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Times:
    """Seconds. A holder that hears nothing from the database stops when its lease ends, not at the next look."""

    valid: float = 30.0
    renew: float = 10.0
    look: float = 1.0
    """How often whoever stands by looks whether it is free."""


class Leases:
    """The leases of this program."""

    def __init__(self, database: Database, clock: Clock, times: Times) -> None:
        self._database = database
        self._clock = clock
        self._times = times
        self._owner = f"{socket.gethostname()}:{os.getpid()}"
        self._held: set[str] = set()

    def held(self, name: str) -> bool:
        """Whether it is ours now, as far as we know."""
        return name in self._held

    async def keep(
        self, name: str, work: Callable[[Lease, asyncio.Event], Awaitable[object]], stop: asyncio.Event
    ) -> None:
        """Until `stop`: stand by for a lease and do `work` while it is ours.

        `work` is told by its event to come to an end, and begins nothing new from then on: the lease is lost, or we
        stop. If it is lost, the next one may be at work already.
        """
        while not stop.is_set():
            taken = await self._stand_by(name, stop)
            if taken is None:
                return
            lease, until = taken
            ending = asyncio.Event()
            waits = [
                asyncio.ensure_future(one) for one in (work(lease, ending), self._renew(lease, until), stop.wait())
            ]
            working, renewing, _ = waits
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                ending.set()
                await working
            finally:
                for wait in waits:
                    wait.cancel()
                await self._leave(lease, lost=renewing.done() and not renewing.cancelled())

    @asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[Lease]:
        """Stand by for a lease, then run the body; if the lease is lost, LeaseLost ends the body wherever it waits."""
        taken = await self._stand_by(name, asyncio.Event())
        assert taken is not None  # nobody stops us but by canceling
        lease, until = taken
        try:
            async with asyncio.timeout(None) as scope:

                async def end_when_lost() -> None:
                    await self._renew(lease, until)
                    scope.reschedule(0)

                renewing = asyncio.create_task(end_when_lost())
                try:
                    yield lease
                finally:
                    renewing.cancel()
        except TimeoutError:
            if not scope.expired():
                raise
            raise LeaseLost(name) from None
        finally:
            await self._leave(lease, lost=scope.expired())

    async def _stand_by(self, name: str, stop: asyncio.Event) -> tuple[Lease, float] | None:
        """Wait until the lease is ours; gives it with the moment (of the loop) when it ends, or None at `stop`."""
        told = ""
        while not stop.is_set():
            now = asyncio.get_running_loop().time()
            try:
                lease, other = await self._try(name)
            except Exception as error:
                # The database is away: so it is for the holder, who stops by itself.
                log.error("lease=%s cannot be looked at error=%s", name, type(error).__name__)
            else:
                if lease is not None:
                    log.info("lease=%s is ours token=%s", name, lease.token)
                    self._held.add(name)
                    return lease, now + self._times.valid
                if other not in ("", told):
                    told = other
                    log.info("lease=%s is held by=%s, standing by", name, other)
            await _first(stop, self._times.look)
        return None

    async def _try(self, name: str) -> tuple[Lease | None, str]:
        if self._database.is_sqlite:
            return Lease(name, 0), ""
        wall, valid = self._clock.wall(), timedelta(seconds=self._times.valid)

        def look() -> str:
            with self._database.read() as connection:
                return leases.holder(connection, name, wall)

        # Looked at before it is tried: whoever tries locks the row, and the holder needs it.
        if other := await asyncio.to_thread(look):
            return None, other
        return await self._write(lambda connection: leases.take(connection, name, self._owner, wall, valid)), ""

    async def _renew(self, lease: Lease, until: float) -> None:
        """Renew until the lease is lost."""
        if self._database.is_sqlite:
            await asyncio.Event().wait()
        loop = asyncio.get_running_loop()
        pause = self._times.renew
        while loop.time() < until:
            await asyncio.sleep(min(pause, until - loop.time()))
            began = loop.time()
            try:
                async with asyncio.timeout_at(until):
                    if not await self._renewed(lease):
                        break
            except Exception as error:
                log.error("lease=%s not renewed error=%s", lease.name, type(error).__name__)
                pause = self._times.look
            else:
                until, pause = began + self._times.valid, self._times.renew
        log.warning("lease=%s is lost token=%s", lease.name, lease.token)

    async def _renewed(self, lease: Lease) -> bool:
        # Through the one writer on purpose: a program that can write nothing must not go on holding.
        wall, valid = self._clock.wall(), timedelta(seconds=self._times.valid)
        return await self._write(lambda connection: leases.renew(connection, lease, wall, valid))

    async def _leave(self, lease: Lease, *, lost: bool) -> None:
        self._held.discard(lease.name)
        if lost or self._database.is_sqlite:
            return
        wall = self._clock.wall()
        try:
            await self._write(lambda connection: leases.give_up(connection, lease, wall))
        except Exception as error:
            # It ends by itself.
            log.error("lease=%s not given up error=%s", lease.name, type(error).__name__)

    async def _write(self, unit: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self._database.write(unit, first=True))


async def _first(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
