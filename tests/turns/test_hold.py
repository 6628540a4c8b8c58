"""F88: a restored school does not know what went out since its backup, so it asks a person before it goes on."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, update

from bot.domain import ActionKind
from bot.errors import Refused
from storage import hold, tables
from tests.school import MAYA, OKAFOR, RIVERA, House


def restore(house: House) -> None:
    """What a start finds when the database is older than the file beside it."""
    house.platform.doubt_all()
    new_id, now = house.clock.new_id, house.clock.now()
    house.write(lambda connection: hold.count_start(connection, 0, new_id(), now))
    number, restored = house.write(lambda connection: hold.count_start(connection, 9, new_id(), now))
    assert (number, restored) == (10, True)


def standing(house: House) -> hold.Standing | None:
    with house.database.read() as connection:
        return hold.standing(connection)


def unsent(connection: Connection, priority: int = 1) -> None:
    """What was sent after the backup was made lies unsent in it."""
    message = tables.message.c
    connection.execute(
        update(tables.message).where(message.direction == "out").values(status="pending", priority=priority)
    )


async def test_what_lay_in_the_outbox_waits_and_time_brings_no_prompts(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    house.write(unsent)
    restore(house)
    before = house.phone(MAYA)
    await house.pass_time(days=3)
    assert house.phone(MAYA) == before
    found = standing(house)
    assert found is not None
    assert found.held == 1
    assert {row.status for row in house.rows(tables.occurrence)} == {"planned"}


async def test_replies_crisis_cards_and_alerts_go_out_while_the_school_holds(house: House) -> None:
    restore(house)
    await house.says(MAYA, "/help")
    assert len(house.phone(MAYA)) == 1
    await house.says(MAYA, "I want to die")
    assert house.newest(MAYA).kind == "card"
    assert house.newest(RIVERA).kind == "alert"
    assert house.text("restored") not in house.newest(RIVERA).text


async def test_open_cases_are_told_again_at_once_as_perhaps_looked_after_already(house: House) -> None:
    await house.says(MAYA, "I want to die")
    assert house.phone(OKAFOR) == []
    await house.pass_time(minutes=1)
    restore(house)
    await house.settle()
    assert house.newest(OKAFOR).text.startswith(house.text("restored"))


async def test_released_messages_are_sent_if_they_are_still_wanted(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    house.write(unsent)
    restore(house)
    before = len(house.phone(MAYA))
    await house.staff(ActionKind.RELEASE, 0)
    assert len(house.phone(MAYA)) == before + 1
    assert standing(house) is None
    (entry,) = [row for row in house.rows(tables.audit) if row.action == "release"]
    assert entry.actor == "Ms. Chen (console)"


async def test_dropped_messages_are_never_sent(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    house.write(unsent)
    restore(house)
    before = house.phone(MAYA)
    await house.staff(ActionKind.DROP_HELD, 0)
    assert house.phone(MAYA) == before
    assert {row.status for row in house.rows(tables.message, direction="out")} == {"cancelled"}


async def test_after_three_days_only_what_is_still_in_time_goes_out(house: House) -> None:
    await house.settle()  # two weeks are planned
    restore(house)
    await house.jump(days=3)  # Tuesday's check-in and Wednesday's session were due meanwhile
    await house.staff(ActionKind.RELEASE, 0)
    await house.settle()
    assert house.phone(MAYA) == []
    assert {row.status for row in house.rows(tables.occurrence, schedule="mentee-check-in")} >= {"missed"}


async def test_who_says_stop_while_the_school_holds_gets_nothing_of_it_later(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    house.write(lambda connection: unsent(connection, priority=3))
    restore(house)
    await house.says(MAYA, "/stop")
    before = house.phone(MAYA)
    await house.staff(ActionKind.RELEASE, 0)
    assert house.phone(MAYA) == before


async def test_a_hold_ends_once(house: House) -> None:
    restore(house)
    await house.staff(ActionKind.RELEASE, 0)
    with pytest.raises(Refused, match="Nothing is held"):
        await house.staff(ActionKind.RELEASE, 0)


async def test_an_ordinary_start_holds_nothing(house: House) -> None:
    new_id, now = house.clock.new_id, house.clock.now()
    for beside in (0, 1, 2, 1):  # the file may be one behind: a kill between the two
        assert not house.write(lambda c, beside=beside: hold.count_start(c, beside, new_id(), now))[1]
    assert standing(house) is None
