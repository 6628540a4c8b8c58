"""What staff read of why a message was noticed."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import insert, update

from bot.console.why import Why, why
from storage import tables
from storage.accounts import Staff
from storage.database import Database
from storage.written import Words
from tests.console import little_school
from tests.console.little_school import MAYA, NOW, Console

TEXT = "dying of laughter. idk <b>kms</b> lol"
REASON = {
    "tier": "concern",
    "category": "suicide",
    "rule": "wish",
    "pack": "en@2",
    "label": "Wish to be dead",
    "start": 26,
    "end": 29,
    "about": "friend",
    "modifiers": ["hyperbole: crisis -> concern", "about a friend", "split over messages"],
}
IDIOM = {"why": "idiom", "start": 0, "end": 17, "pack": "en@2", "rule": "", "label": ""}
RECORD = {"tier": "concern", "unscreened": "", "packs": ["en@2"], "reasons": [REASON], "not_counted": [IDIOM]}


def read(record: dict[str, Any] | None) -> Why | None:
    return why(Words(1, MAYA, NOW, TEXT, explanation=record))


async def case_page(console: Console, reader: Staff, record: dict[str, Any]) -> str:
    """The page of the crisis case, whose message has this text and this record."""
    console.seed(
        little_school.crisis,
        lambda connection: connection.execute(insert(tables.explanation).values(message_id=100, record=record)),
        lambda connection: connection.execute(
            update(tables.message).where(tables.message.c.id == 100).values(text=TEXT)
        ),
    )
    async with console.browser(reader) as browser:
        return str((await browser.get("/staff/escalations/900")).text)


def test_a_message_without_a_record_needs_no_reason() -> None:
    assert read(None) is None


def test_what_was_seen_what_lowered_it_and_what_was_not_counted_are_said_in_sentences() -> None:
    found = read(RECORD)
    assert found is not None
    (reason,), (idiom,) = found.reasons, found.unheeded
    assert reason.words == "kms"
    assert reason.text == (
        "Concern: Wish to be dead; about a friend; lowered from crisis to concern: it reads like a joke; "
        "split over messages; rule wish of en@2"
    )
    assert (idiom.words, idiom.text) == ("dying of laughter", "a figure of speech; pack en@2")


def test_a_muted_rule_is_named_with_who_muted_it() -> None:
    muted = IDIOM | {
        "why": "muted by Ms. Rivera until 2026-12-01: the play",
        "rule": "wish",
        "label": "Wish to be dead",
    }
    found = read(RECORD | {"reasons": [], "not_counted": [muted]})
    assert found is not None
    assert (
        found.unheeded[0].text == "Wish to be dead; muted by Ms. Rivera until 2026-12-01: the play; rule wish of en@2"
    )


async def test_the_case_page_shows_the_record_beside_the_words_and_nothing_in_it_is_alive(
    console: Console, okafor: Staff
) -> None:
    page = await case_page(console, okafor, RECORD)
    assert "Why this was noticed" in page
    assert "<q>kms</q>" in page
    assert "lowered from crisis to concern: it reads like a joke" in page
    assert "<b>kms" not in page


async def test_a_second_look_is_shown_with_its_score_and_its_words_and_they_are_inert(
    console: Console, okafor: Staff
) -> None:
    top = [{"start": 23, "end": 33, "score": 189}, {"start": 0, "end": 5, "score": -20}]
    look = {"version": 1, "score": 215, "threshold": 94, "words": top}
    page = await case_page(console, okafor, RECORD | {"second_look": look})
    assert "A second look scored the wording 2.15; from 0.94 on it is a concern (version 1)." in page
    assert "<q>&lt;b&gt;kms&lt;/b&gt;</q> adds 1.89" in page
    assert "<q>dying</q> adds -0.20" in page
    assert "<b>kms" not in page


@pytest.mark.parametrize("path", ["/staff/health", "/staff/words"])
async def test_health_and_the_rules_to_sign_say_what_is_muted(database: Database, okafor: Staff, path: str) -> None:
    asked: list[date] = []

    def notes(today: date) -> list[str]:
        asked.append(today)
        return ["Rule en/wish is muted until 2026-12-01 by Ms. Rivera: a play."]

    muted = little_school.console(database, notes=notes)
    async with muted.browser(okafor) as browser:
        page = (await browser.get(path)).text
    assert "Rule en/wish is muted until 2026-12-01 by Ms. Rivera: a play." in page
    assert asked == [NOW.date()]
