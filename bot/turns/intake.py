"""The door of the inbox: what arrives in the same moment is stored with one statement, in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial

from sqlalchemy import Connection

from bot.domain import Lease
from bot.errors import LeaseLost
from bot.failpoints import failpoint
from storage import inbox, leases
from storage.database import Database
from storage.wake import Channel, wake

_Waiting = tuple[inbox.Stored, asyncio.Future[None]]


class Intake:
    """Stores events for whoever waits until they are stored."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._arrived: dict[Lease | None, list[_Waiting]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def store(self, event: inbox.Stored, lease: Lease | None) -> None:
        """Store an event; returns after the commit. Raises LeaseLost when `lease` is no longer held, or Outage."""
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[None] = loop.create_future()
        if not self._arrived:
            # At the end of this turn of the loop: by then everything that is ready to come has come.
            loop.call_soon(self._send_off)
        self._arrived.setdefault(lease, []).append((event, stored))
        await stored

    def _send_off(self) -> None:
        arrived, self._arrived = self._arrived, {}
        for lease, waiting in arrived.items():
            task = asyncio.get_running_loop().create_task(self._store(waiting, lease))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _store(self, waiting: Sequence[_Waiting], lease: Lease | None) -> None:
        events = [event for event, _ in waiting]
        together = partial(_put, events=events, lease=lease)
        alone = [partial(_put, events=[event], lease=lease) for event in events]
        results: Sequence[object]
        try:
            results = await self._database.run_each(together, alone, first=True)
        except Exception as error:  # told to each of them: nothing of theirs was stored
            results = [error] * len(waiting)
        for (_, stored), result in zip(waiting, results, strict=True):
            if stored.done():  # whoever waited has gone; the event is kept all the same
                continue
            if isinstance(result, Exception):
                stored.set_exception(result)
            else:
                stored.set_result(None)


def _put(connection: Connection, events: Sequence[inbox.Stored], lease: Lease | None) -> Sequence[None]:
    if lease is not None and not leases.holds(connection, lease):
        raise LeaseLost(lease.name)
    inbox.put(connection, events)
    failpoint("ingress.inserted")
    wake(connection, Channel.INBOX)
    return [None] * len(events)
