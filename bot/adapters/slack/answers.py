"""What Slack's answers to our calls mean: a receipt, or the error that says what to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from bot.domain import Receipt
from bot.errors import Ambiguous, NearpeerError, SendError, SlowDown, TryLater, Unreachable

GONE = frozenset(
    {
        "channel_not_found",
        "user_not_found",
        "users_not_found",
        "user_disabled",
        "user_not_visible",
        "is_archived",
        "cannot_dm_bot",
        "not_in_channel",
    }
)
"""What says that this person or chat takes nothing any more."""
DEAD = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "account_inactive",
        "token_revoked",
        "token_expired",
        "not_allowed_token_type",
        "org_login_required",
        "team_access_not_granted",
    }
)
"""What says that the token is no good (docs.slack.dev/reference/methods/chat.postMessage)."""
UNFIT = frozenset(
    {
        "missing_scope",
        "no_permission",
        "messages_tab_disabled",
        "access_denied",
        "ekm_access_denied",
        "link_disabled",
        "restricted_action",
    }
)
"""What says that the app is not set up as its manifest says, or was forbidden something."""
MISSHAPEN = frozenset({"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "invalid_arguments"})
"""What says that the form of a message was wrong: our fault, and its text may still go."""
_AGAIN = ("message_limit_exceeded", "service_unavailable", "team_added_to_org", "accesslimited")


class Misshapen(NearpeerError):
    """Slack refused the form of a message, not the message."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: `body` as decoded, {} where it could not be read."""

    status: int
    body: Mapping[str, Any] = field(repr=False)
    retry_after: str = ""
    """This and the next two as the headers have them."""
    date: str = ""
    allowed: str = ""

    @property
    def at(self) -> datetime | None:
        """When it was given, by Slack's own clock."""
        try:
            told = parsedate_to_datetime(self.date)
        except ValueError:
            return None
        return told if told.tzinfo else told.replace(tzinfo=UTC)

    @property
    def scopes(self) -> tuple[str, ...]:
        """What the token may do, where Slack says so."""
        return tuple(scope.strip() for scope in self.allowed.split(",") if scope.strip())

    @property
    def is_too_many(self) -> bool:
        """Whether Slack asks for fewer calls."""
        return self.status == 429 or self.error in ("ratelimited", "rate_limited")

    @property
    def seconds(self) -> float | None:
        """How long it asks us to wait; None for a date, nonsense or nothing: then it is ours to choose."""
        asked = self.retry_after
        return float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 7 else None

    @property
    def error(self) -> str:
        """Slack's own word for what went wrong, "" when nothing did."""
        found = self.body.get("error")
        return "" if self.body.get("ok") is True else (found if isinstance(found, str) else "unreadable_answer")


def outcome(answer: Answer) -> Receipt:
    """The receipt of a message; its number names chat and message, as an update of it wants both.

    Raises Misshapen, or the SendError that says what to do; its code never quotes the answer.
    """
    if answer.error:
        raise refusal(answer)
    chat, ts = answer.body.get("channel"), answer.body.get("ts")
    if not isinstance(chat, str) or not isinstance(ts, str) or not ts:
        raise Ambiguous("no_message_id")
    return Receipt(provider_id=f"{chat}:{ts}")


def refusal(answer: Answer) -> SendError | Misshapen:
    """The error that an answer stands for."""
    error = answer.error
    if answer.is_too_many:
        return SlowDown("too_many_requests", answer.seconds)
    if error in GONE:
        return Unreachable("chat_gone" if error != "user_disabled" else "deactivated")
    if error in DEAD:
        return TryLater("token_refused")
    if error in UNFIT:
        return TryLater("app_not_set_up")
    if error in MISSHAPEN:
        return Misshapen(error)
    if error in _AGAIN:
        return TryLater("not_now")
    if answer.status >= 500 or error in ("fatal_error", "internal_error", "request_timeout"):
        return Ambiguous("server_error")
    return Ambiguous("unreadable_answer") if error == "unreadable_answer" else Unreachable("refused")
