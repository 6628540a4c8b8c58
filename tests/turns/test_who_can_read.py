"""/privacy names who can really read a student's words: it is worked out from the accounts, and changes with them."""

from __future__ import annotations

from sqlalchemy import Connection

from bot.domain import Match, Person, Role
from storage import accounts, people
from tests.school import LEO, MAYA, NOON, RIVERA, House, on_sqlite

CHEN, SMITH = 41, 42


def hire(connection: Connection, id_: int, name: str, role: Role, person_id: int | None) -> None:
    accounts.create_account(
        connection,
        id_,
        name=name,
        login=f"{id_}@school.example",
        password_hash="",
        now=NOON,
        role=role,
        person_id=person_id,
    )


async def test_those_are_named_whose_pages_show_it_and_nobody_else(house: House) -> None:
    house.write(lambda c: people.add(c, Person(15, "smith", "Mr. Smith", Role.ADVISOR, "en", ""), NOON, 115))
    house.write(lambda c: hire(c, RIVERA, "Ms. Rivera", Role.ADVISOR, RIVERA))
    house.write(lambda c: hire(c, SMITH, "Mr. Smith", Role.ADVISOR, 15))
    house.write(lambda c: hire(c, CHEN, "Ms. Chen", Role.COORDINATOR, None))
    await house.says(MAYA, "/privacy")
    first, second, *_ = house.newest(MAYA).text.splitlines()
    assert first.startswith("Ms. Rivera (your advisor), Ms. Chen (runs the program) can read what you write here.")
    assert "Ms. Rivera, Mr. Okafor" in second
    assert "Smith" not in house.newest(MAYA).text
    assert house.labels(MAYA) == ["I want an adult"]

    house.write(lambda c: accounts.disable(c, CHEN, NOON))
    house.write(lambda c: people.put_match(c, Match(21, (MAYA,), (LEO,), 15, "")))
    await house.says(MAYA, "Who can read this?")
    assert house.newest(MAYA).text.startswith("Mr. Smith (your advisor) can read")


@on_sqlite
async def test_before_there_are_accounts_nobody_is_made_up(house: House) -> None:
    await house.says(MAYA, "/privacidad")
    assert house.newest(MAYA).text.startswith("Staff of your program can read what you write here.")


@on_sqlite
async def test_of_a_large_staff_six_are_named_and_the_others_counted(house: House) -> None:
    for number in range(8):
        house.write(lambda c, n=number: hire(c, 50 + n, f"Adult {n}", Role.COORDINATOR, None))
    await house.says(MAYA, "/privacy")
    assert "Adult 5 (runs the program), 2 more of the staff can read" in house.newest(MAYA).text
    assert "Adult 6" not in house.newest(MAYA).text


@on_sqlite
async def test_the_button_stands_beside_the_help(house: House) -> None:
    await house.says(MAYA, "/help")
    assert house.labels(MAYA) == ["Check in", "I want an adult", "Who can read this?"]
    await house.says(MAYA, "Check in")
    assert house.newest(MAYA).text == "How is your week, Maya?"


@on_sqlite
async def test_start_again_is_a_command_only_for_who_has_stopped(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.says(MAYA, "Start again")
    assert house.labels(MAYA)[0] == "No, thanks"
    await house.says(MAYA, "/stop")
    await house.says(MAYA, "Start again")
    assert house.newest(MAYA).text == house.text("resumed")


async def test_an_adult_on_the_ladder_is_no_reader_without_an_account(house: House) -> None:
    await house.says(MAYA, "/privacy")
    first, second, *_ = house.newest(MAYA).text.splitlines()
    assert "Okafor" not in first
    assert "Mr. Okafor" in second
