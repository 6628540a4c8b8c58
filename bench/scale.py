"""Several workers on one PostgreSQL: how many turns they make, what each costs, and what becomes of one that is killed,
frozen for a minute, or cut off from the network. The workers are real programs: `nearpeer run --role worker`.

    python -m bench.scale                     1, 2 and 4 workers; one killed, one frozen, two in networks of their own
    python -m bench.scale --only throughput --students 400

Every figure is judged first: each message once in the log, in the order of its chat, each answer kept once, each reply
written once. On two cores more than two workers cannot be faster: the database and the workers share them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select, text

from bench import networks, postgres
from bench.conversation import STEPS, written_by
from bench.way import FLOW, PLAN
from bot.clock import SystemClock
from bot.domain import Person, Role
from bot.program import create, load_program
from bot.school import open_database
from storage import people, tables
from storage.database import Database
from storage.inbox import LEASE
from storage.wake import Channel, wake

ROOT = Path(__file__).resolve().parent.parent
ADULT = "okafor"
PATIENCE = 300.0
"""Seconds that anything may take before it counts as stuck."""
FROZEN = 60.0
CUT = 45.0

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
        create(folder / "school")
        day = (SystemClock().now() + timedelta(days=3)).strftime("%a").lower()
        (folder / "school/program.yaml").write_text(PLAN.replace("DAY", day))
        for old in (folder / "school/flows").iterdir():
            old.unlink()
        (folder / "school/flows/checkin.yaml").write_text(FLOW)
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


def throughput(server: postgres.Server, workers: int, students: int) -> Figures:
    """Messages per second and CPU per message, in the workers and in the database, from the offer to the last turn."""
    url = server.url(server.new_database())
    with site(url, students) as school:
        for _ in range(workers):
            school.start(url)
        school.ready()
        cpu = [postgres.process_cpu(worker.pid) for worker in school.workers]
        database, began = server.cpu(), time.perf_counter()
        school.offer()
        school.drained()
        took = time.perf_counter() - began
        used = [postgres.process_cpu(w.pid) - before for w, before in zip(school.workers, cpu, strict=True)]
        database = server.cpu() - database
        judged = school.judge()
    return {
        "workers": workers,
        "messages_per_second": judged["messages"] / took,
        "worker_cpu_us": sum(used) / judged["messages"] * 1e6,
        "database_cpu_us": database / judged["messages"] * 1e6,
        "least_of_one_worker": min(used) / sum(used),
        **judged,
    }


def killed(server: postgres.Server, students: int) -> Figures:
    """Of two workers one is killed with messages in hand; the other takes them over when their lease has run out."""
    url = server.url(server.new_database())
    with site(url, students) as school:
        victim, _ = school.start(url), school.start(url)
        school.ready()
        school.offer()
        school.until(lambda: school.left() < len(school.students) * STEPS * 0.9, "nothing was done")
        victim.kill()
        victim.wait()
        in_hand = school.in_hand()
        taken_over = school.done(in_hand)
        school.drained()
        return {"in_hand": len(in_hand), "taken_over_after_s": taken_over, **school.judge()}


def frozen(server: postgres.Server, students: int, seconds: float) -> Figures:
    """Of two workers one is stopped for longer than its leases, with messages in hand, and comes back late."""
    url = server.url(server.new_database())
    with site(url, students) as school:
        victim, _ = school.start(url), school.start(url)
        school.ready()
        school.offer()
        school.until(lambda: school.left() < len(school.students) * STEPS * 0.9, "nothing was done")
        victim.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        in_hand = school.in_hand()
        taken_over = school.done(in_hand)
        school.drained()
        time.sleep(max(0.0, began + seconds - time.monotonic()))
        victim.send_signal(signal.SIGCONT)
        time.sleep(5)  # now it brings what it had finished before it was stopped
        return {
            "in_hand": len(in_hand),
            "taken_over_after_s": taken_over,
            "frozen_s": seconds,
            "still_works": victim.poll() is None,
            **school.judge(),
        }


def apart(server: postgres.Server, students: int, seconds: float) -> Figures:
    """Two workers in network namespaces of their own, the database over TCP; the cable of one is pulled for a while."""
    with networks.two() as both:
        server.listen([net.gateway for net in both])
        name = server.new_database()
        with site(server.url(name), students) as school:
            for net in both:
                school.start(server.url(name, net.gateway), net.inside)
            school.ready()
            school.offer()
            school.until(lambda: school.left() < len(school.students) * STEPS * 0.9, "nothing was done")
            both[0].cut()
            began = time.monotonic()
            in_hand = school.in_hand()
            taken_over = school.done(in_hand)
            school.drained()
            time.sleep(max(0.0, began + seconds - time.monotonic()))
            both[0].mend()
            time.sleep(10)
            return {"in_hand": len(in_hand), "taken_over_after_s": taken_over, "cut_off_s": seconds, **school.judge()}


def wrong(figures: Figures) -> list[str]:
    """The names of the promises that did not hold."""
    promises = ("lost", "double", "chats out of order", "answers lost or double", "replies lost or double")
    return [f"{name}: {figures[name]}" for name in promises if figures[name]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", type=int, default=800)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--only", choices=["throughput", "killed", "frozen", "apart"])
    arguments = parser.parse_args()
    students = arguments.students
    problems = []
    with postgres.running() as server:
        cases: list[tuple[str, Callable[[], Figures]]] = [
            *(("throughput", lambda n=n: throughput(server, n, students)) for n in arguments.workers),
            ("killed", lambda: killed(server, students)),
            ("frozen", lambda: frozen(server, students, FROZEN)),
            ("apart", lambda: apart(server, students, CUT)),
        ]
        for name, case in cases:
            if arguments.only not in (None, name):
                continue
            if name == "apart" and (reason := networks.lacking()):
                print(json.dumps({"case": name, "skipped": reason}))
                continue
            figures = {"case": name, **case()}
            print(json.dumps({k: round(v, 2) if isinstance(v, float) else v for k, v in figures.items()}), flush=True)
            problems += [f"{name}: {problem}" for problem in wrong(figures)]
    print(f"leases of {LEASE.total_seconds():.0f} s; " + ("; ".join(problems) or "nothing lost, nothing double"))
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
