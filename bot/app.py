"""The composition root: everything of one running Nearpeer, built by hand in one visible place."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from collections.abc import Callable, Collection, Coroutine, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Connection

from bot.adapters.base import Adapter
from bot.beats import Beats
from bot.checks import Kind, Trouble
from bot.clock import Clock
from bot.delivery import Delivery, first_of
from bot.domain import Lease
from bot.heartbeat import Heartbeat
from bot.leases import Leases, Times
from bot.port import AppPort
from bot.program import Program
from bot.roles import ALL, Role
from bot.speaking import Speaking
from bot.turns.handle import Turns
from storage import due, outbox, people
from storage.database import Database
from storage.frozen import end_frozen
from storage.wake import Channel, Listener

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

log = logging.getLogger(__name__)
T = TypeVar("T")

MARKED = 10.0
"""Seconds between two marks of whoever turns what arrives into turns."""
START_AGAIN = 15.0
"""Seconds until an adapter that could not be started is tried again."""
LOOK = 5.0
"""Seconds between two looks whether a frozen program holds up the others."""


class App:
    """One running Nearpeer, built from its parts in this order. `routes` are everybody's; `run` does all the rest.

    `roles`: the share of the work that is done here; what only one program may do waits for its lease.
    """

    def __init__(
        self,
        program: Program,
        database: Database,
        clock: Clock,
        adapters: Sequence[Adapter],
        *,
        roles: Collection[Role] = ALL,
        times: Times = Times(),  # noqa: B008  (frozen)
    ) -> None:
        self.program, self.database, self.clock, self.adapters = program, database, clock, adapters
        self.roles = frozenset(roles)
        translators = {adapter.name: adapter.translate for adapter in self.adapters}
        self.turns = Turns(database, program, clock, translators, self.kick)
        self.leases = Leases(database, clock, times)
        self.port = AppPort(database, self.turns, self.leases)
        self.deliveries = [Delivery(database, adapter, clock, self._beat_soon) for adapter in self.adapters]
        self.beats = Beats(database, program, clock, self.turns, self.kick)
        self.heartbeat = Heartbeat(
            database, clock, {"alerts": self.beats.alerts, "due": self.beats.due, "leases": self.beat_leases}
        )
        outside = [adapter for adapter in self.adapters if adapter.name != people.WEB]
        here = [adapter for adapter in outside if self._speaks(adapter)]
        elsewhere = [adapter for adapter in outside if adapter not in here]
        self.speaking = Speaking(database, clock, here, elsewhere, self.beats.own_up)
        self._extra_beats: set[asyncio.Task[int]] = set()
        self._not_started: dict[str, str] = {}
        self.audits = False
        """Whether this program is the one that audits."""
        self.watched: Callable[[], Sequence[Trouble]] = tuple
        """What the auditor of this program has found; set by whoever starts one."""

    def routes(self) -> list[BaseRoute]:
        """The web routes of the adapters that speak here, and the staff pages; empty where nothing is served."""
        spoken: list[BaseRoute] = [
            route for adapter in self.adapters if self._speaks(adapter) for route in adapter.routes()
        ]
        if Role.WEB not in self.roles:
            return spoken
        # Only here: whoever shows no pages needs no web framework.
        from bot.staff_pages import staff_pages

        pages = staff_pages(
            self.program,
            self.database,
            self.clock,
            self.turns.handle,
            watched=self._watched,
            accounts=self.accounts,
        )
        return [*spoken, *pages]

    @property
    def accounts(self) -> Sequence[str]:
        """The platforms beside the web with which some program must speak, as their marks name them."""
        return [f"{adapter.name}:{adapter.account}" for adapter in self.adapters if adapter.name != people.WEB]

    def platform_troubles(self) -> Sequence[Trouble]:
        """What keeps platforms from taking in or sending, here or where other programs speak with them."""
        texts = [adapter.trouble() for adapter in self.adapters if self._speaks(adapter)]
        texts += self._not_started.copy().values()
        return (*(Trouble(Kind.PLATFORM, text) for text in texts if text), *self.speaking.troubles)

    def _watched(self) -> Sequence[Trouble]:
        return (*self.platform_troubles(), *self.watched())

    async def run(self, stop: asyncio.Event) -> None:
        """Do what this program's roles are until `stop`; then let what is under way finish."""
        # What is loaded now stays. The collector need not look through it again: each look held everybody up.
        gc.collect()
        gc.freeze()
        gc.enable()
        loop = asyncio.get_running_loop()
        news = {Channel.INBOX: self.turns.arrived.set, Channel.OUTBOX: self.kick}
        listener = Listener(
            self.database,
            {channel: partial(loop.call_soon_threadsafe, told) for channel, told in news.items()},
        )
        tasks = [asyncio.create_task(share) for share in self._shares(stop)]
        try:
            await asyncio.gather(*tasks)
        finally:
            stop.set()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(listener.close)

    @property
    def stands_by(self) -> bool:
        """Whether the chat is served elsewhere, and here only if that program goes away."""
        return any(
            adapter.name == people.WEB and self._speaks(adapter) and not self.leases.held(send_lease(adapter))
            for adapter in self.adapters
        )

    def _shares(self, stop: asyncio.Event) -> Iterator[Coroutine[Any, Any, None]]:
        """What this program does at once, by its roles."""
        for adapter, delivery in zip(self.adapters, self.deliveries, strict=True):
            if self._speaks(adapter):
                yield self._speak(adapter, delivery, stop)
        if Role.WORKER in self.roles:
            yield self._work(stop)
        if Role.HEARTBEAT in self.roles:
            yield self.leases.keep("heartbeat", self._beat, stop)
        if Role.AUDITOR in self.roles:
            yield self.leases.keep("auditor", self._audit, stop)
        if not self.database.is_sqlite:
            yield self._end_frozen(stop)
        yield self.speaking.run(stop)

    def _speaks(self, adapter: Adapter) -> bool:
        return (Role.WEB if adapter.name == people.WEB else Role.INGRESS) in self.roles

    async def _speak(self, adapter: Adapter, delivery: Delivery, stop: asyncio.Event) -> None:
        """Take in from a platform's account and send to it."""
        name = send_lease(adapter)

        async def send(lease: Lease, ending: asyncio.Event) -> None:
            await delivery.run(ending, lease)

        async def all_of_it(lease: Lease, ending: asyncio.Event) -> None:
            # A page can be shown something only where it is open, so it is open where the sender is.
            await adapter.start(self.port)
            try:
                await send(lease, ending)
            finally:
                await adapter.stop()

        if adapter.name == people.WEB:
            await self.leases.keep(name, all_of_it, stop)
            return
        if not await self._started(adapter, stop):
            return
        try:
            await self.leases.keep(name, send, stop)
        finally:
            await adapter.stop()

    async def _started(self, adapter: Adapter, stop: asyncio.Event) -> bool:
        """Start an adapter, again and again if need be: whatever is wrong with one platform, the others go on."""
        while not stop.is_set():
            try:
                await adapter.start(self.port)
            except Exception as error:
                log.error("adapter not started platform=%s error=%s", adapter.name, type(error).__name__)
                self._not_started[adapter.name] = (
                    f"{adapter.name} cannot be started ({type(error).__name__}): nothing goes out or comes in there."
                )
                with contextlib.suppress(Exception):  # what came about of it
                    await adapter.stop()
                await first_of(stop, timeout=START_AGAIN)
            else:
                self._not_started.pop(adapter.name, None)
                return True
        return False

    async def _beat(self, lease: Lease, ending: asyncio.Event) -> None:
        self.heartbeat.start()
        try:
            await self.heartbeat.watch(ending)
        finally:
            self.heartbeat.stop()
            await self.heartbeat.finish()

    async def _audit(self, lease: Lease, ending: asyncio.Event) -> None:
        """Be the one that audits; the auditor's own thread does it."""
        self.audits = True
        try:
            await ending.wait()
        finally:
            self.audits = False

    async def _work(self, stop: asyncio.Event) -> None:
        """Turn what arrives into turns; a look each second finds what stepped aside. Its mark shows that it goes on."""
        loop = asyncio.get_running_loop()
        marked_at = loop.time() - MARKED
        while not stop.is_set():
            await first_of(self.turns.arrived, stop, timeout=1)
            try:
                while await self.turns.drain() and not stop.is_set():
                    pass
                if loop.time() - marked_at >= MARKED:
                    marked_at = loop.time()
                    await self._mark("turns")
            except Exception as error:
                # The database is away: events stay in the inbox, and the next look tries again.
                log.error("turns failed error=%s", type(error).__name__)
                await asyncio.sleep(1)

    async def _end_frozen(self, stop: asyncio.Event) -> None:
        """Every program looks: whichever froze, the others go on."""
        while not stop.is_set():
            await first_of(stop, timeout=LOOK)
            try:
                ended = await asyncio.to_thread(self._ended)
            except Exception as error:
                log.error("frozen programs cannot be looked for error=%s", type(error).__name__)
            else:
                if ended:
                    log.warning("transactions of a frozen program were ended many=%s", ended)

    def _ended(self) -> int:
        with self.database.read() as connection:
            return end_frozen(connection)

    async def _mark(self, name: str) -> None:
        wall = self.clock.wall()
        await self._write(lambda connection: due.mark_beat(connection, name, wall))

    async def beat_due(self) -> int:
        """What is due becomes turns, alerts first; gives how many."""
        return await self.beats.due()

    async def beat_leases(self) -> None:
        """Messages whose sender vanished go back to pending."""
        wall = self.clock.wall()
        if await self._write(lambda connection: outbox.requeue_expired(connection, wall)):
            self.kick()

    def kick(self) -> None:
        """Something may be waiting to be sent."""
        for delivery in self.deliveries:
            delivery.kick()

    async def settle(self, within: float = 8.0) -> bool:
        """Wait until everything that arrived is handled and everything due is sent; False if that takes too long."""
        end = asyncio.get_running_loop().time() + within
        while asyncio.get_running_loop().time() < end:
            handled = await self.turns.drain() + await self.beat_due()
            wall = self.clock.wall()
            if not handled and not await asyncio.to_thread(self._unsent, wall):
                return True
            self.kick()
            await asyncio.sleep(0.02)
        return False

    def plan_anew(self) -> None:
        """People or plans have changed: plan at the next beat, not in ten minutes."""
        self.beats.plan_anew()

    def _unsent(self, wall: datetime) -> int:
        with self.database.read() as connection:
            return outbox.unsent(connection, wall)

    async def _write(self, unit: Callable[[Connection], T]) -> T:
        return await asyncio.wrap_future(self.database.write(unit))

    def _beat_soon(self) -> None:
        """Delivery learned something that somebody must act on: now, not at the next second."""
        if Role.HEARTBEAT not in self.roles:
            return
        task = asyncio.get_running_loop().create_task(self.beats.alerts())
        self._extra_beats.add(task)
        task.add_done_callback(self._extra_beats.discard)


def send_lease(adapter: Adapter) -> str:
    """The name of the right to be the only sender of a platform's account (decisions.md 13)."""
    return f"send:{adapter.name}:{adapter.account}"
