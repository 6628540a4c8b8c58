"""What is no danger waits for school; what is danger waits for nothing; and a case keeps the plan it began with."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

import pytest

from bot.domain import Person, Role, Tier
from bot.errors import Refused
from bot.plan import LadderPlan, RungPlan
from bot.school import leave
from storage import conversations, people, tables
from tests.school import MAYA, OKAFOR, RIVERA, House, on_sqlite
from tests.turns.test_ladder import alerts, state

SATURDAY_NIGHT = datetime(2026, 10, 11, 3, 0, tzinfo=UTC)


async def test_a_concern_of_saturday_night_is_told_on_monday_morning_and_again_every_school_morning(
    house: House,
) -> None:
    house.clock.set(SATURDAY_NIGHT)
    await house.says(MAYA, "nobody likes me")
    assert (state(house)[0], alerts(house, RIVERA)) == ("open", 0)
    monday = datetime(2026, 10, 12, 12, 0, tzinfo=UTC)
    assert house.case().next_action_at == monday
    await house.pass_time(days=1, hours=8, minutes=59)
    assert alerts(house, RIVERA) == 0
    await house.pass_time(minutes=1)
    assert (alerts(house, RIVERA), alerts(house, OKAFOR)) == (1, 0)
    await house.pass_time(hours=4)
    assert alerts(house, OKAFOR) == 1
    told = alerts(house, OKAFOR)
    await house.pass_time(days=7)
    assert alerts(house, OKAFOR) - told == 5, "once on each of five school mornings"


@on_sqlite
async def test_a_concern_in_school_hours_is_told_at_once_and_held_to_the_next_school_day(house: House) -> None:
    await house.says(MAYA, "nobody likes me")
    assert alerts(house, RIVERA) == 1
    await house.taps(RIVERA, "I have it")
    assert house.case().next_action_at == datetime(2026, 10, 6, 12, 0, tzinfo=UTC)


async def test_f71_danger_ignores_nights_weekends_and_holidays(house: House) -> None:
    closed = replace(house.program.hours, closed=(SATURDAY_NIGHT.date(),))
    house = house.restarted(replace(house.program, hours=closed))
    house.clock.set(SATURDAY_NIGHT)
    await house.says(MAYA, "they hit me")
    assert alerts(house, RIVERA) == 1
    await house.says(MAYA, "I want to die")
    assert alerts(house, RIVERA) == 2
    await house.pass_time(minutes=5)
    assert alerts(house, OKAFOR) >= 1


@on_sqlite
async def test_a_house_that_was_down_in_the_morning_does_not_tell_of_a_concern_at_night(house: House) -> None:
    house.clock.set(SATURDAY_NIGHT)
    await house.says(MAYA, "nobody likes me")
    await house.jump(days=2)
    assert alerts(house, RIVERA) == 0
    assert house.case().next_action_at == datetime(2026, 10, 13, 12, 0, tzinfo=UTC)


async def test_f69_a_case_keeps_the_plan_that_it_began_with(house: House) -> None:
    await house.says(MAYA, "I want to die")
    began_with = house.case().policy
    edited = LadderPlan(
        (RungPlan(("coordinator",), timedelta(minutes=29)),), timedelta(minutes=30), timedelta(0), timedelta(0)
    )
    ladders = {**house.program.ladders, Tier.CRISIS: edited}
    policy = json.dumps({"ladder": "edited"})
    hours = replace(house.program.hours, opens=time(10))
    house = house.restarted(replace(house.program, ladders=ladders, policy=policy, hours=hours))
    await house.pass_time(minutes=15)
    assert (alerts(house, RIVERA), alerts(house, OKAFOR)) == (2, 2)
    assert house.case().policy == began_with
    with house.database.read() as connection:
        assert json.loads(conversations.definition(connection, began_with) or "")["safety_contact"] == "okafor"


async def test_f69_who_has_left_the_program_gets_no_more_and_the_next_is_told_at_once(house: House) -> None:
    await house.says(MAYA, "I want to die")
    leave(house.database, house.clock, "rivera")
    await house.pass_time(hours=1)
    assert alerts(house, RIVERA) == 1
    assert alerts(house, OKAFOR) > 3
    leave(house.database, house.clock, "rivera", back=True)
    await house.pass_time(minutes=10)
    assert alerts(house, RIVERA) == 2
    with pytest.raises(Refused, match="Maya Torres is a mentee"):
        leave(house.database, house.clock, "maya")


async def test_f69_a_new_case_begins_with_the_next_adult_where_the_first_has_left(house: House) -> None:
    leave(house.database, house.clock, "rivera")
    await house.says(MAYA, "I want to die")
    assert (alerts(house, RIVERA), alerts(house, OKAFOR)) == (0, 1)


async def test_f69_where_all_of_a_cases_adults_have_left_those_who_are_here_now_are_told(house: House) -> None:
    await house.says(MAYA, "they hit me")
    chen = Person(RIVERA + 50, "chen", "Ms. Chen", Role.ADVISOR, "en", "")
    house.write(lambda connection: people.add(connection, chen, house.clock.now(), RIVERA + 51))
    for key in ("rivera", "okafor"):
        leave(house.database, house.clock, key)
    await house.pass_time(minutes=16)
    assert alerts(house, chen.id) >= 1
    assert alerts(house, OKAFOR) == 0
    leave(house.database, house.clock, "chen")
    await house.pass_time(hours=2)
    assert house.case().next_action_at > house.clock.now(), "with nobody at all it goes on trying"


async def test_f66_a_former_member_takes_nothing_and_that_is_on_record(house: House) -> None:
    await house.says(MAYA, "I want to die")
    leave(house.database, house.clock, "rivera")
    await house.says(RIVERA, f"ACK {house.code(RIVERA)}")
    assert state(house) == ("open", "")
    assert house.newest(RIVERA).text == house.text("former_adult")
    assert "refused" in [row.action for row in house.rows(tables.audit)]


@on_sqlite
async def test_f67_who_took_a_case_and_left_has_it_no_longer(house: House) -> None:
    await house.says(MAYA, "I want to die")
    await house.taps(RIVERA, "I have it")
    leave(house.database, house.clock, "rivera")
    await house.settle()
    assert (state(house)[0], alerts(house, OKAFOR)) == ("open", 1)
    leave(house.database, house.clock, "okafor")
    await house.settle()
    assert house.case().next_action_at > house.clock.now(), "with nobody at all it goes on trying"


async def test_f69_who_alone_was_told_and_leaves_holds_up_nobody(house: House) -> None:
    await house.says(MAYA, "they hit me")
    leave(house.database, house.clock, "rivera")
    await house.settle()
    assert (state(house)[0], alerts(house, OKAFOR)) == ("open", 1), "15 minutes early"
    await house.taps(OKAFOR, "I have it")
    leave(house.database, house.clock, "rivera", back=True)
    leave(house.database, house.clock, "rivera")
    await house.settle()
    assert state(house) == ("acknowledged", "Mr. Okafor"), "it is not hers any more"


@on_sqlite
async def test_outside_school_hours_the_card_says_when_adults_are_back_and_in_them_it_does_not(house: House) -> None:
    await house.says(MAYA, "they hit me")
    assert "School is closed" not in house.phone(MAYA)[-1]
    house.clock.set(SATURDAY_NIGHT)
    await house.says(MAYA, "I want to die")
    assert "but may not see it before October 12" in house.phone(MAYA)[-1]
    assert "HOME to 741741" in house.phone(MAYA)[-1]


async def test_who_is_asked_how_they_are_on_a_closed_day_reads_first_that_nobody_may_read_it_before_monday(
    house: House,
) -> None:
    house.clock.set(SATURDAY_NIGHT)
    await house.says(MAYA, "/checkin")
    closed = "School is closed now. What you write may not be read before October 12."
    assert house.phone(MAYA)[-1].startswith(closed)
    house.clock.set(datetime(2026, 10, 12, 15, 0, tzinfo=UTC))
    await house.says(MAYA, "/checkin")
    assert closed not in house.phone(MAYA)[-1]
