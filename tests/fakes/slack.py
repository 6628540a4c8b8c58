"""A Slack workspace on loopback that speaks the real wire: Web API, Socket Mode, signed HTTP; and its rules, enforced.

Every call is held against METHODS, every block against slack_sdk's own models. What is wrong, and what nobody expected,
stands in `wrongs`: `judge` fails the test. An envelope that is not acknowledged in time is offered again.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from slack_sdk.errors import SlackObjectFormationError
from slack_sdk.models.blocks import Block, PlainTextObject
from slack_sdk.models.views import View
from slack_sdk.signature import SignatureVerifier

from bot.adapters.slack.adapter import Adapter
from bot.adapters.slack.blocks import escaped
from bot.adapters.slack.manifest import SCOPES
from bot.domain import Address
from tests.fakes.port import MemoryPort

TEAM, APP, BOT = "T0LINCOLN", "A0NEARPEER", "U0NEARPEER"
MAYA, LEO, RIVERA = "U0MAYA", "U0LEO", "U0RIVERA"
NOBODY = Address("slack", TEAM, "U0NOBODY")
BOT_TOKEN, APP_TOKEN, SIGNING_SECRET = "xoxb-the-bot", "xapp-1-the-app", "the-signing-secret"

_POST = {"text", "blocks", "unfurl_links", "unfurl_media", "mrkdwn", "link_names", "parse", "metadata"}
METHODS: dict[str, tuple[str, set[str], set[str]]] = {
    "auth.test": (BOT_TOKEN, set(), set()),
    "apps.connections.open": (APP_TOKEN, set(), set()),
    "chat.postMessage": (BOT_TOKEN, {"channel", "text"}, _POST),
    "chat.update": (BOT_TOKEN, {"channel", "ts", "text"}, {"blocks", "link_names", "parse"}),
    "conversations.list": (BOT_TOKEN, {"types"}, {"limit", "cursor"}),
    "conversations.history": (BOT_TOKEN, {"channel"}, {"oldest", "latest", "limit", "cursor", "inclusive"}),
    "conversations.replies": (BOT_TOKEN, {"channel", "ts"}, {"oldest", "latest", "limit", "cursor", "inclusive"}),
    "users.lookupByEmail": (BOT_TOKEN, {"email"}, set()),
    "views.publish": (BOT_TOKEN, {"user_id", "view"}, set()),
}
"""The methods that we use: whose token, what must be given, what may be (docs.slack.dev/reference/methods)."""
READS = {"conversations.history", "conversations.list", "conversations.replies", "users.lookupByEmail"}
"""Methods that take forms; the others are called with JSON."""
_MENTION = re.compile(r"<[!@#]|<https?:")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Slack:
    """The workspace. `plan` says what the next calls of a method come to."""

    users: dict[str, str] = field(default_factory=lambda: {MAYA: "maya@lincoln.example", LEO: "leo@lincoln.example"})
    """E-mail addresses by user id."""
    gone: set[str] = field(default_factory=set)
    """Deactivated users."""
    revoked: set[str] = field(default_factory=set)
    """Tokens that are refused."""
    scopes: tuple[str, ...] = tuple(SCOPES)
    """What the bot's token may do."""
    patience: float = 3.0
    """Seconds in which an envelope must be acknowledged."""
    per_channel_second: float = 0.0
    """Messages that one chat takes in a second; 0: as many as come."""
    wrongs: list[str] = field(default_factory=list)
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    posted: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    """What each user's chat with the bot holds, both ways, oldest first."""
    homes: dict[str, dict[str, Any]] = field(default_factory=dict)
    acknowledged: list[str] = field(default_factory=list)
    shown: list[dict[str, Any]] = field(default_factory=list)
    """What was shown at once to who gave a command."""
    offered: Counter[str] = field(default_factory=Counter)
    """How often each envelope was sent."""
    sockets: list[web.WebSocketResponse] = field(default_factory=list)
    url: str = ""
    frozen: bool = False
    """Sockets stay open and answer no ping."""
    partitioned: bool = False
    hungry: bool = False
    """Acknowledgements are lost on their way."""

    def __post_init__(self) -> None:
        self._plans: dict[str, deque[Any]] = defaultdict(deque)
        self._numbers = itertools.count(1)
        # Slack's time goes on by a second with each thing that happens there. It begins now, not when the tests did:
        # what is older than a few minutes is no gap that a program fills.
        self._began = int(time.time())
        self._waiting: dict[str, asyncio.Event] = {}
        self._turn = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: dict[str, float] = {}

    # --- what tests say ---

    def plan(self, method: str, *results: Any) -> None:
        """The next answers: an error's word, a whole (status, body, headers), "cut", "cut-after", or seconds."""
        self._plans[method].extend(results)

    def judge(self) -> None:
        """Whoever saw something wrong says so now."""
        assert self.wrongs == []

    def chat(self, user: str) -> str:
        """The channel of a user's talk with the bot."""
        return f"D{user[1:]}"

    def moment(self) -> str:
        """A new `ts`."""
        return f"{self._began + next(self._numbers)}.000100"

    def writes(self, user: str, text: str, **more: Any) -> dict[str, Any]:
        """A person writes to the bot: it is in the history from now on. Gives the event's payload; see `deliver`."""
        ts = self.moment()
        message = {"type": "message", "user": user, "text": escaped(text), "ts": ts, "team": TEAM} | more
        self.posted[user].append(message)
        return self.event(message | {"channel": self.chat(user), "channel_type": "im", "event_ts": ts})

    def edits(self, user: str, text: str) -> dict[str, Any]:
        """A person edits what they wrote last."""
        message = next(one for one in reversed(self.posted[user]) if one.get("user") == user)
        before = dict(message)
        message |= {"text": text, "edited": {"user": user, "ts": self.moment()}}
        changed = {"subtype": "message_changed", "message": dict(message), "previous_message": before}
        where = {"channel": self.chat(user), "channel_type": "im", "ts": self.moment()}
        return self.event({"type": "message", "hidden": True} | changed | where)

    def event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """An Events API payload."""
        number = next(self._numbers)
        about = {"team_id": TEAM, "api_app_id": APP, "token": "legacy", "event_id": f"Ev{number}"}
        return {"type": "event_callback", "event": dict(event), "event_time": self._began, **about}

    def presses(self, user: str, label: str) -> dict[str, Any]:
        """A person presses a button of the newest message that has it."""
        for message in reversed(self.posted[user]):
            for block in message.get("blocks", ()):
                for element in block.get("elements", ()) if block["type"] == "actions" else ():
                    if element["text"]["text"] == label:
                        container = {"type": "message", "message_ts": message["ts"], "channel_id": self.chat(user)}
                        return press(user, element, container, self.moment(), message)
        raise AssertionError(f"no button {label}")

    def commands(self, user: str, command: str, text: str = "") -> dict[str, Any]:
        """A person gives a slash command, anywhere."""
        who = {"user_id": user, "user_name": "somebody", "team_id": TEAM, "channel_id": "C0GENERAL"}
        said = {"command": command, "text": text, "trigger_id": f"{next(self._numbers)}.1", "token": "legacy"}
        return said | who | {"api_app_id": APP, "response_url": "https://hooks.slack.example/secret"}

    async def deliver(self, payload: Mapping[str, Any], *, times: int = 3, wait: bool = True) -> str:
        """Hand a payload to one of the sockets, again if it is not acknowledged in time; gives the envelope's id."""
        envelope = f"env-{next(self._numbers)}"
        task = asyncio.create_task(self._offer(envelope, payload, times))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if wait:
            await task
        return envelope

    async def push(self, message: Mapping[str, Any]) -> None:
        """Send something to every socket."""
        for socket in list(self.sockets):
            await socket.send_json(message)

    async def cut(self) -> None:
        """Every connection breaks, without a word."""
        for socket in list(self.sockets):
            transport = socket._req.transport if socket._req is not None else None
            if transport is not None:
                transport.abort()

    async def connected(self, many: int = 2, within: float = 5.0) -> None:
        """Wait until so many sockets are open."""
        await until(lambda: len(self.sockets) >= many, within)

    # --- the wire ---

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Slack]:
        app = web.Application(middlewares=[self._network])
        app.add_routes([web.post("/api/{method}", self._call), web.get("/socket", self._socket)])
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await runner.cleanup()

    def adapter(self, **more: Any) -> Adapter:
        """An adapter of this workspace."""
        given: dict[str, Any] = {
            "app_token": APP_TOKEN,
            "base_url": f"{self.url}/api",
            "look": 0.1,
            "per_second": 1_000.0,
        } | more
        return Adapter(TEAM, BOT_TOKEN, **given)

    @web.middleware
    async def _network(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self.partitioned:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return await handler(request)

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = request.match_info["method"]
        is_json = request.content_type == "application/json"
        body: dict[str, Any] = await request.json() if is_json else dict(await request.post())
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        wanted = METHODS.get(method)
        if wanted is None:
            return self._wrong(f"{method} is not in the table", "unknown_method")
        self.calls.append((method, body))
        planned = self._plans[method].popleft() if self._plans[method] else None
        if planned == "cut" or isinstance(planned, float):
            if isinstance(planned, float):
                await asyncio.sleep(planned)
            assert request.transport is not None
            request.transport.abort()
        elif isinstance(planned, str) and planned != "cut-after":
            return _json({"ok": False, "error": planned})
        elif isinstance(planned, tuple):
            status, answer, headers = planned
            text = answer if isinstance(answer, str) else json.dumps(answer)
            return web.Response(status=status, text=text, headers=headers, content_type="application/json")
        whose, must, may = wanted
        if token in self.revoked or token != whose:
            return _json({"ok": False, "error": "token_revoked" if token in self.revoked else "invalid_auth"})
        if is_json is (method in READS) and body:
            self.wrongs.append(f"{method} takes {'a form' if method in READS else 'JSON'}")
        if strange := (must - body.keys()) | (body.keys() - must - may):
            return self._wrong(f"{method}: {sorted(strange)}", "invalid_arguments")
        answer = getattr(self, "_" + method.replace(".", "_").lower())(body)
        if planned == "cut-after":
            assert request.transport is not None
            request.transport.abort()
        return answer if isinstance(answer, web.Response) else _json(answer)

    def _auth_test(self, body: Mapping[str, Any]) -> web.Response:
        known = {"ok": True, "team": "Lincoln High", "team_id": TEAM, "user_id": BOT, "bot_id": "B0NEARPEER"}
        return _json(known, headers={"X-OAuth-Scopes": ",".join(self.scopes)})

    def _apps_connections_open(self, body: Mapping[str, Any]) -> dict[str, Any]:
        return {"ok": True, "url": f"{self.url.replace('http', 'ws')}/socket?ticket={next(self._numbers)}"}

    def _chat_postmessage(self, body: Mapping[str, Any]) -> Any:
        user = self._user(body["channel"])
        if user is None or user in self.gone:
            return {"ok": False, "error": "channel_not_found" if user is None else "user_disabled"}
        now = time.monotonic()
        if self.per_channel_second and now - self._last.get(user, -1e9) < 1 / self.per_channel_second:
            return _json({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": "1"})
        self._last[user] = now
        if error := self._misshapen(body):
            return {"ok": False, "error": error}
        message = {key: body[key] for key in ("text", "blocks", "metadata") if key in body}
        message |= {"type": "message", "user": BOT, "bot_id": "B0NEARPEER", "ts": self.moment()}
        self.posted[user].append(message)
        self._tell_of_own(user, message)
        return {"ok": True, "channel": self.chat(user), "ts": message["ts"], "message": message}

    def _chat_update(self, body: Mapping[str, Any]) -> Any:
        user = self._user(body["channel"])
        for message in self.posted.get(user or "", ()):
            if message["ts"] == body["ts"] and message.get("bot_id"):
                if error := self._misshapen(body):
                    return {"ok": False, "error": error}
                before = dict(message)
                message |= {key: body[key] for key in ("text", "blocks") if key in body}
                changed = {"subtype": "message_changed", "message": dict(message), "previous_message": before}
                self._tell_of_own(user or "", {"type": "message", "ts": self.moment()} | changed)
                return {"ok": True, "channel": body["channel"], "ts": body["ts"]}
        return self._wrong("an update of a message that is not there", "message_not_found")

    def _tell_of_own(self, user: str, message: Mapping[str, Any]) -> None:
        """Slack hands an app its own messages as well."""
        payload = self.event(dict(message) | {"channel": self.chat(user), "channel_type": "im"})
        task = asyncio.create_task(self._offer(f"own-{next(self._numbers)}", payload, 1))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _conversations_list(self, body: Mapping[str, Any]) -> dict[str, Any]:
        assert body["types"] == "im"
        page, rest = _page(list(self.posted), body)
        ims = [{"id": self.chat(one), "user": one, "is_im": True, "is_user_deleted": one in self.gone} for one in page]
        return {"ok": True, "channels": ims, **rest}

    def _conversations_history(self, body: Mapping[str, Any]) -> dict[str, Any]:
        user = self._user(body["channel"])
        if user is None or not body["channel"].startswith("D"):
            return {"ok": False, "error": "channel_not_found"}
        found = [one for one in self.posted[user] if float(one["ts"]) > float(body.get("oldest", 0))]
        found = [one | self._thread(user, one) for one in found if one.get("thread_ts", one["ts"]) == one["ts"]]
        page, rest = _page(list(reversed(found)), body)
        return {"ok": True, "messages": page, **rest}

    def _thread(self, user: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """What a history says of the thread under a message; the thread itself is read by its own method."""
        replies = [one["ts"] for one in self.posted[user] if one.get("thread_ts") == message["ts"] != one["ts"]]
        return {"reply_count": len(replies), "latest_reply": replies[-1]} if replies else {}

    def _conversations_replies(self, body: Mapping[str, Any]) -> dict[str, Any]:
        user = self._user(body["channel"]) or ""
        thread = [one for one in self.posted[user] if body["ts"] in (one["ts"], one.get("thread_ts"))]
        if not thread:
            return {"ok": False, "error": "thread_not_found"}
        newer = [one for one in thread[1:] if float(one["ts"]) > float(body.get("oldest", 0))]
        page, rest = _page([thread[0], *newer], body)
        return {"ok": True, "messages": page, **rest}

    def _users_lookupbyemail(self, body: Mapping[str, Any]) -> dict[str, Any]:
        for user, email in self.users.items():
            if email == body["email"] and user not in self.gone:
                return {"ok": True, "user": {"id": user, "team_id": TEAM, "deleted": False, "name": email[:4]}}
        return {"ok": False, "error": "users_not_found"}

    def _views_publish(self, body: Mapping[str, Any]) -> dict[str, Any]:
        try:
            View(**body["view"]).to_dict()
        except (SlackObjectFormationError, TypeError) as error:
            return self._wrong(f"a view that Slack refuses: {error}", "invalid_arguments")  # type: ignore[return-value]
        self._blocks(body["view"]["blocks"])
        self.homes[body["user_id"]] = body["view"]
        return {"ok": True}

    def _user(self, channel: str) -> str | None:
        user = f"U{channel[1:]}" if channel[:1] == "D" else channel
        return user if user in self.users else None

    def _misshapen(self, body: Mapping[str, Any]) -> str:
        """Slack's word for what is wrong with a message; what it would show or ring wrongly is ours to know."""
        if _MENTION.search(body["text"]) or body.get("unfurl_links", False) or body.get("link_names", False):
            self.wrongs.append("a text that rings, links or unfolds")
        if not body["text"] and not body.get("blocks"):
            return "no_text"
        return self._blocks(body.get("blocks", []))

    def _blocks(self, blocks: list[dict[str, Any]]) -> str:
        try:
            made = [one.to_dict() for one in Block.parse_all(blocks)]
        except SlackObjectFormationError as error:
            self.wrongs.append(f"a block that Slack refuses: {error}")
            return "invalid_blocks"
        if made != blocks or len(blocks) > 50:
            self.wrongs.append("a block that slack_sdk does not know")
            return "invalid_blocks"
        if '"mrkdwn"' in json.dumps(blocks):
            self.wrongs.append("a text that is not plain")
        actions = [each["action_id"] for one in blocks if one["type"] == "actions" for each in one["elements"]]
        return "" if len(actions) == len(set(actions)) else "invalid_blocks"

    def _wrong(self, what: str, error: str) -> web.Response:
        self.wrongs.append(what)
        return _json({"ok": False, "error": error})

    # --- sockets ---

    async def _socket(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        await socket.send_json({"type": "hello", "num_connections": 1, "connection_info": {"app_id": APP}})
        self.sockets.append(socket)
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.PING and not self.frozen:
                    await socket.pong(message.data)
                elif message.type is aiohttp.WSMsgType.TEXT:
                    self._answered(json.loads(message.data))
        finally:
            self.sockets.remove(socket)
        return socket

    def _answered(self, answer: Mapping[str, Any]) -> None:
        envelope = answer["envelope_id"]
        if self.hungry:
            return
        self.acknowledged.append(envelope)
        if payload := answer.get("payload"):
            self.shown.append(payload)
            if set(payload) != {"response_type", "text"} or payload["response_type"] != "ephemeral":
                self.wrongs.append("an answer that others could read")
        if envelope in self._waiting:
            self._waiting[envelope].set()

    async def _offer(self, envelope: str, payload: Mapping[str, Any], times: int) -> None:
        kind = {"event_callback": "events_api"}.get(str(payload.get("type")), "interactive")
        kind = "slash_commands" if "command" in payload else kind
        self._waiting[envelope] = asyncio.Event()
        for number in range(times):
            again = {"retry_attempt": number, "retry_reason": "timeout" if number else ""}
            message = {"envelope_id": envelope, "type": kind, "payload": payload, "accepts_response_payload": False}
            for _ in range(len(self.sockets)):
                self._turn += 1
                with contextlib.suppress(ConnectionError, aiohttp.ClientError, IndexError):
                    await self.sockets[self._turn % len(self.sockets)].send_json(message | again)
                    self.offered[envelope] += 1
                    break
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._waiting[envelope].wait(), self.patience)
                return


def press(user: str, element: Any, container: Any, at: str, message: Any = None) -> dict[str, Any]:
    """The payload of a press."""
    action = {key: element[key] for key in ("action_id", "value", "text", "type")} | {"action_ts": at}
    who = {"user": {"id": user, "team_id": TEAM}, "team": {"id": TEAM}, "api_app_id": APP, "token": "legacy"}
    place = {
        "container": container,
        "trigger_id": f"{at}.trigger",
        "response_url": "https://hooks.slack.example/secret",
    }
    return {"type": "block_actions", "actions": [action], **who, **place} | ({"message": message} if message else {})


async def until(true: Callable[[], bool], within: float = 5.0) -> None:
    """Wait until it is so."""
    end = time.monotonic() + within
    while not true():
        assert time.monotonic() < end, "it did not come to be"
        await asyncio.sleep(0.01)


def signed(body: str, secret: str = SIGNING_SECRET, at: float | None = None) -> dict[str, str]:
    """The headers with which Slack posts a body."""
    moment = str(int(time.time() if at is None else at))
    signature = SignatureVerifier(secret).generate_signature(timestamp=moment, body=body)
    return {"X-Slack-Request-Timestamp": moment, "X-Slack-Signature": str(signature)}


def _json(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    return web.json_response(body, status=status, headers=headers)


def _page(items: list[Any], body: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    first, many = int(body.get("cursor") or 0), int(body.get("limit", 100))
    more = first + many < len(items)
    return items[first : first + many], {"response_metadata": {"next_cursor": str(first + many) if more else ""}}


# --- for the contract suite ---

_EVENT = {"type": "message", "channel": "D0MAYA", "channel_type": "im", "user": MAYA, "ts": "1760000000.000100"}
TEXT = {"type": "event_callback", "event_id": "Ev1", "team_id": TEAM, "event": _EVENT | {"text": "I am fine"}}
_BUTTON = {"type": "button", "action_id": "choice-0", "value": "k7", "text": PlainTextObject(text="Great").to_dict()}
BUTTON = press(MAYA, _BUTTON, {"type": "message", "channel_id": "D0MAYA", "message_ts": "1.1"}, "1760000001.000100")
_RUNNING: dict[int, Slack] = {}


@asynccontextmanager
async def running() -> AsyncIterator[Adapter]:
    """An adapter of a workspace that runs."""
    slack = Slack(patience=0.2)
    async with slack.running():
        adapter = slack.adapter()
        _RUNNING[id(adapter)] = slack
        try:
            yield adapter
        finally:
            await adapter.stop()
            del _RUNNING[id(adapter)]
            slack.judge()


async def say(adapter: Adapter, port: MemoryPort, text: str) -> bool:
    """Whether Slack was told that the text is kept."""
    slack = _RUNNING[id(adapter)]
    await slack.connected()
    payload = slack.writes(MAYA, text)
    slack.posted[MAYA].pop()  # what could not be stored would be found there as well, by whoever reads the history
    envelope = await slack.deliver(payload, times=1)
    return envelope in slack.acknowledged
