"""A message's whole way: an update's bytes in, everything it causes committed, the reply's bytes out (P2, P3, P4).

The real App on a SQLite file with synchronous=FULL; only the network is missing: `Wire` hands updates over as
Telegram does, and answers each request at once. The conversation is the peers': five messages in, five out.

    python -m bench.way --students 1000 --in-flight 16
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

from bench.conversation import STEPS, Written, update, updates
from bench.measure import calibration, cpu, percentile, report
from bot.adapters.base import Adapter, Port
from bot.adapters.telegram.adapter import Adapter as Telegram
from bot.adapters.telegram.reading import chat_of
from bot.app import App
from bot.clock import SystemClock
from bot.domain import Address, Person, Role
from bot.program import Program, create, load_program
from bot.school import open_database
from storage import outbox, people, tables
from storage.database import Database

PLAN = """
program: way
languages: [en]
schedules:
  - {name: check-in, audience: mentee, flow: checkin, weekly: {days: [DAY], at: "12:00"}}
ladder:
  crisis: {rungs: [{tell: [advisor], wait: 5m}, {tell: [coordinator], wait: 5m}], repeat: 10m, hold: 30m}
"""
FLOW = """
flow: checkin
kind: check-in
audience: mentee
languages: [en]
window: 24h
nudge: 4h
placeholders: [name]
steps:
  - id: ready
    choice: {en: "Hi {name}! Time for your weekly check-in. Ready?"}
    topic: ready
    sensitivity: none
    answers: [{value: ready, label: {en: "ready"}}, {value: later, label: {en: "later"}}]
  - id: mood
    scale: {en: "How are you feeling this week, from 1 (very low) to 5 (great)?"}
    topic: mood
    sensitivity: wellbeing
    answers: [{value: 1}, {value: 2}, {value: 3}, {value: 4}, {value: 5}]
  - id: way
    branch: [{when: {answer: mood, below: 3}, go: low}, {else: high}]
  - {id: low, text: {en: "Sorry to hear that. What has been the hardest thing?"}, topic: week, sensitivity: wellbeing,
     then: confirm}
  - {id: high, text: {en: "Good to hear! What went well?"}, topic: week, sensitivity: wellbeing}
  - id: confirm
    choice: {en: "Thank you for telling me, {name}. Save this?"}
    topic: confirm
    sensitivity: none
    answers: [{value: "yes", label: {en: "yes"}}, {value: "no", label: {en: "no"}}]
  - {id: thanks, end: {en: "Thank you, your mentor will read this."}}
"""
WARM = 40
"""Students who go first and are not measured."""


class Wired(Adapter, Protocol):
    """A platform's adapter without its network: `started` once it may be used, `sent` counts the replies."""

    started: asyncio.Event
    sent: int

    async def exchange(self, body: bytes) -> None:
        """One message of a student; returns when the reply has left."""


class Wire(Telegram):
    """Telegram, but for the network: what it would be asked is encoded, and its answer decoded."""

    capabilities = replace(Telegram.capabilities, per_second=1e9, per_chat_second=1e9)

    def __init__(self) -> None:
        super().__init__("bench", self, polls=False)
        self._waiting: dict[str, asyncio.Future[None]] = {}
        self.started = asyncio.Event()
        self.sent = 0

    async def start(self, port: Port) -> None:
        await super().start(port)
        self.started.set()

    async def exchange(self, body: bytes) -> None:
        """One message of a student; returns when the reply has left."""
        said = json.loads(body)
        replied = self._waiting[chat_of(said)] = asyncio.get_running_loop().create_future()
        await self.take(said)
        await replied

    async def __call__(self, method: str, parameters: Mapping[str, Any], within: float = 0) -> Mapping[str, Any]:
        body = json.dumps(parameters).encode()
        self.sent += method == "sendMessage" and len(body) > 0
        answer: dict[str, Any] = json.loads(
            b'{"ok":true,"result":{"message_id":%d,"date":1760000000,"chat":{"id":%b,"type":"private"},"text":""}}'
            % (self.sent, parameters["chat_id"].encode())
        )
        self._waiting.pop(parameters["chat_id"]).set_result(None)
        return answer

    async def close(self) -> None:
        """There is no network."""


def lay_out(folder: Path, flows: int = 1) -> None:
    """A school's folder with the one conversation, which no schedule begins while it is measured.

    `flows`: how many there are to choose from, the one among them.
    """
    create(folder)
    day = (SystemClock().now() + timedelta(days=3)).strftime("%a").lower()
    (folder / "program.yaml").write_text(PLAN.replace("DAY", day))
    for old in (folder / "flows").iterdir():
        old.unlink()
    (folder / "flows/checkin.yaml").write_text(FLOW)
    for number in range(1, flows):
        (folder / f"flows/other-{number}.yaml").write_text(FLOW.replace("flow: checkin", f"flow: other-{number}"))


