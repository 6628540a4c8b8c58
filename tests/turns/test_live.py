"""The gate before real students: each thing that is missing is said in plain words, and nothing else is asked."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.domain import ActionKind, Address
from bot.live import missing
from config.settings import Alarm
from storage import people, tables
from storage.database import Database
from tests.school import OKAFOR, PLAN, RIVERA, House, house, tiny_program

DUTY = "duty: {start: 2026-09-28, weeks: [rivera]}\n"


def said(house: House) -> list[str]:
    with house.database.read() as connection:
        return missing(house.program, connection, house.clock.now())


@pytest.fixture
def school(database: Database, tmp_path: Path) -> House:
    """The little school, with what it needs but for a drill."""
    program = tiny_program(tmp_path, plan=f"{PLAN}bypass: okafor\n{DUTY}")
    settings = program.settings.model_copy(update={"alarm": Alarm(dead_man_url="https://alive.example/x")})
    made = house(database, replace(program, settings=settings))
    for person, number in ((RIVERA, 1), (OKAFOR, 2)):
        chat = Address("telegram", "bot", str(person))
        made.write(lambda c, who=person, chat=chat, n=number: people.add_address(c, who, chat, 900 + n, position=200))
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


async def test_a_gap_in_the_duty_is_missing_too(database: Database, school: House) -> None:
    assert school.program.duty is not None
    school.program = replace(school.program, duty=replace(school.program.duty, weeks=(("rivera",), ("nobody",))))
    assert any(text.startswith("Nobody is on duty from 2026-10-05") for text in said(school))
    assert any('names "nobody"' in text for text in said(school)) is False, "no rung of this plan tells who is on duty"
