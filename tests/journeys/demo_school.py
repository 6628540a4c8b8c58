"""The demo as its visitors have it: a real process on a free port, and a page of it that is open without a browser."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import secrets
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TextIO, TypeVar

import httpx

from tests import nursery
from tests.nursery import Process

STARTS_WITHIN = 60.0

T = TypeVar("T")


@dataclass
class Served:
    """A running demo."""

    url: str
    process: Process
    output: TextIO

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, str]:
        """Send the signal; gives the exit code and all that it printed. Raises TimeoutError where it goes on."""
        self.process.send_signal(number)
        return self.process.wait(30), self.output.read()


@contextlib.contextmanager
def serve_demo(*, until_open: bool = True, **environment: str) -> Iterator[Served]:
    """`nearpeer demo` on a free port; ends with the block. Without `until_open` it has only said where it will be."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    read, write = os.pipe()
    words = ("demo", "--port", str(port), "--no-open")
    process = nursery.start(*words, output=write, environment=os.environ | environment)
    os.close(write)
    with open(read, encoding="utf-8") as output:
        served = Served(f"http://127.0.0.1:{port}", process, output)
        try:
            assert output.readline() == f"The little school is at {served.url}/  (Ctrl-C ends it)\n"
            if until_open:
                assert httpx.get(served.url, timeout=STARTS_WITHIN).status_code == 200
            yield served
        finally:
            process.terminate()  # not killed: it takes its temporary folder with it
            process.wait(30)


@dataclass
class OpenPage:
    """The demo's page, open: it shows what its stream tells, confirms alerts, and says what people say."""

    client: httpx.AsyncClient
    chats: dict[str, str]
    """Roster key by chat."""
    history: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What the page found on each phone, by roster key."""
    shown: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """What has come since."""

    async def listen(self) -> None:
        async with self.client.stream("GET", "/demo/stream", timeout=None) as answer:
            name = ""
            async for line in answer.aiter_lines():
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    await self._told(name, json.loads(line[5:]))

    async def _told(self, name: str, body: dict[str, Any]) -> None:
        key = self.chats[body["chat"]]
        if name == "history":
            self.history[key], self.shown[key] = body["lines"], []
            return
        self.shown[key].append(body)
        if body.get("kind") == "alert":
            await self.client.post(f"/demo/phones/{key}/seen", json={"id": body["id"]})

    async def say(self, key: str, text: str) -> None:
        """Write a text on somebody's phone."""
        posted = {"event_id": secrets.token_hex(16), "text": text}
        assert (await self.client.post(f"/demo/phones/{key}/say", json=posted)).status_code == 204

    async def tap(self, key: str, label: str) -> None:
        """Tap the newest button on somebody's phone whose label is this, or this and a code."""
        offered = [choice for line in self.shown[key] for choice in line.get("choices", ())]
        choice = [one for one in offered if re.fullmatch(rf"{label}( [0-9A-Z]{{4}})?", one["label"])][-1]
        posted = {"event_id": secrets.token_hex(16), "button": choice["token"], "label": choice["label"]}
        assert (await self.client.post(f"/demo/phones/{key}/say", json=posted)).status_code == 204

    async def move(self, hand: str) -> str:
        """Move the clock; gives the school's time, as the wall there shows it."""
        answer = await self.client.post(f"/demo/hands/{hand}", timeout=60)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["now"])

    def ours(self, key: str) -> list[dict[str, Any]]:
        """What we have written on somebody's phone since the page was opened."""
        return [line for line in self.shown[key] if line["ours"]]

    async def reads(self, key: str, text: str, kind: str = "", within: float = 30.0) -> dict[str, Any]:
        """The newest line on somebody's phone that holds the text, as soon as it is there."""

        def found() -> dict[str, Any] | None:
            lines = [one for one in self.ours(key) if text in one["text"] and kind in ("", one["kind"])]
            return lines[-1] if lines else None

        return await eventually(found, within)


async def eventually(found: Callable[[], T | None], within: float) -> T:
    """What `found` gives as soon as it is something."""
    end = time.monotonic() + within
    while time.monotonic() < end:
        if (something := found()) is not None:
            return something
        await asyncio.sleep(0.01)
    raise AssertionError("it did not come in time")


@contextlib.asynccontextmanager
async def open_page(url: str) -> AsyncIterator[OpenPage]:
    """The demo's page in a visitor's hands."""
    origin = {"origin": url}
    async with httpx.AsyncClient(base_url=url, headers=origin, timeout=20) as client:
        page = (await client.get("/")).text
        chats = dict(re.findall(r'data-chat="(\d+)" data-url="/demo/phones/(\w+)/"', page))
        opened = OpenPage(client, chats)
        listening = asyncio.create_task(opened.listen())
        try:
            await eventually(lambda: opened.history if len(opened.history) == len(chats) else None, 30.0)
            yield opened
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
