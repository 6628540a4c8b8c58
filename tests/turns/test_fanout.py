"""A fan-out writes what a turn of their own would write for each of them, and nothing is lost or doubled on the way."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from bot.domain import (
    Address,
    Conversation,
    ConversationStatus,
    Due,
    DueKind,
    Match,
    Occurrence,
    Person,
    PersonStatus,
    Role,
)
from bot.failpoints import VARIABLE
from bot.flows import state
from bot.program import create, load_program
from bot.turns import fanout
from bot.turns.around import Around
from storage import occurrences, people, snapshot, tables
from storage.database import Database
from tests.school import LEO, MAYA, NOON, RIVERA, House, plan

AT = NOON + timedelta(hours=2)
NOW = AT + timedelta(seconds=1)
FIRST = 1000
"""Ids of people begin here."""


def check_in(id_: int, person: int, at: datetime = AT, **more: Any) -> Occurrence:
    values: dict[str, Any] = {"schedule": "mentee-check-in", "flow": "mentee-weekly", "slot": "", "match_id": None}
    values |= {"expires_at": at + timedelta(hours=24)} | more
    return Occurrence(id_, person_id=person, local_date=at.date(), local_time="14:00", due_at=at, **values)


class Many:
    """Students in every situation that matters when a check-in falls due, each in English and in Spanish."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._ids = itertools.count(FIRST)
        for language in ("en", "es"):
            for tell in (
                self.plain,
                self.in_another_zone,
                self.without_a_partner,
                self.with_two_mentors,
                self.with_odd_names,
                self.with_a_name_longer_than_a_message,
                self.who_paused,
                self.who_stopped,
                self.without_an_address,
                self.with_two_weeks_due,
                self.with_two_schedules_due,
                self.asked_already_today,
                self.reminded_already_today,
                self.still_asked_from_last_time,
                self.in_another_conversation,
                self.with_one_in_line,
                self.who_finished_before,
                self.of_a_flow_that_is_gone,
                self.hours_late,
                self.a_day_late,
                self.around_a_session,
                self.a_mentor_with_a_reminder,
            ):
                tell(language)

    def add(self, language: str, name: str = "Amina Yusuf", role: Role = Role.MENTEE, zone: str = "") -> int:
        id_ = next(self._ids)
        people.add(self._connection, Person(id_, f"key{id_}", name, role, language, zone), NOON, id_ + 100_000)
        return id_

    def due(self, person: int, at: datetime = AT, **more: Any) -> int:
        id_ = next(self._ids)
        plan(self._connection, check_in(id_, person, at, **more))
        return id_

    def match(self, mentee: int, *mentors: int, advisor: int | None = RIVERA) -> int:
        id_ = next(self._ids)
        people.put_match(self._connection, Match(id_, (mentee,), mentors, advisor))
        return id_

    def talk(self, person: int, flow: str, status: ConversationStatus, at: datetime) -> None:
        one = Conversation(
            next(self._ids), person, flow, "gone", "en", status, at, step="mood", due_at=at + timedelta(hours=30)
        )
        row = {name: getattr(one, name) for name in ("id", "person_id", "flow", "flow_hash", "status", "started_at")}
        self._connection.execute(insert(tables.conversation).values(**row, due_at=one.due_at, state=state.dump(one)))

    def fated(self, occurrence: int, status: str) -> None:
        changed = update(tables.occurrence).where(tables.occurrence.c.id == occurrence).values(status=status)
        self._connection.execute(changed)

    # --- the situations ---

    def plain(self, language: str) -> None:
        for _ in range(3):
            person = self.add(language)
            self.match(person, LEO)
            self.due(person)

    def in_another_zone(self, language: str) -> None:
        self.due(self.add(language, zone="America/Los_Angeles"))

    def without_a_partner(self, language: str) -> None:
        self.due(self.add(language))

    def with_two_mentors(self, language: str) -> None:
        person = self.add(language)
        self.match(person, LEO, self.add("en", "Noor Haddad", Role.MENTOR), advisor=None)
        self.match(person, LEO)
        self.due(person)

    def with_odd_names(self, language: str) -> None:
        for name in ("{name}", "{}", "% s", "\ue000 \ue001", "A{{b}}", "Ms. Ana"):
            self.due(self.add(language, name))

    def with_a_name_longer_than_a_message(self, language: str) -> None:
        self.due(self.add(language, "x" * 890))
        self.due(self.add(language, "x" * 2000))
        self.due(self.add(language, "x" * 4000))

    def who_paused(self, language: str) -> None:
        person = self.add(language)
        self.due(person)
        self._set(person, status=PersonStatus.PAUSED)

    def who_stopped(self, language: str) -> None:
        person = self.add(language)
        self.due(person)
        self._set(person, status=PersonStatus.STOPPED)

    def without_an_address(self, language: str) -> None:
        person = self.add(language)
        self.due(person)
        people.mark_address(self._connection, Address("web", "web", str(person)), NOON)

    def with_two_weeks_due(self, language: str) -> None:
        person = self.add(language)
        self.due(person)
        self.due(person, AT - timedelta(hours=20))

    def with_two_schedules_due(self, language: str) -> None:
        person = self.add(language)
        self.due(person)
        self.due(person, schedule="another", flow="mentee-reflection")

    def asked_already_today(self, language: str) -> None:
        person = self.add(language)
        self.fated(self.due(person, AT - timedelta(hours=3), schedule="another"), "fired")
        self.due(person)

    def reminded_already_today(self, language: str) -> None:
        person = self.add(language)
        reminder = self.due(person, AT - timedelta(hours=3), schedule="reminder", match_id=self.match(person, LEO))
        self.fated(reminder, "fired")
        self.due(person)

    def still_asked_from_last_time(self, language: str) -> None:
        person = self.add(language)
        self.talk(person, "mentee-weekly", ConversationStatus.WAITING, AT - timedelta(hours=23))
        self.due(person)

    def in_another_conversation(self, language: str) -> None:
        person = self.add(language)
        self.talk(person, "mentee-reflection", ConversationStatus.WAITING, AT - timedelta(hours=1))
        self.due(person)

    def with_one_in_line(self, language: str) -> None:
        person = self.add(language)
        self.talk(person, "mentee-reflection", ConversationStatus.QUEUED, AT - timedelta(hours=1))
        self.due(person)

    def who_finished_before(self, language: str) -> None:
        person = self.add(language)
        for flow in ("mentee-weekly", "mentee-reflection", "mentee-weekly"):
            self.talk(person, flow, ConversationStatus.DONE, AT - timedelta(days=7))
        self.due(person)

    def of_a_flow_that_is_gone(self, language: str) -> None:
        self.due(self.add(language), flow="gone")

    def hours_late(self, language: str) -> None:
        self.due(self.add(language), AT - timedelta(hours=3))
        self.due(self.add(language, zone="Asia/Tokyo"), AT - timedelta(hours=3))

    def a_day_late(self, language: str) -> None:
        self.due(self.add(language), AT - timedelta(hours=25))

    def around_a_session(self, language: str) -> None:
        person = self.add(language)
        match = self.match(person, LEO)
        self.due(person, schedule="mentee-reflection", flow="mentee-reflection", slot=f"{match}", match_id=match)

    def a_mentor_with_a_reminder(self, language: str) -> None:
        person = self.add(language, "Omar Reyes", Role.MENTOR)
        match = self.match(self.add("en", "Zoe Park"), person)
        self.due(person, schedule="session-reminder", flow="", slot=f"{match}", match_id=match)

    def _set(self, person: int, **values: Any) -> None:
        self._connection.execute(update(tables.person).where(tables.person.c.id == person).values(**values))


