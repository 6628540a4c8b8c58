"""A chat as its page shows it: what was said both ways, and whose it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, or_, select

from bot.domain import Address, Choice
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
    """The newest lines of a chat, oldest first. An alert that no open page showed is here for who comes later."""
    column = tables.message.c
    shown = or_(
        column.direction == "in",
        column.status == "sent",
        and_(column.status == "failed", column.error == "no_listener"),
    )
    rows = connection.execute(
        select(column.id, column.direction, column.text, column.choices, column.created_at, column.kind)
        .where(
            column.platform == address.platform,
            column.account == address.account,
            column.chat == address.chat,
            shown,
        )
        .order_by(column.id.desc())
        .limit(limit)
    ).all()
    return [
        Line(row.id, row.direction == "out", row.text, choices_of(row.choices), row.created_at, row.kind)
        for row in reversed(rows)
    ]
