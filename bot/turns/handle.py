"""The one way in: what people, time, staff and delivery do becomes a turn, saved in one transaction.

Load, ask the pure rooms, save, nothing else. Everything that one event causes is committed together, with the mark that
the event is done; until then the event is still there and will be handled again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from bot.clock import Clock
from bot.domain import (
    DeliveryNews,
    Due,
    Event,
    Inbound,
    Lease,
    Person,
    Raw,
    Received,
    ReviewKind,
    StaffAction,
    Turn,
)
from bot.errors import LeaseLost, Outage
from bot.failpoints import failpoint
from bot.flows import state
from bot.flows.loaded import LoadedFlow
from bot.program import Program
from bot.safety import rules
from bot.safety.screen import Screening
from bot.turns import adults, cases, due, prompts, staff, students
from bot.turns.draft import Draft, due_cause
from storage import inbox, leases, people
from storage.database import Database
from storage.due import person_of
from storage.turns import acted_on, save_turn
from storage.wake import Channel, wake

log = logging.getLogger(__name__)

Translate = Callable[[Mapping[str, Any], str, str], Inbound | None]


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
        self._translators = translators
        self._kick = kick
        self.arrived = asyncio.Event()
        self._failures: Counter[Due | DeliveryNews] = Counter()

    async def receive(self, raw: Raw, lease: Lease | None = None) -> None:
        """Store what a platform handed us; returns after the commit. Only then may the platform be told.

        Raises Outage when it could not be stored: the platform keeps it, or a person is told to try again. Raises
        LeaseLost, and stores nothing, when whoever brings it has lost the lease to poll.
        """
        failpoint("ingress.fetched")
        id_, now = self.clock.new_id(), self.clock.wall()

        def unit(connection: Connection) -> None:
            if lease is not None and not leases.holds(connection, lease):
                raise LeaseLost(lease.name)
            inbox.put(connection, raw, id_, now)
            failpoint("ingress.inserted")
            wake(connection, Channel.INBOX)

        await asyncio.wrap_future(self.database.write(unit, first=True))
        failpoint("ingress.committed")
        self.arrived.set()

    async def drain(self) -> int:
        """Handle what waits in the inbox, oldest first; gives how many events were taken up."""
        self.arrived.clear()
        stored = await asyncio.to_thread(self._fresh)
        judged = await asyncio.to_thread(lambda: [self._understand(one) for one in stored])
        futures = []
        for one, (inbound, screening, error) in zip(stored, judged, strict=True):
            if error is None:
                futures.append((one, inbound, self.database.write(self._unit(one, inbound, screening))))
            else:
                await self._step_aside(one, None, error)
        for one, inbound, future in futures:
            try:
                turn = await asyncio.wrap_future(future)
            except Outage:
                raise  # nobody's try: what is left waits in the inbox
            except Exception as error:  # whatever it is, it is this event's own trouble
                await self._step_aside(one, inbound, error)
            else:
                if turn is not None and any(case.status == "acknowledged" for case in turn.escalations):
                    failpoint("ack.committed")
        if stored:
            failpoint("work.committed")
            self._kick()
        return len(stored)

    async def handle(self, event: Due | DeliveryNews | StaffAction) -> None:
        """Handle what time, delivery or staff brought. Raises Refused with words for whoever asked."""
        turn = await asyncio.wrap_future(self.database.write(lambda connection: self.save(connection, event)))
        if isinstance(event, Due) and turn.escalations:
            failpoint("esc.advanced")
        self._kick()

    async def failed(self, event: Due | DeliveryNews) -> None:
        """Note that what is due could not be handled. It stays due; at the fifth failure an adult is told (law 2)."""
        self._failures[event] += 1
        if self._failures[event] != inbox.TRIES:
            return
        try:
            await asyncio.wrap_future(self.database.write(lambda connection: self._tell_of(connection, event)))
        except Exception:
            self._failures[event] -= 1  # nobody was told yet
            raise
        self._kick()

    async def unplanned(self) -> None:
        """Nothing could be planned: whoever looks after the program is told."""
        await asyncio.wrap_future(self.database.write(self._tell_unplanned))
        self._kick()

    def save(self, connection: Connection, event: Event) -> Turn:
        """One event in the transaction of `connection`: its turn, saved. Inbound events come through `drain`."""
        draft = self._draft(connection, _cause(event, self.clock.new_id()))
        if isinstance(event, Due):
            due.come(draft, event)
        elif isinstance(event, DeliveryNews):
            due.news(draft, event)
            acted_on(connection, event.message_id)
        elif isinstance(event, StaffAction):
            staff.do(draft, event)
        turn = self._save(draft)
        if isinstance(event, Due) and turn.escalations:
            failpoint("esc.advance_uncommitted")
        return turn

    def begin(self, connection: Connection, person_id: int, flow: LoadedFlow) -> Turn:
        """Start a flow with a person now, outside any schedule."""
        draft = self._draft(connection, f"begin:{self.clock.new_id()}")
        person = people.load(connection, person_id, lock=True)
        if person is not None:
            prompts.start(draft, person, flow)
        return self._save(draft)

    def _fresh(self) -> list[inbox.Stored]:
        with self.database.read() as connection:
            return list(inbox.fresh(connection, self.clock.wall()))

    def _understand(self, stored: inbox.Stored) -> tuple[Inbound | None, Screening, Exception | None]:
        """Translate and screen, outside any transaction (decisions.md 7)."""
        raw = stored.raw
        try:
            inbound = self._translators[raw.platform](raw.body, raw.account, raw.event_id)
        except Exception as error:
            # Whatever a platform's nonsense raises is this event's own trouble.
            return None, Screening(), error
        return inbound, self.program.screener.screen(inbound.text) if inbound is not None else Screening(), None

    def _unit(
        self, stored: inbox.Stored, inbound: Inbound | None, screening: Screening
    ) -> Callable[[Connection], Turn | None]:
        def unit(connection: Connection) -> Turn | None:
            if not inbox.still_new(connection, stored.id):
                return None
            failpoint("work.begin")
            turn = None
            if inbound is not None:
                draft = self._draft(connection, f"inbox:{stored.id}")
                self._read(draft, inbound, screening)
                turn = self._save(draft)
            inbox.finish(connection, stored.id)
            return turn

        return unit

    def _read(self, draft: Draft, inbound: Inbound, screening: Screening) -> None:
        person = self._log(draft, inbound)
        if person is None:
            draft.review(ReviewKind.STRANGER, "Written by nobody on the roster", None)
            draft.findings = screening.findings
            verdict = rules.judge(screening.findings)
            if verdict.case is not None:
                self._open_about_nobody(draft, replace(verdict.case, reason=_stranger_reason(draft, verdict.case)))
        elif person.role.adult:
            adults.read(draft, person, inbound)
        else:
            students.read(draft, person, inbound, screening)

    def _log(self, draft: Draft, inbound: Inbound) -> Person | None:
        """Put a message into the log, with who wrote it."""
        person = people.by_address(draft.connection, inbound.address, lock=True)
        draft.received = Received(
            id=draft.new_id(),
            address=inbound.address,
            kind=inbound.kind,
            at=draft.now,
            text=inbound.text,
            person_id=person.id if person else None,
        )
        if person is not None and inbound.address not in person.addresses:
            # It took nothing any more, and now they write from it: saving the turn marks it as reachable again.
            return replace(person, addresses=(inbound.address, *person.addresses))
        return person

    async def _step_aside(self, stored: inbox.Stored, inbound: Inbound | None, error: Exception) -> None:
        """Law 2: the event waits for its next try, others go on; at last it is told to staff."""
        log.error("event failed inbox=%s try=%s error=%s", stored.id, stored.tries + 1, type(error).__name__)
        now, name = self.clock.wall(), type(error).__name__
        try:
            await asyncio.wrap_future(self.database.write(self._failure_unit(stored, inbound, name)))
        except Exception as second:
            # Even telling failed. The event stays in the inbox and steps aside; staff see it as quarantined.
            log.critical("quarantine failed inbox=%s error=%s", stored.id, type(second).__name__)
            await asyncio.wrap_future(
                self.database.write(lambda connection: inbox.failed(connection, stored, name, now))
            )

    def _failure_unit(self, stored: inbox.Stored, inbound: Inbound | None, error: str) -> Callable[[Connection], None]:
        def unit(connection: Connection) -> None:
            if inbox.failed(connection, stored, error, self.clock.wall()):
                draft = self._draft(connection, f"quarantine:{stored.id}")
                self._quarantine(draft, inbound)
                self._save(draft)

        return unit

    def _quarantine(self, draft: Draft, inbound: Inbound | None) -> None:
        """An event that cannot be handled is a case: nobody knows what it said (decisions.md 8)."""
        person = self._log(draft, inbound) if inbound is not None else None
        reason = draft.staff_text("reason_failure" if person else "reason_unknown_sender")
        draft.review(ReviewKind.QUARANTINED, reason, person)
        self._open_failure(draft, person, reason)

    def _tell_of(self, connection: Connection, event: Due | DeliveryNews) -> None:
        draft = self._draft(connection, f"failed:{_cause(event, 0)}")
        person_id = person_of(connection, event)
        person = people.load(connection, person_id) if person_id is not None else None
        self._open_failure(draft, person, draft.staff_text("reason_failure"))
        self._save(draft)

    def _tell_unplanned(self, connection: Connection) -> None:
        draft = self._draft(connection, f"unplanned:{self.clock.new_id()}")
        self._open_failure(draft, None, draft.staff_text("reason_unplanned"))
        self._save(draft)

    def _open_failure(self, draft: Draft, person: Person | None, reason: str) -> None:
        signal = rules.failure(reason)
        case = rules.Case(signal.tier, signal.category, signal.label)
        if person is None:
            self._open_about_nobody(draft, case)
        else:
            cases.open_or_join(draft, person, case)

    def _open_about_nobody(self, draft: Draft, case: rules.Case) -> None:
        """A case about somebody we do not know stands in the safety contact's name, so that it climbs all the same."""
        contact = people.by_key(draft.connection, self.program.safety_contact)
        if contact is None:  # the roster lost them: any adult, never nobody
            contact = next((one for one in people.everyone(draft.connection) if one.role.adult), None)
        if contact is not None:
            cases.open_or_join(draft, contact, case)

    def _draft(self, connection: Connection, cause: str) -> Draft:
        return Draft(connection, self.program, self.clock.now(), self.clock.new_id, cause)

    def _save(self, draft: Draft) -> Turn:
        turn = draft.turn()
        save_turn(draft.connection, turn, draft.now, draft.new_id, state.dump)
        return turn


def _stranger_reason(draft: Draft, case: rules.Case) -> str:
    return f"{draft.staff_text('reason_stranger')}: {case.reason}"


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
