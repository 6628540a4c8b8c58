"""What Slack's payloads say: events, button presses, slash commands and shortcuts become Inbound. Pure, no SDK.

A payload is an Events API body, an interaction or a slash command, over a socket or over HTTP alike. A message has the
same event id however it reaches us, live or read again from the history: nothing is kept twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from html import unescape
from typing import Any, TypeGuard

from bot.domain import Address, Inbound, InboundKind, Raw

NAME = "slack"
COMMAND = "command"
"""Begins the `action_id` of a button whose value is what the person says by it: those of the Home tab."""
SHORTCUTS = ("tell_an_adult", "talk_to_an_adult")
"""Callback ids of the message shortcut and of the one in the menu; both ask for an adult, the first about a message."""
_WRITTEN = (None, "file_share", "me_message", "thread_broadcast", "message_changed")
"""Subtypes of messages whose text a person wrote."""
_SECRET = ("token", "response_url", "response_urls", "authorizations", "authed_users", "event_context")
"""What a payload has beside what a person did: words that would let others act in our name, or that say nothing."""
_CHANGED = "user_change"
_SLACKBOT = "USLACKBOT"
_LINK = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_MOMENT = re.compile(r"\d{1,10}(\.\d{1,6})?")
_DEEP = 8


def translate(body: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
    """A payload -> what a person did in a talk with the bot; None for channels, bots and what concerns nobody.

    An edit comes as what it now says: no words are dropped. Raises ValueError for what is no payload.
    """
    kind = body.get("type")
    if kind == "event_callback":
        event = _mapping(body, "event")
        if event.get("type") == _CHANGED and chat_of(body):
            return Inbound(_address(body, account), event_id, InboundKind.BLOCKED) if _has_left(event) else None
        if event.get("type") != "message":
            _word(event, "type")
            return None
        return _wrote(event, account, event_id)
    if kind == "block_actions":
        return _pressed(body, account, event_id)
    if kind in ("message_action", "shortcut"):
        words = plain(_text(_mapping(body, "message"))) if kind == "message_action" else ""
        asks = "/tell" if _word(body, "callback_id") == SHORTCUTS[0] else "/adult"
        return _said(body, account, event_id, f"{asks} {words}".rstrip())
    if "command" in body:
        more = body.get("text", "")
        return _said(body, account, event_id, f"{_word(body, 'command')} {plain(more) if _is(more) else ''}".rstrip())
    raise ValueError("a payload of a kind that was not asked for")


def raw_of(payload: Mapping[str, Any], account: str, envelope: str) -> Raw | None:
    """What is to be stored of a payload, under the event's own name; None where nothing was said or done to us.

    `envelope`: its name where the event has none. Cheap, and it never raises: what it cannot make out is stored.
    """
    if payload.get("type") == "event_callback" and isinstance(event := payload.get("event"), Mapping):
        if not (_has_left(event) or (event.get("type") == "message" and _in_private(event) and not _is_bots(event))):
            return None
        name = _name_of(event) or f"event:{payload.get('event_id', envelope)}"
    else:
        name = f"act:{_act_of(payload) or envelope}"
    body = {key: value for key, value in payload.items() if key not in _SECRET}
    return Raw(NAME, account, name[:200], body, chat_of(payload))


def chat_of(payload: Mapping[str, Any]) -> str:
    """Who did it: a person's id is their chat, for it is the same in each kind of payload; "" where nobody can tell."""
    event = payload.get("event")
    if isinstance(event, Mapping):
        inner = _about(event)
        found = inner.get("user") if isinstance(inner, Mapping) else event.get("user")
        found = found.get("id") if isinstance(found, Mapping) else found
    else:
        user = payload.get("user")
        found = user.get("id") if isinstance(user, Mapping) else payload.get("user_id")
    return found if isinstance(found, str) else ""


def plain(text: str) -> str:
    """A text as its writer saw it: Slack escapes three characters, and wraps links and mentions in angle brackets."""
    return unescape(_LINK.sub(_link, text)) if "<" in text or "&" in text else text


