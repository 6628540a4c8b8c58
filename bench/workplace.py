"""A school on PostgreSQL whose students all write at once, the programs that work for it, and what became of it all.

The programs are `nearpeer run --role worker`; bench/scale.py says how many there are and what happens to them.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, text

from bench.conversation import STEPS, written_by
from bench.way import lay_out
from bot.clock import SystemClock
from bot.domain import Person, Role
from bot.program import load_program
from bot.school import open_database
from storage import people, tables
from storage.database import Database
from storage.wake import Channel, wake

ROOT = Path(__file__).resolve().parent.parent
ADULT = "okafor"
PATIENCE = 300.0
"""Seconds that anything may take before it counts as stuck."""

Figures = dict[str, Any]


@dataclass
class Site:
    """A school of so many students in a database of its own, and the programs that work for it."""

    folder: Path
    database: Database
    students: range
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, url: str, inside: Sequence[str] = ()) -> subprocess.Popen[bytes]:
        """One more worker; `inside`: the words that put it into a network of its own."""
        environment = os.environ | {"NEARPEER_STORAGE__URL": url}
        with (self.folder / "log.txt").open("ab") as log:
            worker = subprocess.Popen(
                [*inside, sys.executable, "-m", "bot", "run", str(self.folder / "school"), "--role", "worker"],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=log,
            )
        self.workers.append(worker)
        return worker

    def ready(self) -> None:
        """Wait until every worker listens for news."""
        listening = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"
        self.until(lambda: self.ask(listening) >= len(self.workers), "a worker did not start")

    def offer(self) -> None:
        """All students say all of it at once: their first message, then their second, and so on."""
        clock = SystemClock()

        def unit(connection: Connection) -> None:
            now = clock.wall()
            rows = [
                {
                    "id": clock.new_id(),
                    "platform": people.WEB,
                    "account": people.WEB_ACCOUNT,
                    "event_id": f"{student}:{step}",
                    "chat": str(student),
                    "body": {"chat": str(student), "text": written_by(student)[step]},
                    "received_at": now,
                    "next_at": now,
                    "status": "new",
                    "tries": 0,
                    "error": "",
                }
                for step in range(STEPS)
                for student in self.students
            ]
            connection.execute(tables.inbox.insert(), rows)
            wake(connection, Channel.INBOX)

        self.database.write(unit).result()

    def ask(self, query: str) -> Any:
        with self.database.read() as connection:
            return connection.execute(text(query)).scalar()

    def left(self) -> int:
        """How many messages wait for their turn."""
        return int(self.ask("SELECT count(*) FROM inbox WHERE status = 'new'"))

    def in_hand(self) -> set[int]:
        """The messages that some worker has claimed."""
        return self._ids("status = 'new' AND lease_token IS NOT NULL")

    def done(self, messages: set[int]) -> float:
        """Wait until each of these has had its turn; gives the seconds that it took."""
        began = time.monotonic()
        self.until(lambda: not messages & self._ids("status = 'new'"), "what was in hand was not taken over")
        return time.monotonic() - began

    def _ids(self, which: str) -> set[int]:
        with self.database.read() as connection:
            return {row.id for row in connection.execute(text(f"SELECT id FROM inbox WHERE {which}"))}

    def drained(self) -> None:
        self.until(lambda: self.left() == 0, "messages are left without a turn")

    def until(self, true: Callable[[], bool], otherwise: str) -> None:
        end = time.monotonic() + PATIENCE
        while not true():
            if time.monotonic() > end:
                raise RuntimeError(f"{otherwise}:\n{(self.folder / 'log.txt').read_text()[-2000:]}")
            time.sleep(0.02)

    def judge(self) -> Figures:
        """What is wrong with what was kept; every number but `messages` must be 0."""
        with self.database.read() as connection:
            log = connection.execute(select(tables.message).order_by(tables.message.c.id)).all()
            answers = connection.execute(select(tables.answer)).all()
        came: dict[str, list[str]] = defaultdict(list)
        replies: Counter[str] = Counter()
        for row in log:
            if row.direction == "in":
                came[row.chat].append(row.text)
            else:
                replies[row.chat] += 1
        kept = {(row.conversation_id, row.step) for row in answers}
        wanted = {str(student): list(written_by(student)) for student in self.students}
        return {
            "messages": len(self.students) * STEPS,
            "lost": sum(max(0, STEPS - len(came[chat])) for chat in wanted),
            "double": sum(max(0, len(came[chat]) - STEPS) for chat in wanted),
            "chats out of order": sum(sorted(came[c]) == sorted(w) and came[c] != w for c, w in wanted.items()),
            "answers lost or double": abs(len(kept) - len(self.students) * (STEPS - 1)) + len(answers) - len(kept),
            "replies lost or double": sum(abs(replies[chat] - STEPS) for chat in wanted),
        }

    def close(self) -> None:
        for worker in self.workers:
            with contextlib.suppress(ProcessLookupError):
                worker.send_signal(signal.SIGCONT)
                worker.terminate()
        for worker in self.workers:
            worker.wait(30)
        self.database.close()


@contextlib.contextmanager
def site(url: str, students: int) -> Iterator[Site]:
    with tempfile.TemporaryDirectory(prefix="nearpeer-scale-") as name:
        folder = Path(name)
        lay_out(folder / "school")
        settings = folder / "school/nearpeer.toml"
        text_of = settings.read_text()
        settings.write_text(text_of.replace('[storage]\nurl = ""', f'[storage]\nurl = "{url}"'))
        database = open_database(load_program(folder / "school"))
        one = Site(folder, database, range(1, students + 1))
        try:
            database.write(lambda connection: _move_in(connection, one.students)).result()
            yield one
        finally:
            one.close()


def _move_in(connection: Connection, students: range) -> None:
    clock = SystemClock()
    adult = Person(clock.new_id(), ADULT, "Mr. Okafor", Role.COORDINATOR, "en", "")
    people.add(connection, adult, clock.now(), clock.new_id())
    for student in students:
        person = Person(student, f"s{student}", f"Student{student} Torres", Role.MENTEE, "en", "")
        people.add(connection, person, clock.now(), clock.new_id())
