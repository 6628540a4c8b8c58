"""Alerts that adults' chats hold, as turns needs to see them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from bot.domain import OUTSIDE, Address, Escalation
from storage import tables
from storage.outbox import choices_of


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert that a chat holds. `tells_of`: the cases that it speaks of, the one that it is about first."""

    id: int
    person_id: int
    address: Address
    tells_of: tuple[int, ...]


def told_of(connection: Connection, escalation: Escalation, limit: int = 200) -> Sequence[Alert]:
    """The alerts that tell of a case, newest first: those that have arrived where a message has a name.

    `limit`: so many alerts of the student are looked at.
    """
    column, case = tables.message.c, tables.escalation.c
    rows = connection.execute(
        select(column.id, column.person_id, column.platform, column.account, column.chat)
        .add_columns(column.escalation_id, column.choices)
        .where(
            column.escalation_id.in_(select(case.id).where(case.person_id == escalation.person_id)),
            column.kind == "alert",
            column.status == "sent",
            column.provider_id != "",
            column.platform.not_in(OUTSIDE),
        )
        .order_by(column.id.desc())
        .limit(limit)
    )
    found = [Alert(row.id, row.person_id, Address(*row[2:5]), (row.escalation_id, *_also(row.choices))) for row in rows]
    return [one for one in found if escalation.id in one.tells_of]


def _also(choices: Any) -> Iterable[int]:
    """The other cases that an alert's buttons name: `take:7`."""
    named = (choice.value.partition(":")[2] for choice in choices_of(choices))
    return (int(id_) for id_ in named if id_.isdigit())
