"""F72: many cases at once. The first of each student is told at once, what follows in one message, none is dropped."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain import ActionKind, Address, Match, Person, Role
from bot.errors import TryLater, Unreachable
from storage import chats, people, tables
from storage.database import Database
from tests.school import MAYA, NOON, OKAFOR, PACK, RIVERA, House, house, on_sqlite, tiny_program
from tests.turns.test_ladder import alerts

MORE = "".join(
    f"\n  - {{id: rule-{topic}, tier: crisis, category: {topic}, label: About {topic}, phrases: [{topic} now]}}"
    for topic in ("weapon", "abuse", "danger")
)
STUDENTS = 50


@pytest.fixture
def school(database: Database, tmp_path: Path) -> House:
    """The little school, where more can happen at once."""
    return house(database, tiny_program(tmp_path, pack=PACK + MORE))


async def test_f72_the_first_is_told_at_once_and_what_follows_in_one_message_within_a_minute(school: House) -> None:
    await school.says(MAYA, "I want to die")
    await school.says(MAYA, "weapon now")
    await school.says(MAYA, "danger now")
    assert (alerts(school, RIVERA), len(school.rows(tables.escalation))) == (1, 3)
    await school.pass_time(minutes=1)
    assert alerts(school, RIVERA) == 2
    text = school.newest(RIVERA).text
    assert "About weapon" in text
    assert "About danger" in text
    taken = [label for label in school.labels(RIVERA) if label.startswith("I have it")]
    assert len(taken) == 2
    await school.says(RIVERA, taken[1])
    assert sorted(row.status for row in school.rows(tables.escalation)) == ["acknowledged", "open", "open"]


async def test_f72_each_case_of_a_bundle_is_taken_by_its_own_button(school: House) -> None:
    for text in ("I want to die", "weapon now", "danger now"):
        await school.says(MAYA, text)
    await school.pass_time(minutes=1)
    for label in [one for one in school.labels(RIVERA) if one.startswith("I have it")]:
        button = next(one for one in school.newest_alert(RIVERA).choices if one.label == label)
        await school.offer({"chat": str(RIVERA), "kind": "button", "token": button.token, "text": label})
        await school.settle()
    assert [row.status for row in school.rows(tables.escalation)] == ["open", "acknowledged", "acknowledged"]


async def test_f72_what_is_more_urgent_than_what_was_told_waits_for_nothing(school: House) -> None:
    await school.says(MAYA, "they hit me")
    await school.says(MAYA, "weapon now")
    assert alerts(school, RIVERA) == 2


@on_sqlite
async def test_f72_nobody_takes_them_and_they_climb_together_for_ever(school: House) -> None:
    for text in ("I want to die", "weapon now", "danger now"):
        await school.says(MAYA, text)
    await school.pass_time(hours=3)
    cases = school.rows(tables.escalation)
    assert all(case.status == "open" and case.next_action_at > school.clock.now() for case in cases)
    assert all(case.round > 10 for case in cases)
    assert alerts(school, OKAFOR) < 3 * 18, "a bundle is one message"


@on_sqlite
async def test_f72_an_adult_whom_a_bundle_does_not_reach_is_followed_by_the_next_for_all_of_it(school: House) -> None:
    await school.says(MAYA, "I want to die")
    await school.says(MAYA, "weapon now")
    await school.says(MAYA, "danger now")
    school.platform.plan(RIVERA, *[Unreachable("no_listener")] * 9)
    await school.pass_time(minutes=1)
    assert alerts(school, OKAFOR) == 1
    assert "About danger" in school.newest(OKAFOR).text
    assert "About weapon" in school.newest(OKAFOR).text


@on_sqlite
@pytest.mark.parametrize("closed", [False, True])
async def test_f72_what_is_on_its_way_is_sent_though_somebody_has_the_first_case_of_it(
    school: House, closed: bool
) -> None:
    await school.says(MAYA, "I want to die")
    await school.says(MAYA, "weapon now")
    await school.says(MAYA, "danger now")
    school.platform.plan(RIVERA, TryLater("busy", 120))
    await school.pass_time(seconds=61)
    weapon = next(row.id for row in school.rows(tables.escalation) if row.category == "weapon")
    await school.pass_time(seconds=10)
    await school.staff(ActionKind.TAKE, weapon)
    if closed:
        await school.staff(ActionKind.CLOSE, weapon, outcome="spoke-with-student")
    assert alerts(school, RIVERA) == 1
    await school.pass_time(minutes=3)
    assert "About danger" in school.newest_alert(RIVERA).text
    with school.database.read() as connection:
        lines = chats.history(connection, Address("web", "web", str(RIVERA)), 50)
    buttons = [choice.value for line in lines if "About danger" in line.text for choice in line.choices]
    danger = next(row.id for row in school.rows(tables.escalation) if row.category == "danger")
    assert buttons == [f"take:{danger}"]


@on_sqlite
async def test_f72_two_hundred_in_a_minute(school: House) -> None:
    def enroll(connection: object) -> None:
        for number in range(STUDENTS):
            student = Person(1000 + number, f"s{number}", f"Student {number}", Role.MENTEE, "en", "")
            people.add(connection, student, NOON, 5000 + number)  # type: ignore[arg-type]
            people.put_match(connection, Match(9000 + number, (student.id,), (), RIVERA))  # type: ignore[arg-type]

    school.write(enroll)
    for text in ("I want to die", "weapon now", "danger now", "abuse now"):
        for number in range(STUDENTS):
            await school.offer({"chat": str(1000 + number), "text": text})
        await school.settle()
    assert len(school.rows(tables.escalation)) == 4 * STUDENTS
    assert alerts(school, RIVERA) == STUDENTS, "the first of each at once"
    await school.pass_time(minutes=1)
    assert alerts(school, RIVERA) == 2 * STUDENTS
    codes = [row.code for row in school.rows(tables.acknowledgement_code, person_id=RIVERA)]
    told = "\n".join(school.phone(RIVERA))
    assert len(codes) == 4 * STUDENTS
    assert all(code in told for code in codes), "none is dropped"


async def test_f72_who_has_a_case_reads_the_first_news_at_once_and_the_rest_of_a_minute_together(
    school: House,
) -> None:
    await school.says(MAYA, "I want to die")
    await school.taps(RIVERA, "I have it")
    told = alerts(school, RIVERA)
    for _ in range(5):
        await school.says(MAYA, "I want to die")
    assert alerts(school, RIVERA) == told + 1
    await school.pass_time(minutes=1)
    assert alerts(school, RIVERA) == told + 2
    await school.pass_time(minutes=10)
    assert alerts(school, RIVERA) == told + 2
