"""What the heartbeat brings about: what is due becomes turns, and plans are kept true. Alerts wait for nothing here.

When it beats is the heartbeat's business; what a due time means is that of bot.turns.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from bot.clock import Clock
from bot.domain import DeliveryNews, Due, DueKind
from bot.errors import Outage
from bot.planning.hours import is_open, opened_at
from bot.program import Program
from bot.turns import fanout, silences
from bot.turns.handle import Turns
from bot.turns.planned import plan_ahead
from storage import due, hold, losses, unread
from storage.database import Database
from storage.losses import Loss

log = logging.getLogger(__name__)
T = TypeVar("T")

REPLAN = timedelta(minutes=10)
"""How often, in program time, plans are brought up to date."""
LATE = timedelta(minutes=2)
"""An alert that has not left for its address by then goes to all others of its adult."""
LOOK = timedelta(seconds=10)
"""Between two looks for such alerts."""
TURNS_AT_ONCE = 64
MORNING = time(8)
"""Before it nobody is told of what can wait: who is rung at night for nothing mutes what rings for a student."""
LONGEST = 5.0
"""Seconds after which a beat leaves the rest of a fan-out to the next one, and its mark for staff to see."""


@dataclass(frozen=True, slots=True)
class _Waits:
    """What has waited long enough."""

    due: Sequence[Due]
    prompts: bool
    """Whether an occurrence is due: they fire in transactions of their own."""


class Beats:
    """The beats of one school. `kick` is called when a fan-out has put something into the outbox."""

    def __init__(
        self, database: Database, program: Program, clock: Clock, turns: Turns, kick: Callable[[], None]
    ) -> None:
        self._database, self._program, self._clock, self._turns, self._kick = database, program, clock, turns, kick
        self._alerting = asyncio.Lock()
        self._beating = asyncio.Lock()
        self._planned_at: datetime | None = None
        self._looked_at: datetime | None = None
        self._ahead_on: date | None = None
        self._silence_on: date | None = None
        self._silence_after: int | None = None
        self._told_on: date | None = None

    def plan_anew(self) -> None:
        """Plan at the next beat, not in ten minutes."""
        self._planned_at = None

    async def due(self) -> int:
        """What is due becomes turns, alerts first; gives how many. What is left after a while is the next beat's."""
        handled = await self.alerts()
        async with self._beating:
            await self._plan()
            await self._look_ahead()
            waits = await self._read(_waits)
            if waits is None:
                return handled  # restored: time brings no prompts until staff say so
            handled += await self._handle(waits.due)
            if waits.prompts:
                handled += await self.fire()
            handled += await self._look_for_silence()
            await self._tell_what_waits()
            return handled

    async def alerts(self) -> int:
        """News of failed sends and cases whose time has come: a beat of its own, held up by no plan and no fan-out."""
        async with self._alerting:
            return await self._handle([*await self._read(due.alerts_due), *await self._late_alerts()])

    async def _look_for_silence(self) -> int:
        """Once on each school day, while the school is open; some students at each beat."""
        program, now = self._program, self._clock.now()
        today = now.astimezone(program.zone).date()
        if not is_open(program.hours, now):
            return 0
        if self._silence_on != today:
            self._silence_on, self._silence_after = today, 0
        if self._silence_after is None:
            return 0
        look = partial(silences.some, program=program, now=now, after=self._silence_after)
        found, self._silence_after = await self._read(lambda connection, _now: look(connection))
        return await self._handle(found)

    async def _tell_what_waits(self) -> None:
        """Once on each school day, when it is known who has fallen silent: what waited when the school opened."""
        if self._silence_after is not None or self._silence_on is None or self._told_on == self._silence_on:
            return
        self._told_on = self._silence_on
        hours = self._program.hours
        try:
            found = await self._read(lambda connection, now: unread.waiting(connection, opened_at(hours, now)))
            await self._turns.tell_what_waits(found)
        except Outage:
            self._told_on = None
            raise
        except Exception as error:
            log.critical("telling what waits failed error=%s", type(error).__name__)
            await self._tell(self._turns.fault("reason_untold"))

    async def _late_alerts(self) -> Sequence[DeliveryNews]:
        now = self._clock.now()
        if self._looked_at is not None and abs(now - self._looked_at) < LOOK:
            return ()
        self._looked_at = now
        return await self._read(lambda connection, now: due.late_alerts(connection, now - LATE))

    async def own_up(self, loss: Loss) -> bool:
        """Tell adults and everybody concerned that something was lost; False while a restored school holds still."""

        def concerned(connection: Connection, _now: datetime) -> Sequence[int] | None:
            return None if hold.stands(connection) else losses.concerned(connection, loss)

        ids = await self._read(concerned)
        if ids is None:
            return False
        if loss.words:
            zone, form = self._program.zone, "%Y-%m-%d %H:%M"
            times = {"since": f"{loss.since.astimezone(zone):{form}}", "until": f"{loss.until.astimezone(zone):{form}}"}
            await self._turns.fault("reason_lost_words", platform=loss.platform.capitalize(), **times)
        kind = DueKind.LOST_WORDS if loss.words else DueKind.LOST_PRESS
        await self._handle([Due(kind, id_, loss.since) for id_ in ids])
        return True

    async def fire(self) -> int:
        """What schedules have planned for now goes out, chunk by chunk; gives how many occurrences were looked at."""
        end = asyncio.get_running_loop().time() + LONGEST
        fired, last = 0, None
        while asyncio.get_running_loop().time() < end:
            chunk = await self._fire_some(last)
            fired += chunk.count + await self._handle(chunk.rest)
            self._kick()
            last = chunk.last
            if last is None:
                break
        return fired

    async def _fire_some(self, after: tuple[datetime, int] | None) -> fanout.Fired:
        program, now, new_ids = self._program, self._clock.now(), self._clock.new_ids
        try:
            unit = partial(fanout.fire, program=program, now=now, new_ids=new_ids, after=after)
            return await asyncio.wrap_future(self._database.write(unit))
        except Outage:
            raise
        except Exception as error:
            # One of them cannot be read or rendered: each has a turn of its own, and the others are not held up.
            log.error("fan-out failed error=%s", type(error).__name__)
            return await self._read(lambda connection, now: fanout.one_by_one(connection, now, after))

    async def _handle(self, events: Sequence[Due | DeliveryNews]) -> int:
        """A turn for each event, some at a time, so that whatever is more urgent gets in between."""
        for begin in range(0, len(events), TURNS_AT_ONCE):
            some = events[begin : begin + TURNS_AT_ONCE]
            results = await asyncio.gather(*map(self._turns.handle, some), return_exceptions=True)
            for event, result in zip(some, results, strict=True):
                if isinstance(result, Exception) and not isinstance(result, Outage):
                    # Its row is still due: the next beat tries again, and the others were not held up.
                    log.error("due event failed kind=%s error=%s", type(event).__name__, type(result).__name__)
                    await self._tell(self._turns.failed(event))
        return len(events)

    async def _tell(self, telling: Awaitable[None]) -> None:
        """Tell adults of a fault of ours; when even that fails, the log and the next time are left."""
        try:
            await telling
        except Exception as error:
            log.critical("telling of a fault failed error=%s", type(error).__name__)

    async def _plan(self) -> None:
        now = self._clock.now()
        if self._planned_at is not None and abs(now - self._planned_at) < REPLAN:
            return
        self._planned_at = now
        try:
            await plan_ahead(self._database, self._program, now, self._clock.new_ids)
        except Outage:
            self._planned_at = None
            raise
        except Exception as error:
            # What is due goes on without a new plan: a ladder must climb whatever is wrong with a schedule.
            log.critical("planning failed error=%s", type(error).__name__)
            await self._tell(self._turns.fault("reason_unplanned"))

    async def _look_ahead(self) -> None:
        local = self._clock.now().astimezone(self._program.zone)
        if self._ahead_on == local.date() or local.time() < MORNING:
            return
        self._ahead_on = local.date()
        try:
            await self._turns.look_ahead()
        except Outage:
            self._ahead_on = None
            raise
        except Exception as error:
            log.critical("looking ahead failed error=%s", type(error).__name__)
            await self._tell(self._turns.fault("reason_unseen"))

    async def _read(self, look: Callable[[Connection, datetime], T]) -> T:
        def reading() -> T:
            with self._database.read() as connection, connection.begin():
                return look(connection, self._clock.now())

        return await asyncio.to_thread(reading)


def _waits(connection: Connection, now: datetime) -> _Waits | None:
    """One look at what a beat may bring about; None while a restored school holds still."""
    if hold.stands(connection):
        return None
    return _Waits(due.waits_due(connection, now), due.prompt_due(connection, now))
