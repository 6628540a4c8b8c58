"""F76: a drill says so in every message and on every page, never meets a real case, and tells how long it took."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.checks import Kind, troubles
from bot.console import wording
from bot.console.cases import card
from bot.domain import EMAIL, SMS, ActionKind, Address, Person, Role
from bot.drill import begin, report
from bot.errors import Refused, Unreachable
from bot.school import leave
from storage import drills, people, review, tables
from storage.health import health
from tests.school import MAYA, OKAFOR, RIVERA, House, on_sqlite
from tests.turns.test_ladder import alerts

WAYS = {EMAIL: "rivera@lincoln.example", SMS: "+15550101"}


async def drill(house: House) -> None:
    await house.staff(ActionKind.DRILL, 0)


def real(house: House) -> list[str]:
    """How the cases stand that are no drills."""
    return [row.status for row in house.rows(tables.escalation) if not row.drill]


async def test_f76_all_adults_are_told_at_once_and_answer_one_by_one(house: House) -> None:
    await drill(house)
    assert (alerts(house, RIVERA), alerts(house, OKAFOR)) == (1, 1)
    await house.pass_time(minutes=2)
    await house.taps(RIVERA, "Drill")
    assert house.newest(RIVERA).text.startswith("DRILL: thank you")
    assert house.case().status == "open"
    await house.pass_time(minutes=1)
    await house.says(OKAFOR, f"ACK {house.code(OKAFOR)}")
    case = house.case()
    assert (case.status, case.outcome) == ("closed", "drill")
    told = house.newest(OKAFOR).text
    report_text = next(text for text in house.phone(OKAFOR) if "it is over" in text)
    assert "Ms. Rivera: told 0 min 0 s, answered 2 min 0 s" in report_text
    assert "Mr. Okafor: told 0 min 0 s, answered 3 min 0 s" in report_text
    assert told.startswith("DRILL")
    with house.database.read() as connection:
        last = drills.last(connection)
        assert last is not None
        found = drills.results(connection, last.id)
    assert [(one.name, one.answered_at is not None) for one in found] == [("Mr. Okafor", True), ("Ms. Rivera", True)]


async def test_f76_every_message_of_a_drill_says_so_on_every_channel(house: House) -> None:
    for position, (platform, chat) in enumerate(WAYS.items(), 1):
        way = Address(platform, "test", chat)
        house.write(lambda c, way=way, position=position: people.add_address(c, RIVERA, way, 900 + position, position))
    await drill(house)
    await house.says(RIVERA, f"ACK {house.code(RIVERA)}")
    await house.pass_time(hours=1)
    sent = [row for row in house.rows(tables.message) if row.direction == "out"]
    assert {row.platform for row in sent} == {"web", EMAIL, SMS}
    assert all(row.text.startswith("DRILL") for row in sent)
    assert not house.phone(MAYA)


async def test_f76_a_drill_suppresses_no_real_case_and_a_real_one_is_never_closed_as_a_drill(house: House) -> None:
    await drill(house)
    await house.says(MAYA, "I want to die")
    assert alerts(house, RIVERA) == 2
    assert house.newest(RIVERA).text.startswith("CRISIS")
    await house.taps(RIVERA, "I have it")
    assert real(house) == ["acknowledged"]
    (case,) = (row for row in house.rows(tables.escalation) if not row.drill)
    with pytest.raises(Refused, match="no drill but a real case"):
        await house.staff(ActionKind.CLOSE, case.id, outcome="drill")
    await drill_over(house)
    assert real(house) == ["acknowledged"]


async def drill_over(house: House) -> None:
    (case,) = (row for row in house.rows(tables.escalation) if row.drill)
    await house.staff(ActionKind.CLOSE, case.id, outcome="drill")
    assert [row.status for row in house.rows(tables.escalation) if row.drill] == ["closed"]


async def test_f76_after_an_hour_a_drill_is_over_and_says_who_never_answered(house: House) -> None:
    house.platform.plan(RIVERA, *[Unreachable("no_listener")] * 20)
    await drill(house)
    await house.pass_time(hours=2)
    assert house.case().status == "closed"
    text = next(text for text in house.phone(OKAFOR) if "it is over" in text)
    assert "Ms. Rivera: told never, answered never" in text
    assert alerts(house, OKAFOR) == 6
    with house.database.read() as connection:
        now = house.clock.now()
        assert not [one for one in troubles(health(connection, now, now), now, now) if one.kind is Kind.ALERT]


@on_sqlite
@pytest.mark.parametrize("bypass", ["chen", "maya"])
async def test_a_bypass_person_who_has_left_or_is_no_adult_gets_no_drill(house: House, bypass: str) -> None:
    chen = Person(71, "chen", "Ms. Chen", Role.ADVISOR, "en", "")
    house.write(lambda c: people.add(c, chen, house.clock.now(), 81))
    leave(house.database, house.clock, "chen")
    house = house.restarted(replace(house.program, bypass=bypass))
    await drill(house)
    assert house.phone(chen.id) == house.phone(MAYA) == []
    await house.taps(RIVERA, "Drill")
    await house.taps(OKAFOR, "Drill")
    assert house.case().status == "closed", "it waits for nobody who was not told"


@on_sqlite
async def test_f76_staff_pages_show_a_drill_as_one(house: House) -> None:
    await drill(house)
    with house.database.read() as connection:
        (case,) = review.waiting_cases(connection, None)
    drawn = card(case, wording.Moments(house.program.zone, house.clock.now()))
    assert (drawn.tier_word, drawn.person) == ("DRILL", "Drill, nobody is in danger")
    assert "nobody is in danger" in drawn.headline


@on_sqlite
async def test_one_drill_at_a_time_and_the_command_line_tells_how_it_went(house: House) -> None:
    assert "no drill yet" in report(house.database)
    begin(house.database, house.program, house.clock)
    await house.settle()
    with pytest.raises(Refused, match="under way"):
        begin(house.database, house.program, house.clock)
    assert "under way" in report(house.database)
    await house.taps(RIVERA, "Drill")
    assert "Ms. Rivera: told after 0 min 0 s, answered after 0 min 0 s" in report(house.database)
    assert "Mr. Okafor: told after 0 min 0 s, answered NOT ANSWERED" in report(house.database)


@on_sqlite
async def test_a_month_after_a_drill_the_safety_contact_is_reminded_of_the_next(house: House) -> None:
    await drill(house)
    await house.pass_time(hours=2)
    house.clock.set(house.clock.now() + timedelta(days=29))
    await house.settle()
    assert not any("last drill was" in text for text in house.phone(OKAFOR))
    await house.pass_time(days=2)
    assert sum("last drill was 30 days ago" in text for text in house.phone(OKAFOR)) == 1
