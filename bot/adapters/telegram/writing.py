"""Messages of ours as Bot API requests, and what the Bot API's answers mean. Pure.

Everything is plain text: whatever a person wrote stays inert, and there is no formatting that could be refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.adapters.base import pieces
from bot.domain import MessageKind, Outbound, Receipt
from bot.errors import Ambiguous, SendError, SlowDown, TryLater, Unreachable

LENGTH = 4096
"""UTF-16 units of one message (core.telegram.org/bots/api#sendmessage)."""
TOKEN_REFUSED = "token_refused"  # noqa: S105  (no password)
_NO_PREVIEW = {"is_disabled": True}
_NO_KEYBOARD = {"remove_keyboard": True}
_GONE = ("blocked", "deactivated", "kicked", "chat not found", "user not found", "can't initiate", "chat was deleted")
"""What a 400 or 403 says of a chat that takes nothing any more; the Bot API has no other mark for it."""


def render(outbound: Outbound) -> list[dict[str, Any]]:
    """The `sendMessage` parameters of a message. Plain text: whatever a person wrote stays inert.

    Choices are a reply keyboard, whose presses are ordinary messages: a button press lives 150 seconds, a text a day.
    """
    chat = outbound.address.chat
    bodies: list[dict[str, Any]] = [
        {"chat_id": chat, "text": piece, "link_preview_options": _NO_PREVIEW} for piece in pieces(outbound.text, LENGTH)
    ]
    if outbound.choices:
        rows = [[{"text": choice.label}] for choice in outbound.choices]
        bodies[-1]["reply_markup"] = {"keyboard": rows, "resize_keyboard": True, "one_time_keyboard": True}
    elif outbound.kind is MessageKind.QUESTION:
        bodies[-1]["reply_markup"] = _NO_KEYBOARD
    return bodies


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
        return TryLater(TOKEN_REFUSED)
    if code in (400, 403):
        return Unreachable("refused")
    return Ambiguous("server_error") if code >= 500 else Ambiguous("unreadable_answer")