@contextmanager
def tried(database: Database) -> Iterator[Connection]:
    """A transaction of which nothing stays."""
    with database.engine.connect() as connection, connection.begin() as transaction:
        yield connection
        transaction.rollback()


def by_turns(house: House, connection: Connection, due: Sequence[Due]) -> None:
    for one in due:
        house.app.turns.save(connection, one)


def by_fan_out(house: House, connection: Connection, limit: int) -> int:
    """As App does: a chunk, then the turns of those whom it left."""
    last, fired = None, 0
    while True:
        chunk = fanout.fire(connection, house.program, NOW, house.clock.new_ids, last, limit)
        by_turns(house, connection, chunk.rest)
        last, fired = chunk.last, fired + chunk.count
        if last is None:
            return fired


def everything(connection: Connection) -> dict[str, list[str]]:
    """All rows of all tables, with the ids of new rows named by what they are about."""
    taken = snapshot.take(connection).rows
    names = {str(row["id"]): f"case of {row['person_id']}" for row in taken["escalation"]}
    names |= {str(row["id"]): f"conversation of {row['occurrence_id']}" for row in taken["conversation"]}

    def named(text: str) -> str:
        return re.sub(r"[0-9a-f]+", lambda found: names.get(found[0], found[0]), text)

    for row in taken["message"]:
        key = named(row["dedupe_key"])
        names |= {str(row["id"]): key, f"{row['id']:x}": key}

    def line(table: str, row: Any) -> str:
        kept = {key: value for key, value in row.items() if not (table == "audit" and key == "id")}
        return named(json.dumps(kept, default=str))

    return {table: sorted(line(table, row) for row in rows) for table, rows in taken.items()}


