"""Answers as staff review them: newest first, with the question that was asked. Reading only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, literal_column, select

from bot.domain import AnswerKind
from storage import tables
from storage.sight import in_caseload, words_may_be_read
from storage.written import Mark, words_of


@dataclass(frozen=True, slots=True)
class Line:
    """One answer. `reply` is what the person wrote, or the label that they pressed."""

    id: int
    at: datetime
    person_id: int
    person: str
    flow: str
    step: str
    question: str
    kind: AnswerKind
    topic: str
    sensitivity: str
    value: Any = field(repr=False)
    reply: str = field(repr=False)
    meaning: str = field(repr=False)
    """The label that a typed reply was understood as; empty where the reply says it itself."""
    marks: tuple[Mark, ...]
    message_id: int | None
    reviewed_at: datetime | None
    reviewed_by: str


def page(
    connection: Connection,
    caseload_of: int | None,
    reader: int | None = None,
    *,
    reviewed: bool | None = None,
    before: int | None = None,
    limit: int = 25,
) -> tuple[Sequence[Line], int | None]:
    """A page of answers below id `before`, and the id to ask the next page with (None: this was the last).

    `reviewed` True or False keeps those that were, or still have to be, looked at; a skipped question has not.
    """
    answer = tables.answer.c
    query = _query(caseload_of, reader).order_by(answer.id.desc()).limit(limit + 1)
    if reviewed is True:
        query = query.where(answer.reviewed_at.is_not(None))
    if reviewed is False:
        query = query.where(answer.reviewed_at.is_(None), answer.kind != AnswerKind.SKIPPED)
    if before is not None:
        query = query.where(answer.id < before)
    rows = connection.execute(query).all()
    return lines(connection, rows[:limit]), rows[limit - 1].id if len(rows) > limit else None


def to_review(connection: Connection, caseload_of: int | None, reader: int | None = None) -> int:
    """How many answers nobody has looked at."""
    answer = tables.answer.c
    waiting = answer.reviewed_at.is_(None) & (answer.kind != AnswerKind.SKIPPED)
    query = select(func.count()).select_from(tables.answer)
    mine = in_caseload(answer.person_id, caseload_of) & words_may_be_read(answer.message_id, reader)
    return connection.execute(query.where(waiting, mine)).scalar_one()


def one(connection: Connection, answer_id: int, caseload_of: int | None, reader: int | None = None) -> Line | None:
    """One answer, or None if it does not exist or is not theirs to see."""
    found = lines(
        connection, connection.execute(_query(caseload_of, reader).where(tables.answer.c.id == answer_id)).all()
    )
    return found[0] if found else None


def lines(connection: Connection, rows: Sequence[Any]) -> Sequence[Line]:
    """Answer rows (with the person's `name`) as staff read them."""
    questions = _questions(connection, {row.conversation_id for row in rows})
    written = words_of(connection, (row.message_id for row in rows))
    found = []
    for row in rows:
        question, labels = questions.get((row.conversation_id, row.step), ("", {}))
        words = written.get(row.message_id)
        label = _label(row.value, labels)
        reply = row.text or (words.text if words else "") or label
        found.append(
            Line(
                id=row.id,
                at=row.at,
                person_id=row.person_id,
                person=row.name,
                flow=row.flow,
                step=row.step,
                question=question,
                kind=AnswerKind(row.kind),
                topic=row.topic,
                sensitivity=row.sensitivity,
                value=row.value,
                reply=reply,
                meaning=label if str(row.value) in labels and label.casefold() not in reply.casefold() else "",
                marks=words.marks if words and words.text == reply else (),
                message_id=row.message_id,
                reviewed_at=row.reviewed_at,
                reviewed_by=row.reviewed_by,
            )
        )
    return found


def _query(caseload_of: int | None, reader: int | None) -> Select[Any]:
    answer, person = tables.answer, tables.person.c
    return (
        select(answer, person.name)
        .join(tables.person, person.id == answer.c.person_id)
        .where(in_caseload(answer.c.person_id, caseload_of), words_may_be_read(answer.c.message_id, reader))
    )


def _questions(
    connection: Connection, conversation_ids: Iterable[int]
) -> Mapping[tuple[int, str], tuple[str, Mapping[str, str]]]:
    """Text and labels of what was asked, by (conversation, step); the newest wording wins."""
    message = tables.message.c
    rows = connection.execute(
        select(message.conversation_id, message.step, message.text, message.choices)
        .where(message.conversation_id.in_(list(conversation_ids)), literal_column("direction = 'out' AND step <> ''"))
        .order_by(message.id)
    )
    return {
        (row.conversation_id, row.step): (row.text, {one["value"]: one["label"] for one in row.choices or ()})
        for row in rows
    }


def _label(value: Any, labels: Mapping[str, str]) -> str:
    if value is None:
        return ""
    values = value if isinstance(value, list) else [value]
    return ", ".join(labels.get(str(one), str(one)) for one in values)
