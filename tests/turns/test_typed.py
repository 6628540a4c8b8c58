"""What an adult types is meant for what they were asked last, whatever they were only told since."""

from __future__ import annotations

from storage import tables
from tests.school import LEO, MAYA, OKAFOR, RIVERA, House, on_sqlite

ALL_TAKEN = ["acknowledged", "acknowledged"]


def states(house: House) -> list[str]:
    return [row.status for row in house.rows(tables.escalation)]


def codes(house: House, person: int) -> list[str]:
    """Somebody's codes, the older case's first."""
    rows = house.rows(tables.acknowledgement_code, person_id=person)
    return [row.code for row in sorted(rows, key=lambda row: int(row.escalation_id))]


async def two_cases(house: House, words: str = "I want to die", minutes: int = 5) -> str:
    """Two students' cases of which both adults were told; Mr. Okafor has the second, whose code of his is given."""
    for student in (MAYA, LEO):
        await house.says(student, words)
    await house.pass_time(minutes=minutes)
    _, second = codes(house, OKAFOR)
    await house.says(OKAFOR, f"ack {second}")
    return second


async def told_something_else(house: House) -> None:
    await house.says(RIVERA, f"ack {codes(house, RIVERA)[0]}")
    assert house.newest(OKAFOR).text.startswith("Ms. Rivera has taken case")


async def test_a_label_answers_the_question(house: House) -> None:
    second = await two_cases(house)
    await house.says(OKAFOR, f"close {second}")
    await told_something_else(house)
    await house.says(OKAFOR, house.text("outcome_spoke-with-student"))
    assert states(house) == ["acknowledged", "closed"]


async def test_a_line_is_the_note_that_was_asked_for(house: House) -> None:
    second = await two_cases(house)
    await house.says(OKAFOR, f"close {second}")
    await house.says(OKAFOR, house.text("outcome_not-a-concern"))
    await told_something_else(house)
    await house.says(OKAFOR, "A song in the play")
    assert [(row.status, row.note) for row in house.rows(tables.escalation)][1] == ("closed", "A song in the play")


async def test_a_line_hours_later_is_no_note_when_something_else_was_told(house: House) -> None:
    """A plain "thanks" would close a case that somebody still has to see to."""
    second = await two_cases(house, "they hit me", minutes=15)
    await house.says(OKAFOR, f"close {second}")
    await house.says(OKAFOR, house.text("outcome_not-a-concern"))
    await told_something_else(house)
    await house.pass_time(minutes=31)
    assert house.newest(OKAFOR).text.startswith("Ms. Rivera has taken case")
    await house.says(OKAFOR, "Thanks, I will look at it tomorrow")
    assert states(house) == ALL_TAKEN


@on_sqlite
async def test_what_cannot_be_is_said_in_the_adults_language(house: House) -> None:
    await two_cases(house)
    await house.says(RIVERA, "/language es")
    await house.says(RIVERA, f"ack {codes(house, RIVERA)[1]}")
    assert house.newest(RIVERA).text == "Mr. Okafor ya tiene este caso."
    refused = house.rows(tables.audit, action="refused")
    assert [row.detail for row in refused] == ["Mr. Okafor already has this case."]


@on_sqlite
async def test_a_number_answers_the_very_last_message_or_nothing(house: House) -> None:
    second = await two_cases(house)
    await house.says(OKAFOR, f"close {second}")
    await told_something_else(house)
    await house.says(OKAFOR, "1")
    assert states(house) == ALL_TAKEN
    assert house.newest(OKAFOR).text.startswith("Which case do you mean?")
    await house.says(OKAFOR, f"close {second}")
    await house.says(OKAFOR, "1")
    assert states(house) == ["acknowledged", "closed"]
