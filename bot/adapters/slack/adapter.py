"""Slack: one workspace, over Socket Mode or over HTTP. What is said there is stored before Slack is told.

It translates, sends and connects. People are known by their Slack user id, which is the chat of their address.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from datetime import timedelta
from typing import Any

from bot.adapters.base import Capabilities, Finding, Port
from bot.adapters.slack.answers import DEAD, UNFIT, Misshapen, outcome
from bot.adapters.slack.blocks import LENGTH, change, chosen, render, without_blocks
from bot.adapters.slack.examining import examine
from bot.adapters.slack.gaps import Gaps
from bot.adapters.slack.home import heard, view
from bot.adapters.slack.reading import NAME, chat_of, raw_of, translate
from bot.adapters.slack.socket import Sockets
from bot.adapters.slack.standing import Standing
from bot.adapters.slack.web import Web
from bot.domain import Address, Inbound, Outbound, Receipt
from bot.errors import Ambiguous, SendError, TryLater, Unreachable

log = logging.getLogger(__name__)

CONNECTIONS = 2
"""They cover each other while one is made anew."""
LOOK = 20.0
"""Seconds between two looks whether Slack still takes the bot's token: a socket is opened with another one."""
PRESSES = timedelta(seconds=150)
"""A press that nobody takes is over at once, and no history tells of it; after less than this nobody is asked again."""
SETTLED = 1.0
"""Seconds in which a command that was given on the Home tab has been done."""
_ENDED = {"tokens_revoked": "token_revoked", "app_uninstalled": "account_inactive"}


