"""Telegram: updates become Inbound, messages become `sendMessage` requests, answers become receipts or errors.

Everything but one thing is pure here: how a request reaches the Bot API is the `call` that the adapter is given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from bot.adapters.base import Capabilities, Port
from bot.domain import Address, Inbound, InboundKind, MessageKind, Outbound, Raw, Receipt
from bot.errors import Ambiguous, SendError, SlowDown, TryLater, Unreachable

Call = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
"""A Bot API method and its parameters -> the decoded answer, `ok` or not. Raises SendError when there was none."""

LENGTH = 4096
"""UTF-16 units of one message (core.telegram.org/bots/api#sendmessage)."""
_WROTE = ("message", "edited_message")
_PRESSED = "callback_query"
_CONCERNS_NOBODY = frozenset(
    ("my_chat_member", "chat_member", "message_reaction", "channel_post", "edited_channel_post", "poll", "poll_answer")
)
_NO_PREVIEW = {"is_disabled": True}
_NO_KEYBOARD = {"remove_keyboard": True}
_GONE = ("blocked", "deactivated", "kicked", "chat not found", "user not found", "can't initiate", "chat was deleted")
"""What a 400 or 403 says of a chat that takes nothing any more; the Bot API has no other mark for it."""


class Adapter:
    """One bot. `account` names it; `call` reaches the Bot API."""

    name = "telegram"
    # min_age: Telegram's terms ask for 16 in the EU and the UK, the highest of its ages.
    capabilities = Capabilities(min_age=16, length=LENGTH, per_second=30.0, per_chat_second=1.0)

    def __init__(self, account: str, call: Call) -> None:
        self.account = account
        self._call = call
        self._port: Port | None = None

    def translate(self, body: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
        """An Update -> what a person did in a private chat; None for groups, bots and what concerns nobody.

        An edit comes as what it now says: no words are dropped. Raises ValueError for what is no update.
        """
        for name in _WROTE:
            if name in body:
                return _wrote(body[name], account, event_id)
        if _PRESSED in body:
            return _pressed(body[_PRESSED], account, event_id)
        if _CONCERNS_NOBODY.isdisjoint(body):
            raise ValueError("an update of a kind that was not asked for")
        return None

    async def start(self, port: Port) -> None:
        """Take updates for this port."""
        self._port = port

    async def stop(self) -> None:
        """Take no more."""
        self._port = None

    async def take(self, update: Mapping[str, Any]) -> None:
        """Hand on one update; returns once it is stored. Only then may the Bot API be told to forget it."""
        if self._port is None:
            raise TryLater("not_running")
        await self._port.receive(Raw(self.name, self.account, str(update["update_id"]), update, chat_of(update)))

    async def send(self, outbound: Outbound) -> Receipt:
        """Send a message, in as many pieces as it needs; the receipt names the last."""
        if self._port is None:
            raise TryLater("not_running")
        receipt = Receipt()
        for number, body in enumerate(render(outbound)):
            try:
                receipt = outcome(await self._call("sendMessage", body))
            except TryLater as error:
                if number:  # what went out before would come again: that is "perhaps sent"
                    raise Ambiguous(error.code) from None
                raise
        return receipt

    def routes(self) -> Sequence[Any]:
        """None."""
        return ()

    def trouble(self) -> str:
        """None."""
        return ""


def chat_of(update: Mapping[str, Any]) -> str:
    """The private chat that an update belongs to, "" where it cannot be told: cheap, and never raises."""
    for name in (*_WROTE, _PRESSED):
        event = update.get(name)
        if isinstance(event, Mapping):
            who = event.get("chat") if name in _WROTE else event.get("from")
            return str(who["id"]) if isinstance(who, Mapping) and "id" in who else ""
    return ""


def render(outbound: Outbound) -> list[dict[str, Any]]:
    """The `sendMessage` parameters of a message. Plain text: whatever a person wrote stays inert.

    Choices are a reply keyboard, whose presses are ordinary messages: a button press lives 150 seconds, a text a day.
    """
    chat = outbound.address.chat
    bodies: list[dict[str, Any]] = [
        {"chat_id": chat, "text": piece, "link_preview_options": _NO_PREVIEW} for piece in pieces(outbound.text)
    ]
    if outbound.choices:
        rows = [[{"text": choice.label}] for choice in outbound.choices]
        bodies[-1]["reply_markup"] = {"keyboard": rows, "resize_keyboard": True, "one_time_keyboard": True}
    elif outbound.kind is MessageKind.QUESTION:
        bodies[-1]["reply_markup"] = _NO_KEYBOARD
    return bodies


def pieces(text: str, length: int = LENGTH) -> list[str]:
    """A text in pieces of at most `length` UTF-16 units: at lines or words where possible, never in a character."""
    found = []
    while (end := _end(text, length)) < len(text):
        cut = max(text.rfind("\n", 1, end), text.rfind(" ", end // 2, end))
        end = cut if cut > 0 else end
        found.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*found, text] if text or not found else found


def outcome(answer: Mapping[str, Any]) -> Receipt:
    """What the Bot API's answer means. Raises the SendError that says what to do; its code never quotes the answer."""
    result = answer.get("result")
    if answer.get("ok") is True:
        if isinstance(result, Mapping) and isinstance(result.get("message_id"), int):
            return Receipt(provider_id=str(result["message_id"]))
        raise Ambiguous("no_message_id")
    code, text = answer.get("error_code"), str(answer.get("description", "")).lower()
    raise _refusal(code if isinstance(code, int) else 0, text, answer.get("parameters"))


def _refusal(code: int, text: str, parameters: Any) -> SendError:
    if code == 429:
        after = parameters.get("retry_after") if isinstance(parameters, Mapping) else None
        return SlowDown("too_many_requests", float(after) if isinstance(after, int | float) and after >= 0 else None)
    if code in (400, 403) and any(sign in text for sign in _GONE):
        return Unreachable("blocked" if "blocked" in text else "chat_gone")
    if code in (401, 404):
        return TryLater("token_refused")
    if code in (400, 403):
        return Unreachable("refused")
    return Ambiguous("server_error") if code >= 500 else Ambiguous("unreadable_answer")


def _wrote(message: Any, account: str, event_id: str) -> Inbound | None:
    address = _address(message, account)
    if address is None:
        return None
    text = message.get("text")
    kind = InboundKind.TEXT if isinstance(text, str) else InboundKind.MEDIA
    words = text if isinstance(text, str) else message.get("caption", "")
    date = message.get("edit_date", message.get("date"))
    sent_at = datetime.fromtimestamp(date, UTC) if isinstance(date, int) and 0 <= date < 1 << 33 else None
    return Inbound(address, event_id, kind, text=words if isinstance(words, str) else "", sent_at=sent_at)


def _pressed(query: Any, account: str, event_id: str) -> Inbound:
    if not isinstance(query, Mapping) or not isinstance(query.get("from"), Mapping):
        raise ValueError("a press without who pressed")
    token, who = query.get("data"), query["from"].get("id")
    if not isinstance(token, str) or not isinstance(who, int):
        raise ValueError("a press without a button")
    # Bound to who pressed, not to the chat: a forwarded message carries its buttons along.
    return Inbound(Address(Adapter.name, account, str(who)), event_id, InboundKind.BUTTON, token=token)


def _address(message: Any, account: str) -> Address | None:
    """Whose private chat a message stands in; None for groups, and for what a bot wrote."""
    if not isinstance(message, Mapping) or not isinstance(message.get("chat"), Mapping):
        raise ValueError("a message without a chat")
    chat, sender = message["chat"], message.get("from")
    if not isinstance(chat.get("id"), int):
        raise ValueError("a chat without a number")
    if chat.get("type") != "private" or (isinstance(sender, Mapping) and sender.get("is_bot")):
        return None
    return Address(Adapter.name, account, str(chat["id"]))


def _end(text: str, length: int) -> int:
    """How many characters of a text fit into so many UTF-16 units."""
    if len(text) * 2 <= length:
        return len(text)
    units = 0
    for index, character in enumerate(text):
        units += 2 if ord(character) > 0xFFFF else 1
        if units > length:
            return index
    return len(text)
