"""A conversation as JSON and back: all that is needed to go on from it after a restart."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import datetime
from typing import Any

from bot.domain import Conversation, ConversationStatus

_MOMENTS = ("started_at", "due_at", "lapses_at")


def dump(conversation: Conversation) -> str:
    """A conversation as JSON text. It holds a person's answers: it belongs in the database only."""
    content: dict[str, Any] = {field.name: getattr(conversation, field.name) for field in fields(conversation)}
    for name in _MOMENTS:
        content[name] = content[name].isoformat() if content[name] else None
    content["answers"], content["values"] = dict(conversation.answers), dict(conversation.values)
    return json.dumps(content, ensure_ascii=False)


def load(text: str) -> Conversation:
    """A conversation from what `dump` wrote."""
    content = json.loads(text)
    for name in _MOMENTS:
        content[name] = datetime.fromisoformat(content[name]) if content[name] else None
    content["status"] = ConversationStatus(content["status"])
    content["seen"] = tuple(content["seen"])
    return Conversation(**content)
