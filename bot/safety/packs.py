"""What a safety pack may say, and the phrase language that packs are written in. No matching, no reading of files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from bot.domain import Tier

Phrase = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Rule(_Model):
    """Phrases that mean one thing, with the rule's own cases: `match` must fire at its tier, `no_match` must not."""

    id: Name
    tier: Tier
    category: Name
    label: Annotated[str, StringConstraints(min_length=3, max_length=120)]
    """Plain words for staff."""
    phrases: tuple[Phrase, ...] = Field(min_length=1)
    gap: int = Field(default=0, ge=0, le=8)
    """How many other words may stand between two words of a phrase. Above 3, the words of one choice stand together:
    such a phrase is a few things said near each other, in this order."""
    negation: bool = True
    """Whether "not" before it lowers it; "do not want to live" is itself the signal, there it is false."""
    hyperbole: bool = False
    """Whether joking words around it lower it."""
    past: bool = False
    """Whether being over lowers it. Never for abuse: that is reported whenever it was."""
    about: Literal["", "friend", "other"] = ""
    """Whom it is always about; else the words around a finding tell."""
    match: tuple[Phrase, ...] = ()
    no_match: tuple[Phrase, ...] = ()

    @field_validator("tier")
    @classmethod
    def _speaks_of_urgency(cls, tier: Tier) -> Tier:
        if tier is Tier.UNSCREENED:
            raise ValueError("a rule says crisis, urgent, concern or notice")
        return tier

    @field_validator("phrases")
    @classmethod
    def _phrases_can_be_read(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        for phrase in phrases:
            slots(phrase)
        return phrases


class Modifiers(_Model):
    """Words around a finding that lower it or say whom it is about; phrases in the same language as the rules'."""

    denial: tuple[Phrase, ...] = ()
    not_denial: tuple[Phrase, ...] = ()
    """Where a denying word denies nothing: "not sure", "not gonna lie"."""
    denied: tuple[Phrase, ...] = ()
    """What somebody else does not do, with who and what: "my mom does not hit". A finding of that act is lowered."""
    ended: tuple[Phrase, ...] = ()
    """Words behind such an act that say that it was done, or is at other times: "anymore", "when"."""
    stops: tuple[Phrase, ...] = ()
    """Single words over which a denial does not reach: a new subject, "but"."""
    hyperbole: tuple[Phrase, ...] = ()
    """A cause that nobody dies of: homework, a game."""
    jokes: tuple[Phrase, ...] = ()
    """Words that only say that it was a joke: "lol". Where it is about suicide they lower by one step, no further."""
    turns: tuple[Phrase, ...] = ()
    """Single words with which something else begins, which is no cause of what was said before."""
    sincerity: tuple[Phrase, ...] = ()
    """Words that take the joke back: "for real", "tonight"."""
    first_person: tuple[Phrase, ...] = ()
    friend: tuple[Phrase, ...] = ()
    other: tuple[Phrase, ...] = ()
    postvention: tuple[Phrase, ...] = ()
    recovery: tuple[Phrase, ...] = ()
    present: tuple[Phrase, ...] = ()
    """Words that say it is not over: "again", "still"."""

    @cached_property
    def all(self) -> tuple[str, ...]:
        """Every phrase of every list."""
        return tuple(phrase for name in type(self).model_fields for phrase in getattr(self, name))


class Pack(_Model):
    """The rules of one language. Every pack looks at every message."""

    pack: Name
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
    version: int = Field(ge=1)
    base: Name | None = None
    """Another pack of the language, whose spellings, masks and modifiers this one has as well."""
    spellings: dict[str, str] = {}
    """Texting spellings of this language: one or two words -> the words that rules are written in."""
    masks: tuple[Phrase, ...] = ()
    """Idioms: words that they cover are not looked at."""
    modifiers: Modifiers = Modifiers()
    rules: tuple[Rule, ...] = Field(min_length=1)
    everyday: tuple[Phrase, ...] = ()
    """Ordinary texts that this pack must leave alone: no finding of concern or above."""

    @field_validator("masks")
    @classmethod
    def _masks_can_be_read(cls, masks: tuple[str, ...]) -> tuple[str, ...]:
        for mask in masks:
            slots(mask)
        return masks

    @model_validator(mode="after")
    def _rules_have_one_name_each(self) -> Pack:
        seen: set[str] = set()
        for rule in self.rules:
            if rule.id in seen:
                raise ValueError(f"two rules are called {rule.id!r}")
            seen.add(rule.id)
        for phrase in self.modifiers.all:
            slots(phrase)
        return self

    @property
    def mark(self) -> str:
        """How a finding names the pack that made it."""
        return f"{self.pack}@{self.version}"


def with_base(pack: Pack, packs: Iterable[Pack]) -> Pack:
    """The pack with its base's spellings, masks and modifiers. Raises ValueError if the base is not among `packs`."""
    if pack.base is None:
        return pack
    base = next((other for other in packs if other.pack == pack.base and other.base is None), None)
    if base is None:
        raise ValueError(f'there is no pack "{pack.base}" that could be a base')
    own = pack.modifiers
    joined = {name: (*getattr(base.modifiers, name), *getattr(own, name)) for name in type(own).model_fields}
    return pack.model_copy(
        update={
            "spellings": {**base.spellings, **pack.spellings},
            "masks": (*base.masks, *pack.masks),
            "modifiers": Modifiers(**joined),
        }
    )


@lru_cache(maxsize=10_000)
def slots(phrase: str) -> tuple[tuple[tuple[str, ...], ...], ...]:
    """A phrase as its places in order, each with the words that may stand there; a word may end in `*`.

    `(a|b c|)` is a choice, an empty choice may be left out. Raises ValueError in words for the phrase's author.
    """
    found = tuple(_choices(part) for part in _parts(phrase))
    if all(() in choices for choices in found):
        raise ValueError(f"{phrase!r} may be empty")
    return found


def _parts(phrase: str) -> Iterator[str]:
    depth, part = 0, ""
    for character in phrase:
        if character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
        if depth not in (0, 1):
            raise ValueError(f"parentheses in {phrase!r} do not fit together (choices cannot be nested)")
        if character.isspace() and depth == 0:
            if part:
                yield part
            part = ""
        else:
            part += character
    if depth:
        raise ValueError(f"{phrase!r} has a parenthesis that is not closed")
    if part:
        yield part


def _choices(part: str) -> tuple[tuple[str, ...], ...]:
    if not part.startswith("("):
        return (_words([part], part),)
    if not part.endswith(")"):
        raise ValueError(f"put a space after the choice in {part!r}")
    return tuple(_words(choice.split(), part) for choice in part[1:-1].split("|"))


def _words(words: Iterable[str], part: str) -> tuple[str, ...]:
    found = tuple(words)
    for word in found:
        if any(sign in word for sign in "()|[]+?^$\\") or "*" in word[:-1] or word == "*":
            raise ValueError(f"{part!r}: only words, (a|b) and a * at a word's end can be used")
    return found