def _link(found: re.Match[str]) -> str:
    target, label = found[1], found[2]
    if label:
        return label
    return f"@{target[1:].partition('^')[0]}" if target[:1] in ("@", "!", "#") else target.removeprefix("mailto:")


def _wrote(event: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
    if not _in_private(event):
        return None
    subtype, message = event.get("subtype"), event
    if subtype == "message_changed":
        message, before = _mapping(event, "message"), event.get("previous_message")
        if isinstance(before, Mapping) and _same(message, before):
            return None  # a preview came or went, nobody wrote
    if subtype == "message_deleted":
        return _took_back(event, account, event_id)
    if message.get("bot_id") or subtype in ("bot_message", "message_replied"):
        return None
    if subtype not in _WRITTEN and not message.get("user"):
        return None  # Slack itself tells something of the chat
    user = _word(message, "user")
    if user == _SLACKBOT:
        return None
    words, edited = _words(message), message.get("edited")
    is_text = bool(words.strip()) and not message.get("files") and subtype in _WRITTEN
    is_edit = isinstance(edited, Mapping) or subtype == "message_changed"
    kind = InboundKind.EDIT if is_edit else InboundKind.TEXT if is_text else InboundKind.MEDIA
    thread = message.get("thread_ts")
    return Inbound(
        Address(NAME, account, user),
        event_id,
        kind,
        text=words,
        sent_at=_moment(edited.get("ts") if isinstance(edited, Mapping) else message.get("ts")),
        provider_id=_called(event, message.get("ts")),
        replies_to=_called(event, thread) if thread != message.get("ts") else "",
        media="" if is_text else _media(message),
    )


def _took_back(event: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
    gone = event.get("previous_message")
    user = gone.get("user") if isinstance(gone, Mapping) and not gone.get("bot_id") else None
    if not isinstance(gone, Mapping) or not _is(user) or user == _SLACKBOT:
        return None
    return Inbound(
        Address(NAME, account, user),
        event_id,
        InboundKind.DELETED,
        sent_at=_moment(event.get("ts")),
        provider_id=_called(event, event.get("deleted_ts") or gone.get("ts")),
    )


def _pressed(body: Mapping[str, Any], account: str, event_id: str) -> Inbound:
    actions = body.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    if not isinstance(action, Mapping):
        raise ValueError("a press without a button")
    value = _word(action, "value")
    if str(action.get("action_id", "")).startswith(COMMAND):
        return _said(body, account, event_id, value)
    label = action.get("text")
    words = label.get("text") if isinstance(label, Mapping) else ""
    return Inbound(
        _address(body, account),
        event_id,
        InboundKind.BUTTON,
        text=words if _is(words) else "",
        token=value,
        sent_at=_moment(action.get("action_ts")),
    )


def _said(body: Mapping[str, Any], account: str, event_id: str, text: str) -> Inbound:
    return Inbound(_address(body, account), event_id, InboundKind.TEXT, text=text)


def _address(body: Mapping[str, Any], account: str) -> Address:
    user = chat_of(body)
    if not user:
        raise ValueError("nobody is named who did this")
    return Address(NAME, account, user)


def _words(message: Mapping[str, Any]) -> str:
    """What a message says, signs for faces included; of a forwarded message what is quoted in it."""
    text = _text(message)
    if not text.strip():
        quoted = message.get("attachments")
        parts = [_text(one) for one in quoted if isinstance(one, Mapping)] if isinstance(quoted, list) else []
        text = "\n".join(filter(None, parts))
    for name, face in set(_faces(message.get("blocks"), _DEEP)):
        text = text.replace(f":{name}:", face)
    return plain(text)


def _faces(node: Any, deep: int) -> Iterator[tuple[str, str]]:
    """(name, character) of each emoji in the blocks of a message: its text has the name only."""
    if isinstance(node, list) and deep:
        for one in node[:500]:
            yield from _faces(one, deep - 1)
    elif isinstance(node, Mapping) and deep:
        name, code = node.get("name"), node.get("unicode")
        if node.get("type") == "emoji" and _is(name) and _is(code) and re.fullmatch(r"[0-9a-fA-F-]{2,60}", code):
            points = [int(point, 16) for point in code.split("-") if point]
            if all(point < 0x110000 and not 0xD800 <= point < 0xE000 for point in points):
                yield name, "".join(map(chr, points))
        yield from _faces(node.get("elements"), deep - 1)


def _media(message: Mapping[str, Any]) -> str:
    """What kind of thing a message holds beside its words."""
    files = message.get("files")
    first = files[0] if isinstance(files, list) and files else None
    kind = first.get("mimetype") if isinstance(first, Mapping) else None
    return kind.partition("/")[0][:20] if _is(kind) else "file" if files else "something"


def _called(event: Mapping[str, Any], ts: Any) -> str:
    """The name of a message in a chat, as the receipt of one of ours has it."""
    channel = event.get("channel")
    return f"{channel}:{ts}" if _is(channel) and _is(ts) else ""


def _is_bots(event: Mapping[str, Any]) -> bool:
    """Whether a bot wrote or changed it: Slack tells us of our own messages as well."""
    message = _about(event)
    return bool((message if isinstance(message, Mapping) else event).get("bot_id"))


def _about(event: Mapping[str, Any]) -> Any:
    """The message that an event of a change or a deletion is about."""
    return event.get("previous_message" if event.get("subtype") == "message_deleted" else "message")


def _has_left(event: Mapping[str, Any]) -> bool:
    """Whether somebody's account was deactivated."""
    user = event.get("user")
    return event.get("type") == _CHANGED and isinstance(user, Mapping) and user.get("deleted") is True


def _same(message: Mapping[str, Any], before: Mapping[str, Any]) -> bool:
    return all(message.get(key) == before.get(key) for key in ("text", "files"))


def _name_of(event: Mapping[str, Any]) -> str:
    """The name of what a message event tells: its chat's, its moment's, and that of its last edit."""
    message = event.get("message") if event.get("subtype") == "message_changed" else event
    if not isinstance(message, Mapping):
        return ""
    edited = message.get("edited")
    parts = [event.get("channel"), message.get("ts"), edited.get("ts") if isinstance(edited, Mapping) else None]
    if event.get("subtype") in ("message_changed", "message_deleted") and not parts[2]:
        parts[2] = event.get("event_ts") or event.get("ts")
    return ":".join(part for part in parts if _is(part)) if _is(parts[0]) and _is(parts[1]) else ""


def _act_of(payload: Mapping[str, Any]) -> str:
    """The name of a press, a command or a shortcut: the same when it is delivered again."""
    actions = payload.get("actions")
    action = actions[0] if isinstance(actions, list) and actions else None
    found = action.get("action_ts") if isinstance(action, Mapping) else payload.get("trigger_id")
    found = found or payload.get("action_ts")
    return f"{chat_of(payload)}:{found}" if _is(found) else ""


def _in_private(event: Mapping[str, Any]) -> bool:
    channel = event.get("channel")
    return event.get("channel_type") == "im" or (_is(channel) and channel.startswith("D"))


def _moment(value: Any) -> datetime | None:
    return datetime.fromtimestamp(float(value), UTC) if _is(value) and _MOMENT.fullmatch(value) else None


def _mapping(body: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = body.get(key)
    if not isinstance(found, Mapping):
        raise ValueError(f"a payload without {key}")
    return found


def _word(body: Mapping[str, Any], key: str) -> str:
    found = body.get(key)
    if not isinstance(found, str) or not found:
        raise ValueError(f"a payload without {key}")
    return found


def _text(message: Mapping[str, Any]) -> str:
    found = message.get("text")
    return found if isinstance(found, str) else ""


def _is(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and value != ""
