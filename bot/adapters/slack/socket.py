"""Socket Mode: connections over which Slack hands us envelopes, each acknowledged once what it holds is stored.

The envelopes are slack_sdk's; the connections are ours, on aiohttp. The SDK's client closes the old socket before it
opens the new one, keeps what it has read in memory, and can be stuck on a closed one for ever. Here each connection is
a task that ends with it, and whatever ended it, a new one is made.
"""

from __future__ import annotations

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

import aiohttp
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.adapters.slack.answers import refusal
from bot.adapters.slack.standing import Standing
from bot.adapters.slack.web import Web
from bot.errors import NearpeerError, TryLater

log = logging.getLogger(__name__)
T = TypeVar("T")

Take = Callable[[Mapping[str, Any], str], Awaitable[Mapping[str, Any] | None]]
"""(payload, envelope id): returns once what it says is stored, what Slack shows at once; raises when it was not."""
HEARTBEAT = 10.0
"""Seconds between two pings of ours; a socket that does not answer one in half that time is dead."""
OPENING = 20.0
"""Seconds in which a connection must have said hello."""
LEAVING = 60.0
"""Seconds that a connection which Slack is about to end is still read, beside its successor."""
LONGEST_WAIT = 30.0
SHORT = 5.0
"""Seconds: a connection that ended sooner was none, and the next one waits longer."""
LARGEST = 4 * 1024 * 1024
FINISH = 3.0


class Sockets:
    """`many` connections at once. Slack hands each envelope to any one of them; what one misses, it offers again.

    `connected` is called each time that one has said hello.
    """

    def __init__(self, web: Web, take: Take, connected: Callable[[], None], standing: Standing, many: int) -> None:
        self._web, self._take, self._connected, self._standing = web, take, connected, standing
        self._many = many
        self._live = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._envelopes: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Connect, and stay connected."""
        for _ in range(self._many):
            self._begin(self._keep())

    async def stop(self) -> None:
        """Take no more; what was taken is stored and acknowledged first."""
        if self._envelopes:
            await asyncio.wait(self._envelopes, timeout=FINISH)
        for task in (*self._tasks, *self._envelopes):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._envelopes, return_exceptions=True)

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _keep(self) -> None:
        """Always one connection: the next begins when Slack says that this one will end, or when it has."""
        loop, failures = asyncio.get_running_loop(), 0
        while True:
            began = loop.time()
            leaving = asyncio.Event()
            notice = asyncio.create_task(leaving.wait())
            connection = self._begin(self._connection(leaving))
            try:
                await asyncio.wait({connection, notice}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                notice.cancel()
            if loop.time() - began > SHORT:
                failures = 0
                if leaving.is_set():
                    continue  # at once: the one that leaves is still read
            failures += 1
            wait = min(2.0 ** min(failures - 1, 10), LONGEST_WAIT) * random.uniform(0.5, 1.0)  # noqa: S311  (jitter)
            await asyncio.sleep(max(wait, min(connection.result(), LONGEST_WAIT)))

    async def _connection(self, leaving: asyncio.Event) -> float:
        """One connection from its beginning to its end, whatever ends it; gives how long Slack asked us to wait."""
        try:
            async with (
                asyncio.timeout(OPENING) as opening,
                aiohttp.ClientSession() as session,
                session.ws_connect(
                    await self._url(), heartbeat=HEARTBEAT, max_msg_size=LARGEST, proxy=self._web.proxy
                ) as socket,
            ):
                await _hello(socket)
                opening.reschedule(None)
                self._came()
                try:
                    await self._read(socket, leaving)
                finally:
                    self._went()
        except (NearpeerError, aiohttp.ClientError, OSError, TimeoutError, ValueError, TypeError) as error:
            log.warning("slack socket ended error=%s", getattr(error, "code", "") or type(error).__name__)
            return (error.after or 0.0) if isinstance(error, TryLater) else 0.0
        return 0.0

    async def _url(self) -> str:
        answer = await self._web.call("apps.connections.open")
        if answer.error:
            self._standing.judge("app token", answer.error)
            raise refusal(answer)
        self._standing.refused.pop("app token", None)
        return str(answer.body.get("url", ""))

    def _came(self) -> None:
        self._live += 1
        self._standing.well("socket")
        self._connected()

    def _went(self) -> None:
        self._live -= 1
        if not self._live:
            self._standing.missing("socket")

    async def _read(self, socket: aiohttp.ClientWebSocketResponse, leaving: asyncio.Event) -> None:
        while True:
            message = await (asyncio.wait_for(socket.receive(), LEAVING) if leaving.is_set() else socket.receive())
            if message.type is not aiohttp.WSMsgType.TEXT:
                return  # closed, or dead: no answer to a ping
            try:
                envelope = json.loads(message.data)
            except (ValueError, RecursionError):
                log.error("slack sent what is no JSON")
                continue
            if not isinstance(envelope, dict):
                continue
            if envelope.get("type") == "disconnect":
                self._standing.judge("app token", str(envelope.get("reason", "")))
                leaving.set()
                continue
            self._take_up(socket, envelope)

    def _take_up(self, socket: aiohttp.ClientWebSocketResponse, envelope: dict[str, Any]) -> None:
        """Envelopes are stored side by side, in the order in which they came: many are one commit."""
        try:
            request = SocketModeRequest.from_dict(envelope)
        except (TypeError, ValueError):
            request = None
        if request is None or not isinstance(request.envelope_id, str):
            return
        task = asyncio.create_task(self._store(socket, request))
        self._envelopes.add(task)
        task.add_done_callback(self._envelopes.discard)

    async def _store(self, socket: aiohttp.ClientWebSocketResponse, request: SocketModeRequest) -> None:
        try:
            shown = await self._take(request.payload, request.envelope_id)
        except Exception as error:
            # Not acknowledged: Slack keeps it, and offers it again.
            log.error("slack envelope not stored error=%s", type(error).__name__)
            return
        answer = SocketModeResponse(request.envelope_id, dict(shown) if shown else None)
        try:
            await socket.send_str(json.dumps(answer.to_dict()))
        except (aiohttp.ClientError, OSError) as error:
            log.warning("slack envelope not acknowledged error=%s", type(error).__name__)


async def _hello(socket: aiohttp.ClientWebSocketResponse) -> None:
    if (await socket.receive_json()).get("type") != "hello":
        raise ValueError("a connection that says no hello")
