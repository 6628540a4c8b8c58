"""Where delivery and the outbox meet: results are written down and messages claimed. It sends nothing.

Whatever results came in while the database was busy are written together, and messages claimed with them. A look for
messages waits for nothing of that: it is queued at once, and so shares the transaction of whatever was queued before.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine, Sequence
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any

from sqlalchemy import Connection

from bot.clock import Clock
from bot.domain import Lease, MessageKind, Priority
from bot.failpoints import failpoint
from bot.pacer import Line, Place
from storage import leases, outbox
from storage.database import Database

log = logging.getLogger(__name__)

IDLE = 1.0
"""Seconds between looks when nobody kicked, or when the database is away."""

Waiting = Line[outbox.Claim]
_EVERYTHING = max(Priority) + 1


@dataclass(frozen=True, slots=True)
class _Visit:
    """What came of one transaction."""

    late: int = 0
    taken: Sequence[outbox.Claim] | None = None
    """None: nothing was asked for."""
    unwanted: Collection[int] = ()
    """Ids of taken messages whose reason no longer held: they were let go in the same transaction."""
    looked_at: float = 0.0


@dataclass(frozen=True, slots=True)
class _Asked:
    """A transaction that is queued."""

    answer: asyncio.Future[_Visit]
    asked_at: float


class Desk:
    """The outbox of one account. `arrived` is called when claims joined the line, `told` when there is news."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        account: tuple[str, str],
        worth: int,
        arrived: Callable[[], None],
        told: Callable[[], None],
    ) -> None:
        self._database, self._clock, self._account = database, clock, account
        self._worth = worth
        self._arrived, self._told = arrived, told
        self._results: list[outbox.Result] = []
        self._in_hand = 0
        """Results that the visit under way writes down."""
        self._looking: asyncio.Task[None] | None = None
        self._writing: asyncio.Task[None] | None = None
        self._wanted = False
        self._more_of: int | None = None
        self.line: Waiting = Line()
        self.lease: Lease | None = None
        """Checked at each claim: whoever has lost it claims nothing."""
        self.open = True
        """While closed, nothing is claimed, and what arrives all the same goes back."""
        self.silent_until = -inf
        """Nothing is claimed before: it could not leave."""
        self.taken = 0
        self.late = 0
        """Results that were refused because the lease was lost."""

    @property
    def busy(self) -> bool:
        """Whether a message waits in the line, or something is not yet written down."""
        return bool(self.line or self._results) or _goes_on(self._looking) or _goes_on(self._writing)

    @property
    def unwritten(self) -> int:
        """Results that are not on disk yet: of all these messages a crash would make doubtful ones."""
        return len(self._results) + self._in_hand

    def claim(self) -> asyncio.Task[None]:
        """Look what may be sent, behind all that is queued by now; gives the task that does it."""
        if self._results:  # left from a run that was broken off
            self._write()
        if self._looking is not None and not self._looking.done():
            self._wanted = True
            return self._looking
        self._looking = _begun(self._look(self._visit([], claiming=True)))
        return self._looking

    def came_in(self, *results: outbox.Result) -> None:
        """What became of messages, to be written down at the next visit."""
        if results:
            self._results.extend(results)
            self._write()

    def put_back(self, places: Collection[Place[outbox.Claim]]) -> None:
        """What has not left goes back into the outbox, as if it had never been claimed."""
        wall = self._clock.wall()
        self.line.remove(places)
        self.came_in(*(outbox.put_back(place.item, wall) for place in places))

    def put_all_back(self) -> None:
        self.put_back(set(self.line))

    async def written(self, within: float) -> None:
        """Wait until everything is written down, or so many seconds."""
        if self._results or _goes_on(self._writing):
            await asyncio.wait({self._write()}, timeout=within)

    def stop(self) -> None:
        """Ask for nothing more; leases run out."""
        for task in (self._looking, self._writing):
            if task is not None:
                task.cancel()

    async def look_again(self) -> None:
        """See for all in the line whether they are still wanted, and still ours."""
        before, wall = set(self.line), self._clock.wall()
        try:
            under_way = await asyncio.to_thread(self._under_way)
        except Exception as error:
            # Nobody knows whether they are still wanted: they wait.
            log.error("look failed platform=%s error=%s", self._account[0], type(error).__name__)
            await asyncio.sleep(IDLE)
            return
        looked_at, gone = monotonic(), set()
        for place in before.intersection(self.line):
            claim = place.item
            token, status = under_way.get(claim.outbound.id, (None, ""))
            place.looked_at = looked_at
            if status and token == claim.token:
                self.came_in(outbox.dropped(claim, status, wall))
            if status or token != claim.token:
                gone.add(place)
        self.line.remove(gone)

    def _under_way(self) -> dict[int, tuple[int | None, str]]:
        with self._database.read() as connection:
            return outbox.under_way(connection, *self._account, self._clock.now())

    def _write(self) -> asyncio.Task[None]:
        if self._writing is None or self._writing.done():
            self._writing = _begun(self._write_down())
        return self._writing

    async def _look(self, visit: _Asked) -> None:
        while True:
            try:
                found = await visit.answer
            except Exception as error:
                # The database is away: rows stay as they are, and the next look tries again.
                log.error("claim failed platform=%s error=%s", self._account[0], type(error).__name__)
                await asyncio.sleep(IDLE)
            else:
                self._lined_up(found, visit.asked_at)
                if not self._wanted:
                    return
            visit = self._visit([], claiming=True)

    async def _write_down(self) -> None:
        while self._results:
            results, self._results = self._results, []
            self._in_hand = len(results)
            visit = self._visit(results, claiming=self._is_short())
            try:
                found = await visit.answer
            except Exception as error:
                # The database is away: results wait here.
                log.error("record failed platform=%s error=%s", self._account[0], type(error).__name__)
                self._results, self._in_hand = results + self._results, 0
                await asyncio.sleep(IDLE)
                continue
            self._in_hand = 0
            self._lined_up(found, visit.asked_at)
            self._written_down(results, found.late)

    def _visit(self, results: Sequence[outbox.Result], *, claiming: bool) -> _Asked:
        """Queue a transaction."""
        if claiming:
            self._wanted = False
        return _Asked(self._database.queue(self._unit(results, claiming)), monotonic())

    def _unit(self, results: Sequence[outbox.Result], claiming: bool) -> Callable[[Connection], _Visit]:
        """One transaction: write down, claim, and let go of what nobody wants any more."""
        wall, now, token, limit = self._clock.wall(), self._clock.now(), self._clock.new_id(), self._worth
        claiming = claiming and self.open and self.silent_until <= monotonic()
        # With a second's worth here, only what is more urgent than the last of it is worth a claim.
        last = self.line.nth_priority(limit)
        below = _EVERYTHING if last is None else last
        account, lease = self._account, self.lease

        def unit(connection: Connection) -> _Visit:
            late = outbox.record(connection, results)
            if not claiming or (lease is not None and not leases.holds(connection, lease)):
                return _Visit(late)
            claims = outbox.claim(connection, *account, token, wall, limit, below=below)
            if not claims:
                return _Visit(late, claims)
            looked_at = monotonic()
            under_way = outbox.under_way(connection, *account, now, token)
            unwanted = {one.outbound.id: one for one in claims if under_way[one.outbound.id][1]}
            gone = [outbox.dropped(one, under_way[id_][1], wall) for id_, one in unwanted.items()]
            outbox.record(connection, gone)
            return _Visit(late, claims, unwanted.keys(), looked_at)

        return unit

    def _lined_up(self, visit: _Visit, claimed_at: float) -> None:
        if visit.taken is None:
            return
        full = len(visit.taken) >= self._worth
        self._more_of = visit.taken[-1].outbound.priority if full else None
        if not visit.taken:
            return
        self.taken += len(visit.taken)
        for claim in visit.taken:
            outbound = claim.outbound
            if outbound.id not in visit.unwanted:
                self.line.add(Place(outbound.priority, outbound.id, claim, claimed_at, visit.looked_at))
        if full and self._is_short():
            self.claim()
        if not self.open:
            self.put_all_back()
        self._arrived()
        failpoint("send.claimed")

    def _written_down(self, results: Sequence[outbox.Result], late: int) -> None:
        if late:
            self.late += late
            log.warning("late results refused=%s", late)
        if any(result.news for result in results):
            self._told()
        for result in results:
            if result.status == "sent":
                staff = result.claim.outbound.kind is MessageKind.STAFF
                failpoint("ack.confirmed" if staff else "send.recorded")
        if results:
            self._arrived()  # there is room in flight again

    def _is_short(self) -> bool:
        urgency = _EVERYTHING if self._more_of is None else self._more_of
        return self.line.up_to(urgency) <= self._worth // 2


def _begun(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    task = asyncio.create_task(work)
    task.add_done_callback(noted)
    return task


def _goes_on(task: asyncio.Task[None] | None) -> bool:
    return task is not None and not task.done()


def noted(task: asyncio.Task[None]) -> None:
    """A fault of ours in the background: what it had in hand is under way until its lease ends."""
    if not task.cancelled() and task.exception() is not None:
        log.error("delivery task failed error=%s", type(task.exception()).__name__)
