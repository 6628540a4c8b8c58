"""An alert that does not leave for its adult's first address, whatever keeps it, reaches them at the others."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, delete

from bot.domain import Address
from bot.errors import TryLater
from bot.program import Program
from storage import due, people, tables
from storage.database import Database
from tests.fakes.memory import Platform
from tests.school import LEO, MAYA, OKAFOR, RIVERA, House, house

PHONE = "+15550100"


@pytest.fixture
def school(database: Database, program: Program) -> House:
    """Ms. Rivera is reached on Telegram, where Nearpeer speaks no more, then by SMS, then on the web."""
    made = house(database, program, Platform("sms", "sms"))
    made.write(lambda c: people.add_address(c, RIVERA, Address("telegram", "123", "77"), 900, 0))
    made.write(lambda c: people.add_address(c, RIVERA, Address("sms", "sms", PHONE), 901, 40))
    return made


def delete_addresses(connection: Connection, person: int) -> None:
    connection.execute(delete(tables.address).where(tables.address.c.person_id == person))


def sms(house: House) -> list[str]:
    return [sent.text for sent in house.platforms[1].journal]


async def test_an_alert_for_a_platform_that_the_settings_no_longer_name_goes_to_all_other_addresses(
    school: House,
) -> None:
    await school.says(MAYA, "nobody likes me")
    assert (sms(school), school.phone(RIVERA)) == ([], [])
    for _ in range(4):
        await school.jump(minutes=1)
    (text,) = sms(school)
    assert text.startswith("Still open, 2 min. Concern: a student of")
    assert "M.T." not in text
    (shown,) = school.phone(RIVERA)
    assert "M.T." in shown
    assert [row.status for row in school.rows(tables.message, platform="telegram")] == ["pending"]


async def test_who_is_reached_elsewhere_takes_the_case_and_nothing_waits_any_more(school: House) -> None:
    await school.says(MAYA, "they hit me")
    await school.jump(minutes=2)
    await school.offer({"chat": PHONE, "text": f"ACK {school.code(RIVERA)}"}, platform=school.platforms[1])
    await school.settle()
    assert school.case().acknowledged_by == "Ms. Rivera"
    assert [row.status for row in school.rows(tables.message, platform="telegram")] == ["cancelled"]
    await school.jump(minutes=5)
    assert len(school.rows(tables.message, kind="alert")) == 3


async def test_a_platform_that_is_down_for_an_hour_delays_an_alert_by_two_minutes(school: House) -> None:
    telegram = Platform("telegram", "123")
    school = House(school.database, school.program, school.clock, (*school.platforms, telegram))
    telegram.plan(77, *[TryLater("no_connection", 3600)] * 2)
    await school.says(LEO, "they hit me")
    await school.jump(minutes=2)
    assert len(sms(school)) == 1
    await school.jump(minutes=1)
    assert len(sms(school)) == 1


async def test_who_is_asked_whether_they_are_still_with_it_is_asked_elsewhere_too(school: House) -> None:
    await school.says(MAYA, "they hit me")
    await school.jump(minutes=2)
    await school.offer({"chat": PHONE, "text": f"ACK {school.code(RIVERA)}"}, platform=school.platforms[1])
    await school.settle()
    # They are answered where they wrote, and asked at their first address.
    await school.jump(hours=2)
    await school.jump(minutes=2)
    assert sms(school)[-1].startswith(f"Case {school.code(RIVERA)} (Lincoln High School): are you still with it?")


async def test_what_was_told_elsewhere_or_can_be_told_nowhere_is_looked_at_no_more(school: House) -> None:
    telegram = Address("telegram", "123", "88")
    school.write(lambda c: delete_addresses(c, OKAFOR))
    school.write(lambda c: people.add_address(c, OKAFOR, telegram, 902, 0))
    await school.says(MAYA, "they hit me")
    await school.jump(minutes=2)

    def late() -> list[int]:
        with school.database.read() as connection:
            return [told.message_id for told in due.late_alerts(connection, school.clock.now())]

    first = min(row.id for row in school.rows(tables.message, kind="alert"))
    assert len(sms(school)) == 1
    assert first not in late(), "it was told at the others"
    await school.jump(minutes=30)
    assert school.rows(tables.message, chat="88"), "Mr. Okafor has one address, and nobody speaks there"
    assert late() == []
