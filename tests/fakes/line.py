"""A chat platform on loopback with Telegram's hard rules, and its adapter. Its record is the judge: it forgets nothing.

One JSON object a line, each way. Updates are offered again until a poll with a higher number confirms them; a second
poll ends the first; a send is taken, refused for a moment, or left without an answer when its sender dies.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from bot.adapters.base import Capabilities, Finding, Port
from bot.domain import Address, Inbound, InboundKind, Lease, Outbound, Raw, Receipt
from bot.errors import Ambiguous, TryLater
from bot.failpoints import failpoint

NAME = "line"
LOOPBACK = "127.0.0.1"
LONG_POLL = 1.0
"""Seconds that a poll waits when there is nothing."""
PAGE = 20
"""Updates handed over at once."""


@dataclass(frozen=True, slots=True)
class Update:
    """Something that a person did, as the platform offers it."""

    number: int
    at: float
    body: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that the platform took: from now on it is on somebody's phone, whatever its sender learns of it."""

    at: float
    message: int
    """The sender's own number. A real platform does not know it; only the record does."""
    chat: str
    text: str
    choices: tuple[tuple[str, str], ...]
    """(label, token)"""
    again: bool


@dataclass
class Line:
    """The platform. `heard` is called with every message that it takes for the first time.

    refusals: the share of sends that are told to come back; slow: seconds before a taken message is answered.
    """

    refusals: float = 0.0
    slow: float = 0.0
    seed: int = 1
    heard: Callable[[Taken], None] = lambda _taken: None
    port: int = 0
    offered: list[Update] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    times: Counter[int] = field(default_factory=Counter)
    """How often each message was taken."""
    refused: int = 0
    handed: int = 0
    """The highest number that was handed over."""
    confirmed: int = 0
    """The highest number that the house has confirmed."""
    unanswered: int = 0
    """Sends that wait for their answer."""
    polls: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._numbers = itertools.count(1)
        self._news = asyncio.Event()
        self._poll = 0

    @asynccontextmanager
    async def running(self, port: int = 0) -> AsyncIterator[Line]:
        """Serve on loopback."""
        server = await asyncio.start_server(self._serve, LOOPBACK, port, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self._news.set()

    def offer(self, chat: str, **body: str) -> Update:
        """A person does something: the platform keeps it until the house has confirmed it."""
        update = Update(next(self._numbers), time.monotonic(), {"chat": chat, **body})
        self.offered.append(update)
        self._news.set()
        return update

    @property
    def unconfirmed(self) -> int:
        """Updates in the house's hands that it has not confirmed."""
        return self.handed - self.confirmed

    @property
    def calm(self) -> bool:
        """Whether everything was handed over and confirmed, and no send waits."""
        return self.confirmed == len(self.offered) and not self.unanswered

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            while line := await reader.readline():
                asked = json.loads(line)
                answer = await (self._updates(asked) if asked["do"] == "updates" else self._take(asked))
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _updates(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        self._poll += 1
        poll = self._poll
        self.polls += 1
        self.confirmed = max(self.confirmed, asked["from"] - 1)
        end = time.monotonic() + LONG_POLL
        while self._poll == poll:
            waiting = self.offered[max(self.confirmed, asked["from"] - 1) :][:PAGE]
            left = end - time.monotonic()
            if waiting or left <= 0:
                self.handed = max([self.handed, *(update.number for update in waiting)])
                return {"updates": [{"number": update.number, **update.body} for update in waiting]}
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), left)
        self._news.set()  # whoever waits beside looks again
        return {"conflict": True}

    async def _take(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        if self._random.random() < self.refusals:
            self.refused += 1
            return {"later": self._random.uniform(0.05, 0.2)}
        message = asked["message"]
        choices = tuple((label, token) for label, token in asked["choices"])
        taken = Taken(time.monotonic(), message, asked["chat"], asked["text"], choices, message in self.times)
        self.taken.append(taken)
        self.times[message] += 1
        if not taken.again:
            self.heard(taken)
        self.unanswered += 1
        try:
            await asyncio.sleep(self.slow)
        finally:
            self.unanswered -= 1
        return {"number": len(self.taken)}


class Adapter:
    """The way from the house to a Line: stored, committed, and only then confirmed."""

    name = NAME

    def __init__(self, port: int, *, per_second: float = 30.0, account: str = NAME) -> None:
        self.account = account
        self.capabilities = Capabilities(per_second=per_second, per_chat_second=50.0)
        self._port = port
        self._polling: asyncio.Task[None] | None = None
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    def translate(self, body: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
        kind = InboundKind.BUTTON if body.get("token") else InboundKind.TEXT
        address = Address(self.name, account, body["chat"])
        return Inbound(address, event_id, kind, text=body["text"], token=body.get("token", ""))

    async def start(self, port: Port) -> None:
        self._polling = asyncio.create_task(self._poll(port))

    async def stop(self) -> None:
        polling, self._polling = self._polling, None
        if polling is not None:
            polling.cancel()
            await asyncio.gather(polling, return_exceptions=True)
        while self._idle:
            _, writer = self._idle.pop()
            writer.close()

    def routes(self) -> Sequence[Any]:
        return ()

    def trouble(self) -> str:
        return ""

    async def examine(self, *, fix: bool = False, running: bool = False) -> Sequence[Finding]:
        """Nothing to ask."""
        return ()

    async def send(self, outbound: Outbound) -> Receipt:
        choices = [[choice.label, choice.token] for choice in outbound.choices]
        chat, text = outbound.address.chat, outbound.text
        try:
            answer = await self._ask(
                {"do": "send", "message": outbound.id, "chat": chat, "text": text, "choices": choices}
            )
        except OSError as error:
            raise Ambiguous("connection") from error
        if "later" in answer:
            raise TryLater("too_many_requests", answer["later"])
        return Receipt(str(answer["number"]))

    async def _poll(self, port: Port) -> None:
        after = 0
        while True:
            try:
                async with port.lease(f"poll:{self.name}:{self.account}") as lease:
                    while True:
                        after = await self._take_in(port, after, lease)
            except OSError:
                await asyncio.sleep(0.05)
            except Exception:  # the house cannot store, or another one polls: unconfirmed, they come again
                await asyncio.sleep(0.2)

    async def _take_in(self, port: Port, after: int, lease: Lease) -> int:
        answer = await self._ask({"do": "updates", "from": after + 1})
        if "conflict" in answer:
            await asyncio.sleep(0.2)
            return after
        if after:
            failpoint("ingress.acked")
        updates = answer.get("updates", ())
        raws = [Raw(self.name, self.account, str(update["number"]), update, chat=update["chat"]) for update in updates]
        await asyncio.gather(*(port.receive(raw, lease) for raw in raws))
        return max([after, *(update["number"] for update in updates)])

    async def _ask(self, question: Mapping[str, Any]) -> Any:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(LOOPBACK, self._port)
        try:
            writer.write(json.dumps(question).encode() + b"\n")
            line = await reader.readline()
        except BaseException:
            writer.close()
            raise
        if not line:
            writer.close()
            raise ConnectionResetError("the line was cut")
        self._idle.append((reader, writer))
        return json.loads(line)