def on_the_wire(student: int) -> Address:
    """The chat of a student."""
    return Address(Wire.name, "bench", str(student))


def school(
    folder: Path, students: Sequence[range], flows: int = 1, chat: Callable[[int], Address] = on_the_wire
) -> tuple[Program, Database]:
    """A school whose students have a chat on the wire."""
    lay_out(folder / "school", flows)
    program = load_program(folder / "school")
    database = open_database(program)
    clock = SystemClock()

    def move_in(connection: Any) -> None:
        adult = Person(clock.new_id(), program.safety_contact, "Mr. Okafor", Role.COORDINATOR, "en", "")
        people.add(connection, adult, clock.now(), clock.new_id())
        for number in (number for some in students for number in some):
            person = Person(clock.new_id(), f"s{number}", f"Student{number} Torres", Role.MENTEE, "en", "")
            people.add(connection, person, clock.now(), clock.new_id())
            people.add_address(connection, person.id, chat(number), clock.new_id(), position=0)

    database.write(move_in).result()
    return program, database


async def drive(app: App, wire: Wired, asked: Sequence[Sequence[bytes]], in_flight: int) -> list[float]:
    """Let all students say all of it; gives the seconds from each message to its reply."""
    took: list[float] = []

    async def client(queue: Iterator[bytes]) -> None:
        for body in queue:
            began = time.perf_counter()
            await wire.exchange(body)
            took.append(time.perf_counter() - began)

    for row in asked:
        queue = iter(row)
        await asyncio.gather(*(client(queue) for _ in range(in_flight)))
    while unsent(app):  # noqa: ASYNC110  (nobody tells when the last result is recorded)
        await asyncio.sleep(0.002)
    return took


def unsent(app: App) -> int:
    with app.database.read() as connection:
        return outbox.unsent(connection, app.clock.wall())


@contextmanager
def running(
    students: Sequence[range],
    flows: int = 1,
    chat: Callable[[int], Address] = on_the_wire,
    wired: Callable[[], Wired] = Wire,
) -> Iterator[tuple[App, Wired]]:
    """An App of a new school, not started yet; its folder goes with it."""
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="nearpeer-way-") as folder:
        program, database = school(Path(folder), students, flows, chat)
        wire = wired()
        try:
            yield App(program, database, SystemClock(), [wire]), wire
        finally:
            database.close()


async def measured(
    app: App, wire: Wired, students: range, in_flight: int, written: Written = update
) -> dict[str, float]:
    """Let the students say all of it, after others went first; they are numbered on behind WARM."""
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(stop))
    await wire.started.wait()
    await drive(app, wire, updates(range(1, WARM + 1), written=written), in_flight)
    await asyncio.sleep(1.5)  # the first beats plan ahead for everybody
    gc.collect()
    asked = updates(students, WARM * STEPS + 1, written)
    wall, used, sent = time.perf_counter(), cpu(), wire.sent
    took = sorted(await drive(app, wire, asked, in_flight))
    used, wall = cpu() - used, time.perf_counter() - wall
    stop.set()
    await task
    messages = len(students) * STEPS
    _judge(app, messages, wire.sent - sent)
    return {
        "students": len(students),
        "in_flight": in_flight,
        "messages": messages,
        "cpu_us": used / messages * 1e6,
        "per_second": messages / wall,
        "p50_us": percentile(took, 0.50) * 1e6,
        "p99_us": percentile(took, 0.99) * 1e6,
        "calibration_us": calibration(),
    }


def _judge(app: App, messages: int, sent: int) -> None:
    """Nothing counts unless every message was kept, answered and recorded."""
    with app.database.read() as connection:
        log = connection.execute(tables.message.select()).all()
        done = connection.execute(tables.conversation.select()).all()
        kept = connection.execute(tables.answer.select()).all()
    total = messages + WARM * STEPS
    assert sent == messages
    assert sum(row.direction == "in" for row in log) == sum(row.status == "sent" for row in log) == total
    assert all(row.status == "done" for row in done)
    assert len(done) * STEPS == total
    assert len(kept) * STEPS == total * (STEPS - 1)


def way(students: int = 1000, in_flight: int = 16, run: Callable[[Any], Any] = asyncio.run) -> dict[str, float]:
    """CPU microseconds of one message's whole way, messages per second, and how long a student waits for the reply."""
    numbers = range(WARM + 1, WARM + 1 + students)
    with running((range(1, WARM + 1), numbers)) as (app, wire):
        figures: dict[str, float] = run(measured(app, wire, numbers, in_flight))
    return figures


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=1000)
    parser.add_argument("--in-flight", type=int, default=16)
    arguments = parser.parse_args()
    report(way(arguments.students, arguments.in_flight))
