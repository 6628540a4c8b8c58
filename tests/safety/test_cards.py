"""The crisis cards: the numbers are there, nothing is claimed or promised that is not so."""

from __future__ import annotations

import re

import pytest
from pydantic import ValidationError

from bot.flows.loader import read
from bot.safety.cards import Card, Cards, card_for, lines_for, without_english

from .conftest import SAFETY

CARDS, LINES = (found := read(SAFETY / "cards.yaml", Cards)).cards, found.lines
OTHERS = ("ar", "fr", "ht", "pt", "vi", "zh")
"""The languages of the small packs."""


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_card_names_the_lines_the_place_and_the_adult(language: str) -> None:
    text = card_for(CARDS, "us", language).render("the counseling office", "Ms. Rivera")
    for wanted in (
        "988",
        "741741",
        "911",
        "the counseling office",
        "Ms. Rivera",
        "AYUDA" if language == "es" else "HOME",
    ):
        assert wanted in text
    assert "{" not in text


@pytest.mark.parametrize("card", CARDS, ids=lambda card: f"{card.country}-{card.language}")
def test_a_card_promises_nothing_and_claims_no_reader(card: Card) -> None:
    lower = card.text.lower()
    for wrong in (
        "secret",
        "confidential",
        "has read",
        "have read",
        "has seen",
        "secreto",
        "confidencial",
        "ha leído",
        "leyó",
        "ha visto",
    ):
        assert wrong not in lower
    assert "not watched round the clock" in lower or "nadie vigila este chat las 24 horas" in lower
    assert len(card.text.split()) <= 120
    sentences = [sentence for sentence in re.split(r"[.:\n]+", card.text) if sentence.strip()]
    assert len(card.text.split()) / len(sentences) <= 12, "short sentences read at grade 5 to 6"


@pytest.mark.parametrize("card", CARDS, ids=lambda card: f"{card.country}-{card.language}")
def test_who_asked_for_an_adult_is_not_told_that_it_sounds_serious(card: Card) -> None:
    asked = card.render("the office", "Ms. Rivera", asked=True)
    assert card.opening not in asked
    assert all(number in asked for number in card.numbers)


@pytest.mark.parametrize("card", CARDS, ids=lambda card: f"{card.country}-{card.language}")
def test_a_mentor_reads_what_to_do_and_promises_nothing(card: Card) -> None:
    mentors = card.render("the office", "Ms. Rivera", mentor=True)
    assert card.opening not in mentors
    assert all(number in mentors for number in card.numbers)
    sentences = [sentence for sentence in re.split(r"[.:\n]+", card.mentor) if sentence.strip()]
    assert len(card.mentor.split()) / len(sentences) <= 12, "short sentences read at grade 5 to 6"


def test_an_unknown_language_falls_back_to_english_and_an_unknown_country_is_told() -> None:
    assert card_for(CARDS, "us", "vi").language == "en"
    with pytest.raises(LookupError):
        card_for(CARDS, "fr", "en")


def test_a_name_with_braces_is_not_read_as_a_placeholder() -> None:
    text = card_for(CARDS, "us", "en").render("{adult}", "{place!r}")
    assert "go to {adult}" in text
    assert "find {place!r}" in text


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Call 988 now. This card names no place and no adult at all."},
        {"text": "Call 988 now. Go to {place} or find {adult}, {name} is there too."},
        {"text": "Go to {place} or find {adult}. This card leaves out the number to call."},
    ],
)
def test_a_card_without_its_parts_is_refused(change: dict[str, str]) -> None:
    good = {
        "country": "us",
        "language": "en",
        "version": 1,
        "numbers": ["988"],
        "opening": "You are not alone.",
        "asked": "You asked for an adult.",
        "mentor": "You were right to tell. Stay with them and take them to an adult.",
        "text": "Call or text 988 at any hour. At school go to {place} or find {adult}.",
    }
    with pytest.raises(ValidationError):
        Card.model_validate(good | change)
    assert Card.model_validate(good).render("here", "Ms. Rivera").startswith("You are not alone")


def test_a_country_without_an_english_card_and_a_double_card_are_refused() -> None:
    spanish = card_for(CARDS, "us", "es")
    assert without_english([spanish]) == ["us"]
    assert without_english(CARDS) == []
    with pytest.raises(ValidationError, match="same country and language"):
        Cards(cards=(*CARDS, spanish))


@pytest.mark.parametrize("language", OTHERS)
def test_who_writes_in_a_language_without_a_card_reads_the_numbers_in_it_above_the_english_one(language: str) -> None:
    english = card_for(CARDS, "us", language)
    assert english.language == "en"
    (line,) = lines_for(LINES, "us", english, (language, language))
    assert "911" in line
    assert "988" in line


def test_a_language_that_the_card_speaks_needs_no_line_and_an_unknown_one_has_none() -> None:
    spanish = card_for(CARDS, "us", "es")
    assert lines_for(LINES, "us", spanish, ("es", "xx")) == []
    assert len(lines_for(LINES, "us", card_for(CARDS, "us", "en"), ("en", "es"))) == 1
