"""How our messages look on Slack: Block Kit, made with slack_sdk's own models, which refuse what Slack refuses. Pure.

A model takes longer than the rest of a message, and looks at little: what it has looked at once is kept, and filled.
Whatever a person wrote stands in plain text elements only: nothing in it rings, links or unfolds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from slack_sdk.models.blocks import ActionsBlock, ButtonElement, ContextBlock, PlainTextObject, SectionBlock

from bot.adapters.base import pieces
from bot.domain import Choice, Outbound

LENGTH = 12_000
"""UTF-16 units of one message of ours: four sections, far below what Slack takes."""
_SECTION, _LABEL, _ROW = 3_000, 75, 25
_NOTICE = 3_000
"""Characters of the text beside the blocks, which notifications and screen readers use."""
_INERT = {"unfurl_links": False, "unfurl_media": False, "mrkdwn": False, "link_names": False, "parse": "none"}


def render(outbound: Outbound) -> list[dict[str, Any]]:
    """The `chat.postMessage` bodies of a message; the choices are buttons under the last."""
    parts = pieces(outbound.text, LENGTH)
    bodies = [_body(outbound.address.chat, part) for part in parts]
    bodies[-1]["blocks"] += _buttons(outbound.choices)
    return bodies


def change(outbound: Outbound) -> dict[str, Any]:
    """The `chat.update` body of a message that stands in place of an older one, whose buttons go with it."""
    chat, _, ts = outbound.replaces.partition(":")
    text = pieces(outbound.text, LENGTH)[0]
    return _update(chat, ts, escaped(text), sections(text))


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
        blocks.append(
            ContextBlock(elements=[PlainTextObject(text=f"✓ {action['text']['text']}", emoji=True)]).to_dict()
        )
        chat, ts = str(payload["container"]["channel_id"]), str(message["ts"])
        return _update(chat, ts, "\n".join(escaped(text) for text in texts), blocks)
    except (LookupError, TypeError, AttributeError):
        return None


def sections(text: str) -> list[dict[str, Any]]:
    """A text as blocks that show it letter by letter."""
    shown = text if text.strip() else "…"
    made = ((part, _section(len(part))) for part in pieces(shown, _SECTION))
    return [{**section, "text": {**section["text"], "text": part}} for part, section in made]


@lru_cache(maxsize=512)
def _section(length: int) -> dict[str, Any]:
    """A section for any text of that length, which is all that its model looks at."""
    section = SectionBlock(text=PlainTextObject(text="0" * length, emoji=False)).to_dict()
    section["text"]["text"] = ""
    return section


def buttons(choices: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """Rows of buttons, each (label, value, action id)."""
    values = [value for _, value, _ in choices]
    rows = _rows(tuple((label, action) for label, _, action in choices), max(map(len, values), default=0))
    filled = iter(values)
    return [{**row, "elements": [{**one, "value": next(filled)} for one in row["elements"]]} for row in rows]


@lru_cache(maxsize=256)
def _rows(buttons: tuple[tuple[str, str], ...], longest: int) -> list[dict[str, Any]]:
    """The rows of these buttons, (label, action id) each, with any value of that length: a model does not read it."""
    elements = [
        ButtonElement(text=PlainTextObject(text=_shortened(label), emoji=True), value="0" * longest, action_id=action)
        for label, action in buttons
    ]
    return [ActionsBlock(elements=elements[first : first + _ROW]).to_dict() for first in range(0, len(elements), _ROW)]


def escaped(text: str) -> str:
    """A text in which Slack finds no mention, link or command (docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _buttons(choices: Sequence[Choice]) -> list[dict[str, Any]]:
    return buttons([(choice.label, choice.token, f"choice-{number}") for number, choice in enumerate(choices)])


def _body(chat: str, text: str) -> dict[str, Any]:
    notice = escaped(text[:_NOTICE]) or "…"
    return {"channel": chat, "text": notice, "blocks": sections(text), **_INERT}


def _update(chat: str, ts: str, notice: str, blocks: list[dict[str, Any]]) -> dict[str, Any]:
    about = {"channel": chat, "ts": ts, "text": notice[:_NOTICE], "blocks": blocks}
    return {**about, "link_names": False, "parse": "none"}


def _shortened(label: str) -> str:
    shown = label if label.strip() else "…"
    return shown if len(shown) <= _LABEL else f"{shown[: _LABEL - 1]}…"
