"""The limits of confidentiality: told first, and again in a new term or with new words; what was accepted is kept."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from bot.flows.readability import grade
from bot.program import Program, create, load_program
from storage import tables
from tests.school import LEO, MAYA, House, on_sqlite

ASKED = "Do you understand how this chat works?"


@pytest.fixture(scope="module")
def shipped_program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """Read once: whoever changes its files reads them anew."""
    folder = tmp_path_factory.mktemp("shipped") / "lincoln"
    create(folder)
    return load_program(folder)


def told(house: House, person: int = MAYA) -> int:
    return sum("Who can read this chat?" in text for text in house.phone(person))


async def accepts(house: House) -> None:
    await house.taps(MAYA, "Staff of the program")
    await house.taps(MAYA, "Call 911")
    assert ASKED in house.newest(MAYA).text
    await house.taps(MAYA, "Yes, I understand")


async def test_it_is_told_once_and_what_was_accepted_is_kept_with_its_words(
    house: House, shipped_program: Program
) -> None:
    house = house.restarted(shipped_program)
    await house.settle()
    assert (told(house), told(house, LEO)) == (1, 1)
    await accepts(house)
    (kept,) = house.rows(tables.answer, topic="acceptance")
    (words,) = house.rows(tables.definition, hash=kept.flow_hash)
    assert (kept.value, kept.person_id) == ("understood", MAYA)
    assert ASKED in words.body
    await house.pass_time(days=3)
    assert told(house) == 1


@on_sqlite
async def test_a_new_term_tells_everybody_again(house: House, shipped_program: Program) -> None:
    house = house.restarted(replace(shipped_program, terms=(date(2026, 8, 24), date(2026, 10, 9))))
    await house.settle()
    await accepts(house)
    await house.pass_time(days=3)
    assert told(house) == 1
    await house.pass_time(days=2)
    assert (told(house), told(house, LEO)) == (2, 2)
    assert any(text.startswith("Hi Maya. From time to time") for text in house.phone(MAYA))
    await house.pass_time(days=10)
    assert told(house) == 2


@on_sqlite
async def test_new_words_are_told_to_everybody(house: House, shipped_program: Program) -> None:
    house = house.restarted(shipped_program)
    await house.settle()
    await accepts(house)
    path = shipped_program.folder / "flows/first-contact.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("version: 2 ", "version: 3 "), encoding="utf-8")
    house = house.restarted(load_program(shipped_program.folder))
    await house.pass_time(days=1)
    assert told(house) == 2


@on_sqlite
async def test_no_screen_is_longer_than_120_words_or_hard_to_read(house: House, shipped_program: Program) -> None:
    """With every wrong answer, which is the longest way."""
    house = house.restarted(shipped_program)
    await house.settle()
    for label in ("Nobody", "Write here and wait", "I have a question"):
        await house.taps(MAYA, label)
    screens = house.phone(MAYA)
    assert len(screens) == 4
    assert max(len(screen.split()) for screen in screens) <= 120
    grades = [grade(screen, "en") for screen in screens]
    assert max(level for level in grades if level is not None) <= 6
    assert [row.reason for row in house.rows(tables.review_item, kind="notice")] == [
        "Has a question about who can read the chat and when adults are told"
    ]
