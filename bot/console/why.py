"""A message as staff see it, with why it was noticed: what was seen, what lowered it, what was not counted. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from bot.console.wording import TIERS, Moments, Piece, When, pieces
from bot.domain import Tier
from storage.written import Words

_LOWERED = {
    "denial": "it was denied",
    "hyperbole": "it reads like a joke",
    "joke": "joking words stand near it",
    "postvention": "it is about somebody who has died",
    "recovery": "it is said to be over",
}
_ABOUT = {"friend": "about a friend", "other": "about somebody else"}
_UNHEEDED = {"idiom": "a figure of speech"}


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that was seen: the words themselves, and what is to be said of them."""

    words: str = field(repr=False)
    text: str


@dataclass(frozen=True, slots=True)
class Why:
    """The record beside a message, ready to be drawn."""

    reasons: tuple[Line, ...] = ()
    unheeded: tuple[Line, ...] = ()
    second_look: tuple[Line, ...] = ()
    looked_again: str = ""
    """What a second look came to, where there was one; `second_look` are the words that it rests on."""
    unscreened: str = ""
    packs: str = ""


@dataclass(frozen=True, slots=True)
class Quote:
    """What a student wrote, in pieces."""

    at: When
    kind: str
    pieces: tuple[Piece, ...]
    why: Why | None = None


def quote(words: Words, moments: Moments) -> Quote:
    """What a student wrote, as it is drawn."""
    return Quote(moments.when(words.at), words.kind, pieces(words.text, words.marks), why(words))


def why(words: Words) -> Why | None:
    """What staff read of a message's record, or None where there is none."""
    record = words.explanation
    if record is None:
        return None
    again = record.get("second_look")
    return Why(
        reasons=tuple(Line(_at(words, one), "; ".join(_reason(one))) for one in record["reasons"]),
        unheeded=tuple(Line(_at(words, one), "; ".join(_unheeded(one))) for one in record["not_counted"]),
        second_look=tuple(Line(_at(words, one), f"adds {_points(one['score'])}") for one in again["words"])
        if again
        else (),
        looked_again=_looked_again(again) if again else "",
        unscreened=record["unscreened"],
        packs=", ".join(record["packs"]),
    )


def _looked_again(look: Mapping[str, Any]) -> str:
    told = f"from {_points(look['threshold'])} on it is a concern"
    return f"A second look scored the wording {_points(look['score'])}; {told} (version {look['version']})."


def _points(hundredths: int) -> str:
    return f"{hundredths / 100:.2f}"


def _at(words: Words, seen: Mapping[str, Any]) -> str:
    return words.text[seen["start"] : seen["end"]]


def _reason(reason: Mapping[str, Any]) -> Iterator[str]:
    yield f"{_tier(reason['tier'])}: {reason['label']}"
    if reason["about"] in _ABOUT:
        yield _ABOUT[reason["about"]]
    for modifier in reason["modifiers"]:
        name, effect, change = modifier.partition(": ")
        before, _, after = change.partition(" -> ")
        if effect:
            yield f"lowered from {_tier(before).lower()} to {_tier(after).lower()}: {_LOWERED.get(name, name)}"
        elif not name.startswith("about "):
            yield name
    yield f"rule {reason['rule']} of {reason['pack']}"


def _unheeded(seen: Mapping[str, Any]) -> Iterator[str]:
    if seen["label"]:
        yield seen["label"]
    yield _UNHEEDED.get(seen["why"], seen["why"])
    yield f"rule {seen['rule']} of {seen['pack']}" if seen["rule"] else f"pack {seen['pack']}"


def _tier(name: str) -> str:
    return TIERS[Tier(name)]
