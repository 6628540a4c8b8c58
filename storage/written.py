"""What people wrote, with what screening saw in it and why, as staff read it. Reading only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from bot.domain import Tier
from storage import tables


@dataclass(frozen=True, slots=True)
class Mark:
    """Where in a text screening saw something, and what."""

    start: int
    end: int
    tier: Tier
    label: str


@dataclass(frozen=True, slots=True)
class Words:
    """What a student wrote."""

    message_id: int
    person_id: int | None
    """Who wrote it; None for somebody unknown."""
    at: datetime
    text: str = field(repr=False)
    kind: str = "text"
    marks: tuple[Mark, ...] = ()
    explanation: Mapping[str, Any] | None = field(default=None, repr=False)
    """Why it was judged as it was, where there was something to say."""


def words_of(connection: Connection, message_ids: Iterable[int | None]) -> Mapping[int, Words]:
    """What was written in these messages, with the findings' places, by message id."""
    ids = {id_ for id_ in message_ids if id_ is not None}
    marks: dict[int, list[Mark]] = defaultdict(list)
    finding, message = tables.finding, tables.message
    for row in connection.execute(select(finding).where(finding.c.message_id.in_(ids)).order_by(finding.c.start)):
        marks[row.message_id].append(Mark(row.start, row.end, Tier(row.tier), row.label))
    why = tables.explanation.c
    explained = connection.execute(select(why.message_id, why.record).where(why.message_id.in_(ids)))
    records = {row.message_id: row.record for row in explained}
    rows = connection.execute(select(message).where(message.c.id.in_(ids), message.c.direction == "in"))
    return {
        row.id: Words(
            row.id, row.person_id, row.created_at, row.text, row.kind, tuple(marks[row.id]), records.get(row.id)
        )
        for row in rows
    }
