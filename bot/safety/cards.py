"""The crisis card that a student reads at once: what it may say, per country and language. Not when it goes out."""

from __future__ import annotations

import string
from collections.abc import Iterable, Sequence
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=160)]
_PLACES = frozenset({"place", "adult"})


class Card(BaseModel):
    """The words for one country and language. `text` names {place} and {adult}, and each of the `numbers`.

    It begins with `opening`; with `asked` for somebody who wrote nothing alarming and asked for an adult; with `mentor`
    for a mentor who told of somebody else: what to do now.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    country: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
    version: int = Field(ge=1)
    numbers: tuple[str, ...] = Field(min_length=1)
    opening: Sentence
    asked: Sentence
    mentor: Annotated[str, StringConstraints(strip_whitespace=True, min_length=40, max_length=500)]
    text: Annotated[str, StringConstraints(strip_whitespace=True, min_length=40, max_length=900)]

    @field_validator("text")
    @classmethod
    def _names_a_place_and_an_adult(cls, text: str) -> str:
        if {name for _, name, _, _ in string.Formatter().parse(text) if name is not None} != _PLACES:
            raise ValueError("a crisis card has the placeholders {place} and {adult}, both and no others")
        return text

    def model_post_init(self, _context: object) -> None:
        missing = [number for number in self.numbers if number not in self.text]
        if missing:
            raise ValueError(f"the card's text does not say {', '.join(missing)}")

    def render(self, place: str, adult: str, *, asked: bool = False, mentor: bool = False) -> str:
        """The card with the school's place and the adult's name. What they contain is never read as a placeholder."""
        return f"{self.mentor if mentor else self.asked if asked else self.opening}\n\n" + "".join(
            literal + ({"place": place, "adult": adult}[name] if name is not None else "")
            for literal, name, _, _ in string.Formatter().parse(self.text)
        )


class Line(BaseModel):
    """The numbers in one sentence, above the card of another language: for who wrote in this one."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    country: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
    language: Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}$")]
    numbers: tuple[str, ...] = Field(min_length=1)
    text: Sentence

    def model_post_init(self, _context: object) -> None:
        missing = [number for number in self.numbers if number not in self.text]
        if missing:
            raise ValueError(f"the line does not say {', '.join(missing)}")


class Cards(BaseModel):
    """The file config/safety/cards.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    cards: tuple[Card, ...] = ()
    lines: tuple[Line, ...] = ()

    @field_validator("cards")
    @classmethod
    def _none_is_there_twice(cls, cards: tuple[Card, ...]) -> tuple[Card, ...]:
        keys = [(card.country, card.language) for card in cards]
        if len(set(keys)) != len(keys):
            raise ValueError("two cards are for the same country and language")
        return cards


def without_english(cards: Sequence[Card]) -> list[str]:
    """The countries that have no English card, which the other languages fall back to."""
    return sorted({card.country for card in cards} - {card.country for card in cards if card.language == "en"})


def lines_for(lines: Sequence[Line], country: str, card: Card, languages: Iterable[str]) -> list[str]:
    """The numbers in those of these languages that the card does not speak."""
    wanted = [language for language in dict.fromkeys(languages) if language != card.language]
    here = {line.language: line.text for line in lines if line.country == country}
    return [here[language] for language in wanted if language in here]


def card_for(cards: Sequence[Card], country: str, language: str) -> Card:
    """The card in the person's language, else in English. Raises LookupError for an unknown country."""
    here = {card.language: card for card in cards if card.country == country}
    for wanted in (language, "en"):
        if wanted in here:
            return here[wanted]
    raise LookupError(f"no crisis card for country {country!r}")
