"""How the contract suite drives Telegram: updates in, a Bot API in memory that answers as the real one does."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from bot.adapters.telegram import Adapter, Call
from bot.domain import Address
from tests.fakes.port import MemoryPort

MAYA = 4_100
NOBODY = Address("telegram", "bot", "99")
_PERSON = {"id": MAYA, "is_bot": False, "first_name": "Maya"}
_UPDATES = count(1)


def update(text: str | None = "I am fine", chat: int = MAYA, kind: str = "message", **more: Any) -> dict[str, Any]:
    """An Update with a private message, as getUpdates gives it; `text` None leaves it out."""
    private = {"id": chat, "type": "private", "first_name": "Maya"}
    sender = _PERSON | {"id": chat}
    message = {"message_id": 7, "date": 1_760_000_000, "chat": private, "from": sender}
    return {"update_id": next(_UPDATES), kind: message | ({} if text is None else {"text": text}) | more}


TEXT = update()
BUTTON = {"update_id": 2, "callback_query": {"id": "1", "from": _PERSON, "data": "k7", "chat_instance": "5"}}


class BotApi:
    """Chats that began a talk with the bot get their messages; `answer` replaces the next answer."""

    def __init__(self, *chats: int) -> None:
        self.chats = set(chats)
        self.sent: list[tuple[str, Mapping[str, Any]]] = []
        self.answers: list[Mapping[str, Any]] = []

    async def __call__(self, method: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        if self.answers:
            return self.answers.pop(0)
        if int(body["chat_id"]) not in self.chats:
            return {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}
        self.sent.append((method, body))
        return {"ok": True, "result": {"message_id": len(self.sent), "date": 1_760_000_000, "text": body["text"]}}


def adapter(call: Call | None = None) -> Adapter:
    return Adapter("bot", call or BotApi(MAYA))


async def say(adapter: Adapter, port: MemoryPort, text: str) -> bool:
    """Whether the Bot API may forget the update."""
    try:
        await adapter.take(update(text))
    except Exception:
        return False
    return True
