"""One person as staff see them: their matches, everything that happened in order, moods over time. Reading only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Table, and_, func, or_, select

from bot.domain import STUDENTS, AnswerKind, PersonStatus, Role, Tier
from storage import answers, tables
from storage.answers import Line
from storage.sight import hidden_words, in_caseload, may_know_of_rest, may_read
from storage.types import milliseconds
from storage.written import Mark, words_of


@dataclass(frozen=True, slots=True)
class PersonLine:
    """A student in the list of people."""

    id: int
    name: str
    role: Role
    grade: str
    status: PersonStatus
    open_cases: int
    last_wrote: datetime | None


@dataclass(frozen=True, slots=True)
class Match:
    """A match of the student: the others, by side."""

    mentees: tuple[str, ...]
    mentors: tuple[str, ...]
    advisor: str
    meets: str
    paused: bool = False
    """Nobody is reminded of meeting until an adult lets it go on."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Who a student is, without a word that they wrote."""

    id: int
    name: str
    role: Role
    grade: str
    status: PersonStatus
    language: str
    paused_until: datetime | None
    suspended: bool
    """A conversation waits until an adult resumes it."""
    matches: tuple[Match, ...]


class EntryKind(StrEnum):
    SAID = "said"
    """The student wrote it."""
    SENT = "sent"
    """We wrote it."""
    ANSWERED = "answered"
    """An answer that has no message of its own."""
    CASE = "case"
    """A case was opened."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened. `id` is the message's, answer's or escalation's."""

    kind: EntryKind
    id: int
    at: datetime
    text: str = field(repr=False)
    status: str = ""
    marks: tuple[Mark, ...] = ()
    answer: Line | None = None
    tier: Tier | None = None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page of the timeline ended."""

    at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class Mood:
    """One answer to the mood question, 1 (very hard) to 5 (great)."""

    at: datetime
    value: int


def people(connection: Connection, caseload_of: int | None, reader: int | None = None) -> Sequence[PersonLine]:
    """Students, by name, with what tells whether to look at them."""
    person, escalation, message = tables.person.c, tables.escalation.c, tables.message.c
    open_cases = (
        select(func.count())
        .select_from(tables.escalation)
        .where(escalation.person_id == person.id, escalation.status != "closed", may_read(reader))
        .scalar_subquery()
    )
    last_wrote = (
        select(func.max(message.created_at))
        .where(message.person_id == person.id, message.direction == "in")
        .scalar_subquery()
    )
    rows = connection.execute(
        select(
            *(person[name] for name in ("id", "name", "role", "grade", "status", "paused_until")),
            may_know_of_rest(person.id, reader).label("knows"),
            open_cases.label("open"),
            last_wrote.label("last_wrote"),
        )
        .where(person.role.in_(STUDENTS), in_caseload(person.id, caseload_of))
        .order_by(person.name, person.id)
    )
    return [
        PersonLine(row.id, row.name, Role(row.role), row.grade, _status(row), row.open, row.last_wrote) for row in rows
    ]


def profile(
    connection: Connection, person_id: int, caseload_of: int | None, reader: int | None = None
) -> Profile | None:
    """One student, or None if there is none of this id, or not one that they may see."""
    person, conversation = tables.person.c, tables.conversation.c
    row = connection.execute(
        select(tables.person, may_know_of_rest(person.id, reader).label("knows")).where(
            person.id == person_id, person.role.in_(STUDENTS), in_caseload(person.id, caseload_of)
        )
    ).one_or_none()
    if row is None:
        return None
    suspended = connection.execute(
        select(conversation.id).where(conversation.person_id == person_id, conversation.status == "suspended").limit(1)
    ).first()
    return Profile(
        id=row.id,
        name=row.name,
        role=Role(row.role),
        grade=row.grade,
        status=_status(row),
        language=row.language,
        paused_until=row.paused_until,
        suspended=suspended is not None and bool(row.knows),
        matches=_matches(connection, person_id, knows=bool(row.knows)),
    )


def _status(row: Any) -> PersonStatus:
    """Without a pause that the reader must not know of; those that have an end are the student's own."""
    status = PersonStatus(row.status)
    rests = status is PersonStatus.PAUSED and row.paused_until is None
    return PersonStatus.ACTIVE if rests and not row.knows else status


def moods(connection: Connection, person_id: int, since: datetime) -> Sequence[Mood]:
    """Answers to scale questions about mood since a moment, oldest first."""
    answer = tables.answer.c
    rows = connection.execute(
        select(answer.at, answer.value)
        .where(
            answer.person_id == person_id,
            answer.topic == "mood",
            answer.kind == AnswerKind.ANSWER,
            answer.at >= since,
        )
        .order_by(answer.at, answer.id)
    )
    return [Mood(row.at, int(row.value)) for row in rows if str(row.value) in {"1", "2", "3", "4", "5"}]


