"""Who falls silent is a quiet line for the advisor: once, on a school day, and never for a single missed check-in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain import SchoolHours, Tier
from bot.planning.hours import in_session, school_days
from storage import tables
from tests.school import LEO, MAYA, House, on_sqlite

HOURS = SchoolHours("America/New_York")


def notices(house: House) -> list[tuple[int, str]]:
    return [(row.person_id, row.reason) for row in house.rows(tables.review_item, kind="notice")]


async def days(house: House, number: int) -> None:
    """Day after day, each with the school's opening hours."""
    for _ in range(number):
        await house.pass_time(days=1)


async def test_three_check_ins_without_an_answer_are_told_once(house: House) -> None:
    await days(house, 15)  # Tuesday, Tuesday, and the third Tuesday's is still open
    assert notices(house) == []
    await days(house, 2)
    assert notices(house) == [(MAYA, "Has not answered the last 3 check-ins")]
    assert house.rows(tables.escalation) == []
    await days(house, 14)
    assert len(notices(house)) == 1


@on_sqlite
async def test_a_check_in_of_a_week_without_school_is_not_counted(house: House) -> None:
    week_off = tuple(date(2026, 10, day) for day in range(12, 17))
    house = house.restarted(replace(house.program, hours=replace(house.program.hours, closed=week_off)))
    await days(house, 18)
    assert notices(house) == []
    await days(house, 7)
    assert notices(house) == [(MAYA, "Has not answered the last 3 check-ins")]


@on_sqlite
async def test_one_word_begins_anew(house: House) -> None:
    await days(house, 9)
    await house.says(MAYA, "all fine")
    await days(house, 14)
    assert notices(house) == []
    await days(house, 7)
    assert notices(house) == [(MAYA, "No word for 14 school days")]  # whichever of the two comes first


@on_sqlite
async def test_fourteen_school_days_without_a_word_are_told_even_where_few_check_ins_are_due(house: House) -> None:
    tuning = house.program.tuning
    rare = tuning.model_copy(update={"missed_check_ins": tuning.missed_check_ins.model_copy(update={"times": 9})})
    house = house.restarted(replace(house.program, tuning=rare))
    await house.says(MAYA, "hello")
    await days(house, 20)
    assert notices(house) == []
    await days(house, 2)
    assert notices(house) == [(MAYA, "No word for 14 school days")]


@on_sqlite
async def test_who_is_asked_nothing_is_not_silent(house: House) -> None:
    """The tiny program asks mentors nothing regularly."""
    await days(house, 40)
    assert LEO not in [person for person, _ in notices(house)]


@on_sqlite
async def test_who_pauses_or_stopped_is_let_be(house: House) -> None:
    await house.says(MAYA, "/stop")
    await days(house, 40)
    assert [row.kind for row in house.rows(tables.review_item)] == ["stopped"]


@on_sqlite
async def test_a_school_may_make_it_a_concern_that_somebody_must_take(house: House) -> None:
    tuning = house.program.tuning
    raised = tuning.model_copy(
        update={"missed_check_ins": tuning.missed_check_ins.model_copy(update={"tier": Tier.CONCERN})}
    )
    house = house.restarted(replace(house.program, tuning=raised))
    await days(house, 17)
    assert (house.case().tier, house.case().category) == ("concern", "silence")
    assert "Has not answered the last 3 check-ins" in house.case().reason


def test_school_days_leave_out_week_ends_and_holidays() -> None:
    zone = ZoneInfo("America/New_York")
    monday = datetime(2026, 11, 16, 12, tzinfo=zone)
    assert school_days(HOURS, monday, monday) == 0
    assert school_days(HOURS, monday, monday + timedelta(days=1)) == 0
    assert school_days(HOURS, monday, monday + timedelta(days=7)) == 4
    assert school_days(HOURS, monday, monday + timedelta(days=8)) == 5
    thanksgiving = tuple((monday + timedelta(days=7 + ahead)).date() for ahead in range(5))
    closed = replace(HOURS, closed=thanksgiving)
    assert school_days(closed, monday, monday + timedelta(days=15)) == 5
    assert in_session(HOURS, monday + timedelta(days=7))
    assert not in_session(closed, monday + timedelta(days=7))
