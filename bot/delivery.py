"""The one way out: claim rows, send, record; urgent first, paced per account and chat, retried by the error's facts.

One Delivery per platform account (decisions.md 13). It decides nothing about what is said or to whom.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Connection

from bot.adapters.base import Adapter
from bot.clock import Clock
from bot.domain import Address, Lease, MessageKind, Priority
from bot.errors import Ambiguous, SendError, TryLater, Unreachable
from bot.failpoints import failpoint
from storage import leases, outbox
from storage.database import Database

log = logging.getLogger(__name__)
T = TypeVar("T")

DEADLINE = 30.0
"""Seconds that one send may take: well below the lease, so that a live sender never meets its successor."""
IN_FLIGHT = 10
LONGEST_WAIT = 300.0
IDLE = 1.0
"""Seconds between looks when nobody kicked: the kick is what makes it fast, the look is what makes it sure."""


class Delivery:
    """Sends what one account of one platform has to send."""

    def __init__(self, database: Database, adapter: Adapter, clock: Clock, told: Callable[[], None]) -> None:
        self._database = database
        self._adapter = adapter
        self._clock = clock
        self._told = told
        self._kicked = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()
        self._chat_free_at: dict[Address, float] = {}
        self._account_free_at = 0.0
        self._gate = asyncio.Lock()
        self._lease: Lease | None = None

    def kick(self) -> None:
        """Something may be waiting: look now."""
        self._kicked.set()

    @property
    def busy(self) -> bool:
        """Whether a send is under way."""
        return bool(self._sending)

    async def run(self, stop: asyncio.Event, lease: Lease | None = None) -> None:
        """Send until `stop`; then claim nothing more and let what is under way finish, up to ten seconds.

        `lease`: the right to be the account's only sender. Whoever has lost it claims nothing.
        """
        self._lease = lease
        while not stop.is_set():
            self._kicked.clear()
            try:
                claimed = await self.sweep()
            except Exception as error:
                # The database is away: nothing is lost, rows stay pending, and the next look tries again.
                log.error("claim failed platform=%s error=%s", self._adapter.name, type(error).__name__)
                claimed = 0
                await asyncio.sleep(IDLE)
            if not claimed:
                await first_of(self._kicked, stop, timeout=IDLE)
        if self._sending:
            await asyncio.wait(self._sending, timeout=10)

    async def sweep(self) -> int:
        """Claim what may be sent now and begin to send it; gives how many."""
        room = IN_FLIGHT - len(self._sending)
        wall, token, lease = self._clock.wall(), self._clock.new_id(), self._lease
        name, account = self._adapter.name, self._adapter.account

        def unit(connection: Connection) -> Sequence[outbox.Claim]:
            if lease is not None and not leases.holds(connection, lease):
                return ()
            # An alert never waits for room behind slow sends of other messages.
            return outbox.claim(connection, name, account, token, wall, max(room, 1), alerts_only=room <= 0)

        claims = await self._write(unit)
        if claims:
            failpoint("send.claimed")
        for claim in claims:
            task = asyncio.create_task(self._send(claim))
            self._sending.add(task)
            task.add_done_callback(self._finished)
        return len(claims)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._kicked.set()
        if not task.cancelled() and task.exception() is not None:
            # The result could not be recorded: the lease runs out and the message is sent again.
            log.error("send not recorded error=%s", type(task.exception()).__name__)

    async def _send(self, claim: outbox.Claim) -> None:
        outbound = claim.outbound
        await self._wait_for_chat(outbound.address, outbound.priority)
        # One after the other, in the order of the claims: what is urgent leaves first.
        async with self._gate:
            await self._wait_for_account()
            started, now = self._clock.wall(), self._clock.now()
            # The last look before the send: whatever happened while the message waited its turn counts.
            unwanted = await asyncio.to_thread(self._still_wanted, outbound.id)
        if unwanted:
            await self._write(lambda connection: outbox.drop(connection, claim, unwanted, started))
            return
        try:
            async with asyncio.timeout(DEADLINE):
                receipt = await self._adapter.send(outbound)
        except TimeoutError:
            await self._again(claim, Ambiguous("timeout"), started)
        except Unreachable as error:
            code = error.code
            wall = self._clock.wall()
            await self._write(lambda connection: outbox.fail(connection, claim, code, started, wall))
            log.warning("unreachable message=%s code=%s", outbound.id, code)
            self._told()
        except SendError as error:
            await self._again(claim, error, started)
        except Exception as error:
            # An adapter's own fault may have come after the request left: it counts as perhaps sent.
            log.error("adapter failed message=%s error=%s", outbound.id, type(error).__name__)
            await self._again(claim, Ambiguous(type(error).__name__), started)
        else:
            failpoint("send.posted")
            wall = self._clock.wall()
            await self._write(
                lambda connection: outbox.complete(connection, claim, receipt.provider_id, started, now, wall)
            )
            failpoint("ack.confirmed" if outbound.kind is MessageKind.STAFF else "send.recorded")

    async def _again(self, claim: outbox.Claim, error: SendError, started: datetime) -> None:
        wait = error.after if isinstance(error, TryLater) and error.after is not None else back_off(claim.attempt)
        wall, code, ambiguous = self._clock.wall(), error.code, isinstance(error, Ambiguous)
        await self._write(
            lambda connection: outbox.give_back(connection, claim, code, started, wall, wait=wait, ambiguous=ambiguous)
        )
        log.warning("try later message=%s code=%s wait=%.1f", claim.outbound.id, code, wait)

    async def _wait_for_chat(self, address: Address, priority: Priority) -> None:
        """Wait for the chat's next free moment; an alert does not wait."""
        now = asyncio.get_running_loop().time()
        free_at = self._chat_free_at.get(address, 0.0)
        moment = now if priority is Priority.ALERT else max(now, free_at)
        self._chat_free_at[address] = max(free_at, moment + 1 / self._adapter.capabilities.per_chat_second)
        if len(self._chat_free_at) > 10_000:
            self._chat_free_at = {chat: free for chat, free in self._chat_free_at.items() if free > now}
        await asyncio.sleep(moment - now)

    async def _wait_for_account(self) -> None:
        """Wait for the account's next free moment."""
        now = asyncio.get_running_loop().time()
        moment = max(now, self._account_free_at)
        self._account_free_at = moment + 1 / self._adapter.capabilities.per_second
        await asyncio.sleep(moment - now)

    def _still_wanted(self, message_id: int) -> str:
        with self._database.read() as connection:
            return outbox.still_wanted(connection, message_id, self._clock.now())

    async def _write(self, unit: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self._database.write(unit))


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
