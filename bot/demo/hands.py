"""The hands on the clock: they move `now()` only, from due time to due time, and let everything due happen on the way.

They pretend nothing: whatever happens in between goes the same way as in a real school (decisions.md 16).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import zip_longest
from typing import TypeVar

from sqlalchemy import Connection

from bot.adapters.base import Adapter
from bot.app import App
from bot.clock import HandsClock
from bot.demo.little_school import HISTORY, OPENS, ZONE, Wrote
from bot.domain import Raw
from storage import due, snapshot

MOST_STEPS = 60
"""Due times passed in one move. An alert that nobody takes rings on for ever; the hands stop and say so."""
LONGEST = 25.0
"""Seconds that one move may take."""
MORNING = time(7, 30)

T = TypeVar("T")


class Busy(Exception):
    """The hands are moving already."""


class Hands:
    """Moves the demo's clock. `chats`: the chat of each person, by roster key."""

    def __init__(self, app: App, adapter: Adapter, clock: HandsClock, chats: dict[str, str]) -> None:
        self._app, self._adapter, self._clock, self._chats = app, adapter, clock, chats
        self._moving = asyncio.Lock()
        self._seeded: snapshot.Snapshot | None = None
        self.era = clock.new_id()
        """Changes when the school begins anew: an open page then does too."""

    @property
    def moving(self) -> bool:
        return self._moving.locked()

    async def tell_history(self, history: Sequence[Wrote] = HISTORY) -> None:
        """Let the weeks before the demo opens happen, and keep how the school stands then."""
        async with self._moving:
            for wrote in history:
                await self._walk(wrote.at)
                # Question by question, as it happened: who answers three at once has two of them left unasked.
                for replies in zip_longest(*wrote.replies.values()):
                    for key, text in zip(wrote.replies, replies, strict=True):
                        if text is not None:
                            await self._say(key, text)
                    await self._app.settle()
            await self._walk(OPENS)
            self._seeded = await self._read(snapshot.take)

    async def _say(self, key: str, text: str) -> None:
        body = {"chat": self._chats[key], "text": text}
        event_id = f"history:{self._clock.new_id()}"
        await self._app.port.receive(Raw(self._adapter.name, self._adapter.account, event_id, body, self._chats[key]))

    async def move(self, hand: str) -> str:
        """Move one of the hands named in `_HANDS`; gives what to say if it did not get there. Raises KeyError, Busy."""
        goal = _HANDS[hand]
        if self.moving:
            raise Busy
        async with self._moving:
            await self._app.settle()
            target = await goal(self)
            if target is None:
                return "No check-in is planned in the next two weeks."
            if await self._walk(target):
                return ""
            return "The hands stopped on the way: an alert goes on ringing until somebody takes it."

    async def reset(self) -> None:
        """The school as it was when it opened, in one transaction. Raises Busy."""
        if self.moving:
            raise Busy
        async with self._moving:
            kept = self._seeded
            assert kept is not None
            # Stopped, the chat forgets what it has just shown, and no message of the old days is on its way.
            await self._adapter.stop()
            try:
                # First the hands: what fell due in the old days is not due any more.
                self._clock.set(OPENS.astimezone(UTC))
                await self._write(lambda connection: snapshot.restore(connection, kept))
                self._app.plan_anew()
                self.era = self._clock.new_id()
            finally:
                await self._adapter.start(self._app.port)

    async def _walk(self, target: datetime) -> bool:
        """From due time to due time up to `target`; False when the bounds came first."""
        loop = asyncio.get_running_loop()
        end = loop.time() + LONGEST
        for _ in range(MOST_STEPS):
            next_due = await self._read(due.next_due)
            if next_due is None or next_due > target:
                self._set(target)
                return await self._app.settle()
            self._set(next_due)
            await self._app.settle()
            if loop.time() > end:
                break
        return False

    def _set(self, moment: datetime) -> None:
        """Forward only: the clock runs while the hands move."""
        if moment > self._clock.now():
            self._clock.set(moment.astimezone(UTC))

    async def _in_a_quarter(self) -> datetime | None:
        return self._clock.now() + timedelta(minutes=15)

    async def _in_an_hour(self) -> datetime | None:
        return self._clock.now() + timedelta(hours=1)

    async def _next_check_in(self) -> datetime | None:
        flows = [name for name, loaded in self._app.program.flows.items() if loaded.flow.kind == "check-in"]
        now = self._clock.now()
        return await self._read(lambda connection: due.next_planned(connection, flows, now))

    async def _next_morning(self) -> datetime | None:
        local = self._clock.now().astimezone(ZONE)
        day = local.date() if local.time() < MORNING else local.date() + timedelta(days=1)
        return datetime.combine(day, MORNING, ZONE)

    async def _next_week(self) -> datetime | None:
        # On the wall, so that it is the same hour after a clock change.
        return self._clock.now().astimezone(ZONE) + timedelta(weeks=1)

    async def _read(self, look: Callable[[Connection], T]) -> T:
        def reading() -> T:
            with self._app.database.read() as connection:
                return look(connection)

        return await asyncio.to_thread(reading)

    async def _write(self, unit: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self._app.database.write(unit))


_HANDS = {
    "quarter": Hands._in_a_quarter,
    "hour": Hands._in_an_hour,
    "check-in": Hands._next_check_in,
    "morning": Hands._next_morning,
    "week": Hands._next_week,
}