@pytest.mark.parametrize("limit", [7, 1000])
async def test_both_ways_write_the_same_rows(
    house: House, monkeypatch: pytest.MonkeyPatch, database: Database, limit: int
) -> None:
    database.write(Many).result()
    house.clock.set(NOW)
    monkeypatch.setattr("bot.turns.draft.secrets.choice", lambda _letters: "7")
    monkeypatch.setattr("bot.turns.draft.Draft.new_code", lambda _self, case, person: f"{case}-{person}")
    with database.read() as connection:
        due = [
            Due(DueKind.OCCURRENCE, one.id, one.due_at) for one in occurrences.next_due(connection, NOW, None, 10_000)
        ]
    with tried(database) as connection:
        by_turns(house, connection, due)
        apart = everything(connection)
    with tried(database) as connection:
        fired = by_fan_out(house, connection, limit)
        together = everything(connection)
    for table, rows in apart.items():
        assert together[table] == rows, table
    assert 30 <= fired < len(due)  # the plain ones and only they


def fire_until_killed(url: str, folder: Path, point: str) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "tests.turns.firer", url, NOW.isoformat(), folder],
        env={**os.environ, VARIABLE: f"{point}=exit@2"},
        timeout=60,
        check=False,
    )
    assert child.returncode == -signal.SIGKILL


@pytest.mark.parametrize("point", ["plan.inserted", "fire.chunk", "fire.marked"])
async def test_when_the_firer_is_killed_in_the_middle_the_rest_fires_and_none_twice(
    house: House, database: Database, database_url: str, point: str
) -> None:
    """F09, with a real process and a real kill: many students are due at once, and two chunks get under way."""
    students = 3 * fanout.AT_ONCE
    database.write(lambda connection: settle_in(connection, students)).result()
    fire_until_killed(database_url, house.program.folder, point)
    fired = len(house.rows(tables.occurrence, status="fired"))
    assert fired == (0 if point == "plan.inserted" else fanout.AT_ONCE)
    house.clock.set(NOW)
    while await house.app.beat_due():
        pass
    assert len(house.rows(tables.occurrence, status="fired")) == students
    asked = Counter(row.person_id for row in house.rows(tables.message))
    assert (len(asked), set(asked.values())) == (students, {1})
    assert Counter(row.person_id for row in house.rows(tables.conversation)) == asked


def settle_in(connection: Connection, students: int) -> None:
    """Students who are all asked at the same second."""
    for number in range(students):
        person = Person(FIRST + number, f"key{number}", "Amina Yusuf", Role.MENTEE, "en", "")
        people.add(connection, person, NOON, FIRST + 50_000 + number)
    plan(connection, *(check_in(FIRST + number, FIRST + number) for number in range(students)))


async def test_cases_go_before_a_fan_out_and_are_not_held_up_by_it(house: House) -> None:
    await house.says(MAYA, "I want to die")
    house.write(lambda connection: settle_in(connection, 3 * fanout.AT_ONCE))
    house.clock.set(NOW)
    seen: list[tuple[int, int]] = []
    fire = fanout.fire

    def watched(connection: Connection, **more: Any) -> fanout.Fired:
        (case,) = connection.execute(select(tables.escalation.c.rung)).scalars()
        chunk = fire(connection, **more)
        seen.append((case, chunk.count))
        return chunk

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fanout, "fire", watched)
        await house.app.beat_due()
    assert seen[0] == (1, fanout.AT_ONCE)
    assert sum(count for _, count in seen) == 3 * fanout.AT_ONCE


async def test_when_a_chunk_cannot_be_fired_each_of_it_has_a_turn_of_its_own(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.write(lambda connection: settle_in(connection, 5))
    house.write(lambda connection: plan(connection, check_in(FIRST + 9, MAYA, flow="gone")))

    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(fanout, "save_prompts", broken)
    await house.jump_to(NOW)
    assert len(house.rows(tables.occurrence, status="fired")) == 6
    assert house.phone(FIRST) == ["How is your week, Amina?"]
    assert house.case().category == "failure"


def test_every_flow_that_ships_begins_in_one_message_for_all(tmp_path: Path) -> None:
    create(tmp_path / "lincoln")
    program = load_program(tmp_path / "lincoln")
    openings = fanout._Openings(program, NOW, Around(program, {}, {}, None))
    begun = {(name, language): openings.of(name, language, ()) for name in program.flows for language in ("en", "es")}
    assert len(begun) == 10
    assert [which for which, opening in begun.items() if opening is None] == []
