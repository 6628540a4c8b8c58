"""A school as the outside sees it: a real process, people at their pages, and the record of what they were promised."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen
from typing import Any

import httpx
from sqlalchemy import Connection

from bot.clock import SystemClock
from bot.domain import Address
from bot.program import create, load_program
from bot.school import import_roster, mint_links, open_database, read_report
from storage import people
from tests import nursery
from tests.nursery import Process

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = {"Sec-Fetch-Site": "same-origin"}


class School:
    """A school's folder with everybody's links, and the process that runs it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder.parent / "log.txt"
        self.port = _free_port()
        create(folder)
        _nothing_by_itself(folder / "program.yaml")
        settings = folder / "nearpeer.toml"
        settings.write_text(settings.read_text().replace("port = 8700", f"port = {self.port}"))
        program = load_program(folder)
        database, clock = open_database(program), SystemClock()
        import_roster(database, program, read_report(database, program, folder / "roster.csv"), clock)
        self.links = {link.person.key: link.url for link in mint_links(database, program, clock)}
        self.environment: dict[str, str] = {}
        self.load: tuple[str, ...] = ()
        """Modules that its processes need besides."""
        database.close()

    def moved_to(self, folder: Path) -> School:
        """The same school in a folder of its own, as if nothing had ever happened in it."""
        shutil.copytree(self.folder, folder)
        moved = copy(self)
        moved.folder, moved.log = folder, folder.parent / "log.txt"
        return moved

    def run(self, failpoints: str = "") -> Process:
        """Start `nearpeer run` in a process of its own."""
        environment = os.environ | self.environment | {"NEARPEER_FAILPOINTS": failpoints}
        with self.log.open("ab") as log:
            return nursery.start("run", str(self.folder), output=log.fileno(), environment=environment, load=self.load)

    def rows(self, query: str) -> list[Any]:
        """What the database holds, read past the program."""
        connection = sqlite3.connect(f"file:{self.folder / 'nearpeer.db'}?mode=ro", uri=True, timeout=5)
        with contextlib.closing(connection):
            connection.row_factory = sqlite3.Row
            return connection.execute(query).fetchall()

    def kept(self) -> Counter[str]:
        """How often each text that came in is kept."""
        return Counter(row["text"] for row in self.rows("SELECT text FROM message WHERE direction = 'in'"))

    def quiet(self) -> bool:
        """Whether nothing waits to be handled or sent."""
        waiting = "SELECT (SELECT count(*) FROM inbox WHERE status = 'new') + (SELECT count(*) FROM message WHERE {})"
        return bool(self.rows(waiting.format("status IN ('pending', 'sending') OR news <> ''"))[0][0] == 0)


class Page:
    """Somebody's chat page, which comes back whenever the connection breaks, and confirms the alerts that it shows."""

    def __init__(self, key: str, link: str) -> None:
        self.key, self._link = key, link
        self.browser = httpx.AsyncClient(headers=PAGE, follow_redirects=True, timeout=5)
        self.chat = ""
        self.lines: Counter[int] = Counter()
        """How often each message was told as new."""
        self.history: set[int] = set()
        self.opened = asyncio.Event()
        self.alerted = asyncio.Event()
        self.acknowledged: list[str] = []
        """What this person wrote and the school said that it has."""

    async def open(self) -> None:
        """Follow the personal link: from now on the browser holds its cookie."""
        answer = await self._again("GET", self._link)
        self.chat = str(answer.url).removesuffix("/")

    async def listen(self) -> None:
        """Show what comes, for ever."""
        while True:
            with contextlib.suppress(httpx.TransportError):
                async with self.browser.stream("GET", f"{self.chat}/stream") as stream:
                    name = ""
                    async for line in stream.aiter_lines():
                        field, _, value = line.partition(": ")
                        if field == "event":
                            name = value
                        elif field == "data":
                            await self._told(name, json.loads(value))
            await asyncio.sleep(0.05)

    async def say(self, text: str) -> None:
        """Write a line; try again with the same event id until the school has it."""
        body = {"event_id": f"{self.key}-{len(self.acknowledged):016}", "text": text}
        answer = await self._again("POST", f"{self.chat}/say", body)
        assert answer.status_code == 204, answer.status_code
        self.acknowledged.append(text)

    async def _told(self, name: str, event: dict[str, Any]) -> None:
        if name == "history":
            self.history.update(int(line["id"]) for line in event["lines"])
            self.opened.set()
        elif event.get("ours"):
            self.lines[int(event["id"])] += not event.get("again")
            if event["kind"] == "alert":
                await self.browser.post(f"{self.chat}/seen", json={"id": event["id"]})
                self.alerted.set()

    async def _again(self, method: str, url: str, body: Any = None) -> httpx.Response:
        while True:
            with contextlib.suppress(httpx.TransportError):
                answer = await self.browser.request(method, url, json=body)
                if answer.status_code < 500:
                    return answer
            await asyncio.sleep(0.05)


async def ended(process: Process | Popen[bytes]) -> int:
    """Wait for a process, without holding up the pages."""
    return await asyncio.to_thread(process.wait)


async def stop(process: Process | Popen[bytes]) -> int:
    """Ask a process to end, as a service runner does."""
    process.send_signal(signal.SIGTERM)
    return await ended(process)


async def until_quiet(school: School, looks: int = 3) -> None:
    """Until nothing waited at so many looks in a row."""
    calm = 0
    while calm < looks:
        await asyncio.sleep(0.1)
        calm = calm + 1 if school.quiet() else 0


def lost(school: School, said: Sequence[str], code: int) -> list[str]:
    """What is wrong when not all that was said is kept once and handled, or the last process did not end with 0."""
    kept = school.kept()
    unhandled = school.rows("SELECT id FROM inbox WHERE status <> 'done'")
    return [
        *([] if code == 0 else [f"the last process ended with {code}"]),
        *(f"lost: {text}" for text in said if not kept[text]),
        *(f"kept twice: {text}" for text, times in kept.items() if times > 1),
        *(["an event was not handled"] if unhandled else []),
    ]


def shown_twice(pages: Sequence[Page]) -> set[int]:
    """Messages that a page was told of as new more than once."""
    return {id_ for page in pages for id_, times in page.lines.items() if times > 1}


def linked(folder: Path, chats: Mapping[str, Address]) -> School:
    """A school whose students, by their roster keys, have these chats."""
    school = School(folder)
    database, clock = open_database(load_program(folder)), SystemClock()

    def unit(connection: Connection) -> None:
        for key, address in chats.items():
            person = people.by_key(connection, key)
            assert person is not None
            people.put_first(connection, person.id, address, clock.new_id())

    database.write(unit).result()
    database.close()
    return school


def _nothing_by_itself(plan: Path) -> None:
    """Leave only a check-in that is three days away: what happens in the test is what people do."""
    text = plan.read_text().replace("first_contact: first-contact", "first_contact: null")
    first, _, rest = text.partition("  - name: mentor-check-in")
    day = f"{datetime.now(UTC) + timedelta(days=3):%a}".lower()
    plan.write_text(first.replace("days: [tue]", f"days: [{day}]") + rest[rest.index("# Who is told") :])


def _free_port() -> int:
    """One that no connection gets by chance before it is used: below those that Linux gives out (32768 and up)."""
    while True:
        port = secrets.choice(range(15_000, 32_000))
        with socket.socket() as sock, contextlib.suppress(OSError):
            sock.bind(("127.0.0.1", port))
            return port
