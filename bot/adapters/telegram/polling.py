"""Long polling: updates are stored and committed, and only then confirmed by the next request's offset.

One poller per bot, under a lease. Whatever goes wrong, it goes on: Telegram keeps what is not confirmed for a day.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.adapters.base import Port
from bot.adapters.telegram.reading import KINDS, number_of
from bot.domain import Lease
from bot.errors import LeaseLost, SendError
from bot.failpoints import failpoint

log = logging.getLogger(__name__)

LONG = 20
"""Seconds that the server may hold a request back when there is nothing (decisions.md 18)."""
PAGE = 100
"""Updates in one answer, as many as the Bot API gives."""
LATE = 15.0
"""Seconds beyond those of the long poll for the answer to arrive."""
SILENT = 30.0
"""Seconds without a good answer after which people are told."""
FIRST_WAIT, LONGEST_WAIT = 0.5, 15.0
STALE = 75.0
"""Seconds without a good answer after which a poller has come to a halt: more than any request of its own takes."""
STOOD_DOWN = 30.0
"""Seconds until a refused token, or a bot that another program polls, is tried again."""
LONGEST_ASKED = 60.0
DOUBTED = 90.0
"""Seconds without a conflict after which the other program is taken to be gone: two pollers take turns."""

Ask = Callable[[str, Mapping[str, Any], float], Awaitable[Mapping[str, Any]]]
Take = Callable[[Any, Lease], Awaitable[None]]
"""Stores one update; returns after the commit."""


class Poller:
    """Polls for one bot until it is canceled. `trouble` says what is wrong meanwhile, in words for IT people.

    `begun` is called once the first poll went well: what a bot says of itself is set then. `own_hook`: where this
    school took updates before it polled; a webhook there is given up.
    """

    def __init__(self, ask: Ask, take: Take, account: str, begun: Callable[[], None], own_hook: str = "") -> None:
        self._ask, self._take, self._account, self._begun = ask, take, account, begun
        self._own_hook = own_hook
        self._offset: int | None = None
        self._is_known = False
        self._well_at = self._doubted_until = 0.0
        self._wait = FIRST_WAIT
        self._told = ""

    @property
    def trouble(self) -> str:
        """What is wrong; a poller that has come to a halt cannot say so itself."""
        if self._told or not self._well_at or _now() - self._well_at <= STALE:
            return self._told
        return "Nearpeer has not heard from Telegram for more than a minute: what students write waits at Telegram."

    async def run(self, port: Port) -> None:
        """Stand by until nobody else polls for this bot; then poll."""
        while True:
            try:
                self._told, self._offset, self._well_at = "", None, 0.0
                async with port.lease(f"poll:telegram:{self._account}") as lease:
                    self._well_at = _now()
                    await self._poll(lease)
            except LeaseLost:
                log.warning("another program polls for bot=%s", self._account)
            except Exception as error:  # a poller never ends by itself: nobody would notice
                log.error("polling failed bot=%s error=%s", self._account, type(error).__name__)
                await asyncio.sleep(LONGEST_WAIT)

    async def _poll(self, lease: Lease) -> None:
        while True:
            wait = await self._round(lease)
            await asyncio.sleep(wait)

    async def _round(self, lease: Lease) -> float:
        """One poll and the storing of what it brought; gives the seconds to wait before the next."""
        parameters: dict[str, Any] = {"limit": PAGE, "timeout": LONG, "allowed_updates": KINDS}
        if self._offset is not None:
            parameters["offset"] = self._offset
        try:
            answer = await self._ask("getUpdates", parameters, LONG + LATE)
        except SendError as error:
            return self._unheard(error.code)
        updates = answer.get("result")
        if answer.get("ok") is not True or not isinstance(updates, list):
            return await self._refused(answer)
        if self._offset is not None:
            failpoint("ingress.acked")
        self._well_at = _now()
        if self._well_at > self._doubted_until:
            self._told = ""
        if not self._is_known:
            self._is_known = True
            self._begun()
        return await self._store(updates, lease)

    async def _store(self, updates: list[Any], lease: Lease) -> float:
        results = await asyncio.gather(*(self._take(update, lease) for update in updates), return_exceptions=True)
        for result in results:
            if isinstance(result, LeaseLost):
                raise result
            if isinstance(result, BaseException):
                # Not confirmed, so it comes again. Whoever stores says what is wrong.
                log.error("update not stored bot=%s error=%s", self._account, type(result).__name__)
                return self._longer()
        numbers = [number for number in map(number_of, updates) if number is not None]
        if updates and not numbers:
            self._told = "Telegram's server sends what are no updates; is base_url in [telegram] right?"
            return self._longer()
        # Without an update for a week the numbers begin anew anywhere, also below: only what was just seen counts.
        self._offset = max(numbers) + 1 if numbers else None
        self._wait = FIRST_WAIT
        return 0

    def _unheard(self, code: str) -> float:
        log.warning("no updates bot=%s code=%s", self._account, code)
        if code == "certificate_refused":
            self._told = "Telegram's server shows a certificate that this computer does not trust: docs/telegram.md."
        elif _now() - self._well_at > SILENT:
            self._told = "Telegram cannot be reached: what students write there waits at Telegram, for a day at most."
        return self._longer()

    async def _refused(self, answer: Mapping[str, Any]) -> float:
        code = answer.get("error_code")
        log.warning("no updates bot=%s code=%s", self._account, code if isinstance(code, int) else "none")
        if refused := refused_token(answer):
            self._told = refused
            return STOOD_DOWN
        if code == 409:
            is_hook = "webhook" in str(answer.get("description", "")).lower()
            if is_hook and await self._gave_up_own_hook():
                return 0
            self._told, self._doubted_until = HOOKED if is_hook else POLLED, _now() + DOUBTED
            return STOOD_DOWN
        if code == 429:
            parameters = answer.get("parameters")
            asked = parameters.get("retry_after") if isinstance(parameters, Mapping) else None
            return min(float(asked), LONGEST_ASKED) if isinstance(asked, int) and asked >= 0 else self._longer()
        return self._unheard("unreadable_answer")

    async def _gave_up_own_hook(self) -> bool:
        """Whether the webhook was one of this school's own, from before it polled. What waits behind it is kept."""
        try:
            told = (await self._ask("getWebhookInfo", {}, LATE)).get("result")
            if not self._own_hook or not isinstance(told, Mapping) or told.get("url") != self._own_hook:
                return False
            return (await self._ask("deleteWebhook", {}, LATE)).get("ok") is True
        except SendError:
            return False

    def _longer(self) -> float:
        wait, self._wait = self._wait, min(self._wait * 2, LONGEST_WAIT)
        return wait


HOOKED = (
    "Another program has set a webhook for this bot, so Nearpeer gets nothing from Telegram. End that program, or give "
    "Nearpeer a bot of its own: docs/telegram.md."
)
POLLED = (
    "Another program polls Telegram with this bot's token, so messages of students may go there. End that program, or "
    "give Nearpeer a bot of its own: docs/telegram.md."
)


def refused_token(answer: Mapping[str, Any]) -> str:
    """What to tell people when an answer says that there is no such bot (any more); else ""."""
    if answer.get("error_code") not in (401, 404):
        return ""
    return (
        "Telegram refuses the bot's token: it was revoked, or it is wrong. Nothing comes in or goes out there. "
        "Put the new token in place and start Nearpeer again: docs/telegram.md."
    )


def _now() -> float:
    return time.monotonic()
