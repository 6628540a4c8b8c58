"""The one way out: claim rows, send, record; urgent first, paced per account and chat, retried by the error's facts.

One Delivery per platform account (decisions.md 13). It decides nothing about what is said or to whom. The desk claims
about a second's worth of messages and writes results down; here they leave, the most urgent first, at the account's
pace.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from bot import desk
from bot.adapters.base import Adapter
from bot.clock import Clock
from bot.desk import Desk, noted
from bot.domain import Lease, Priority
from bot.errors import Ambiguous, SendError, SlowDown, TryLater, Unreachable
from bot.failpoints import failpoint
from bot.markup import inert
from bot.pacer import Departure, Pacer, bounded
from storage import outbox
from storage.database import Database

log = logging.getLogger(__name__)

DEADLINE = 30.0
"""Seconds that one send may take: well below the lease, so that a live sender never meets its successor."""
KEPT = outbox.LEASE.total_seconds() - DEADLINE - 5
"""Seconds that a claimed message may wait here: when it leaves, its lease outlasts the send."""
FINISH = 10.0
"""Seconds that sends under way have left when delivery stops."""
IN_FLIGHT = 10
MOST = 64
"""Messages that one claim may take, however fast the platform is."""
MOMENT = 0.1
"""A reason that was seen to hold so many seconds ago is looked at again before the send."""
AHEAD = 0.02
"""Seconds before a message's turn at which that look begins, so that it costs no turn."""
SHORT_HOLD = 1.0
"""Claimed messages wait through a hold of so many seconds; through a longer one they wait in the outbox."""
LONGEST_WAIT = 300.0
SERVER_ERROR = "server_error"
"""What adapters call the platform's own trouble (HTTP 5xx)."""
LONG_GAPS, LONGEST_GAP = 5.0, 3600.0
"""After 5, 25, 125, 625 and 3,125 seconds, then hourly."""


@dataclass(slots=True)
class _Sending:
    """One send under way."""

    claim: outbox.Claim
    departure: Departure
    deadline: float
    overdue: bool = False


