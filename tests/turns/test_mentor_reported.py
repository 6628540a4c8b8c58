"""A mentee says that their mentor does something that is not right: adults know at once, and the mentor never."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain import ActionKind
from bot.program import Program, create, load_program
from storage import tables
from tests.school import LEO, MAYA, RIVERA, House, on_sqlite


@pytest.fixture
def shipped_program(tmp_path: Path) -> Program:
    create(tmp_path / "lincoln")
    return load_program(tmp_path / "lincoln")


def ahead(house: House) -> list[int]:
    """Whose reminders and reflections of meetings are planned."""
    return sorted({row.person_id for row in house.rows(tables.occurrence, status="planned") if row.match_id})


async def test_adults_are_told_and_reminders_to_meet_rest_for_both(house: House) -> None:
    await house.pass_time(minutes=1)
    assert ahead(house) == [MAYA, LEO]
    await house.says(MAYA, "/report")
    case = house.case()
    assert (case.tier, case.category, case.status) == ("urgent", "reported-mentor", "open")
    assert house.newest(RIVERA).text.startswith("URGENT: M.T.")
    assert [outbound.kind for outbound in house.platform.journal if outbound.address.chat == str(MAYA)] == [
        "card",
        "reply",
    ]
    assert ahead(house) == []
    for label in ("I have it", "Close", "Spoke with the student"):  # else adults are told again for all these days
        await house.taps(RIVERA, label)
    await house.pass_time(days=9)
    assert house.phone(LEO) == []
    assert house.rows(tables.message, person_id=LEO) == []
    assert "How is your week, Maya?" in house.phone(MAYA)  # check-ins go on


async def test_the_mentor_stands_on_no_rung_and_is_told_nothing_whatever_happens(house: House) -> None:
    await house.says(MAYA, "/reportar")
    told = {person for rung in house.case().ladder["rungs"] for person in rung["people"]}
    assert LEO not in told
    await house.pass_time(hours=8)
    assert house.phone(LEO) == []


@on_sqlite
async def test_an_adult_lets_the_reminders_go_on(house: House) -> None:
    await house.pass_time(minutes=1)
    await house.says(MAYA, "/report")
    await house.taps(RIVERA, "I have it")
    await house.taps(RIVERA, "Close")
    await house.taps(RIVERA, "Spoke with the student")
    assert house.newest(RIVERA).text == house.text("resume_ask", initials="M.T.")
    await house.taps(RIVERA, house.text("label_resume_checkins"))
    await house.pass_time(minutes=11)
    assert ahead(house) == [MAYA, LEO]


@on_sqlite
async def test_staff_let_them_go_on_from_their_pages(house: House) -> None:
    await house.says(MAYA, "/report")
    await house.staff(ActionKind.RESUME, MAYA)
    await house.pass_time(minutes=11)
    assert ahead(house) == [MAYA, LEO]


@on_sqlite
async def test_a_mentor_who_reports_is_asked_of_whom(house: House) -> None:
    await house.pass_time(minutes=1)
    await house.says(LEO, "/report")
    assert house.newest(LEO).text == house.text("tell_ask")
    assert ahead(house) == [MAYA, LEO]


@on_sqlite
async def test_the_check_in_that_ships_offers_it(house: House, shipped_program: Program) -> None:
    house = house.restarted(shipped_program)
    await house.begins(MAYA, "mentee-weekly")
    for label in ("OK", "Skip", "Yes, most days", "Yes"):
        await house.says(MAYA, label)
    await house.taps(MAYA, "My mentor did something not OK")
    assert (house.case().tier, house.case().category) == ("urgent", "reported-mentor")
    assert ahead(house) == []
    assert all("Maya" not in text for text in house.phone(LEO))
