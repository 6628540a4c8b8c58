"""A school with a past: students, finished conversations and open ones, written set-based into the real tables.

Only a bench may write like this: everything else comes through `save_turn`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.conversation import ASK_MOOD, NOTE, update
from bench.way import Wire
from bot.domain import Conversation, ConversationStatus, Reply
from bot.flows import engine, state
from bot.program import Program
from storage.types import milliseconds

MESSAGES = 10
"""Of one finished conversation: five in, five out."""
BASE = 10**17
"""Ids of the past: as wide as those that the clock makes, and below them."""
_KINDS = ("addresses", "conversations", "log", "answers", "open", "asked")
_BASES = {"base": BASE} | {kind: BASE + place * 10**15 for place, kind in enumerate(_KINDS, 1)}
OPEN = _BASES["open"]
FLOW = "checkin"

_NUMBERS = """
WITH RECURSIVE numbers(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM numbers WHERE n < :last),
    parts(part) AS (SELECT 0 UNION ALL SELECT part + 1 FROM parts WHERE part < 9)
"""

_STUDENTS = """
INSERT INTO person (id, key, name, role, language, zone, grade, email, phone, status, created_at)
SELECT :base + n, 's' || n, 'Student' || n || ' Torres', 'mentee', 'en', '', '', '', '', 'active', :at FROM numbers;
INSERT INTO address (id, person_id, platform, account, chat, position)
SELECT :addresses + n, :base + n, :platform, :account, CAST(n AS TEXT), 0 FROM numbers;
"""
_PAST = """
INSERT INTO conversation (id, person_id, flow, flow_hash, status, state, started_at)
SELECT :conversations + n, :base + 1 + n % :students, :flow, :hash, 'done', :state, :at + n * :apart FROM numbers;
INSERT INTO message (id, direction, person_id, platform, account, chat, kind, priority, text, step, conversation_id,
    dedupe_key, status, created_at, sent_at, attempts, ambiguous, provider_id, error, news)
SELECT :log + n * 10 + part, iif(part % 2, 'out', 'in'), :base + 1 + n % :students, :platform, :account,
    CAST(1 + n % :students AS TEXT), iif(part % 2, 'question', 'text'), 1, :note, 'mood', :conversations + n,
    iif(part % 2, 'past:' || n || ':' || part, NULL), iif(part % 2, 'sent', 'received'), :at + n * :apart + part,
    iif(part % 2, :at + n * :apart + part, NULL), part % 2, 0, iif(part % 2, n * 10 + part, ''), '', ''
FROM numbers, parts;
INSERT INTO delivery_attempt (message_id, number, started_at, ended_at, result, code)
SELECT :log + n * 10 + part, 1, :at + n * :apart + part, :at + n * :apart + part, 'sent', '' FROM numbers, parts
WHERE part % 2;
INSERT INTO inbox (id, platform, account, event_id, chat, body, received_at, status, tries, next_at, error)
SELECT :log + n * 10 + part, :platform, :account, 'past-' || n || '-' || part, CAST(1 + n % :students AS TEXT), :body,
    :at + n * :apart + part, 'done', 0, :at + n * :apart + part, '' FROM numbers, parts WHERE part % 2 = 0;
INSERT INTO answer (id, conversation_id, person_id, message_id, flow, flow_hash, step, topic, sensitivity, kind, value,
    text, at, reviewed_by)
SELECT :answers + n * 10 + part, :conversations + n, :base + 1 + n % :students, :log + n * 10 + part, :flow, :hash,
    'mood', 'mood', 'wellbeing', 'answer', '4', :note, :at + n * :apart + part, '' FROM numbers, parts
WHERE part % 2 = 0 AND part > 0;
"""
_DEFINITION = "INSERT OR IGNORE INTO definition (hash, kind, name, body, stored_at) VALUES (?, 'flow', ?, ?, ?)"
_OPEN = """
INSERT INTO conversation (id, person_id, flow, flow_hash, status, state, due_at, started_at)
VALUES (?, ?, ?, ?, 'waiting', ?, ?, ?)
"""
_ASKED = """
INSERT INTO message (id, direction, person_id, platform, account, chat, kind, priority, text, step, conversation_id,
    dedupe_key, status, created_at, sent_at, attempts, ambiguous, provider_id, error, news)
