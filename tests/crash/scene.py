"""A school for one run: its database, its platform with its people, and the processes that live and die in it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, inspect, text

from bot.domain import Address, Match, Person, Role
from bot.program import Program, load_program
from storage import people
from storage.database import Database
from storage.types import milliseconds
from tests.crash.people import Crowd
from tests.crash.process import SETTINGS, Hurried, Life, written
from tests.fakes.line import NAME, Line
from tests.school import NOON, tiny_program

ROOT = Path(__file__).resolve().parent.parent.parent
RIVERA, OKAFOR = 1, 2
STUCK, LONGEST_REST = 40.0, 300.0
"""Seconds in which nobody hears anything more, and that coming to rest may take at most."""
PLAN = """
program: tiny
languages: [en, es]
schedules:
  - {name: whenever, audience: mentee, flow: mentee-weekly, weekly: {days: [sat], at: "15:30"}}
  - {name: check-in, audience: mentee, flow: mentee-reflection, weekly: {days: [mon], at: "12:02"}}
  - {name: session-reminder, audience: mentor, session: {before_start: 1m}}
  - {name: mentee-reflection, audience: mentee, flow: mentee-reflection, session: {after_end: 1m}}
ladder:
  crisis: {rungs: [{tell: [advisor], wait: 1m}, {tell: [coordinator], wait: 3m}], repeat: 5m, hold: 9m, grace: 3m}
  urgent: {rungs: [{tell: [advisor], wait: 1m}, {tell: [coordinator], wait: 3m}], repeat: 5m, hold: 9m, grace: 3m}
"""
RULES = "closings: {most: 10000, within_minutes: 1}"
"""Two adults close in minutes what a school sees in years."""
UNDER_WAY = """
SELECT (SELECT count(*) FROM inbox WHERE status = 'new')
     + (SELECT count(*) FROM message WHERE status IN ('pending', 'sending') OR news <> '')
     + (SELECT count(*) FROM escalation WHERE status <> 'closed')
"""


def write_program(folder: Path) -> Program:
    """The tiny program with a hurried ladder, in `folder`/lincoln."""
    program = tiny_program(folder, plan=PLAN)
    rules = program.folder / "safety/rules.yaml"
    rules.parent.mkdir(exist_ok=True)
    rules.write_text(RULES)
    return load_program(program.folder, shipped=folder / "shipped")


class Processes:
    """The nursery's parent: starts lives, kills them, and hears how they ended."""

    def __init__(self, nursery: asyncio.subprocess.Process) -> None:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        self._in, self._out = nursery.stdin, nursery.stdout
        self._born: asyncio.Queue[int] = asyncio.Queue()
        self._dead: dict[int, asyncio.Future[int]] = {}
        self._listening = asyncio.create_task(self._listen())
        self._starting = asyncio.Lock()

    async def start(self, life: Life) -> int:
        """A new process; gives its number."""
        async with self._starting:
            self._in.write(written(life).encode() + b"\n")
            return await self._born.get()

    def kill(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    async def ended(self, pid: int) -> int:
        """How a process ended: its code, or minus the signal."""
        return await asyncio.shield(self._dead[pid])

    async def stop(self, pid: int) -> int:
        """Ask a process to end, as a service runner does."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        return await self.ended(pid)

    def close(self) -> None:
        self._listening.cancel()
        self._in.close()

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        while line := await self._out.readline():
            news = json.loads(line)
            if "born" in news:
                self._dead[news["born"]] = loop.create_future()
                self._born.put_nowait(news["born"])
            else:
                self._dead[news["dead"]].set_result(news["code"])


@asynccontextmanager
async def nursery(folder: Path) -> AsyncIterator[Processes]:
    """Processes of the program in `folder`."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.crash.process", "--nursery", str(folder),
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
    )  # fmt: skip
    processes = Processes(started)
    try:
        yield processes
    finally:
        processes.close()
        await started.wait()


