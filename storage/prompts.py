"""The rows of a fan-out: a conversation that begins and its first message, for hundreds at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.domain import Conversation, Message, Prompt
from storage.batch import CONVERSATION, PROMPT, Batch
from storage.hot import Row
from storage.turns import conversation_row
from storage.types import json_text

_ITS_ID = "its id"


def save_prompts(batch: Batch, prompts: Iterable[Prompt], now: datetime, dump: Callable[[Conversation], str]) -> None:
    """Write what begins in a fan-out, which causes nothing else. `dump` makes a conversation's JSON."""
    alike: dict[int, _Alike] = {}
    for prompt in prompts:
        place = id(prompt.like)
        if place not in alike:
            alike[place] = _alike(prompt.like, now)
        batch.add(CONVERSATION, conversation_row(prompt.conversation, dump))
        batch.add(PROMPT, alike[place].row_of(prompt))
    batch.write()


@dataclass(frozen=True, slots=True)
class _Alike:
    """What messages that begin alike have in common."""

    row: Row
    choices: str | None
    """As they are stored, with a mark where each has its own id."""

    def row_of(self, prompt: Prompt) -> Row:
        id_, address = prompt.message_id, prompt.address
        # No label can hold these words: its quotation marks are escaped.
        own = self.choices and self.choices.replace(f'"token":"{_ITS_ID}.', f'"token":"{id_:x}.')
        return {
            **self.row,
            "id": id_,
            "person_id": prompt.conversation.person_id,
            "platform": address.platform,
            "account": address.account,
            "chat": address.chat,
            "text": prompt.text,
            "choices": own,
            "conversation_id": prompt.conversation.id,
            "dedupe_key": prompt.dedupe_key,
        }


def _alike(like: Message, now: datetime) -> _Alike:
    choices = [
        {"label": one.label, "token": f"{_ITS_ID}.{number}", "value": one.value}
        for number, one in enumerate(like.choices)
    ]
    row = {
        "kind": like.kind,
        "priority": like.priority,
        "step": like.step,
        "expires_at": like.expires_at,
        "created_at": now,
    }
    return _Alike(row, json_text(choices or None))
