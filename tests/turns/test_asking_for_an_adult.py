"""A student asks for an adult: the case is open with the first word; for when is asked after it, never before."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain import ActionKind
from storage import tables
from tests.school import LEO, MAYA, RIVERA, House, on_sqlite

WHEN = ["An adult now", "An adult today", "An adult this week", "No adult needed"]


async def test_the_case_is_open_and_the_adult_told_before_anybody_asks_for_when(house: House) -> None:
    await house.says(MAYA, "/adult")
    assert (house.case().tier, house.case().category, house.case().status) == ("urgent", "adult-requested", "open")
    assert house.newest(RIVERA).text.startswith("URGENT: M.T.")
    assert house.newest(MAYA).kind == "card"
    assert house.newest(MAYA).text.endswith("For when would you like one?")
    assert house.labels(MAYA) == WHEN


@pytest.mark.parametrize("label", WHEN)
async def test_what_they_say_then_is_added_and_lowers_nothing(house: House, label: str) -> None:
    await house.says(MAYA, "/adult")
    await house.taps(MAYA, label)
    assert (house.case().tier, house.case().status) == ("urgent", "open")
    added = {
        "An adult now": "Asked for an adult: right now",
        "An adult today": "Asked for an adult: today",
        "An adult this week": "Asked for an adult: this week",
        "No adult needed": "Says now that no adult is needed",
    }[label]
    assert house.case().reason == f"Asked for an adult; {added}"
    assert house.newest(MAYA).kind == "reply"
    assert sum(outbound.kind == "card" for outbound in house.platform.journal) == 1


@on_sqlite
async def test_a_press_that_arrives_as_a_text_counts_even_while_a_question_waits(house: House) -> None:
    """On Telegram a button is a text: it must not be taken for the answer to something else."""
    await house.begins(MAYA, "mentee-weekly")
    await house.says(MAYA, "I want an adult")
    await house.says(MAYA, "An adult this week")
    assert house.case().reason.endswith("this week")
    assert house.rows(tables.answer) == []
    await house.taps(MAYA, "Great")
    assert [row.step for row in house.rows(tables.answer)] == ["mood"]


@on_sqlite
async def test_who_has_the_case_reads_what_the_student_says_then(house: House) -> None:
    await house.says(MAYA, "/adult")
    await house.taps(RIVERA, "I have it")
    await house.pass_time(minutes=1)
    told = len(house.phone(RIVERA))
    await house.says(MAYA, "/adult today")
    assert len(house.phone(RIVERA)) == told + 1
    assert "Asked for an adult: today" in house.newest(RIVERA).text


@on_sqlite
async def test_asked_at_once_for_this_week_it_is_a_concern_and_shows_no_card(house: House) -> None:
    await house.says(MAYA, "/adult this week")
    assert (house.case().tier, house.case().reason) == ("concern", "Asked for an adult: this week")
    assert house.phone(MAYA) == [house.text("adult_week")]
    await house.says(MAYA, "/adulto ahora")
    assert house.case().tier == "urgent"


@on_sqlite
async def test_asked_at_once_for_today_it_is_urgent_and_shows_the_card(house: House) -> None:
    await house.says(MAYA, "/adult today")
    assert (house.case().tier, house.case().reason) == ("urgent", "Asked for an adult: today")
    assert "988" in "\n".join(house.phone(MAYA))
    assert len(house.phone(RIVERA)) == 1


@on_sqlite
async def test_no_adult_needed_means_nothing_where_nobody_asked(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.says(MAYA, "No adult needed")
    assert house.rows(tables.escalation) == []
    assert [row.text for row in house.rows(tables.answer)] == ["Great", "No adult needed"]


async def test_the_way_to_an_adult_is_a_button_under_every_question(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    assert house.labels(MAYA)[-1] == "I want an adult"
    await house.taps(MAYA, "Great")
    assert house.labels(MAYA) == ["Skip", "I want an adult"]
    await house.taps(MAYA, "I want an adult")
    assert house.case().category == "adult-requested"
    assert [row.status for row in house.rows(tables.conversation)] == ["waiting"]


@pytest.mark.parametrize(
    "written", ["/help", "/stop", "/language klingon", "/privacy", "/checkin", "hello there", "/adult"]
)
@on_sqlite
async def test_no_message_with_buttons_is_without_a_way_to_an_adult(house: House, written: str) -> None:
    await house.says(MAYA, written)
    await house.taps(
        MAYA, next(label for label in house.labels(MAYA) if label.casefold().startswith(("i want", "an ")))
    )
    assert house.case().category == "adult-requested"


@on_sqlite
async def test_the_button_is_there_in_a_fan_out_as_well(house: House) -> None:
    await house.pass_time(days=1, hours=4)
    assert house.newest(MAYA).text == "How is your week, Maya?"
    assert house.labels(MAYA)[-1] == "I want an adult"


@on_sqlite
async def test_the_request_climbs_like_any_urgent_case(house: House) -> None:
    await house.says(MAYA, "/adult")
    await house.taps(MAYA, "An adult this week")
    await house.pass_time(minutes=16)
    assert house.case().rung == 1
    assert house.case().next_action_at > house.clock.now()
    assert house.phone(LEO) == []


async def test_a_day_later_it_is_a_new_case(house: House) -> None:
    await house.says(MAYA, "/adult")
    await house.staff(ActionKind.CLOSE, house.case().id, outcome="spoke-with-student")
    house.clock.set(house.clock.now() + timedelta(hours=1))
    await house.says(MAYA, "/adult")
    assert [row.status for row in house.rows(tables.escalation)] == ["closed", "open"]
