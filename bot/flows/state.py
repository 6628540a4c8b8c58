"""A conversation as JSON and back: all that is needed to go on from it after a restart."""

from __future__ import annotations

import json
from datetime import datetime

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError

from bot.domain import Conversation

_adapter = TypeAdapter(Conversation)
_encode, _decode = _adapter.serializer.to_json, _adapter.validator.validate_json


def dump(conversation: Conversation) -> str:
    """A conversation as JSON text. It holds a person's answers: it belongs in the database only."""
    try:
        return _encode(conversation).decode()
    except PydanticSerializationError:
        # Half of a surrogate pair in an answer, which UTF-8 cannot say, becomes a visible sign.
        text = json.dumps(_adapter.dump_python(conversation), ensure_ascii=False, default=datetime.isoformat)
        return text.encode("utf-8", "replace").decode()


def load(text: str) -> Conversation:
    """A conversation from what `dump` wrote. Raises ValueError, which quotes nothing of it."""
    try:
        conversation: Conversation = _decode(text)
    except ValidationError:
        raise ValueError("a stored conversation cannot be read") from None
    return conversation
