"""Adults' e-mail addresses and numbers become ways to reach them, as roster and settings say it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from pydantic import SecretStr
from sqlalchemy import select, update

from bot.clock import SystemClock
from bot.domain import Address, Person, Role
from bot.program import Program
from bot.school import follow_ways
from bot.ways import e164, ways
from config.reach import Email, Sms, Webhook
from storage import people, tables
from storage.database import Database
from storage.ways import heed
from tests.school import NOON, OKAFOR, RIVERA, move_in, on_sqlite

EMAIL = Email(host="smtp.lincoln.example", sender="mentoring@lincoln.example")
SMS = Sms(account="AC1", token=SecretStr("t"), sender="+15550001")
WEBHOOK = Webhook(url="https://alerts.lincoln.example", secret=SecretStr("s"))
ALL = {"email": EMAIL, "sms": SMS, "webhook": WEBHOOK}


def with_settings(program: Program, **sections: object) -> Program:
    return replace(program, settings=program.settings.model_copy(update=sections))


def adult(id_: int, key: str, name: str, email: str = "", phone: str = "") -> Person:
    return Person(id_, key, name, Role.ADVISOR, "en", "", email=email, phone=phone)


def reached(program: Program, *adults: Person) -> list[tuple[int, str, str]]:
    return [(way.person_id, way.address.platform, way.address.chat) for way in ways(program, adults)]


def test_what_is_not_set_up_reaches_nobody(program: Program) -> None:
    assert reached(program, adult(1, "okafor", "Mr. Okafor", "o@lincoln.example", "+1 206 555 0100")) == []


def test_everything_that_is_known_of_an_adult_reaches_them(program: Program) -> None:
    okafor = adult(1, "okafor", "Mr. Okafor", "o@lincoln.example", "(206) 555-0100")
    assert reached(with_settings(program, **ALL), okafor) == [
        (1, "email", '"Mr. Okafor" <o@lincoln.example>'),
        (1, "sms", "+12065550100"),
        (1, "webhook", "okafor"),
    ]


def test_a_shared_mailbox_is_told_for_each_and_a_shared_phone_once(program: Program) -> None:
    both = [adult(n, f"a{n}", f"Adult {n}", "office@lincoln.example", "+12065550100") for n in (1, 2)]
    assert reached(with_settings(program, email=EMAIL, sms=SMS), *both) == [
        (1, "email", "Adult 1 <office@lincoln.example>"),
        (1, "sms", "+12065550100"),
        (2, "email", "Adult 2 <office@lincoln.example>"),
    ]


@pytest.mark.parametrize(
    ("phone", "country", "number"),
    [
        ("(206) 555-0100", "us", "+12065550100"),
        ("+44 20 7946 0958", "us", "+442079460958"),
        ("020 7946 0958", "gb", "+442079460958"),
        ("55 1234 5678", "mx", "+525512345678"),
        ("12", "us", ""),
        ("call the office", "us", ""),
    ],
)
def test_a_number_is_read_as_the_country_writes_it(phone: str, country: str, number: str) -> None:
    assert e164(phone, country) == number


@on_sqlite
def test_ways_follow_the_roster_and_the_settings(database: Database, program: Program) -> None:
    database.write(move_in).result()
    person = tables.person
    known = update(person).where(person.c.id == RIVERA).values(email="r@lincoln.example", phone="206 555 0100")
    database.write(lambda connection: connection.execute(known)).result()

    def places(id_: int) -> list[str]:
        with database.read() as connection:
            found = people.load(connection, id_)
        assert found is not None
        return [f"{one.platform} {one.chat}" for one in found.addresses]

    follow_ways(database, with_settings(program, **ALL), SystemClock())
    assert places(RIVERA) == ["sms +12065550100", 'email "Ms. Rivera" <r@lincoln.example>', f"web {RIVERA}"]
    assert places(OKAFOR) == ["webhook okafor", f"web {OKAFOR}"]
    with database.read() as connection:
        before = connection.execute(select(tables.address.c.id)).scalars().all()
    lost = Address("sms", "AC1", "+12065550100")
    database.write(lambda connection: people.mark_address(connection, lost, NOON)).result()
    follow_ways(database, with_settings(program, **ALL), SystemClock())
    with database.read() as connection:
        assert connection.execute(select(tables.address.c.id)).scalars().all() == before
    assert places(RIVERA)[0] == "sms +12065550100", "a start tries it anew"
    follow_ways(database, with_settings(program, email=EMAIL), SystemClock())
    assert places(RIVERA) == ['email "Ms. Rivera" <r@lincoln.example>', f"web {RIVERA}"]
    assert places(OKAFOR) == [f"web {OKAFOR}"]


def test_whoever_nobody_speaks_with_any_more_is_written_to_elsewhere_until_somebody_does_again(
    database: Database,
) -> None:
    database.write(move_in).result()
    chat, blocked = Address("telegram", "4242", "501"), Address("telegram", "4242", "601")
    for person, address in ((RIVERA, chat), (OKAFOR, blocked)):
        database.write(lambda c, p=person, a=address: people.put_first(c, p, a, p + 900)).result()
    database.write(lambda connection: people.mark_address(connection, blocked, NOON)).result()

    def first(id_: int) -> str:
        with database.read() as connection:
            found = people.load(connection, id_)
        assert found is not None
        return found.addresses[0].platform

    web, telegram = ("web", "web"), ("telegram", "4242")
    for spoken, platform in (
        ([web, telegram], "telegram"),
        ([web, ("telegram", "77")], "web"),
        ([web, telegram], "telegram"),
    ):
        for _ in range(2):
            database.write(lambda connection, spoken=spoken: heed(connection, spoken)).result()
            assert first(RIVERA) == platform
            assert first(OKAFOR) == "web", "who blocked the bot stays so"
