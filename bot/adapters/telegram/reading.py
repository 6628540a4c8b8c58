"""Updates of the Bot API as what a person did, and what they tell before they are understood. Pure.

An update is asked for by kind (`KINDS`): https://core.telegram.org/bots/api#update
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bot.domain import Address, Inbound, InboundKind

NAME = "telegram"
_EDITED = "edited_message"
_WROTE = ("message", _EDITED)
_PRESSED = "callback_query"
_MEMBER = "my_chat_member"
KINDS = (*_WROTE, _PRESSED, _MEMBER)
_CONCERNS_NOBODY = frozenset(
    ("chat_member", "message_reaction", "channel_post", "edited_channel_post", "poll", "poll_answer")
)
_MEDIA = (
    *("photo", "voice", "video", "video_note", "audio", "animation", "sticker", "document", "location", "venue"),
    *("contact", "poll", "dice", "story", "game"),
)
"""What a message may hold instead of a text (core.telegram.org/bots/api#message); whatever else is "something"."""


def translate(body: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
    """An Update -> what a person did in a private chat; None for groups, bots and what concerns nobody.

    Raises ValueError for what is no update.
    """
    for name in _WROTE:
        if name in body:
            return _wrote(body[name], account, event_id, edited=name == _EDITED)
    if _MEMBER in body:
        return _moved(body[_MEMBER], account, event_id)
    if _PRESSED in body:
        return _pressed(body[_PRESSED], account, event_id)
    if _CONCERNS_NOBODY.isdisjoint(body):
        raise ValueError("an update of a kind that was not asked for")
    return None


def chat_of(update: Mapping[str, Any]) -> str:
    """The private chat that an update belongs to, "" where it cannot be told: cheap, and never raises."""
    for name in KINDS:
        event = update.get(name)
        if isinstance(event, Mapping):
            who = event.get("from") if name == _PRESSED else event.get("chat")
            return str(who["id"]) if isinstance(who, Mapping) and "id" in who else ""
    return ""


def number_of(update: Any) -> int | None:
    """The number by which an update is confirmed; None for what is no update."""
    number = update.get("update_id") if isinstance(update, Mapping) else None
    return number if isinstance(number, int) and not isinstance(number, bool) and number >= 0 else None


def event_id_of(update: Any) -> str:
    """What a repeat of an update is recognized by; for what is no update, what it consists of."""
    number = number_of(update)
    if number is not None:
        return str(number)
    return "odd-" + hashlib.sha256(json.dumps(update, sort_keys=True, default=str).encode()).hexdigest()[:32]


def group_of(update: Mapping[str, Any]) -> tuple[int, bool, str] | None:
    """The group or channel that an update comes from: its number, whether a bot may talk there, the writer's language.

    None for private chats, and when we have already left.
    """
    for name in (*_WROTE, _MEMBER):
        event = update.get(name)
        chat = event.get("chat") if isinstance(event, Mapping) else None
        if not isinstance(chat, Mapping) or chat.get("type") not in ("group", "supergroup", "channel"):
            continue
        sender = event.get("from") if isinstance(event, Mapping) else None
        language = sender.get("language_code") if isinstance(sender, Mapping) else None
        number = chat.get("id")
        if isinstance(number, int):
            return number, chat["type"] != "channel", language if isinstance(language, str) else ""
    return None


def has_left(update: Mapping[str, Any]) -> bool:
    """Whether an update says that the bot is no longer in its chat."""
    event = update.get(_MEMBER)
    now = event.get("new_chat_member") if isinstance(event, Mapping) else None
    return isinstance(now, Mapping) and now.get("status") in ("left", "kicked")


def _wrote(message: Any, account: str, event_id: str, *, edited: bool) -> Inbound | None:
    address = _address(message, account)
    if address is None:
        return None
    text, media = message.get("text"), ""
    if not isinstance(text, str):
        caption = message.get("caption")
        text = caption if isinstance(caption, str) else ""
        media = next((kind.replace("_", " ") for kind in _MEDIA if kind in message), "something")
    if edited and not text:
        return None  # a live location moves on, a game's score changes: nobody wrote
    kind = InboundKind.EDIT if edited else InboundKind.MEDIA if media else InboundKind.TEXT
    answered, sender = message.get("reply_to_message"), message.get("from")
    language = sender.get("language_code") if isinstance(sender, Mapping) else ""
    return Inbound(
        address,
        event_id,
        kind,
        text=text,
        sent_at=_moment(message.get("edit_date" if edited else "date")),
        provider_id=_name(message),
        replies_to=_name(answered) if isinstance(answered, Mapping) else "",
        media=media,
        language=language if isinstance(language, str) else "",
    )


def _moved(event: Any, account: str, event_id: str) -> Inbound | None:
    """Somebody has blocked the bot, or lets it write again."""
    address = _address(event, account)
    now = event.get("new_chat_member")
    if not isinstance(now, Mapping) or not isinstance(now.get("status"), str):
        raise ValueError("a membership without a status")
    if address is None:
        return None
    kind = InboundKind.BLOCKED if now["status"] in ("kicked", "left") else InboundKind.UNBLOCKED
    return Inbound(address, event_id, kind, sent_at=_moment(event.get("date")))


def _name(message: Mapping[str, Any]) -> str:
    """The number of a message in its chat."""
    number = message.get("message_id")
    return str(number) if isinstance(number, int) else ""


def _moment(date: Any) -> datetime | None:
    return datetime.fromtimestamp(date, UTC) if isinstance(date, int) and 0 <= date < 1 << 33 else None


def _pressed(query: Any, account: str, event_id: str) -> Inbound:
    if not isinstance(query, Mapping) or not isinstance(query.get("from"), Mapping):
        raise ValueError("a press without who pressed")
    token, who = query.get("data"), query["from"].get("id")
    if not isinstance(token, str) or not isinstance(who, int):
        raise ValueError("a press without a button")
    # Bound to who pressed, not to the chat: a forwarded message carries its buttons along.
    return Inbound(Address(NAME, account, str(who)), event_id, InboundKind.BUTTON, token=token)


def _address(message: Any, account: str) -> Address | None:
    """Whose private chat a message stands in; None for groups, and for what a bot wrote."""
    if not isinstance(message, Mapping) or not isinstance(message.get("chat"), Mapping):
        raise ValueError("a message without a chat")
    chat, sender = message["chat"], message.get("from")
    if not isinstance(chat.get("id"), int):
        raise ValueError("a chat without a number")
    if chat.get("type") != "private" or (isinstance(sender, Mapping) and sender.get("is_bot")):
        return None
    return Address(NAME, account, str(chat["id"]))
