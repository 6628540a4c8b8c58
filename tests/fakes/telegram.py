"""A Telegram of the tests' own: a Bot API server on loopback over real HTTP, and what people do there.

It keeps the real rules: an update is offered until a request with a higher offset confirms it, for a day; a second
poller ends the first; nothing is sent to who has not begun a chat. What it refuses as unknown fails the test.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.adapters.telegram.adapter import Adapter
from bot.adapters.telegram.network import BotApi
from bot.domain import Address
from tests.fakes.bot_api import complaints
from tests.fakes.port import MemoryPort
from tests.fakes.strict import Strict

ACCOUNT = "4242"
TOKEN = f"{ACCOUNT}:AAcanary-of-a-token"
MAYA = 4_100
NOBODY = Address("telegram", ACCOUNT, "99")
DAY, PRESS_LIVES = 86_400, 150
_PERSON = {"id": MAYA, "is_bot": False, "first_name": "Maya", "language_code": "en"}
KINDS = {"message", "edited_message", "callback_query", "my_chat_member", "message_reaction", "channel_post"}
_UPDATES, _MESSAGES = itertools.count(1), itertools.count(1)

CUT, HANG, LOST = object(), object(), object()
"""Instead of an answer: the connection is cut before the call was understood; nothing comes; done, and then cut."""


def update(text: str | None = "I am fine", chat: int = MAYA, kind: str = "message", **more: Any) -> dict[str, Any]:
    """An Update with a private message, as getUpdates gives it; `text` None leaves it out."""
    private = {"id": chat, "type": "private", "first_name": "Maya"}
    sender = _PERSON | {"id": chat}
    message = {"message_id": next(_MESSAGES), "date": 1_760_000_000, "chat": private, "from": sender}
    return {"update_id": next(_UPDATES), kind: message | ({} if text is None else {"text": text}) | more}


TEXT = update()
BUTTON = {"update_id": 2, "callback_query": {"id": "1", "from": _PERSON, "data": "k7", "chat_instance": "5"}}


@dataclass
class BotServer(Strict):
    """One bot's server. `chats`: who has begun a chat with it. Without limits of its own unless they are set."""

    per_second: int = 10**9
    per_chat_second: float = 1e9
    chat_burst: int = 10**9
    latency: float = 0.0
    token: str = TOKEN
    chats: set[int] = field(default_factory=set)
    blocked: set[int] = field(default_factory=set)
    revoked: bool = False
    webhook: Mapping[str, Any] = field(default_factory=dict)
    undelivered: bool = False
    """Whether posting to the webhook failed of late."""
    ahead: float = 0.0
    """Seconds that its clock is ahead."""
    waiting: list[tuple[float, Any]] = field(default_factory=list)
    """Updates that are not confirmed, and since when they wait."""
    descriptions: dict[str, str] = field(default_factory=dict)
    commands: dict[str, list[Mapping[str, str]]] = field(default_factory=dict)
    """What the bot offers, by language."""
    powers: Mapping[str, bool] = field(default_factory=dict)
    """What else getMe says of the bot."""
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)
    confirmed: int = 0
    expired: int = 0
    answers: dict[str, list[Any]] = field(default_factory=dict)
    """By method: what is answered to the next calls instead; a mapping, raw bytes, or one of the three above."""
    heard: Callable[[int, str], None] = lambda _chat, _text: None
    port: int = 0
    _poll: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[BotServer]:
        """Serve, and at the end fail for every call that was not expected."""
        self.port = await self.start()
        try:
            yield self
        finally:
            await self.stop()
        self.check()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def check(self) -> None:
        """Fail for every call that was not expected."""
        assert self.wrongs == []

    def do(self, *updates: Any) -> None:
        """People do something: kept until it is confirmed, a day at most."""
        self.waiting += [(self._now(), one) for one in updates]
        for one in updates:
            if isinstance(one, dict) and isinstance(one.get("message"), dict) and "chat" in one["message"]:
                self.chats.add(one["message"]["chat"]["id"])
        self._news.set()

    def asked(self, method: str) -> list[Mapping[str, Any]]:
        """The parameters of all calls of a method."""
        return [parameters for name, parameters in self.calls if name == method]

    def sent(self, chat: int) -> list[str]:
        """The texts that a chat has got."""
        return [entry.text for entry in self.journal if entry.chat == str(chat) and not entry.refused]

    def next(self, method: str, *answers: Any) -> None:
        """What the next calls of a method get instead of their answer."""
        self.answers.setdefault(method, []).extend(answers)

    def _now(self) -> float:
        return time.monotonic() + self.ahead

    async def _answer(self, head: str, body: bytes) -> Any:
        path = head.split(" ", 2)[1]
        bot, _, method = path.removeprefix("/bot").partition("/")
        parameters = json.loads(body or b"{}")
        wrong = list(complaints(method, parameters))
        self.wrongs += wrong
        self.calls.append((method, parameters))
        if self.revoked or bot != self.token:
            return _refusal(401, "Unauthorized")
        if wrong:
            return _refusal(404, "Not Found")
        instead = self.answers[method].pop(0) if self.answers.get(method) else None
        if instead is CUT:
            return None
        if instead is HANG:
            await asyncio.sleep(3600)
        if instead is not None and instead is not LOST:
            return instead
        answer = await getattr(self, f"_{method}")(parameters)
        await asyncio.sleep(self.latency)
        return None if instead is LOST else answer

    async def _getUpdates(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: N802  (by the method's name)
        if parameters.get("offset", 0) < 0:
            self.wrongs.append("a negative offset forgets what nobody has read")
        if not parameters.get("allowed_updates"):
            self.wrongs.append("getUpdates without allowed_updates")
        if self.webhook:
            return _refusal(409, "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook")
        self._poll += 1
        poll = self._poll
        self._news.set()  # whoever polls already is told to go
        self._forget(parameters.get("offset", 0))
        end = time.monotonic() + parameters.get("timeout", 0)
        while self._poll == poll:
            given = [one for _, one in self.waiting if _asked_for(one, parameters["allowed_updates"])]
            left = end - time.monotonic()
            if given or left <= 0:
                return {"ok": True, "result": given[: parameters.get("limit", 100)]}
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._news.wait()
        return _refusal(409, "Conflict: terminated by other getUpdates request; make sure that only one bot is running")

    def _forget(self, offset: int) -> None:
        kept = []
        for since, one in self.waiting:
            lives = PRESS_LIVES if isinstance(one, dict) and "callback_query" in one else DAY
            number = one.get("update_id") if isinstance(one, dict) else None
            if isinstance(number, int) and number < offset:
                self.confirmed += 1
            elif self._now() - since > lives:
                self.expired += 1
            else:
                kept.append((since, one))
        self.waiting = kept

    async def _sendMessage(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        chat, text = int(parameters["chat_id"]), parameters["text"]
        if chat in self.blocked:
            return _refusal(403, "Forbidden: bot was blocked by the user")
        if chat not in self.chats and chat > 0:
            return _refusal(400, "Bad Request: chat not found")
        if not text.strip() or len(text.encode("utf-16-le")) > 8192:
            self.wrongs.append("a message that is empty or too long")
            return _refusal(400, "Bad Request: message is too long")
        answer = self.judge(str(chat), text, time.monotonic())
        if answer["ok"]:
            self.heard(chat, text)
        return answer

    async def _getMe(self, _: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        me = {"id": int(ACCOUNT), "is_bot": True, "first_name": "Lincoln", "username": "lincoln_peers_bot"}
        return {"ok": True, "result": {**me, **self.powers}}

    async def _done(self, _: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"ok": True, "result": True}

    _setChatMenuButton = _leaveChat = _done  # noqa: N815

    async def _setMyCommands(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        self.commands[parameters.get("language_code", "")] = parameters["commands"]
        return {"ok": True, "result": True}

    async def _setMyDescription(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        self.descriptions[parameters.get("language_code", "")] = parameters["description"]
        return {"ok": True, "result": True}

    async def _getMyDescription(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        """A language without one of its own shows the one for everybody."""
        text = self.descriptions.get(parameters.get("language_code", "")) or self.descriptions.get("", "")
        return {"ok": True, "result": {"description": text}}

    async def _getMyCommands(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        return {"ok": True, "result": self.commands.get(parameters.get("language_code", ""), [])}

    async def _setWebhook(self, parameters: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        self.webhook = parameters if parameters["url"] else {}
        return {"ok": True, "result": True}

    async def push(self, post: Callable[[Any, Mapping[str, str]], Awaitable[int]]) -> None:
        """Post all that waits to the webhook, each again until it is taken, as an update of a chat is."""
        headers = {"X-Telegram-Bot-Api-Secret-Token": self.webhook["secret_token"]}
        while self.waiting:
            self._forget(0)  # what has expired
            if not self.waiting:
                break
            _, one = self.waiting[0]
            status = await post(one, headers)
            if 200 <= status < 300:
                self.waiting.pop(0)
                self.confirmed += 1

    async def _deleteWebhook(self, _: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        self.webhook = {}
        return {"ok": True, "result": True}

    async def _getWebhookInfo(self, _: Mapping[str, Any]) -> Mapping[str, Any]:  # noqa: N802
        url = self.webhook.get("url", "")
        error = {"last_error_date": 1_760_000_000} if self.undelivered else {}
        return {"ok": True, "result": {"url": url, "pending_update_count": len(self.waiting), **error}}


def _asked_for(one: Any, kinds: list[str]) -> bool:
    """Nonsense is given to everybody; what is an update, to who has asked for its kind."""
    return not isinstance(one, dict) or not one.keys() & KINDS or bool(one.keys() & set(kinds))


def _refusal(code: int, description: str, **parameters: Any) -> dict[str, Any]:
    return {"ok": False, "error_code": code, "description": description, "parameters": parameters}


@contextmanager
def beside() -> Iterator[BotServer]:
    """A server in a thread of its own, for tests that wait for nothing."""
    server, ready = BotServer(), threading.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with server.running():
            ready.set()
            await ended.wait()

    ended = asyncio.Event()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(10)
        loop.close()


def api(server: BotServer) -> BotApi:
    """The product's own client of this server."""
    return BotApi(server.token, server.url)


@asynccontextmanager
async def running() -> AsyncIterator[Adapter]:
    """The adapter with a server of its own, on which Maya has begun a chat."""
    async with BotServer(chats={MAYA}).running() as server:
        adapter = Adapter(ACCOUNT, api(server))
        try:
            yield adapter
        finally:
            await adapter.stop()


async def say(adapter: Adapter, port: MemoryPort, text: str) -> bool:
    """Whether the Bot API may forget the update."""
    try:
        await adapter.take(update(text))
    except Exception:
        return False
    return True
