"""The loop back to the student: did someone talk with you? "Not yet" opens the case again, one tier higher."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain import ActionKind
from storage import review, tables
from tests.school import CANARY, LEO, MAYA, OKAFOR, RIVERA, House, on_sqlite

SAD = f"nobody likes me {CANARY}"


async def concern_closed(house: House, outcome: str = "spoke-with-student", words: str = SAD) -> None:
    await house.says(MAYA, words)
    await house.taps(RIVERA, "I have it")
    await house.staff(ActionKind.CLOSE, house.case().id, outcome=outcome, note="Read it with Maya.")


def asked(house: House) -> int:
    return house.phone(MAYA).count(house.text("talked_ask", name="Maya"))


async def test_a_day_after_the_case_was_closed_the_student_is_asked(house: House) -> None:
    await concern_closed(house)
    await house.pass_time(hours=23, minutes=59)
    assert asked(house) == 0
    await house.pass_time(minutes=1)
    assert asked(house) == 1
    assert house.labels(MAYA) == ["Yes, someone talked with me", "No, not yet", "I'd rather not say", "I want an adult"]
    await house.pass_time(days=3)
    assert asked(house) == 1


async def test_not_yet_opens_the_case_again_one_tier_higher_and_the_adults_are_told(house: House) -> None:
    await concern_closed(house)
    await house.pass_time(days=1)
    before = len(house.phone(RIVERA))
    await house.taps(MAYA, "No, not yet")
    case = house.case()
    assert (case.tier, case.status, case.follow_up) == ("urgent", "open", "no")
    assert case.reason == "Says that nobody has talked with them; Left out"
    assert case.next_action_at is not None
    assert house.phone(RIVERA)[before:][0].startswith("Open again. URGENT: M.T.")
    assert house.newest(MAYA).text == house.text("talked_no")
    await house.pass_time(minutes=16)
    assert any(text.startswith("Still open") for text in house.phone(OKAFOR))
    assert house.phone(LEO) == []


@pytest.mark.parametrize(
    ("typed", "given"),
    [
        ("no", "no"),
        ("No, not yet", "no"),
        ("nobody talked to me", "no"),
        ("Todavía no", "no"),
        ("yes", "yes"),
        ("Sí, alguien habló conmigo", "yes"),
        ("I'd rather not say", "private"),
    ],
)
@on_sqlite
async def test_the_answer_may_be_typed(house: House, typed: str, given: str) -> None:
    await concern_closed(house)
    await house.pass_time(days=1)
    await house.says(MAYA, typed)
    assert house.case().follow_up == given
    assert house.case().status == ("open" if given == "no" else "closed")
    assert house.newest(MAYA).text == house.text(f"talked_{given}")


@on_sqlite
async def test_another_text_after_the_question_is_read_by_staff_as_ever(house: House) -> None:
    await concern_closed(house)
    await house.pass_time(days=1)
    await house.says(MAYA, "Ms. Rivera came to my class")
    assert (house.case().follow_up, house.case().status) == ("asked", "closed")
    assert house.rows(tables.review_item)[-1].kind == "unsolicited"
    await house.says(MAYA, "they hit me")
    assert [row.category for row in house.rows(tables.escalation)] == ["isolation", "bullying"]


@on_sqlite
async def test_who_said_yes_by_mistake_can_still_say_no(house: House) -> None:
    await concern_closed(house)
    await house.pass_time(days=1)
    await house.taps(MAYA, "Yes, someone")
    assert house.case().status == "closed"
    await house.taps(MAYA, "No, not yet")
    assert (house.case().status, house.case().tier) == ("open", "urgent")
    await house.taps(MAYA, "No, not yet")
    assert house.case().round == 1  # told again once, not at each press


@on_sqlite
async def test_after_no_concern_nobody_is_asked(house: House) -> None:
    await concern_closed(house, "not-a-concern")
    await house.pass_time(days=4)
    assert asked(house) == 0


@on_sqlite
async def test_nobody_is_asked_at_night(house: House) -> None:
    house.clock.set(datetime(2026, 10, 9, 2, 30, tzinfo=UTC))  # Thursday 22:30 in New York
    await concern_closed(house, words="they hit me")
    await house.pass_time(hours=33, minutes=29)
    assert asked(house) == 0
    await house.pass_time(minutes=1)  # Saturday 08:00
    assert asked(house) == 1


@on_sqlite
async def test_while_another_question_waits_this_one_waits_too_but_not_for_ever(house: House) -> None:
    await concern_closed(house)
    house.clock.set(house.clock.now() + timedelta(hours=23))
    await house.begins(MAYA, "mentee-weekly")
    await house.pass_time(hours=2)
    assert asked(house) == 0
    await house.pass_time(hours=23)
    assert asked(house) == 1


@on_sqlite
async def test_two_cases_of_one_student_are_one_question_about_the_more_urgent(house: House) -> None:
    await house.says(MAYA, SAD)
    await house.says(MAYA, "they hit me")
    for case in house.rows(tables.escalation):
        await house.staff(ActionKind.CLOSE, case.id, outcome="spoke-with-student")
    await house.pass_time(days=2)
    assert asked(house) == 1
    await house.taps(MAYA, "No, not yet")
    assert [(row.category, row.tier, row.status) for row in house.rows(tables.escalation)] == [
        ("isolation", "concern", "closed"),
        ("bullying", "crisis", "open"),
    ]


async def test_a_case_that_was_opened_again_asks_nothing_until_it_is_closed_once_more(house: House) -> None:
    await concern_closed(house)
    await house.staff(ActionKind.REOPEN, house.case().id)
    await house.pass_time(days=2)
    assert asked(house) == 0
    await house.staff(ActionKind.CLOSE, house.case().id, outcome="handed-to-counselor")
    await house.pass_time(days=2)
    assert asked(house) == 1


@on_sqlite
async def test_yes_and_no_to_something_else_stay_what_they_are(house: House) -> None:
    await house.says(MAYA, "No, not yet")
    assert house.newest(MAYA).text == house.text("unsolicited")
    assert [row.kind for row in house.rows(tables.review_item)] == ["unsolicited"]


@on_sqlite
async def test_a_student_who_wants_no_messages_is_not_asked_and_staff_see_it(house: House) -> None:
    await concern_closed(house)
    await house.says(MAYA, "/stop")
    await house.pass_time(days=2)
    assert asked(house) == 0
    assert [row.kind for row in house.rows(tables.review_item)] == ["unsolicited", "stopped", "stopped"]


@on_sqlite
async def test_a_no_is_about_the_case_that_was_asked_about_last_whatever_became_of_earlier_ones(house: House) -> None:
    await concern_closed(house)
    await house.pass_time(days=1)
    await house.taps(MAYA, "No, not yet")
    await house.taps(RIVERA, "I have it")
    await house.says(MAYA, "they hit me")
    await house.taps(RIVERA, "I have it")
    earlier, later = (row.id for row in house.rows(tables.escalation))
    await house.staff(ActionKind.CLOSE, later, outcome="spoke-with-student")
    await house.jump(days=2)
    assert asked(house) == 2
    rounds = house.rows(tables.escalation, id=earlier)[0].round
    for _ in range(2):
        await house.taps(MAYA, "No, not yet")
    first, second = house.rows(tables.escalation)
    assert first.round == rounds
    assert (second.status, second.tier, second.follow_up) == ("open", "crisis", "no")


@on_sqlite
async def test_a_no_counts_though_something_was_told_after_the_question(house: House) -> None:
    await concern_closed(house)
    await house.says(MAYA, "they hit me")
    first, second = house.rows(tables.escalation)
    await house.jump(days=1)
    assert asked(house) == 1
    await house.staff(ActionKind.TAKE, second.id, actor_person_id=RIVERA)
    assert "has seen" in house.newest(MAYA).text
    await house.says(MAYA, "no")
    assert [row.status for row in house.rows(tables.escalation, id=first.id)] == ["open"]


def unanswered(house: House) -> list[int]:
    return [row.person_id for row in house.rows(tables.review_item) if row.reason.startswith("Has not said whether")]


async def test_who_does_not_answer_it_is_a_line_for_staff_once(house: House) -> None:
    await concern_closed(house)
    for _ in range(2):
        await house.pass_time(days=1)
    assert (asked(house), unanswered(house)) == (1, [])
    for _ in range(6):
        await house.pass_time(days=1)
    assert unanswered(house) == [MAYA]
    await house.taps(MAYA, "No, not yet")
    assert house.case().status == "open", "it is not too late to say so"


@on_sqlite
@pytest.mark.parametrize("label", ["Yes, someone", "I'd rather not say", "No, not yet"])
async def test_who_answers_it_in_any_way_is_none(house: House, label: str) -> None:
    await concern_closed(house)
    await house.pass_time(days=1)
    await house.taps(MAYA, label)
    await house.jump(days=4)
    assert unanswered(house) == []


@on_sqlite
async def test_whom_the_case_was_about_does_not_read_that_its_student_said_nothing(house: House) -> None:
    def listed(adult: int) -> int:
        with house.database.read() as connection:
            items, _ = review.items(connection, None, adult)
        return sum(item.reason.startswith("Has not said whether") for item in items)

    await concern_closed(house)
    left_out = tables.escalation.update().values(left_out=f",{RIVERA},")
    house.write(lambda connection: connection.execute(left_out))
    for _ in range(5):
        await house.pass_time(days=1)
    assert (listed(RIVERA), listed(OKAFOR)) == (0, 1)
