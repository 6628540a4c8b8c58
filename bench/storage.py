"""P4: a durable step. It reads the conversation, logs what was said, moves the conversation on and puts the reply into
the outbox, with synchronous=FULL: by our storage with many in flight, and by the bare driver with a commit each.

No engine, no screening, no delivery: a message's whole way is measured in bench/way.py. Our tables have the indexes and
foreign keys that they need; those of the bare driver have the least. `python -m bench.storage ours|bare STEPS`
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from bench import way
from bench.conversation import NOTE
from bench.measure import Figures, calibration, cpu, percentile, report
from bot.clock import SystemClock
from bot.domain import (
    Address,
    Conversation,
    ConversationStatus,
    InboundKind,
    Message,
    MessageKind,
    Priority,
    Received,
    Turn,
)
from bot.flows import state
from storage.database import Database
from storage.senders import sender
from storage.turns import save_turn

STUDENTS = 1_000
IN_FLIGHT = 64
TABLES = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
CREATE TABLE conversation (student INTEGER PRIMARY KEY, step TEXT, state TEXT);
CREATE TABLE message (id INTEGER PRIMARY KEY, student INTEGER, direction TEXT, at REAL, text TEXT);
CREATE INDEX message_student ON message (student, id);
CREATE TABLE outbox (id INTEGER PRIMARY KEY, student INTEGER, priority INTEGER, status TEXT, text TEXT);
CREATE INDEX outbox_pending ON outbox (priority, id) WHERE status = 'pending';
"""


def one_commit_a_step(steps: int) -> Figures:
    """Steps per second and CPU of each."""
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        database.executescript(TABLES)
        rows = ((student, "mood", "{}") for student in range(STUDENTS))
        with database:
            database.executemany("INSERT INTO conversation VALUES (?, ?, ?)", rows)
        _step(database, 0)
        took, started, used = [], time.perf_counter(), cpu()
        for number in range(steps):
            begin = time.perf_counter()
            _step(database, number % STUDENTS)
            took.append(time.perf_counter() - begin)
        used, wall = cpu() - used, time.perf_counter() - started
        database.close()
    return _figures(sorted(took), used, wall)


def ours(steps: int) -> Figures:
    """The same through our writer, `IN_FLIGHT` at a time, each of another student."""
    with tempfile.TemporaryDirectory() as folder:
        _, database = way.school(Path(folder), [range(STUDENTS)])
        figures = asyncio.run(_ours(database, steps))
        database.close()
    return figures


async def _ours(database: Database, steps: int) -> Figures:
    clock = SystemClock()
    await database.run(lambda connection: _begin(connection, clock))
    numbers, took = iter(range(steps)), list[float]()

    async def student() -> None:
        for number in numbers:
            address = Address(way.Wire.name, "bench", str(number % STUDENTS))
            begin = time.perf_counter()
            await database.run(partial(_step_of_ours, clock=clock, address=address))
            took.append(time.perf_counter() - begin)

    started, used = time.perf_counter(), cpu()
    await asyncio.gather(*(student() for _ in range(IN_FLIGHT)))
    return _figures(sorted(took), cpu() - used, time.perf_counter() - started)


def _begin(connection: Connection, clock: SystemClock) -> None:
    """Everybody is in the middle of a conversation."""
    for number in range(STUDENTS):
        found = sender(connection, Address(way.Wire.name, "bench", str(number)))
        assert found is not None
        now, waiting = clock.now(), ConversationStatus.WAITING
        conversation = Conversation(clock.new_id(), found.person.id, "checkin", "", "en", waiting, now, step="mood")
        save_turn(connection, Turn(conversations=(conversation,)), now, clock.new_id, state.dump)


def _step_of_ours(connection: Connection, clock: SystemClock, address: Address) -> None:
    found, now, id_ = sender(connection, address), clock.now(), clock.new_id()
    assert found is not None
    assert found.waiting is not None
    conversation = replace(state.load(found.waiting), step="week")
    received = Received(id_, address, InboundKind.TEXT, now, NOTE, found.person.id, conversation.id, "mood")
    reply = Message(
        clock.new_id(), found.person.id, MessageKind.REPLY, Priority.REPLY, "What went well?", f"step:{id_}", address
    )
    turn = Turn(conversations=(conversation,), received=received, messages=(reply,))
    save_turn(connection, turn, now, clock.new_id, state.dump)


def _figures(took: Sequence[float], used: float, wall: float) -> Figures:
    steps = len(took)
    return {
        "cpu_us": used / steps * 1e6,
        "per_second": steps / wall,
        "p99_us": percentile(took, 0.99) * 1e6,
        "calibration_us": calibration(),
    }


def _step(database: sqlite3.Connection, student: int) -> None:
    run = database.execute
    run("BEGIN IMMEDIATE")
    run("SELECT step, state FROM conversation WHERE student = ?", (student,)).fetchone()
    run("INSERT INTO message (student, direction, at, text) VALUES (?, 'in', 1.0, ?)", (student, NOTE))
    run("UPDATE conversation SET step = 'note', state = '{\"mood\": 3}' WHERE student = ?", (student,))
    run("INSERT INTO outbox (student, priority, status, text) VALUES (?, 1, 'pending', 'What went well?')", (student,))
    run("COMMIT")


if __name__ == "__main__":
    report({"ours": ours, "bare": one_commit_a_step}[sys.argv[1]](int(sys.argv[2])))
