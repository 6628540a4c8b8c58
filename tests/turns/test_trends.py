"""Rules over weeks as students live them: a mood that stays low, a skipped question, a match in trouble."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain import Match, Person, Role
from storage import people, tables
from tests.school import LEO, MAYA, NOON, RIVERA, WEEKLY, House, on_sqlite, tiny_program

MATCH = """
  - id: match
    number: {en: "How is your match going, from 1 to 10?", es: "¿Cómo va tu mentoría, de 1 a 10?"}
    topic: relationship
    sensitivity: none
    least: 1
    most: 10
"""


def notices(house: House) -> list[tuple[int, str]]:
    return [(row.person_id, row.reason) for row in house.rows(tables.review_item, kind="notice")]


async def week(house: House, mood: str, adult: str = "No, thanks") -> None:
    await house.begins(MAYA, "mentee-weekly")
    for label in (mood, "Skip", adult):
        await house.taps(MAYA, label)
    await house.pass_time(days=6)
    await house.pass_time(days=1)


async def test_a_mood_that_falls_two_steps_and_stays_there_reaches_an_adult(house: House) -> None:
    await week(house, "Great")
    await week(house, "Hard")
    assert house.rows(tables.escalation) == []
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Hard")
    case = house.case()
    assert (case.tier, case.category) == ("concern", "mood")
    assert "Mood 2 steps lower than usual, 2 check-ins in a row" in case.reason
    assert "Lowest mood twice within 14 days" in case.reason
    assert house.newest(RIVERA).text.startswith("Concern: M.T.")


@on_sqlite
async def test_the_question_about_an_adult_skipped_twice_is_a_line_for_staff(house: House) -> None:
    await week(house, "Great", "Skip")
    assert notices(house) == []
    await week(house, "Great", "Skip")
    assert notices(house) == [(MAYA, "Skipped the question about having an adult to talk with twice in a row")]


def asking_of_the_match(house: House, folder: Path) -> House:
    weekly = WEEKLY.replace("  - id: bye\n", MATCH.lstrip("\n") + "  - id: bye\n")
    return house.restarted(tiny_program(folder, weekly=weekly))


async def rate_it(house: House, first: int = LEO) -> None:
    for person, rating in sorted({LEO: "9", MAYA: "4"}.items(), key=lambda one: one[0] != first):
        await house.begins(person, "mentee-weekly")
        for label in ("Great", "Skip", "No, thanks"):
            await house.taps(person, label)
        await house.says(person, rating)


@on_sqlite
async def test_mentor_and_mentee_who_see_their_match_differently_are_a_line_for_staff(
    house: House, tmp_path: Path
) -> None:
    house = asking_of_the_match(house, tmp_path)
    await rate_it(house)
    assert notices(house) == [(MAYA, "Mentor and mentee rate their match 4 or more apart")]
    assert house.rows(tables.escalation) == []
    assert all("match" not in text or "1 to 10" in text for text in house.phone(LEO))


@on_sqlite
@pytest.mark.parametrize("first", [LEO, MAYA])
async def test_of_whoever_has_two_matches_nobody_can_tell_which_one_was_rated(
    house: House, tmp_path: Path, first: int
) -> None:
    house = asking_of_the_match(house, tmp_path)
    house.write(lambda c: people.add(c, Person(77, "ana", "Ana Diaz", Role.MENTEE, "en", ""), NOON, 5077))
    house.write(lambda c: people.put_match(c, Match(9077, (77,), (LEO,), RIVERA)))
    await rate_it(house, first)
    assert notices(house) == []