class Scene:
    """One school. `url` is a migrated, empty database of its own; without students nobody moves in."""

    def __init__(self, folder: Path, url: str, processes: Processes, line: Line, *, students: int, seed: int) -> None:
        self.folder, self.url, self.processes, self.line = folder, url, processes, line
        folder.mkdir(parents=True, exist_ok=True)
        mentees = [f"mentee{number}" for number in range(1, students + 1)]
        mentors = [f"mentor{number}" for number in range(1, students + 1)]
        self.crowd = Crowd(line, mentees, mentors, ("rivera", "okafor"), seed=seed)
        self.life = Life(str(folder), url, line.port, time.time())
        self._engine = _engine(url)
        if mentees:
            self._move_in(mentees)
        (folder / SETTINGS).write_text(json.dumps(asdict(self.life)))

    def rows(self, query: str, **values: Any) -> list[Any]:
        """What the database holds, read past the program."""
        with self._engine.connect() as connection:
            return list(connection.execute(text(query), values))

    def tables(self) -> set[str]:
        """The names of the tables that are there."""
        return set(inspect(self._engine).get_table_names())

    async def start(self, hits: str = "", **more: Any) -> int:
        """A process of this school."""
        return await self.processes.start(replace(self.life, hits=hits, **more))

    async def polled(self, polls: int) -> None:
        """Until the platform was asked for updates more often than that: a process is at work."""
        while self.line.polls <= polls:  # noqa: ASYNC110  (the line tells nobody of a poll)
            await asyncio.sleep(0.002)

    async def logged(self, words: str) -> None:
        """Until a process has said these words."""
        log = self.folder / "log.txt"
        while not log.exists() or words not in log.read_text():  # noqa: ASYNC110  (a file tells nobody)
            await asyncio.sleep(0.005)

    def last_words(self) -> str:
        """The last thing that a process has said."""
        return (self.folder / "log.txt").read_text().strip().rpartition("\n")[2]

    async def planned(self) -> None:
        """Until the first beat has come to its end: the next days are planned."""
        while not self.rows("SELECT 1 FROM beat"):  # noqa: ASYNC110  (nobody tells of a beat)
            await asyncio.sleep(0.02)

    async def until_quiet(self, looks: int = 3) -> None:
        """Until nothing is under way, inside or outside, at so many looks in a row. Raises TimeoutError.

        A busy machine takes its time: as long as something gets done, it is waited for.
        """
        calm, done, loop = 0, -1, asyncio.get_running_loop()
        end = stuck_at = loop.time() + LONGEST_REST
        while calm < looks:
            await asyncio.sleep(0.05)
            self._end_the_term()
            if len(self.line.taken) > done:
                done, stuck_at = len(self.line.taken), loop.time() + STUCK
            if loop.time() > min(end, stuck_at):
                raise TimeoutError
            outside = self.line.calm and self.crowd.calm
            calm = calm + 1 if outside and not self.rows(UNDER_WAY)[0][0] else 0
        self.crowd.go_home()

    def _end_the_term(self) -> None:
        """No more prompts from here on, or it would never come to rest."""
        tomorrow = milliseconds(Hurried(self.life.began).now() + timedelta(days=1))
        near = "status IN ('planned', 'held') AND due_at < :tomorrow"
        if not self.rows(f"SELECT count(*) FROM occurrence WHERE {near}", tomorrow=tomorrow)[0][0]:
            return
        with self._engine.begin() as connection:
            connection.execute(text(f"UPDATE occurrence SET status = 'cancelled' WHERE {near}"), {"tomorrow": tomorrow})

    def close(self) -> None:
        self.crowd.go_home()
        self._engine.dispose()

    def _move_in(self, mentees: list[str]) -> None:
        clock = Hurried(self.life.began)

        def unit(connection: Connection) -> None:
            def add(id_: int, key: str, name: str, role: Role) -> None:
                people.add(connection, Person(id_, key, name, role, "en", ""), NOON, clock.new_id())
                people.add_address(connection, id_, Address(NAME, NAME, key), clock.new_id(), position=0)

            add(RIVERA, "rivera", "Ms. Rivera", Role.ADVISOR)
            add(OKAFOR, "okafor", "Mr. Okafor", Role.COORDINATOR)
            for number, mentee in enumerate(mentees, 1):
                add(100 + number, mentee, f"Maya {number}", Role.MENTEE)
                add(1000 + number, f"mentor{number}", f"Leo {number}", Role.MENTOR)
                meets = f"Mon {12 + 2 * number // 60:02}:{2 * number % 60:02} 1m"
                match = Match(5000 + number, (100 + number,), (1000 + number,), RIVERA, meets)
                people.put_match(connection, match)

            # Nobody has a page open here: whom the line does not reach is not reached.
            connection.execute(text("DELETE FROM address WHERE platform = 'web'"))

        database = Database(self.url)
        database.write(unit).result()
        database.close()


def _engine(url: str) -> Engine:
    if url.startswith("sqlite"):
        return create_engine(url, connect_args={"timeout": 60})
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


def new_file(folder: Path, template: Path | None) -> str:
    """The URL of a SQLite database of its own: a copy of a migrated one, or none yet."""
    folder.mkdir(parents=True, exist_ok=True)
    if template is not None:
        shutil.copy(template, folder / "school.db")
    return f"sqlite:///{folder / 'school.db'}"