class Adapter:
    """One workspace: `account` is its id (T...).

    `app_token` opens sockets; where there is none, Slack posts, and `signing_secret` proves that it is Slack.
    `base_url`: of the Web API. `look`: seconds between two looks at the bot's token.
    """

    name = NAME

    def __init__(
        self,
        account: str,
        bot_token: str,
        *,
        app_token: str = "",
        signing_secret: str = "",
        base_url: str = "https://slack.com/api",
        min_age: int = 16,
        per_second: float = 8.75,
        per_chat_second: float = 1.0,
        look: float = LOOK,
    ) -> None:
        self.account = account
        self.capabilities = Capabilities(
            min_age=min_age,
            length=LENGTH,
            edits=True,
            presses=PRESSES,
            per_second=per_second,
            per_chat_second=per_chat_second,
        )
        self._web = Web(base_url, bot_token)
        self._signing_secret = signing_secret
        self._standing = Standing()
        self._sockets: Sockets | None = None
        self._app_web = Web(base_url, app_token) if app_token else None
        self._port: Port | None = None
        self._gaps = Gaps(self._web, account, self._standing)
        self._look = look
        self._tasks: set[asyncio.Task[None]] = set()

    # --- the contract ---

    def translate(self, body: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
        """A payload of Slack's -> what a person did. Raises ValueError for what is none."""
        return translate(body, account, event_id)

    async def start(self, port: Port) -> None:
        """Connect, and take what comes for this port."""
        if self._port is not None:
            return
        self._port = port
        self._web.open()
        self._standing.begins("answer")
        self._soon(self._watch())
        self._soon(self._gaps.run(port))
        if self._app_web is not None:
            self._app_web.open()
            self._standing.begins("answer", "socket")
            self._sockets = Sockets(self._app_web, self.take, self._gaps.look, self._standing, CONNECTIONS)
            self._sockets.start()
        else:
            self._gaps.look()

    async def stop(self) -> None:
        """Take no more; what was taken is stored and acknowledged."""
        sockets, self._sockets = self._sockets, None
        if sockets is not None:
            await sockets.stop()
        self._port = None
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._standing.ends()
        await self._web.close()
        if self._app_web is not None:
            await self._app_web.close()

    async def send(self, outbound: Outbound) -> Receipt:
        """Post a message, in as many pieces as it needs; the receipt names the last. Or change one (`replaces`)."""
        if self._port is None:
            raise TryLater("not_running")
        if "workspace" in self._standing.refused:  # nobody is there, and that says nothing about them
            raise TryLater("another_workspace")
        if outbound.replaces:
            await self._post("chat.update", change(outbound))
            return Receipt()
        receipt = Receipt()
        for number, body in enumerate(render(outbound)):
            try:
                receipt = await self._post("chat.postMessage", body)
            except TryLater as error:
                if number:  # what went out before would come again: that is "perhaps sent"
                    raise Ambiguous(error.code) from None
                raise
        return receipt

    def routes(self) -> Sequence[Any]:
        """Where Slack posts to, if it is told to post; else none."""
        if not self._signing_secret:
            return ()
        from bot.adapters.slack.door import Door  # with the web framework: only where it is posted to

        return Door(self._signing_secret, self.take, self._standing).routes()

    def trouble(self) -> str:
        """What people must mend, or that Slack has been silent for half a minute."""
        return self._standing.text()

    async def examine(self, *, fix: bool = False, running: bool = False) -> Sequence[Finding]:
        """Tokens, workspace and scopes."""
        return await examine(self._web, self._app_web, self.account, posts=bool(self._signing_secret))

    # --- the way in ---

    async def take(self, payload: Mapping[str, Any], envelope: str) -> Mapping[str, Any] | None:
        """One payload; returns once what it says is stored. Only then may Slack be told, and shown what is returned.

        Raises when it could not be stored: Slack offers it again.
        """
        if self._port is None:
            raise TryLater("not_running")
        raw = raw_of(payload, self.account, envelope)
        if raw is not None:
            await self._port.receive(raw)
        event, user = payload.get("event"), chat_of(payload)
        if isinstance(event, Mapping):
            if error := _ENDED.get(str(event.get("type"))):
                self._standing.judge("bot token", error)
            elif event.get("type") == "app_home_opened" and user:
                self._soon(self._show_home(user))
        elif payload.get("type") == "block_actions":
            if (body := chosen(payload)) is not None:
                self._soon(self._show_choice(body))
            elif user and "view" in payload:
                self._soon(self._show_home(user, after=SETTLED))
        return heard(payload)

    # --- inside ---

    async def _post(self, method: str, body: Mapping[str, Any]) -> Receipt:
        try:
            return await self._posted(method, body)
        except Misshapen as refused:
            log.error("slack refused our blocks error=%s", refused)
        try:
            return await self._posted(method, without_blocks(body))
        except Misshapen:
            raise Unreachable("refused") from None

    async def _posted(self, method: str, body: Mapping[str, Any]) -> Receipt:
        answer = await self._web.call(method, body)
        self._standing.judge("bot token", answer.error)
        return outcome(answer)

    async def _show_choice(self, body: Mapping[str, Any]) -> None:
        """The press is stored, whatever becomes of its buttons."""
        answer = await self._web.call("chat.update", body)
        if answer.error:
            log.warning("slack buttons not replaced error=%s", answer.error)

    async def _show_home(self, user: str, after: float = 0.0) -> None:
        """The Home tab as it is now, or once what was pressed there is done."""
        await asyncio.sleep(after)
        if self._port is None:
            return
        home = await self._port.home(Address(self.name, self.account, user))
        answer = await self._web.call("views.publish", {"user_id": user, "view": view(home)})
        if answer.error:
            log.warning("slack home not shown error=%s", answer.error)

    async def _watch(self) -> None:
        """Look again and again whether Slack takes the bot's token; a revoked one would otherwise show at a send."""
        while True:
            try:
                answer = await self._web.call("auth.test")
            except SendError:
                self._standing.missing("answer")
            else:
                if answer.error in DEAD or answer.error in UNFIT:
                    self._standing.judge("bot token", answer.error)
                elif answer.error:
                    self._standing.missing("answer")
                else:
                    self._standing.well("answer", "bot token")
                    self._belongs(str(answer.body.get("team_id", "")))
            await asyncio.sleep(self._look)

    def _belongs(self, team: str) -> None:
        if team != self.account:
            self._standing.refused["workspace"] = (
                f"Slack's bot token belongs to the workspace {team[:20]}, and [slack] workspace says {self.account}."
            )

    def _soon(self, work: Coroutine[Any, Any, None]) -> None:
        """Do it beside; what goes wrong in it is logged by its name and holds up nobody."""
        task = asyncio.create_task(_guarded(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    try:
        await work
    except Exception as error:
        log.warning("slack work beside failed error=%s", type(error).__name__)