class Delivery:
    """Sends what one account of one platform has to send."""

    def __init__(self, database: Database, adapter: Adapter, clock: Clock, told: Callable[[], None]) -> None:
        self._adapter = adapter
        self._clock = clock
        able = adapter.capabilities
        self._pacer = Pacer(able.per_second, able.per_chat_second)
        worth = max(1, min(MOST, math.ceil(able.per_second)))
        self._desk = Desk(database, clock, (adapter.name, adapter.account), worth, self._let_leave, told)
        self._line = self._desk.line
        self._sending: dict[asyncio.Task[None], _Sending] = {}
        self._watch: asyncio.TimerHandle | None = None
        self._moved = asyncio.Event()
        self._running = False
        self._leaving: asyncio.Task[None] | None = None

    def kick(self) -> None:
        """Something may be waiting, or will be once what is queued for the database is done: look after that."""
        if self._running:
            self._desk.claim()

    @property
    def busy(self) -> bool:
        """Whether a message is claimed, under way or not yet written down."""
        return bool(self._sending) or self._desk.busy

    @property
    def late(self) -> int:
        """Results that were refused because the lease was lost meanwhile."""
        return self._desk.late

    async def run(self, stop: asyncio.Event, lease: Lease | None = None) -> None:
        """Send until `stop`; then claim nothing more, put back what waits and let what is under way finish.

        `lease`: the right to be the account's only sender. Whoever has lost it claims nothing.
        """
        self._desk.lease, self._desk.open, self._running = lease, True, True
        try:
            while not stop.is_set():
                self._desk.claim()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(desk.IDLE):
                        await stop.wait()
            self._running = False
            await self._finish()
        finally:
            self._desk.open = self._running = False
            self._desk.put_all_back()
            self._desk.stop()
            for task in self._sending:
                task.cancel()
            if self._watch is not None:
                self._watch.cancel()
                self._watch = None

    async def sweep(self) -> int:
        """Claim what may be sent now and let it leave when its turn comes; gives how many."""
        before = self._desk.taken
        await asyncio.wait({self._desk.claim()})
        return self._desk.taken - before

    async def _finish(self) -> None:
        end = monotonic() + FINISH
        self._desk.open = False
        self._desk.put_all_back()
        if self._sending:
            await asyncio.wait(self._sending, timeout=FINISH)
        for task, sending in self._sending.items():
            task.cancel()
            self._desk.came_in(self._again(sending.claim, Ambiguous("stopped"), self._clock.wall()))
        await self._desk.written(within=max(end - monotonic(), 1.0))

    # --- whose turn it is ---

    def _let_leave(self) -> None:
        self._moved.set()
        if self._leaving is None or self._leaving.done():
            wait = self._let_go()
            if self._line:
                self._leaving = asyncio.create_task(self._leave(wait))
                self._leaving.add_done_callback(noted)

    async def _leave(self, wait: float) -> None:
        while self._line:
            if wait > 0:
                await self._pause(wait)
            elif wait < 0:
                await self._desk.look_again()
            wait = self._let_go()

    def _let_go(self) -> float:
        """Let all leave that may by now; gives what the first of the others waits for (see `_turn`).

        Whatever changes from here on ends that wait, also what changes before it has begun.
        """
        self._moved.clear()
        wait = 0.0
        while self._line and not wait:
            now = monotonic()
            if self._pacer.held_until - now > SHORT_HOLD:
                self._desk.put_all_back()
                break
            wait = self._turn(now)
        return wait

    def _turn(self, now: float) -> float:
        """Let the first one leave if it may. Gives the seconds to wait; less than 0: a look at its reason is due."""
        place = self._line.first(now)
        if place is None:
            return self._line.wakes_at() - now
        if now - place.claimed_at > KEPT:
            self._desk.put_back({place})
            return 0
        chat = place.item.outbound.address.chat
        if place.priority > Priority.ALERT:
            # An alert waits neither for its chat nor behind slow sends of others. What has been sent and is not yet
            # written down is still in flight: so many messages at most come twice if we are killed now.
            if len(self._sending) + self._desk.unwritten >= IN_FLIGHT:
                return desk.IDLE
            if self._pacer.chat_moment(chat) > now:
                self._line.rest(self._pacer.chat_moment(chat))
                return 0
        turn = max(self._pacer.moment(), now)
        if turn - place.looked_at > MOMENT:
            return max(turn - now - AHEAD, 0) or -1
        if turn > now:
            return turn - now
        self._line.take()
        sending = _Sending(place.item, self._pacer.sent(chat, now), now + DEADLINE)
        task = asyncio.create_task(self._send(sending))
        self._sending[task] = sending
        task.add_done_callback(self._finished)
        if self._watch is None:
            self._watch = asyncio.get_running_loop().call_later(DEADLINE, self._give_up)
        return 0

    async def _pause(self, seconds: float) -> None:
        """Wait so long, or until something has changed since `_let_go` looked."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._moved.wait()

    # --- one send ---

    async def _send(self, sending: _Sending) -> None:
        claim, wall, now = sending.claim, self._clock.wall(), self._clock.now()
        outbound = claim.outbound
        if outbound.replaces and not self._adapter.capabilities.edits:
            return self._desk.came_in(outbox.dropped(claim, "cancelled", wall))
        try:
            receipt = await self._adapter.send(inert(outbound))
        except asyncio.CancelledError:
            if not sending.overdue:
                raise
            result = self._again(claim, Ambiguous("timeout"), wall)
        except SlowDown as error:
            result = self._slow_down(claim, error)
        except Unreachable as error:
            self._pacer.answered(sending.departure, monotonic())
            log.warning("unreachable message=%s code=%s", outbound.id, error.code)
            result = outbox.failed(claim, error.code, wall, self._clock.wall())
        except SendError as error:
            result = self._again(claim, error, wall)
        except Exception as error:
            # An adapter's own fault may have come after the request left: it counts as perhaps sent.
            log.error("adapter failed message=%s error=%s", outbound.id, type(error).__name__)
            result = self._again(claim, Ambiguous(type(error).__name__), wall)
        else:
            failpoint("send.posted")
            self._pacer.answered(sending.departure, monotonic())
            self._pacer.accepted()
            result = outbox.sent(claim, receipt.provider_id, wall, now, self._clock.wall())
        if outbound.replaces and result.status == "failed":
            # The older message stands as it was: that is nobody's news, and says nothing about the address.
            result = outbox.dropped(claim, "cancelled", self._clock.wall())
        self._desk.came_in(result)

    def _give_up(self) -> None:
        """End sends that take too long. One timer watches all: a timer each would cost as much as the send."""
        now, self._watch = monotonic(), None
        for task, sending in self._sending.items():
            if now < sending.deadline:
                self._watch = asyncio.get_running_loop().call_later(sending.deadline - now, self._give_up)
                return
            if not sending.overdue:
                sending.overdue = True
                task.cancel()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._sending.pop(task, None)
        self._moved.set()
        noted(task)

    def _again(self, claim: outbox.Claim, error: SendError, started: datetime) -> outbox.Result:
        """Try again later; a prompt that has perhaps arrived twice is left as it is.

        Where the platform itself says that it has trouble, the prompt has hardly arrived: it outlasts an hour of that
        (F46), at gaps that grow so fast that even a platform which delivers all the same repeats it a few times only.
        """
        wall, code, ambiguous = self._clock.wall(), error.code, isinstance(error, Ambiguous)
        asked = error.after if isinstance(error, TryLater) else None
        wait = back_off(claim.attempt) if asked is None else bounded(asked)
        if ambiguous and claim.outbound.priority >= Priority.REMINDER:
            if code == SERVER_ERROR:
                wait = min(LONG_GAPS ** min(claim.attempt, 16), LONGEST_GAP)
            elif claim.ambiguous:
                log.warning("left message=%s code=%s", claim.outbound.id, code)
                return outbox.left(claim, code, started, wall)
        log.warning("try later message=%s code=%s wait=%.1f", claim.outbound.id, code, wait)
        return outbox.later(claim, code, started, wall, wait=wait, ambiguous=ambiguous)

    def _slow_down(self, claim: outbox.Claim, error: SlowDown) -> outbox.Result:
        """The account (or only this chat) keeps silent as long as the platform asks; the message has lost nothing."""
        if error.chat_only:
            wait = 1.0 if error.after is None else bounded(error.after)
        else:
            wait = self._pacer.slow_down(monotonic(), error.after)
            self._desk.silent_until = self._pacer.held_until - SHORT_HOLD
            self._moved.set()
        log.warning("slow down message=%s code=%s wait=%.1f", claim.outbound.id, error.code, wait)
        return outbox.put_back(claim, self._clock.wall(), code=error.code, wait=wait)


def back_off(attempt: int) -> float:
    """Seconds before the next try: 1, 2, 4 ... up to five minutes, with jitter."""
    longest = min(2.0 ** min(attempt - 1, 16), LONGEST_WAIT)  # an alert may be at its thousandth try
    return longest * random.uniform(0.75, 1.25)  # noqa: S311  (jitter, no secret)


async def first_of(*events: asyncio.Event, timeout: float) -> None:  # noqa: ASYNC109  (a look, not a deadline)
    """Wait until one of these happens, or that many seconds."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
