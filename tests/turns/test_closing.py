"""F75: an account that closes many cases in a short time is held up, and somebody else is told."""

from __future__ import annotations

import pytest

from bot.domain import ActionKind, Person, Role
from bot.errors import Refused
from storage import people, tables
from tests.school import NOON, OKAFOR, RIVERA, House, on_sqlite

MANY = 12


async def many_cases(house: House) -> list[int]:
    def enroll(connection: object) -> None:
        for number in range(MANY):
            student = Person(1000 + number, f"s{number}", f"Student {number}", Role.MENTEE, "en", "")
            people.add(connection, student, NOON, 5000 + number)  # type: ignore[arg-type]

    house.write(enroll)
    for number in range(MANY):
        await house.offer({"chat": str(1000 + number), "text": "they hit me"})
    await house.settle()
    return [row.id for row in house.rows(tables.escalation)]


async def closes(house: House, case: int, person: int = RIVERA) -> None:
    more = {"outcome": "not-a-concern", "note": "A song", "actor_person_id": person}
    await house.staff(ActionKind.CLOSE, case, **more)


def warned(house: House, person: int) -> int:
    return sum("within 10 minutes" in text for text in house.phone(person))


async def test_f75_the_eleventh_closing_in_ten_minutes_is_refused_and_the_safety_contact_knows(house: House) -> None:
    cases = await many_cases(house)
    for case in cases[:9]:
        await closes(house, case)
    assert warned(house, OKAFOR) == 0
    await closes(house, cases[9])
    assert warned(house, OKAFOR) == 1
    with pytest.raises(Refused, match="You have closed 10 cases"):
        await closes(house, cases[10])
    assert [row.status for row in house.rows(tables.escalation)].count("closed") == 10
    assert "closed many cases" in [row.action for row in house.rows(tables.audit)]
    await house.pass_time(minutes=11)
    await closes(house, cases[10])
    assert [row.status for row in house.rows(tables.escalation)].count("closed") == 11
    assert warned(house, OKAFOR) == 1


@on_sqlite
async def test_f75_where_it_is_the_safety_contacts_own_account_another_adult_knows(house: House) -> None:
    for case in (await many_cases(house))[:10]:
        await closes(house, case, OKAFOR)
    assert (warned(house, OKAFOR), warned(house, RIVERA)) == (0, 1)
