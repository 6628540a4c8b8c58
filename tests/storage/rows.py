"""Rows that the storage tests begin with."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta
from typing import Any

from bot.domain import Address, Conversation, ConversationStatus, Message, MessageKind, Priority, Turn
from bot.flows import state
from storage.database import Database
from storage.turns import save_turn
from tests.school import MAYA, NOON, move_in

CHAT = Address("web", "web", str(MAYA))
_ids = itertools.count(1001)


def school(database: Database) -> None:
    database.write(move_in).result()


def save(database: Database, turn: Turn, now: datetime = NOON) -> None:
    database.write(lambda connection: save_turn(connection, turn, now, _ids.__next__, state.dump)).result()


def message(id_: int, person: int = MAYA, priority: Priority = Priority.REPLY, **more: Any) -> Message:
    values: dict[str, Any] = {"kind": MessageKind.REPLY, "text": f"message {id_}", "dedupe_key": f"key {id_}"}
    values |= {"address": Address("web", "web", str(person))} | more
    return Message(id=id_, person_id=person, priority=priority, **values)


def conversation(id_: int, status: ConversationStatus = ConversationStatus.WAITING, **more: Any) -> Conversation:
    values: dict[str, Any] = {"person_id": MAYA, "flow": "mentee-weekly", "flow_hash": "h", "language": "en"}
    values |= {"step": "mood"} | more
    return Conversation(id=id_, status=status, started_at=NOON - timedelta(hours=1), **values)
