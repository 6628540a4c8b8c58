"""Webhook: Telegram posts each update to us, and hears 200 once it is stored. For schools with a public https address.

Telegram keeps a chat's updates in order by itself: it posts the next one only after the last one was taken.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from bot.adapters.base import Port
from bot.adapters.telegram.polling import Ask, refused_token
from bot.adapters.telegram.reading import KINDS
from bot.errors import LeaseLost, NearpeerError, SendError

log = logging.getLogger(__name__)

PATH = "/hooks/telegram"
HEADER = "x-telegram-bot-api-secret-token"
LOOK = 30.0
"""Seconds between two looks whether Telegram still posts here."""
SLOWEST = 10.0
"""Seconds in which a body must have come."""
MOST_AT_ONCE = 40
"""Chats whose updates Telegram may post at the same time."""
UNSEEN = 2
"""Looks in a row that came to nothing, after which people are told."""
_UNSEEN = "Telegram cannot be asked whether it still posts to us: is this computer online?"
WAITS = 1
"""Updates that may wait at Telegram although it reaches us: the one that is on its way."""


class Hook:
    """Takes what Telegram posts at `url`, and sees to it that it posts there. `trouble` says what is wrong."""

    def __init__(
        self,
        ask: Ask,
        take: Callable[[Any], Awaitable[None]],
        account: str,
        url: str,
        secret: str,
        begun: Callable[[], None],
    ) -> None:
        self._ask, self._take, self._account, self._begun = ask, take, account, begun
        self._url, self._secret = url, secret
        self._is_set = False
        self._unseen = 0
        self.trouble = ""

    def routes(self) -> Sequence[Any]:
        """Where Telegram posts."""
        from starlette.routing import Route  # whoever polls needs no web framework

        return (Route(PATH, self._post, methods=["POST"]),)

    async def run(self, port: Port) -> None:
        """Until it is canceled: one program of the school keeps the webhook where it belongs."""
        while True:
            try:
                async with port.lease(f"poll:telegram:{self._account}"):
                    while True:
                        self.trouble = await self._look()
                        await asyncio.sleep(LOOK)
            except LeaseLost:
                self.trouble = ""
            except Exception as error:  # it never ends by itself: nobody would notice
                log.error("webhook not looked after bot=%s error=%s", self._account, type(error).__name__)
                await asyncio.sleep(LOOK)

    async def _look(self) -> str:
        """Set the webhook where it is not ours; gives what is wrong."""
        try:
            if not self._is_set:
                return await self._set()
            answer = await self._ask("getWebhookInfo", {}, LOOK)
        except SendError as error:
            log.warning("webhook not seen bot=%s code=%s", self._account, error.code)
            self._unseen += 1  # once is nothing: a connection breaks now and then
            return self.trouble if self._unseen < UNSEEN else _UNSEEN
        self._unseen = 0
        told = answer.get("result")
        if not answer.get("ok") or not isinstance(told, Mapping):
            return refused_token(answer) or "Telegram's server gives no account of the webhook."
        if told.get("url") != self._url:
            self._is_set = False
            return "Another program has taken over the bot's webhook. Nearpeer takes it back: end that program."
        waiting = told.get("pending_update_count")
        if told.get("last_error_date") and isinstance(waiting, int) and waiting > WAITS:
            return (
                f"Telegram cannot deliver to {self._url}: what students write waits there, for a day at most. "
                "Is the proxy in front up, and its certificate valid? docs/telegram.md"
            )
        return ""

    async def _set(self) -> str:
        wanted = {
            "url": self._url,
            "secret_token": self._secret,
            "allowed_updates": KINDS,
            "max_connections": MOST_AT_ONCE,
        }
        answer = await self._ask("setWebhook", wanted, LOOK)
        if answer.get("ok") is not True:
            return refused_token(answer) or "Telegram refuses the webhook's address: is public_url right?"
        self._is_set = True
        self._begun()
        return ""

    async def _post(self, request: Any) -> Any:
        from starlette.responses import Response

        if not hmac.compare_digest(request.headers.get(HEADER, "").encode(), self._secret.encode()):
            return Response(status_code=401)
        try:
            async with asyncio.timeout(SLOWEST):
                body = await request.body()
        except TimeoutError:
            return Response(status_code=408)
        try:
            update = json.loads(body)
        except (ValueError, RecursionError):
            update = body.decode("utf-8", "replace")  # kept as it came, and shown to staff
        try:
            await self._take(update)
        except NearpeerError as error:
            log.error("update not stored bot=%s error=%s", self._account, type(error).__name__)
            return Response(status_code=503)  # Telegram offers it again
        return Response()
