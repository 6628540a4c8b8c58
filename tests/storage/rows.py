"""Rows that the storage tests begin with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from bot.domain import Address, Conversation, ConversationStatus, Message, MessageKind, Priority, Turn
from bot.flows import state
from storage.database import Database
from storage.turns import save_turn
from tests.school import MAYA, NOON, move_in

CHAT = Address("web", "web", str(MAYA))


class Ids:
    """Ids that only rise, and are short to read in a failure."""

    def __init__(self) -> None:
        self.last = 1000

    def __call__(self) -> int:
        self.last += 1
        return self.last


def school(database: Database) -> None:
    database.write(move_in).result()


def save(database: Database, turn: Turn, now: datetime = NOON, ids: Ids | None = None) -> None:
    database.write(lambda connection: save_turn(connection, turn, now, ids or Ids(), state.dump)).result()


def message(id_: int, person: int = MAYA, priority: Priority = Priority.REPLY, **more: Any) -> Message:
    values = {"kind": MessageKind.REPLY, "text": f"message {id_}", "dedupe_key": f"key {id_}"} | more
    return Message(
        id=id_, person_id=person, priority=priority, **{"address": Address("web", "web", str(person))} | values
    )


def conversation(id_: int, status: ConversationStatus = ConversationStatus.WAITING, **more: Any) -> Conversation:
    values = {"person_id": MAYA, "flow": "mentee-weekly", "flow_hash": "h", "language": "en", "step": "mood"} | more
    return Conversation(id=id_, status=status, started_at=NOON - timedelta(hours=1), **values)
