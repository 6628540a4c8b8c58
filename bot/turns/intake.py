"""The door of the inbox: what arrives in the same moment is stored together, and what can be handled at once is.

Storing and handling are one transaction then; whatever goes wrong in it, each event is stored by itself, and waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import Connection

from bot.domain import Lease, Turn
from bot.errors import LeaseLost
from bot.failpoints import failpoint
from storage import inbox, leases
from storage.database import Database
from storage.wake import Channel, wake


class Taken(Exception):
    """Somebody else has handled the event, or has it in hand: what we made of it is dropped, and nothing is wrong."""


AtOnce = Callable[[Connection], Sequence[Turn]]
"""Handles the first of some events in the transaction that stores them; gives their turns."""
_Waiting = tuple[inbox.Stored, asyncio.Future[Turn | None]]


class Intake:
    """Stores events for whoever waits until they are stored.

    `at_once` gives what handles events in the same transaction, or None when they have to wait for their turn; `kick`
    is called when something that may be sent is on its way into the database.
    """

    def __init__(
        self,
        database: Database,
        at_once: Callable[[Sequence[inbox.Stored]], AtOnce | None],
        kick: Callable[[], None],
    ) -> None:
        self._database, self._at_once, self._kick = database, at_once, kick
        self._arrived: dict[Lease | None, list[_Waiting]] = {}

    async def store(self, event: inbox.Stored, lease: Lease | None) -> Turn | None:
        """Store an event; returns after the commit its turn, if it was handled as well.

        Raises LeaseLost when `lease` is no longer held, or Outage: then it is not stored.
        """
        loop = asyncio.get_running_loop()
        stored: asyncio.Future[Turn | None] = loop.create_future()
        if not self._arrived:
            # At the end of this turn of the loop: by then everything that is ready to come has come.
            loop.call_soon(self._send_off)
        self._arrived.setdefault(lease, []).append((event, stored))
        return await stored

    def _send_off(self) -> None:
        arrived, self._arrived = self._arrived, {}
        for lease, waiting in arrived.items():
            events = [event for event, _ in waiting]
            at_once = self._at_once(events)
            together = partial(_put, events=events, lease=lease, at_once=at_once)
            alone = [partial(_put_alone, event=event, lease=lease) for event in events]
            answer = self._database.queue_each(together, alone, first=True)
            answer.add_done_callback(partial(self._tell, waiting))
            if at_once is not None:
                self._kick()

    def _tell(self, waiting: Sequence[_Waiting], answer: asyncio.Future[Sequence[Turn | Exception | None]]) -> None:
        error = answer.exception()  # told to each of them: nothing of theirs was stored
        results: Sequence[Any] = answer.result() if error is None else [error] * len(waiting)
        for (_, stored), result in zip(waiting, results, strict=True):
            if stored.done():  # whoever waited has gone; the event is kept all the same
                continue
            if isinstance(result, BaseException):
                stored.set_exception(result)
            else:
                stored.set_result(result)


def _put(
    connection: Connection, events: Sequence[inbox.Stored], lease: Lease | None, at_once: AtOnce | None = None
) -> Sequence[Turn | None]:
    """Store events; gives of each its turn, if it was handled as well."""
    if lease is not None and not leases.holds(connection, lease):
        raise LeaseLost(lease.name)
    # What waits already goes first, in the order in which it came.
    turns = () if at_once is None or inbox.waits(connection) else at_once(connection)
    if inbox.put(connection, events, done=len(turns)) < len(events) and turns:
        raise Taken  # one of them came before: what was made of it is dropped
    failpoint("ingress.inserted")
    wake(connection, Channel.INBOX)
    return [*turns, *[None] * (len(events) - len(turns))]


def _put_alone(connection: Connection, event: inbox.Stored, lease: Lease | None) -> None:
    _put(connection, [event], lease)
