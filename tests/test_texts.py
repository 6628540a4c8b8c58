"""Nearpeer's own words: every language says everything, fills in the same, and stays short and easy to read."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from bot.domain import Tier
from bot.flows.commands import read_code, read_command
from bot.flows.loader import read_document, read_source
from bot.flows.readability import grade
from bot.flows.wording import fill, names_in

TEXTS = Path(__file__).resolve().parents[1] / "config/texts"
LANGUAGES = sorted(path.stem for path in TEXTS.glob("*.yaml"))
LONGER = {"help", "privacy"}
HIGHEST_GRADE = 6


@cache
def texts(language: str) -> dict[str, str]:
    """Key -> text, with `language` among them."""
    found: dict[str, str] = read_document(TEXTS / f"{language}.yaml").value
    return found


def to_students(language: str) -> dict[str, str]:
    """The first section and the reminders: what students read."""
    section = read_source(TEXTS / f"{language}.yaml").partition("# --- to students")[2].partition("# --- to adults")[0]
    return {key: text for key, text in texts(language).items() if f"\n{key}:" in section}


def test_english_and_spanish_ship() -> None:
    assert LANGUAGES == ["en", "es"]
    assert [texts(language)["language"] for language in LANGUAGES] == LANGUAGES


def test_every_language_has_the_same_keys_in_the_same_order() -> None:
    assert list(texts("es")) == list(texts("en"))


@pytest.mark.parametrize("key", [key for key in texts("en") if key != "language"])
def test_a_text_fills_in_the_same_in_every_language(key: str) -> None:
    assert sorted(names_in(texts("es")[key])) == sorted(names_in(texts("en")[key]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_students_read_is_short(language: str) -> None:
    lengths = {key: len(text) for key, text in to_students(language).items()}
    assert {"help", "privacy", "seen", "session_reminder"} <= set(lengths)
    assert {key: length for key, length in lengths.items() if length > (500 if key in LONGER else 300)} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_students_read_is_easy(language: str) -> None:
    levels = {key: grade(text, language) for key, text in to_students(language).items() if key != "help"}
    assert {key: level for key, level in levels.items() if level is not None and level > HIGHEST_GRADE} == {}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_line_of_the_help_that_shows_a_command_names_one_that_works(language: str) -> None:
    shown = [line for line in texts(language)["help"].splitlines() if line.startswith("/")]
    commands = [read_command(line.partition(":")[0]) for line in shown]
    assert [command.name for command in commands if command] == [
        "checkin", "adult", "pause", "stop", "privacy", "language",
    ]  # fmt: skip
    assert commands[-1] is not None
    assert commands[-1].language == {"en": "es", "es": "en"}[language]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("name", "given"), [("adult", ("now", "today", "week", "no")), ("talked", ("yes", "no", "private"))]
)
def test_our_own_buttons_also_work_when_they_are_typed(language: str, name: str, given: tuple[str, ...]) -> None:
    """On some platforms a press is an ordinary text."""
    for one in given:
        command = read_command(texts(language)[f"label_{name}_{one}"])
        assert command is not None
        assert (command.name, command.given) == (name, one) == (name, read_command(f"/{name} {one}").given)  # type: ignore[union-attr]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_help_and_the_notice_tell_where_help_is_and_that_nobody_watches(language: str) -> None:
    said = texts(language)
    assert "911" in said["help"]
    assert "988" in said["help"]
    watching = {"en": "all day", "es": "todo el día"}[language]
    assert watching in said["help"]
    assert watching in said["privacy"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_button_that_takes_a_case_also_works_when_it_is_typed(language: str) -> None:
    label = fill(texts(language)["label_take"], {"code": "4F7K"})
    assert read_code(label) == "4F7K"
    assert "ACK 4F7K" in texts(language)["adult_help"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_alert_carries_tier_initials_reason_code_and_link(language: str) -> None:
    for key in ("alert", "alert_again"):
        assert {"tier", "initials", "program", "reason", "code", "link"} <= set(names_in(texts(language)[key]))
    assert {f"tier_{tier}" for tier in Tier if tier.climbs} <= set(texts(language))
