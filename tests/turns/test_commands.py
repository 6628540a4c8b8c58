"""What students may ask for by a command, and what it does to what is already on its way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain import ActionKind
from bot.errors import Refused, TryLater
from storage import tables
from tests.school import CANARY, LEO, MAYA, OKAFOR, RIVERA, House, on_sqlite

TUESDAY = datetime(2026, 10, 6, 19, 30, tzinfo=UTC)
"""When the weekly check-in is due: 15:30 in New York."""
CHECK_IN = "How is your week, Maya?"


def person(house: House, id_: int = MAYA) -> tuple[str, datetime | None]:
    (row,) = house.rows(tables.person, id=id_)
    return row.status, row.paused_until


async def test_f36_stop_cancels_what_is_still_to_be_sent_in_the_same_turn(house: House) -> None:
    house.platform.plan(MAYA, TryLater("busy", 3600))
    await house.jump_to(TUESDAY)
    (check_in,) = house.rows(tables.message, person_id=MAYA)
    assert check_in.status == "pending"
    await house.says(MAYA, "/stop")
    (check_in,) = house.rows(tables.message, id=check_in.id)
    assert check_in.status == "cancelled"
    assert person(house) == ("stopped", None)
    assert house.phone(MAYA) == [house.text("stopped")]
    assert [row.kind for row in house.rows(tables.review_item)] == ["stopped"]


@on_sqlite
async def test_after_stop_nothing_is_asked_any_more_and_words_are_still_read(house: House) -> None:
    await house.pass_time(hours=1)
    await house.says(MAYA, "stop")
    told = len(house.phone(MAYA))
    await house.pass_time(days=9)
    assert len(house.phone(MAYA)) == told
    await house.says(MAYA, "I want to die")
    assert house.case().tier == "crisis"
    assert house.newest(MAYA).kind == "card"


async def test_stop_ends_the_open_question_and_the_line_behind_it(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.begins(MAYA, "mentee-reflection")
    await house.says(MAYA, "/alto")
    assert {row.status for row in house.rows(tables.conversation)} == {"stopped"}
    await house.says(MAYA, "/resume")
    await house.begins(MAYA, "mentee-weekly")
    for label in ("Great", "Skip", "No, thanks"):
        await house.taps(MAYA, label)
    assert house.newest(MAYA).text == "Thank you, Maya."


async def test_a_question_that_could_not_be_sent_is_not_sent_after_stop(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    house.platform.plan(MAYA, TryLater("busy", 60))
    await house.taps(MAYA, "Great")
    await house.says(MAYA, "/stop")
    await house.pass_time(minutes=5)
    assert house.phone(MAYA) == [CHECK_IN, house.text("stopped")]
    assert [row.status for row in house.rows(tables.message, step="words")] == ["cancelled"]


@on_sqlite
async def test_the_other_student_of_a_match_goes_on(house: House) -> None:
    await house.says(LEO, "/stop")
    await house.jump_to(TUESDAY)
    assert house.phone(MAYA) == [CHECK_IN]


async def test_a_pause_ends_by_itself(house: House) -> None:
    await house.says(MAYA, "/pause 1w")
    status, until = person(house)
    assert (status, until) == ("paused", house.clock.now() + timedelta(weeks=1))
    await house.jump_to(TUESDAY)
    assert house.phone(MAYA) == [house.text("paused", date="October 12")]
    await house.pass_time(days=7)
    assert person(house) == ("active", None)
    assert house.newest(MAYA).text == CHECK_IN


async def test_resume_ends_a_pause_sooner(house: House) -> None:
    await house.says(MAYA, "/pause")
    await house.says(MAYA, "/resume")
    assert person(house) == ("active", None)
    await house.jump(minutes=11)
    await house.jump_to(TUESDAY)
    assert house.newest(MAYA).text == CHECK_IN


@on_sqlite
async def test_a_pause_is_never_longer_than_half_a_year(house: House) -> None:
    await house.says(MAYA, "/pause 500w")
    _status, until = person(house)
    assert until == house.clock.now() + timedelta(days=180)


async def test_a_language_switched_in_the_middle_asks_the_open_question_again(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.says(MAYA, "/language es")
    assert house.phone(MAYA)[1:] == [house.text("language_set", "es"), "¿Cómo va tu semana, Maya?"]
    await house.taps(MAYA, "Muy bien")
    assert house.newest(MAYA).text == "¿Cómo fue?"
    assert [row.value for row in house.rows(tables.answer)] == [3]
    await house.says(MAYA, "/adulto")
    assert house.newest(MAYA).kind == "card"
    assert "En la escuela: ve a la oficina de consejería" in house.newest(MAYA).text


@on_sqlite
async def test_a_language_that_there_is_not_is_asked_for_with_buttons(house: House) -> None:
    await house.says(MAYA, "/language klingon")
    assert house.labels(MAYA) == ["English", "Español", "I want an adult"]
    await house.taps(MAYA, "Español")
    assert house.newest(MAYA).text == house.text("language_set", "es")


@pytest.mark.parametrize("words", ["/adult", "I need an adult", "necesito un adulto", f"/adult {CANARY}"])
@on_sqlite
async def test_who_asks_for_an_adult_gets_one_at_once(house: House, words: str) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.says(MAYA, words)
    assert (house.case().tier, house.case().category, house.case().status) == ("urgent", "adult-requested", "open")
    assert house.newest(MAYA).kind == "card"
    assert house.newest(RIVERA).text.startswith("URGENT: M.T.")
    assert [row.status for row in house.rows(tables.conversation)] == ["waiting"]
    await house.taps(MAYA, "Great")
    assert house.newest(MAYA).text == "What was it like?"


@pytest.mark.parametrize(
    "command", ["/help", "/privacy", "/checkin", "/pause because", "/stop", "/resume", "/language es"]
)
@on_sqlite
async def test_what_is_written_behind_a_command_is_read_too(house: House, command: str) -> None:
    await house.says(MAYA, f"{command} I want to die")
    assert house.case().tier == "crisis"
    assert [outbound.kind for outbound in house.platform.journal if outbound.address.chat == str(MAYA)] == ["card"]


@on_sqlite
async def test_a_check_in_whenever_somebody_wants_one(house: House) -> None:
    await house.says(MAYA, "/checkin")
    assert house.phone(MAYA) == [CHECK_IN]
    await house.says(MAYA, "/checkin")
    assert house.phone(MAYA) == [CHECK_IN, CHECK_IN]
    await house.taps(MAYA, "Great")
    assert [row.value for row in house.rows(tables.answer)] == [3]
    await house.says(LEO, "/checkin")
    assert house.phone(LEO) == [house.text("checkin_none")]


@on_sqlite
async def test_help_offers_a_check_in_and_an_adult(house: House) -> None:
    await house.says(MAYA, "/help")
    assert house.labels(MAYA) == ["Check in", "I want an adult", "Who can read this?"]
    await house.taps(MAYA, "I want an adult")
    assert house.case().category == "adult-requested"


async def test_staff_cannot_start_again_what_a_student_has_stopped(house: House) -> None:
    await house.says(MAYA, "/stop")
    with pytest.raises(Refused, match="only they"):
        await house.staff(ActionKind.RESUME, MAYA)
    assert person(house) == ("stopped", None)


async def test_who_stopped_stays_stopped_through_a_crisis(house: House) -> None:
    await house.says(MAYA, "/stop")
    await house.says(MAYA, "I want to die")
    assert person(house) == ("stopped", None)
    await house.says(RIVERA, f"ACK {house.code(RIVERA)}")
    await house.staff(ActionKind.CLOSE, house.case().id, outcome="spoke-with-student")
    assert person(house) == ("stopped", None)
    assert house.phone(OKAFOR) == []


@on_sqlite
async def test_stop_and_resume_do_not_end_the_pause_after_a_crisis(house: House) -> None:
    await house.says(MAYA, "I want to die")
    assert person(house) == ("paused", None)
    for command in ("/resume", "/stop", "/resume"):
        await house.says(MAYA, command)
    assert person(house) == ("paused", None)
