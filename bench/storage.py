"""The anchor of P4: the least that a durable step can be, one SQLite transaction each by the bare driver.

It reads the conversation, logs what was said, moves the conversation on and puts the reply into an outbox, with
synchronous=FULL. No screening, no answers, no delivery: less than ours does. `python -m bench.storage STEPS`
"""

from __future__ import annotations

import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from bench.conversation import NOTE
from bench.measure import Figures, calibration, cpu, percentile, report

STUDENTS = 1_000
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
    took.sort()
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
    report(one_commit_a_step(int(sys.argv[1])))
