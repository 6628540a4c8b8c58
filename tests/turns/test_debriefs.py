"""A day after a case that a mentor told of, the adult who had it is asked whether they talked with the mentor."""

from __future__ import annotations

from bot.domain import ActionKind, Address
from bot.school import leave
from storage import chats, tables
from tests.school import LEO, MAYA, RIVERA, House, on_sqlite


async def told_and_closed(house: House) -> int:
    """Leo told of somebody in danger, Ms. Rivera had it and closed it; gives the case's id."""
    await house.says(LEO, "/tell")
    await house.taps(LEO, "Someone is in danger")
    await house.taps(RIVERA, "I have it")
    case: int = house.case().id
    await house.pass_time(minutes=1)
    await house.staff(ActionKind.CLOSE, case, outcome="spoke-with-student", actor_person_id=RIVERA)
    return case


def asked(house: House) -> list[str]:
    return [text for text in house.phone(RIVERA) if "Have you talked with" in text]


def record(house: House) -> list[str]:
    return [row.action for row in house.rows(tables.audit) if row.action.startswith("said that they")]


async def test_a_day_later_the_adult_is_asked_once_and_the_answer_is_on_record(house: House) -> None:
    case = await told_and_closed(house)
    await house.pass_time(hours=23)
    assert asked(house) == []
    await house.pass_time(days=3)
    (text,) = asked(house)
    assert "L.K., the mentor who told of it" in text
    await house.taps(RIVERA, "Not with the mentor yet")
    assert house.newest(RIVERA).text == house.text("debrief_no")
    assert record(house) == ["said that they did not talk with the mentor yet"]
    assert house.rows(tables.escalation, id=case)[0].status == "closed"


@on_sqlite
async def test_the_answer_may_be_typed_and_the_mentor_is_asked_about_what_they_told(house: House) -> None:
    await told_and_closed(house)
    await house.pass_time(days=1, hours=1)
    assert house.text("talked_ask_mentor", name="Leo") in house.phone(LEO)
    await house.says(RIVERA, "yes, we talked")
    assert record(house) == ["said that they talked with the mentor"]


@on_sqlite
async def test_the_adult_is_asked_though_the_mentor_wants_no_messages(house: House) -> None:
    await told_and_closed(house)
    await house.says(LEO, "/stop")
    await house.pass_time(days=2)
    assert len(asked(house)) == 1


@on_sqlite
async def test_whoever_opens_their_chat_later_finds_the_buttons_of_the_question_and_none_of_the_closed_case(
    house: House,
) -> None:
    await told_and_closed(house)
    await house.pass_time(days=2)
    with house.database.read() as connection:
        lines = chats.history(connection, Address("web", "web", str(RIVERA)), 50)
    left = [choice.value for line in lines for choice in line.choices]
    assert left == ["debrief:yes", "debrief:no"]


@on_sqlite
async def test_of_a_case_that_no_mentor_told_of_no_adult_is_asked(house: House) -> None:
    await house.says(MAYA, "I want to die")
    await house.taps(RIVERA, "I have it")
    await house.staff(ActionKind.CLOSE, house.case().id, outcome="spoke-with-student")
    await house.pass_time(days=2)
    assert asked(house) == []


@on_sqlite
async def test_who_has_left_is_not_asked(house: House) -> None:
    await told_and_closed(house)
    leave(house.database, house.clock, "rivera")
    await house.pass_time(days=2)
    assert asked(house) == []
