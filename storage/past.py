"""What people wrote in the past with how it was judged, for judging it anew. Reading only, many rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, or_, select

from bot.domain import STUDENTS, Tier
from storage import tables

_CHUNK = 1_000


@dataclass(frozen=True, slots=True)
class Written:
    """A free text, what its words set off, and the outcomes of the cases that it opened or joined."""

    message_id: int
    person_id: int | None
    language: str
    grade: str
    at: datetime
    text: str = field(repr=False)
    tiers: tuple[Tier, ...]
    outcomes: tuple[str, ...]


def written(connection: Connection) -> Iterator[Written]:
    """Every free text of students and strangers, oldest first; adults are not screened, and our own words are none."""
    message, person = tables.message.c, tables.person.c
    students = or_(person.role.is_(None), person.role.in_(STUDENTS))
    query = (
        select(message.id, message.person_id, message.created_at, message.text, person.language, person.grade)
        .outerjoin(tables.person, person.id == message.person_id)
        .where(message.direction == "in", message.kind.in_(("text", "edit", "media")), message.text != "", students)
        .order_by(message.id)
        .limit(_CHUNK)
    )
    last = 0
    while rows := connection.execute(query.where(message.id > last)).all():
        last = rows[-1].id
        yield from _judged(connection, rows)


def _judged(connection: Connection, rows: Sequence[Any]) -> Iterator[Written]:
    ids = [row.id for row in rows]
    finding, escalation = tables.finding.c, tables.escalation.c
    tiers: dict[int, list[Tier]] = {}
    outcomes: dict[int, list[str]] = {}
    found = select(finding.message_id, finding.tier, escalation.outcome).outerjoin(
        tables.escalation, escalation.id == finding.escalation_id
    )
    by_rules = found.where(finding.message_id.in_(ids), finding.pack != "")  # a mentor's report is found by no rule
    for row in connection.execute(by_rules):
        tiers.setdefault(row.message_id, []).append(Tier(row.tier))
        outcomes.setdefault(row.message_id, []).append(row.outcome or "")
    opened = select(escalation.message_id, escalation.outcome).where(escalation.message_id.in_(ids))
    for message_id, outcome in connection.execute(opened):
        outcomes.setdefault(message_id, []).append(outcome)
    for row in rows:
        yield Written(
            row.id,
            row.person_id,
            row.language or "",
            row.grade or "",
            row.created_at,
            row.text,
            tuple(tiers.get(row.id, ())),
            tuple(filter(None, outcomes.get(row.id, ()))),
        )