def timeline(
    connection: Connection,
    person_id: int,
    reader: int | None = None,
    *,
    before: Cursor | None = None,
    limit: int = 50,
) -> tuple[Sequence[Entry], Cursor | None]:
    """What happened, newest first, and where the next page begins (None: this was the last)."""
    entries = [
        *_messages(connection, person_id, reader, before, limit + 1),
        *_loose_answers(connection, person_id, reader, before, limit + 1),
        *_opened(connection, person_id, reader, before, limit + 1),
    ]
    entries.sort(key=lambda entry: (milliseconds(entry.at), entry.id), reverse=True)
    last = entries[limit - 1] if len(entries) > limit else None
    return entries[:limit], Cursor(last.at, last.id) if last else None


def _newest(table: Table, moment: Any, person_id: int, before: Cursor | None, limit: int) -> Any:
    query = select(table).where(table.c.person_id == person_id)
    if before is not None:
        query = query.where(or_(moment < before.at, and_(moment == before.at, table.c.id < before.id)))
    return query.order_by(moment.desc(), table.c.id.desc()).limit(limit)


def _messages(
    connection: Connection, person_id: int, reader: int | None, before: Cursor | None, limit: int
) -> list[Entry]:
    newest = _newest(tables.message, tables.message.c.created_at, person_id, before, limit)
    rows = connection.execute(newest.where(tables.message.c.id.not_in(hidden_words(reader)))).all()
    received = [row.id for row in rows if row.direction == "in"]
    written = words_of(connection, received)
    answer, person = tables.answer.c, tables.person.c
    given = connection.execute(
        select(tables.answer, person.name)
        .join(tables.person, person.id == answer.person_id)
        .where(answer.message_id.in_(received))
    ).all()
    answered: Mapping[int | None, Line] = {line.message_id: line for line in answers.lines(connection, given)}
    return [
        Entry(
            kind=EntryKind.SAID if row.direction == "in" else EntryKind.SENT,
            id=row.id,
            at=row.created_at,
            text=row.text,
            status=row.kind if row.direction == "in" else row.status,
            marks=written[row.id].marks if row.id in written else (),
            answer=answered.get(row.id),
        )
        for row in rows
    ]


def _loose_answers(
    connection: Connection, person_id: int, reader: int | None, before: Cursor | None, limit: int
) -> list[Entry]:
    newest = _newest(tables.answer, tables.answer.c.at, person_id, before, limit)
    alone = newest.where(tables.answer.c.message_id.is_(None)).subquery()
    person = tables.person.c
    rows = connection.execute(
        select(tables.answer, person.name)
        .join(alone, alone.c.id == tables.answer.c.id)
        .join(tables.person, person.id == tables.answer.c.person_id)
    ).all()
    return [
        Entry(EntryKind.ANSWERED, line.id, line.at, line.reply, answer=line) for line in answers.lines(connection, rows)
    ]


def _opened(
    connection: Connection, person_id: int, reader: int | None, before: Cursor | None, limit: int
) -> list[Entry]:
    newest = _newest(tables.escalation, tables.escalation.c.opened_at, person_id, before, limit)
    rows = connection.execute(newest.where(may_read(reader)))
    return [Entry(EntryKind.CASE, row.id, row.opened_at, row.reason, row.status, tier=Tier(row.tier)) for row in rows]


def _matches(connection: Connection, person_id: int, *, knows: bool) -> tuple[Match, ...]:
    member, match, person = tables.match_member, tables.match, tables.person
    mine = select(member.c.match_id).where(member.c.person_id == person_id)
    rows = connection.execute(
        select(match, person.c.name)
        .outerjoin(person, person.c.id == match.c.advisor_id)
        .where(match.c.id.in_(mine), match.c.ended_at.is_(None))
        .order_by(match.c.id)
    ).all()
    sides = connection.execute(
        select(member.c.match_id, member.c.side, person.c.name)
        .join(person, person.c.id == member.c.person_id)
        .where(member.c.match_id.in_([row.id for row in rows]), member.c.person_id != person_id)
        .order_by(person.c.name)
    ).all()
    return tuple(
        Match(
            mentees=tuple(one.name for one in sides if one.match_id == row.id and one.side == "mentee"),
            mentors=tuple(one.name for one in sides if one.match_id == row.id and one.side == "mentor"),
            advisor=row.name or "",
            meets=row.meets,
            paused=row.paused_at is not None and knows,
        )
        for row in rows
    )
