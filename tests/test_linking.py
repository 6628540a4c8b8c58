"""People of the roster are found in the Slack workspace by their e-mail, and linked when staff say that it is right."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from pydantic import SecretStr

from bot import linking
from bot.domain import Address
from bot.errors import Refused
from bot.linking import Link
from bot.program import Program
from config.slack import Slack as Settings
from storage import people, tables
from storage.database import Database
from tests.fakes import slack as fake
from tests.fakes.slack import BOT_TOKEN, TEAM, Slack
from tests.school import LEO, MAYA, NAMES, OKAFOR, RIVERA, House, on_sqlite

pytestmark = on_sqlite


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    made = Slack()
    async with made.running():
        yield made
    made.judge()


@pytest.fixture
def linked(program: Program, slack: Slack) -> Program:
    """The program, with an app in the workspace."""
    settings = Settings(
        workspace=TEAM, bot_token=SecretStr(BOT_TOKEN), app_token=SecretStr("xapp-1"), base_url=f"{slack.url}/api"
    )
    return replace(program, settings=program.settings.model_copy(update={"slack": settings}))


def give_email(house: House, person: int, email: str) -> None:
    def unit(connection: object) -> None:
        known = people.load(connection, person)  # type: ignore[arg-type]
        assert known is not None
        people.change(connection, replace(known, email=email))  # type: ignore[arg-type]

    house.write(unit)


async def look(program: Program, database: Database) -> dict[str, tuple[Link, str]]:
    found = await asyncio.to_thread(linking.accounts, program, database)
    return {one.person.key: (one.link, one.user) for one in found}


async def test_people_are_found_by_their_email_and_nobody_is_linked_by_looking(
    house: House, linked: Program, slack: Slack
) -> None:
    give_email(house, MAYA, "Maya@Lincoln.example ")
    give_email(house, RIVERA, "rivera@elsewhere.example")
    slack.plan("users.lookupByEmail", (429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "0"}))
    assert await look(linked, house.database) == {
        "maya": (Link.FOUND, fake.MAYA),
        "leo": (Link.NO_EMAIL, ""),
        "rivera": (Link.NOBODY, ""),
        "okafor": (Link.NO_EMAIL, ""),
    }
    with house.database.read() as connection:
        assert people.by_address(connection, Address("slack", TEAM, fake.MAYA)) is None


async def test_linked_people_are_written_to_on_slack_first_and_it_is_on_record(house: House, linked: Program) -> None:
    give_email(house, MAYA, "maya@lincoln.example")
    found = await asyncio.to_thread(linking.accounts, linked, house.database)
    assert linking.link(linked, house.database, house.clock, found, "command line") == 1
    with house.database.read() as connection:
        maya = people.by_address(connection, Address("slack", TEAM, fake.MAYA))
    assert maya is not None
    assert maya.name == NAMES[MAYA][1]
    assert [address.platform for address in maya.addresses] == ["slack", "web"]
    (entry,) = house.rows(tables.audit, action="linked a chat")
    assert (entry.actor, entry.person_id) == ("command line", MAYA)
    assert (await look(linked, house.database))["maya"] == (Link.LINKED, "")


async def test_one_account_is_never_two_people(house: House, linked: Program) -> None:
    for person in (MAYA, LEO):
        give_email(house, person, "maya@lincoln.example")
    assert {link for link, _ in (await look(linked, house.database)).values()} == {Link.SHARED, Link.NO_EMAIL}
    give_email(house, LEO, "leo@lincoln.example")
    found = await asyncio.to_thread(linking.accounts, linked, house.database)
    linking.link(linked, house.database, house.clock, found, "command line")
    give_email(house, OKAFOR, "maya@lincoln.example")
    give_email(house, MAYA, "")
    assert (await look(linked, house.database))["okafor"] == (Link.TAKEN, fake.MAYA)


@pytest.mark.parametrize("error", ["invalid_auth", "missing_scope", "cut"])
async def test_what_slack_refuses_is_said_in_words_and_without_the_token(
    house: House, linked: Program, slack: Slack, error: str
) -> None:
    give_email(house, MAYA, "maya@lincoln.example")
    slack.plan("users.lookupByEmail", error)
    with pytest.raises(Refused, match=r"docs/slack\.md|reached") as refused:
        await asyncio.to_thread(linking.accounts, linked, house.database)
    assert BOT_TOKEN not in str(refused.value)


async def test_without_an_app_the_way_to_one_is_told(house: House, program: Program) -> None:
    with pytest.raises(Refused, match=r"docs/slack\.md"):
        linking.accounts(program, house.database)
