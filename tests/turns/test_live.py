"""The gate before real students: each thing that is missing is said in plain words, and nothing else is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import SQLModel

from bot.domain import ActionKind, Address, Person, Role
from bot.errors import Unreachable
from bot.live import missing
from config.settings import Alarm
from storage import accounts, people, tables
from storage.database import Database
from tests.fakes.memory import Platform
from tests.school import NOON, OKAFOR, PLAN, RIVERA, House, house, tiny_program

ACCOUNT = SQLModel.metadata.tables["account"]
DUTY = "duty: {start: 2026-09-28, weeks: [rivera]}\n"


def said(house: House) -> list[str]:
    with house.database.read() as connection:
        return missing(house.program, connection, house.clock.now())


@pytest.fixture
def school(database: Database, tmp_path: Path) -> House:
    """The little school, with what it needs but for a drill."""
    program = tiny_program(tmp_path, plan=f"{PLAN}bypass: okafor\n{DUTY}")
    settings = program.settings.model_copy(update={"alarm": Alarm(dead_man_url="https://alive.example/x")})
    telegram, email = Platform("telegram", "bot"), Platform("email", "school")
    made = house(database, replace(program, settings=settings), telegram, email)
    mail = Address("email", "school", "okafor@lincoln.example")
    made.write(lambda c: people.add_address(c, OKAFOR, mail, 910, position=300))
    for person, number in ((RIVERA, 1), (OKAFOR, 2)):
        chat = Address("telegram", "bot", str(person))
        made.write(lambda c, who=person, chat=chat, n=number: people.add_address(c, who, chat, 900 + n, position=200))
        row = {"id": number, "name": str(person), "login": str(person), "password_hash": "", "person_id": person}
        made.write(lambda c, row=row: c.execute(ACCOUNT.insert().values(**row, created_at=NOON)))
    return made


async def test_a_school_is_ready_after_a_drill_that_somebody_answered_and_for_thirty_days(school: House) -> None:
    assert said(school) == ["There was no drill yet: nearpeer drill, while nearpeer run is running."]
    await school.staff(ActionKind.DRILL, 0)
    assert said(school) == ["Nobody has answered the last drill: nearpeer drill DIR --report shows who was told."]
    await school.taps(RIVERA, "Drill")
    assert said(school) == []
    school.clock.set(school.clock.now() + timedelta(days=31))
    (old,) = said(school)
    assert old.startswith("The last drill was 31 days ago")


async def test_what_is_missing_is_said_one_by_one(school: House) -> None:
    await school.staff(ActionKind.DRILL, 0)
    await school.taps(RIVERA, "Drill")
    school.write(lambda c: c.execute(tables.address.delete().where(tables.address.c.id == 901)))
    (web_only,) = said(school)
    assert web_only.startswith("Ms. Rivera is reached in the web chat only")
    program = school.program
    settings = program.settings.model_copy(update={"alarm": Alarm()})
    school.program = replace(program, settings=settings, bypass="", duty=None)
    assert [text.split(":")[0] for text in said(school)] == [
        "program.yaml names no bypass person",
        "Ms. Rivera is reached in the web chat only",
        "Nobody hears when this computer is off",
    ]
    where = settings.school.model_copy(update={"place": {"en": "Room 12"}})
    school.program = replace(school.program, settings=settings.model_copy(update={"school": where}))
    assert any(text.startswith('The crisis card names no place in "es"') for text in said(school))
    school.write(lambda c: c.execute(tables.person.update().values(role="mentor").where(tables.person.c.id == OKAFOR)))
    assert any("safety contact" in text for text in said(school))


async def test_who_is_told_of_cases_must_be_able_to_read_them(school: House) -> None:
    await school.staff(ActionKind.DRILL, 0)
    await school.taps(RIVERA, "Drill")
    school.write(lambda c: accounts.disable(c, 1, NOON))
    assert said(school) == ["Ms. Rivera has no staff account and cannot read a case: nearpeer account DIR rivera."]


async def test_one_kind_of_channel_for_everybody_is_none_when_it_is_down(school: House) -> None:
    await school.staff(ActionKind.DRILL, 0)
    await school.taps(RIVERA, "Drill")
    school.write(lambda c: c.execute(tables.address.delete().where(tables.address.c.id == 910)))
    (alone,) = said(school)
    assert alone.startswith("All adults are told by telegram alone: when it is down, nobody hears.")


async def test_a_drill_must_have_arrived_by_every_way_by_which_adults_are_told(school: House) -> None:
    gone = Unreachable("chat not found")
    for adult in (RIVERA, OKAFOR):
        school.platforms[1].plan(adult, *[gone] * 9)
    await school.staff(ActionKind.DRILL, 0)
    await school.taps(RIVERA, "Drill")
    school.write(lambda c: people.add_address(c, OKAFOR, Address("sms", "AC1", "+12065550100"), 903, position=50))
    no_sms, no_telegram = said(school)
    assert no_sms.startswith("The last drill did not go out by sms")
    assert no_telegram.startswith("The last drill reached nobody by telegram")
    chen = Person(15, "chen", "Ms. Chen", Role.ADVISOR, "en", "")
    school.write(lambda c: people.add(c, chen, school.clock.now(), 904))
    slack = Address("slack", "T1", "U15")
    school.write(lambda c: people.add_address(c, chen.id, slack, 905, position=0))
    assert any("by slack" in text for text in said(school))
    plan = school.program.ladders
    keyed = {
        tier: replace(one, rungs=tuple(replace(rung, who=("rivera",)) for rung in one.rungs))
        for tier, one in plan.items()
    }
    school.program = replace(school.program, ladders=keyed)
    assert not any("by slack" in text for text in said(school)), "no case comes to Ms. Chen"


async def test_a_gap_in_the_duty_is_missing_too(database: Database, school: House) -> None:
    assert school.program.duty is not None
    school.program = replace(school.program, duty=replace(school.program.duty, weeks=(("rivera",), ("nobody",))))
    assert any(text.startswith("Nobody is on duty from 2026-10-05") for text in said(school))
    assert any('names "nobody"' in text for text in said(school)) is False, "no rung of this plan tells who is on duty"
