"""Telegram: updates become Inbound, messages become `sendMessage` requests. Here the parts meet; it decides nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Protocol

from bot.adapters.base import Capabilities, Finding, Port
from bot.adapters.telegram.examining import examine
from bot.adapters.telegram.polling import Poller
from bot.adapters.telegram.reading import NAME, chat_of, event_id_of, group_of, has_left, translate
from bot.adapters.telegram.webhook import Hook
from bot.adapters.telegram.words import COMMANDS, LANGUAGES, PRIVATELY
from bot.adapters.telegram.writing import LENGTH, TOKEN_REFUSED, outcome, render
from bot.domain import Inbound, Lease, Outbound, Raw, Receipt
from bot.errors import Ambiguous, SendError, TryLater

log = logging.getLogger(__name__)

KEPT = timedelta(hours=24)
"""So long an update waits (core.telegram.org/bots/api#getting-updates)."""
_REFUSED = "Telegram refuses the bot's token: nothing goes out there. See docs/telegram.md."


class Api(Protocol):
    """The Bot API. A call gives the decoded answer, `ok` or not, and raises SendError when there was none."""

    async def __call__(self, method: str, parameters: Mapping[str, Any], within: float = ...) -> Mapping[str, Any]: ...

    async def close(self) -> None: ...


class Adapter:
    """One bot. `account` is its number. `polls`: it fetches its updates itself, from `start` to `stop`; else they are
    posted to `hook`, where there is one, and `secret` proves that it is Telegram who posts.

    `powers`: what of its capabilities the school has set otherwise.
    """

    name = NAME
    # min_age: Telegram's terms ask for 16 in the EU and the UK, the highest of its ages.
    capabilities = Capabilities(min_age=16, length=LENGTH, keeps=KEPT, per_second=30.0, per_chat_second=1.0)

    def __init__(
        self, account: str, api: Api, *, polls: bool = True, hook: str = "", secret: str = "", **powers: Any
    ) -> None:
        self.account = account
        self.capabilities = replace(self.capabilities, **powers)
        self._api = api
        self._port: Port | None = None
        self._way_in: Poller | Hook | None = None
        if polls:
            self._way_in = Poller(api, self.take, account, self._begun, hook)
        elif hook:
            self._way_in = Hook(api, self.take, account, hook, secret, self._begun)
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: set[int] = set()
        self._token_refused = False

    def translate(self, body: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
        """An Update -> what a person did. Raises ValueError for what is no update."""
        return translate(body, account, event_id)

    async def start(self, port: Port) -> None:
        """Take updates for this port."""
        if self._port is None and self._way_in is not None:
            self._do(self._way_in.run(port))
        self._port = port

    async def stop(self) -> None:
        """Take no more."""
        self._port = None
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._api.close()

    async def take(self, update: Any, lease: Lease | None = None) -> None:
        """Hand on one update; returns once it is stored. Only then may the Bot API be told to forget it.

        Of groups nothing is kept.
        """
        if self._port is None:
            raise TryLater("not_running")
        body = update if isinstance(update, Mapping) else {"odd": update}
        group = group_of(body)
        if group is not None:
            if not has_left(body) and group[0] not in self._leaving:
                self._leaving.add(group[0])
                self._do(self._leave(*group))
            return
        await self._port.receive(Raw(self.name, self.account, event_id_of(update), body, chat_of(body)), lease)

    async def send(self, outbound: Outbound) -> Receipt:
        """Send a message, in as many pieces as it needs; the receipt names the last."""
        if self._port is None:
            raise TryLater("not_running")
        receipt = Receipt()
        for number, body in enumerate(render(outbound)):
            try:
                receipt = outcome(await self._api("sendMessage", body))
            except TryLater as error:
                self._token_refused = error.code == TOKEN_REFUSED
                if number:  # what went out before would come again: that is "perhaps sent"
                    raise Ambiguous(error.code) from None
                raise
        self._token_refused = False
        return receipt

    def routes(self) -> Sequence[Any]:
        """Where Telegram posts, if it does."""
        return self._way_in.routes() if isinstance(self._way_in, Hook) else ()

    def trouble(self) -> str:
        """What keeps it from taking in or sending now."""
        coming_in = self._way_in.trouble if self._way_in is not None else ""
        return coming_in or (_REFUSED if self._token_refused else "")

    async def examine(self, *, fix: bool = False, running: bool = False) -> Sequence[Finding]:
        """Token, groups, webhook and commands."""
        try:
            return await examine(
                self._api, self._introduce, polls=isinstance(self._way_in, Poller), fix=fix, running=running
            )
        finally:
            await self._api.close()

    def _do(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _begun(self) -> None:
        self._do(self._introduce())

    async def _introduce(self) -> None:
        """The commands that a chat offers, in each language. Without them everything works all the same."""
        try:
            for language in LANGUAGES:
                commands = [{"command": name, "description": words} for name, words in COMMANDS[language]]
                private = {"commands": commands, "scope": {"type": "all_private_chats"}}
                await self._api("setMyCommands", private | ({"language_code": language} if language != "en" else {}))
            await self._api("setChatMenuButton", {"menu_button": {"type": "commands"}})
        except SendError as error:
            log.warning("commands not set bot=%s code=%s", self.account, error.code)

    async def _leave(self, chat: int, may_talk: bool, language: str) -> None:
        """Nothing that is said in a group is for us. Says once where to write, and goes."""
        try:
            if may_talk:
                text = PRIVATELY.get(language.partition("-")[0], PRIVATELY["en"])
                await self._api("sendMessage", {"chat_id": chat, "text": text})
            await self._api("leaveChat", {"chat_id": chat})
        except SendError as error:
            log.warning("group not left bot=%s code=%s", self.account, error.code)
        finally:
            self._leaving.discard(chat)