SELECT :asked + n, 'out', :base + n, :platform, :account, CAST(n AS TEXT), 'question', 1, :text, 'mood', :open + n,
    'asked:' || n, 'sent', :at, :at, 1, 0, 'p' || n, '', '' FROM numbers;
"""


def students(file: Path, count: int) -> None:
    """Students 1 to `count`, each with a chat of that number."""
    with _filling(file) as connection:
        _run(connection, _STUDENTS, range(1, count + 1), at=milliseconds(_a_year_ago()))


def past(file: Path, program: Program, messages: int, among: int) -> None:
    """So many messages of finished conversations, spread over a year and over the students 1 to `among`."""
    begun, numbers = _a_year_ago(), range(messages // MESSAGES)
    done = replace(_conversation(program, begun), status=ConversationStatus.DONE, answers={"mood": 4, "high": NOTE})
    values = {
        "students": among,
        "flow": FLOW,
        "hash": program.flows[FLOW].hash,
        "state": state.dump(done),
        "note": NOTE,
        "body": update(1, 1, NOTE).decode(),
        "at": milliseconds(begun),
        "apart": timedelta(days=300) // timedelta(milliseconds=max(len(numbers), 1)),
    }
    with _filling(file) as connection:
        _run(connection, _PAST, numbers, **values)


def open_conversations(file: Path, program: Program, count: int) -> None:
    """Students 1 to `count` have been asked for their mood, and have not answered yet."""
    now, flow = datetime.now(UTC), program.flows[FLOW]
    begun = engine.start(flow.flow, _conversation(program, now), now).conversations[-1]
    asked = engine.advance(flow.flow, begun, Reply("ready"), now).conversations[-1]
    if asked.step != "mood" or asked.due_at is None:
        raise RuntimeError("the flow does not ask for a mood second")
    at, due_at = milliseconds(now), milliseconds(asked.due_at)
    rows = (
        (
            OPEN + number,
            BASE + number,
            FLOW,
            flow.hash,
            state.dump(replace(asked, id=OPEN + number, person_id=BASE + number)),
            due_at,
            at,
        )
        for number in range(1, count + 1)
    )
    with _filling(file) as connection:
        connection.execute(_DEFINITION, (flow.hash, FLOW, flow.source, at))
        connection.executemany(_OPEN, rows)
        _run(connection, _ASKED, range(1, count + 1), text=ASK_MOOD, at=at)


@contextmanager
def _filling(file: Path) -> Iterator[sqlite3.Connection]:
    """A connection for one big transaction. Indexes are made anew after it: sorted at once, a big fill is quick."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA cache_size = -400000")
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        indexes = connection.execute(query).fetchall()
        for name, _ in indexes:
            connection.execute(f"DROP INDEX {name}")
        with connection:
            yield connection
        for _, statement in indexes:
            connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _run(connection: sqlite3.Connection, script: str, numbers: range, **values: Any) -> None:
    """Each statement once for all of `numbers`."""
    if not numbers:
        return
    values |= {"first": numbers[0], "last": numbers[-1], "platform": Wire.name, "account": "bench", **_BASES}
    for statement in script.split(";"):
        if statement.strip():
            connection.execute(_NUMBERS + statement, values)


def _conversation(program: Program, now: datetime) -> Conversation:
    values = {"name": "Student", "partner": "your mentor", "school": program.school, "adult": "Mr. Okafor", "place": ""}
    flow_hash = program.flows[FLOW].hash
    return Conversation(OPEN, BASE, FLOW, flow_hash, "en", ConversationStatus.QUEUED, now, values=values)


def _a_year_ago() -> datetime:
    return datetime.now(UTC) - timedelta(days=365)
