"""The one way in: what people, time, staff and delivery do becomes a turn, saved in one transaction.

Load, ask the pure rooms, save, nothing else. Everything that one event causes is committed together, with the mark that
the event is done; until then the event is still there and will be handled again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from sqlalchemy import Connection

from bot.clock import Clock
from bot.domain import (
    DeliveryNews,
    Due,
    Event,
    Lease,
    News,
    Raw,
    StaffAction,
    Turn,
)
from bot.errors import Declined, Outage, Refused
from bot.failpoints import failpoint
from bot.flows import state
from bot.flows.loaded import LoadedFlow
from bot.program import Program
from bot.turns import ahead, due, mornings, prompts, senders, staff
from bot.turns.draft import Draft, due_cause
from bot.turns.intake import AtOnce, Intake, Taken
from bot.turns.understood import Translate, Understanding, Understood
from storage import inbox, people
from storage.batch import Batch
from storage.database import Database
from storage.due import person_of
from storage.turns import acted_on, add_turn
from storage.unread import Unread

log = logging.getLogger(__name__)

IN_HAND = 10.0
"""Seconds after which events that were taken up are taken up anew: well before their lease ends."""
LONGEST = 0.02
"""Seconds of turns that one transaction holds: intake waits for no more (decisions.md 8)."""


class Turns:
    """Handles events. `kick` is called after each commit that may have put something into the outbox."""

    def __init__(
        self,
        database: Database,
        program: Program,
        clock: Clock,
        translators: Mapping[str, Translate],
        kick: Callable[[], None],
    ) -> None:
        self.database = database
        self.program = program
        self.clock = clock
        self._understand = Understanding(translators, program.screener)
        self._kick = kick
        self.arrived = asyncio.Event()
        self._intake = Intake(database, self._at_once, kick)
        self._draining = asyncio.Lock()
        self._token = clock.new_id()
        self._failures: Counter[Due | DeliveryNews] = Counter()

    async def receive(self, raw: Raw, lease: Lease | None = None) -> None:
        """Store what a platform handed us; returns after the commit. Only then may the platform be told.

        Raises Outage when it could not be stored: the platform keeps it, or a person is told to try again. Raises
        LeaseLost, and stores nothing, when whoever brings it has lost the lease to poll.
        """
        failpoint("ingress.fetched")
        turn = await self._intake.store(inbox.Stored(self.clock.new_id(), raw, self.clock.wall()), lease)
        failpoint("ingress.committed")
        if turn is None:
            self.arrived.set()
        else:
            _committed(turn)

    async def drain(self) -> int:
        """Handle what waits in the inbox, oldest first; gives how many events were taken up.

        Raises Outage when the database cannot be used: that is nobody's try, and what is left waits in the inbox.
        """
        async with self._draining:
            self.arrived.clear()
            left = await self._take_up()
            many, ends = len(left), time.monotonic() + IN_HAND
            # One transaction reaches as many as its time allows; the rest are in our hands, and understood, already.
            while left and time.monotonic() < ends:
                left = left[await self._handle_some(left) :]
            return many - len(left)

    async def _handle_some(self, events: Sequence[Understood]) -> int:
        """The turns of the first of these events; gives of how many."""
        turns = await self.database.queue_each(
            lambda connection: self._together(connection, events),
            [partial(self._alone, event=event) for event in events],
        )
        outage = None
        for event, turn in zip(events, turns, strict=False):
            if isinstance(turn, Taken):
                continue
            if isinstance(turn, Outage):
                outage = turn
            elif isinstance(turn, Exception):  # whatever it is, it is this event's own trouble
                await self._step_aside(event, turn)
            else:
                _committed(turn)
        self._kick()
        if outage is not None:
            raise outage
        return len(turns)

    async def handle(self, event: Due | DeliveryNews | StaffAction) -> None:
        """Handle what time, delivery or staff brought. Raises Refused with words for whoever asked."""
        turn = await self.database.run(lambda connection: self.save(connection, event))
        if isinstance(event, Due) and turn.escalations:
            failpoint("esc.advanced")
        self._kick()

    async def failed(self, event: Due | DeliveryNews) -> None:
        """Note that what is due could not be handled. It stays due; at the fifth failure an adult is told (law 2)."""
        self._failures[event] += 1
        if self._failures[event] != inbox.TRIES:
            return
        try:
            await self.database.run(lambda connection: self._tell_of(connection, event))
        except Exception:
            self._failures[event] -= 1  # nobody was told yet
            raise
        self._kick()

    async def fault(self, reason: str, **values: str) -> None:
        """Tell whoever looks after the program of a fault that concerns nobody alone. `reason`: the key of its text."""
        await self.database.run(lambda connection: self._tell_of_fault(connection, reason, values))
        self._kick()

    async def look_ahead(self) -> None:
        """What must be put right before it is needed is told to the safety contact."""
        await self._by_itself("ahead", ahead.look)

    async def tell_what_waits(self, found: Sequence[Unread]) -> None:
        """Adults read how much waits for them on the staff pages."""
        await self._by_itself("mornings", lambda draft: mornings.tell(draft, found))

    def save(self, connection: Connection, event: Event) -> Turn:
        """One event in the transaction of `connection`: its turn, saved. Inbound events come through `drain`."""
        draft = self._draft(Batch(connection), _cause(event, self.clock.new_id()))
        if isinstance(event, Due):
            due.come(draft, event)
        elif isinstance(event, DeliveryNews):
            due.news(draft, event)
            if event.news is News.FAILED:
                acted_on(connection, event.message_id)
        elif isinstance(event, StaffAction):
            try:
                staff.do(draft, event)
            except Declined as declined:
                raise Refused(draft.refusal(declined)) from None
        turn = self._save(draft)
        if isinstance(event, Due) and turn.escalations:
            failpoint("esc.advance_uncommitted")
        return turn

    def begin(self, connection: Connection, person_id: int, flow: LoadedFlow) -> Turn:
        """Start a flow with a person now, outside any schedule."""
        draft = self._draft(Batch(connection), f"begin:{self.clock.new_id()}")
        person = people.load(connection, person_id, lock=True)
        if person is not None:
            prompts.start(draft, person, flow)
        return self._save(draft)

    async def _take_up(self) -> Sequence[Understood]:
        """What is to be handled next, understood. Several workers claim it; a single process just reads it."""
        if self.database.is_sqlite:
            return await asyncio.to_thread(lambda: [self._understand(one) for one in self._fresh()])
        wall = self.clock.wall()
        claimed = await self.database.run(lambda connection: inbox.claim(connection, self._token, wall))
        return await asyncio.to_thread(lambda: [self._understand(one) for one in claimed])

    def _fresh(self) -> Sequence[inbox.Stored]:
        with self.database.read() as connection:
            return inbox.fresh(connection, self.clock.wall())

    def _at_once(self, events: Sequence[inbox.Stored]) -> AtOnce | None:
        """What handles the first of these events in the transaction that stores them; None if they have to wait.

        Several workers on PostgreSQL agree over the inbox who handles what. A long text is screened in a thread.
        """
        if not self.database.is_sqlite:
            return None
        understood = []
        for stored in events:
            event = self._understand.translated(stored)
            if event.error is not None or event.is_long:
                break  # it waits, and those behind it
            understood.append(self._understand.screened(event))
        if not understood:
            return None
        return lambda connection: [turn for turn in self._turns(connection, understood) if isinstance(turn, Turn)]

    def _together(self, connection: Connection, events: Sequence[Understood]) -> Sequence[Turn | Exception]:
        turns = self._turns(connection, events)
        self._finish(connection, events[: len(turns)])
        return turns

    def _turns(self, connection: Connection, events: Sequence[Understood]) -> Sequence[Turn | Exception]:
        """The turns of many events in one transaction, as many as its time allows."""
        ends = time.monotonic() + LONGEST
        turns: list[Turn | Exception] = []
        with Batch(connection) as batch:
            for event in events:
                turns.append(self._turn(batch, event))
                if time.monotonic() > ends:
                    break
        failpoint("work.audit")
        return turns

    def _alone(self, connection: Connection, event: Understood) -> Turn | Exception:
        return self._together(connection, [event])[0]

    def _turn(self, batch: Batch, event: Understood) -> Turn | Exception:
        if event.error is not None:
            return event.error
        failpoint("work.begin")
        if event.inbound is None:
            return Turn()  # it concerns nobody
        draft = self._draft(batch, f"inbox:{event.stored.id}")
        senders.read(draft, event.inbound, event.screening)
        return self._gather(draft)

    def _finish(self, connection: Connection, events: Sequence[Understood]) -> None:
        if not inbox.finish(connection, [event.stored for event in events if event.error is None]):
            raise Taken

    async def _step_aside(self, event: Understood, error: Exception) -> None:
        """Law 2: the event waits for its next try, others go on; at last it is told to staff."""
        stored, now, name = event.stored, self.clock.wall(), type(error).__name__
        log.error("event failed inbox=%s try=%s error=%s", stored.id, stored.tries + 1, name)

        def unit(connection: Connection) -> None:
            if inbox.failed(connection, stored, name, now):
                draft = self._draft(Batch(connection), f"quarantine:{stored.id}")
                senders.quarantine(draft, event.inbound)
                self._save(draft)

        try:
            await self.database.run(unit)
        except Exception as second:
            # Even telling failed. The event stays in the inbox and steps aside; staff see it as quarantined.
            log.critical("quarantine failed inbox=%s error=%s", stored.id, type(second).__name__)
            await self.database.run(lambda connection: inbox.failed(connection, stored, name, now))

    def _tell_of(self, connection: Connection, event: Due | DeliveryNews) -> None:
        draft = self._draft(Batch(connection), f"failed:{_cause(event, 0)}")
        person_id = person_of(connection, event)
        person = people.load(connection, person_id) if person_id is not None else None
        senders.open_failure(draft, person, draft.staff_text("reason_failure"))
        self._save(draft)

    def _tell_of_fault(self, connection: Connection, reason: str, values: Mapping[str, str]) -> None:
        draft = self._draft(Batch(connection), f"fault:{self.clock.new_id()}")
        senders.open_failure(draft, None, self.program.text(self.program.languages[0], reason, **values))
        self._save(draft)

    async def _by_itself(self, name: str, act: Callable[[Draft], None]) -> None:
        """A turn that no event brought."""

        def unit(connection: Connection) -> None:
            draft = self._draft(Batch(connection), f"{name}:{self.clock.new_id()}")
            act(draft)
            self._save(draft)

        await self.database.run(unit)
        self._kick()

    def _draft(self, batch: Batch, cause: str) -> Draft:
        return Draft(batch, self.program, self.clock.now(), self.clock.new_id, cause)

    def _gather(self, draft: Draft) -> Turn:
        turn = draft.turn()
        add_turn(draft.batch, turn, draft.now, draft.new_id, state.dump)
        return turn

    def _save(self, draft: Draft) -> Turn:
        turn = self._gather(draft)
        draft.batch.write()
        failpoint("work.audit")
        return turn


def _committed(turn: Turn) -> None:
    if any(case.status == "acknowledged" for case in turn.escalations):
        failpoint("ack.committed")
    failpoint("work.committed")


def _cause(event: Event, new_id: int) -> str:
    """A name for the event: the same for a repeat of it, so that its messages are recognized."""
    if isinstance(event, Due):
        return due_cause(event)
    if isinstance(event, DeliveryNews):
        return f"news:{event.message_id}"
    if isinstance(event, StaffAction):
        # The same action twice is two actions; the ladder refuses what no longer fits.
        return f"staff:{event.kind}:{event.object_id}:{new_id}"
    raise TypeError("an inbound event comes through the inbox")
