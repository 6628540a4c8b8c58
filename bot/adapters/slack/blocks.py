"""How our messages look on Slack: Block Kit, made with slack_sdk's own models, which refuse what Slack refuses. Pure.

Whatever a person wrote stands in plain text elements only: nothing in it rings, links or unfolds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from typing import Any

from slack_sdk.models.basic_objects import JsonObject
from slack_sdk.models.blocks import ActionsBlock, ButtonElement, ContextBlock, PlainTextObject, SectionBlock

from bot.adapters.base import pieces
from bot.domain import Choice, Outbound

LENGTH = 12_000
"""UTF-16 units of one message of ours: four sections, far below what Slack takes."""
_SECTION, _LABEL, _ROW = 3_000, 75, 25
_NOTICE = 3_000
"""Characters of the text beside the blocks, which notifications and screen readers use."""
_INERT = {"unfurl_links": False, "unfurl_media": False, "mrkdwn": False, "link_names": False, "parse": "none"}


class _Quick(JsonObject):
    """Has a model's own validators called without looking through all of `dir` for them at each message."""

    def validate_json(self) -> None:
        """Raises SlackObjectFormationError, as the model's own does."""
        for name in _validators(type(self)):
            getattr(self, name)()


@cache
def _validators(model: type) -> tuple[str, ...]:
    names = (name for name in dir(model) if not name.startswith("__"))
    return tuple(name for name in names if hasattr(getattr(model, name, None), "validator"))


class _Text(_Quick, PlainTextObject): ...


class _Button(_Quick, ButtonElement): ...


class _Section(_Quick, SectionBlock): ...


class _Actions(_Quick, ActionsBlock): ...


class _Context(_Quick, ContextBlock): ...


def render(outbound: Outbound) -> list[dict[str, Any]]:
    """The `chat.postMessage` bodies of a message; the choices are buttons under the last."""
    parts = pieces(outbound.text, LENGTH)
    bodies = [_body(outbound.address.chat, part) for part in parts]
    bodies[-1]["blocks"] += _buttons(outbound.choices)
    return bodies


def without_blocks(body: Mapping[str, Any]) -> dict[str, Any]:
    """The same message as text alone, for a Slack that refuses its blocks."""
    return {key: value for key, value in body.items() if key != "blocks"}


def chosen(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """The `chat.update` body that puts a press in place of its buttons; None where there is nothing to replace.

    `payload`: the press, which carries the message as Slack shows it. Our own sections are made anew from it.
    """
    try:
        message, action = payload["message"], payload["actions"][0]
        texts = [block["text"]["text"] for block in message["blocks"] if block["type"] == "section"]
        blocks = [block for text in texts for block in sections(text)]
        blocks.append(_Context(elements=[_Text(text=f"✓ {action['text']['text']}", emoji=True)]).to_dict())
        return {
            "channel": str(payload["container"]["channel_id"]),
            "ts": str(message["ts"]),
            "text": "\n".join(escaped(text) for text in texts)[:_NOTICE],
            "blocks": blocks,
            "link_names": False,
            "parse": "none",
        }
    except (LookupError, TypeError, AttributeError):
        return None


def sections(text: str) -> list[dict[str, Any]]:
    """A text as blocks that show it letter by letter."""
    shown = text if text.strip() else "…"
    return [_Section(text=_Text(text=part, emoji=False)).to_dict() for part in pieces(shown, _SECTION)]


def buttons(choices: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """Rows of buttons, each (label, value, action id)."""
    values = [value for _, value, _ in choices]
    rows = _rows(tuple((label, action) for label, _, action in choices), max(map(len, values), default=0))
    filled = iter(values)
    return [{**row, "elements": [{**one, "value": next(filled)} for one in row["elements"]]} for row in rows]


@lru_cache(maxsize=256)
def _rows(buttons: tuple[tuple[str, str], ...], longest: int) -> list[dict[str, Any]]:
    """The rows of these buttons, (label, action id) each, with any value of that length.

    The models look at labels, ids and lengths: a question that a whole school is asked is looked at once.
    """
    elements = [
        _Button(text=_Text(text=_shortened(label), emoji=True), value="0" * longest, action_id=action)
        for label, action in buttons
    ]
    return [_Actions(elements=elements[first : first + _ROW]).to_dict() for first in range(0, len(elements), _ROW)]


def escaped(text: str) -> str:
    """A text in which Slack finds no mention, link or command (docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _buttons(choices: Sequence[Choice]) -> list[dict[str, Any]]:
    return buttons([(choice.label, choice.token, f"choice-{number}") for number, choice in enumerate(choices)])


def _body(chat: str, text: str) -> dict[str, Any]:
    notice = escaped(text[:_NOTICE]) or "…"
    return {"channel": chat, "text": notice, "blocks": sections(text), **_INERT}


def _shortened(label: str) -> str:
    shown = label if label.strip() else "…"
    return shown if len(shown) <= _LABEL else f"{shown[: _LABEL - 1]}…"
