"""A chat as its page shows it: what was said both ways, and whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, func, or_, select

from bot.domain import ActionKind, Address, Choice
from storage import tables
from storage.outbox import choices_of


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a chat."""

    id: int
    ours: bool
    text: str
    choices: tuple[Choice, ...]
    at: datetime
    kind: str


def history(connection: Connection, address: Address, limit: int) -> Sequence[Line]:
    """The newest lines of a chat, oldest first. An alert that no open page showed is here for who comes later.

    A line in whose place another stands by now says what that one says, but for an alert that nobody has any more.
    """
    rows = _newest(connection, address, limit)
    instead = _instead(connection, [row for row in rows if row.kind == "alert" and row.status != "open"])
    lines = []
    for row in reversed(rows):
        text, kind, choices = instead[row.id] if row.id in instead else (row.text, row.kind, _choices(row))
        lines.append(Line(row.id, row.direction == "out", text, choices, row.created_at, kind))
    return lines


def _newest(connection: Connection, address: Address, limit: int) -> Sequence[Any]:
    """What was said in a chat both ways, newest first, each with how the case that it is about stands."""
    column, case = tables.message.c, tables.escalation.c
    shown = or_(
        column.direction == "in",
        column.status == "sent",
        and_(column.status == "failed", column.error == "no_listener"),
    )
    place = tables.address.c
    owner = select(place.person_id).where(
        place.platform == address.platform, place.account == address.account, place.chat == address.chat
    )
    of_message = ("id", "direction", "text", "choices", "created_at", "kind", "person_id")
    return connection.execute(
        select(*(column[name] for name in of_message), case.status, case.closed_at, case.acknowledged_person_id)
        .outerjoin(tables.escalation, case.id == column.escalation_id)
        .where(
            column.platform == address.platform,
            column.account == address.account,
            column.chat == address.chat,
            # By whoever owns the chat now: an index of all messages by their chat would cost each of them.
            column.person_id == owner.scalar_subquery(),
            shown,
            or_(column.direction == "in", column.replaces.is_(None)),
        )
        .order_by(column.id.desc())
        .limit(limit)
    ).all()


def _instead(connection: Connection, alerts: Sequence[Any]) -> dict[int, tuple[str, str, tuple[Choice, ...]]]:
    """Text, kind and choices that stand in place of a person's alerts, by the alert's id."""
    if not alerts:
        return {}
    column = tables.message.c
    rows = connection.execute(
        select(column.replaces, column.text, column.kind)
        .where(
            column.person_id == alerts[0].person_id,
            column.replaces.in_([alert.id for alert in alerts]),
            column.status == "sent",
        )
        .order_by(column.id)
    )
    return {row.replaces: (row.text, row.kind, ()) for row in rows}


def last_answer(connection: Connection, person_id: int) -> datetime | None:
    """When a person last gave an answer to a question of ours."""
    column = tables.answer.c
    return connection.execute(select(func.max(column.at)).where(column.person_id == person_id)).scalar()


def _choices(row: Any) -> tuple[Choice, ...]:
    """The buttons that still make sense: of a case that was closed since, or that another has, those of other cases."""
    choices = choices_of(row.choices)
    taken_by_another = row.status == "acknowledged" and row.acknowledged_person_id != row.person_id
    closed_since = row.status == "closed" and row.created_at < row.closed_at  # what is asked afterwards is still asked
    if closed_since or taken_by_another:
        return tuple(one for one in choices if one.value.startswith(f"{ActionKind.TAKE}:"))
    return choices
