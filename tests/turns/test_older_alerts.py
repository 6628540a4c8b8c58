"""Alerts that adults have in their chats already: once somebody has the case, they say so."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import event, update

from bot.domain import ActionKind, Address, Outbound
from bot.errors import Ambiguous, TryLater, Unreachable
from bot.school import leave
from bot.turns.older_alerts import EACH
from storage import chats, review, tables
from storage.database import Database
from tests.school import LEO, MAYA, OKAFOR, PACK, RIVERA, House, house, on_sqlite, tiny_program

MORE = "".join(
    f"\n  - {{id: rule-{topic}, tier: crisis, category: {topic}, label: About {topic}, phrases: [{topic} now]}}"
    for topic in ("weapon", "danger")
)


@pytest.fixture
def school(database: Database, tmp_path: Path) -> House:
    """The little school, on a platform that can change a message; three kinds of crisis are known there."""
    made = house(database, tiny_program(tmp_path, pack=PACK + MORE))
    made.platform.capabilities = replace(made.platform.capabilities, edits=True)
    return made


def changes(school: House, person: int) -> list[Outbound]:
    return [one for one in school.platform.journal if one.replaces and one.address.chat == str(person)]


def code(school: House, person: int, number: int = 0) -> str:
    """Somebody's code for the case of that number."""
    case = school.rows(tables.escalation)[number]
    (row,) = school.rows(tables.acknowledgement_code, person_id=person, escalation_id=case.id)
    return str(row.code)


async def test_when_somebody_takes_a_case_its_alerts_say_who(school: House) -> None:
    await school.says(MAYA, "I want to die")
    await school.pass_time(minutes=5)
    told = {one.address.chat: f"p{number}" for number, one in enumerate(school.platform.journal, 1)}
    await school.taps(RIVERA, "I have it")
    for adult in (RIVERA, OKAFOR):
        (change,) = changes(school, adult)
        assert change.replaces == told[str(adult)]
        assert change.text.startswith(f"✓ Ms. Rivera has case {code(school, adult)}. ")
        assert "M.T." not in change.text
        assert change.choices == ()
    with school.database.read() as connection:
        older, newer = chats.history(connection, Address("web", "web", str(OKAFOR)), 50)
    assert (older.text, older.choices) == (changes(school, OKAFOR)[0].text, ())
    assert newer.text.startswith("Ms. Rivera has taken"), "the change itself is no line"


@on_sqlite
async def test_a_case_that_is_closed_before_anybody_took_it_says_so(school: House) -> None:
    await school.says(MAYA, "I want to die")
    await school.says(RIVERA, f"close {code(school, RIVERA)}")
    await school.says(RIVERA, school.text("outcome_spoke-with-student"))
    (change,) = changes(school, RIVERA)
    assert change.text.startswith(f"✓ Ms. Rivera has closed case {code(school, RIVERA)}. ")


async def test_whoever_was_asked_for_help_reads_in_its_place_that_the_case_is_closed(school: House) -> None:
    await school.says(MAYA, "I want to die")
    await school.taps(RIVERA, "I have it")
    await school.says(RIVERA, f"help {code(school, RIVERA)}")
    assert (school.newest(OKAFOR).kind, changes(school, OKAFOR)) == ("alert", [])
    await school.says(RIVERA, f"close {code(school, RIVERA)}")
    await school.says(RIVERA, school.text("outcome_spoke-with-student"))
    (change,) = changes(school, OKAFOR)
    assert change.text.startswith(f"✓ Ms. Rivera has closed case {code(school, OKAFOR)}. ")


async def test_what_is_typed_next_answers_the_newest_message_and_no_change_of_an_older_one(school: House) -> None:
    for student in (MAYA, LEO):
        await school.says(student, "I want to die")
    await school.pass_time(minutes=5)
    await school.says(OKAFOR, f"close {code(school, OKAFOR, 1)}")
    await school.says(RIVERA, f"ack {code(school, RIVERA)}")
    assert len(changes(school, OKAFOR)) == 1
    await school.says(OKAFOR, school.text("outcome_spoke-with-student"))
    assert [row.status for row in school.rows(tables.escalation)] == ["acknowledged", "closed"]


async def test_an_alert_of_two_cases_stands_until_somebody_has_both(school: House) -> None:
    for words in ("I want to die", "weapon now", "danger now"):
        await school.says(MAYA, words)
    await school.pass_time(minutes=1)
    first, both = [f"p{number}" for number, one in enumerate(school.platform.journal, 1) if one.kind == "alert"]
    await school.says(RIVERA, f"ack {code(school, RIVERA)}")
    await school.says(RIVERA, f"ack {code(school, RIVERA, 1)}")
    assert [change.replaces for change in changes(school, RIVERA)] == [first]
    await school.says(RIVERA, f"ack {code(school, RIVERA, 2)}")
    assert [change.replaces for change in changes(school, RIVERA)] == [first, both]
    assert changes(school, RIVERA)[1].text.count("✓ Ms. Rivera has case ") == 2


@on_sqlite
async def test_of_a_case_that_waited_long_only_the_newest_alerts_are_changed(school: House) -> None:
    await school.says(MAYA, "I want to die")
    await school.pass_time(hours=2)
    alerts = [f"p{number}" for number, one in enumerate(school.platform.journal, 1) if one.kind == "alert"]
    await school.taps(RIVERA, "I have it")
    await school.pass_time(minutes=1)
    changed = {one.replaces for adult in (RIVERA, OKAFOR) for one in changes(school, adult)}
    assert changed == set(alerts[-2 * EACH :])


@on_sqlite
async def test_on_a_platform_that_changes_nothing_it_is_no_message_more(house: House) -> None:
    await house.says(MAYA, "I want to die")
    await house.taps(RIVERA, "I have it")
    assert [row.status for row in house.rows(tables.message, direction="out") if row.replaces] == ["cancelled"]
    assert changes(house, RIVERA) == []


@pytest.mark.parametrize("error", [Unreachable("chat_gone"), Ambiguous("lost")])
@on_sqlite
async def test_a_change_that_cannot_be_made_costs_nobody_their_address(school: House, error: Exception) -> None:
    await school.says(MAYA, "I want to die")
    await school.pass_time(minutes=5)
    school.platform.plan(OKAFOR, None, error, error)  # the message that says who has it arrives
    await school.taps(RIVERA, "I have it")
    await school.pass_time(minutes=10)
    assert (len(changes(school, RIVERA)), len(changes(school, OKAFOR))) == (1, 0)
    assert [row.status for row in school.rows(tables.message, person_id=OKAFOR) if row.replaces] == ["cancelled"]
    assert [row.unreachable_at for row in school.rows(tables.address)] == [None] * 4


async def test_a_change_that_waits_is_not_made_once_nobody_has_the_case_any_more(school: House) -> None:
    await school.says(MAYA, "I want to die")
    await school.pass_time(minutes=5)
    school.platform.plan(OKAFOR, None, TryLater("not_now", 3000))
    await school.taps(RIVERA, "I have it")
    await school.pass_time(minutes=60)
    assert school.case().status == "open"
    assert changes(school, OKAFOR) == []
    assert school.newest(OKAFOR).kind == "alert"


async def test_in_the_web_chat_the_alert_of_a_case_that_nobody_has_any_more_is_there_again(school: House) -> None:
    await school.says(MAYA, "I want to die")
    await school.taps(RIVERA, "I have it")
    await school.taps(RIVERA, "Pass on")
    assert school.case().status == "open"
    assert len(changes(school, RIVERA)) == 1
    with school.database.read() as connection:
        alert, *_ = chats.history(connection, Address("web", "web", str(RIVERA)), 50)
    assert (alert.kind, "M.T." in alert.text) == ("alert", True)
    assert alert.choices[0].label.startswith("I have it")


@on_sqlite
async def test_a_change_is_not_tried_for_ever(school: House) -> None:
    await school.says(MAYA, "I want to die")
    school.platform.plan(RIVERA, *[TryLater("not_now", 300)] * 1000)
    await school.staff(ActionKind.CLOSE, school.case().id, outcome="spoke-with-student")
    await school.pass_time(hours=25)
    assert [row.status for row in school.rows(tables.message) if row.replaces] == ["expired"]


async def test_whom_one_case_of_a_bundle_is_about_by_now_reads_no_more_of_it(school: House) -> None:
    for words in ("I want to die", "weapon now", "danger now"):
        await school.says(MAYA, words)
    await school.pass_time(minutes=1)
    _, weapon, danger = school.rows(tables.escalation)
    hidden = code(school, RIVERA, 2)
    about_her = update(tables.escalation).where(tables.escalation.c.id == danger.id).values(left_out=f",{RIVERA},")
    for status in ("open", "acknowledged"):
        school.write(lambda connection, to=status: connection.execute(about_her.values(status=to)))
        await school.staff(ActionKind.TAKE, weapon.id)
        (change,) = changes(school, RIVERA)
        assert change.text.startswith(f"✓ Ms. Chen (console) has case {code(school, RIVERA, 1)}. ")
        assert hidden not in change.text
        await school.staff(ActionKind.PASS_ON, weapon.id)
        school.platform.journal.clear()


@on_sqlite
async def test_a_case_beside_it_that_cannot_be_read_holds_up_no_taking(school: House) -> None:
    for words in ("I want to die", "weapon now", "danger now"):
        await school.says(MAYA, words)
    await school.pass_time(minutes=1)
    _, weapon, danger = school.rows(tables.escalation)
    damaged = update(tables.escalation).where(tables.escalation.c.id == danger.id).values(ladder={})
    school.write(lambda connection: connection.execute(damaged))
    await school.says(RIVERA, f"ack {code(school, RIVERA, 1)}")
    assert [row.status for row in school.rows(tables.escalation, id=weapon.id)] == ["acknowledged"]
    assert changes(school, RIVERA) == [], "nobody knows whether somebody has the other one"


@on_sqlite
async def test_who_has_left_reads_nothing_any_more(school: House) -> None:
    await school.says(MAYA, "I want to die")
    await school.pass_time(minutes=5)
    leave(school.database, school.clock, "okafor")
    await school.taps(RIVERA, "I have it")
    assert (len(changes(school, RIVERA)), len(changes(school, OKAFOR))) == (1, 0)


@on_sqlite
async def test_taking_a_case_costs_no_statement_for_each_of_its_alerts(school: House) -> None:
    costs = []
    for hours in (0, 10):
        await school.says(MAYA, "I want to die")
        await school.pass_time(minutes=5, hours=hours)
        statements: list[str] = []
        event.listen(school.database.engine, "before_cursor_execute", lambda *of, to=statements: to.append(of[2]))
        await school.taps(RIVERA, "I have it")
        costs.append(len([one for one in statements if "FROM person" in one or "FROM acknowledgement_code" in one]))
        await school.says(RIVERA, f"close {code(school, RIVERA, len(costs) - 1)}")
        await school.says(RIVERA, school.text("outcome_spoke-with-student"))
    assert costs[0] == costs[1]


@on_sqlite
async def test_staff_read_of_no_change_under_who_was_told(school: House) -> None:
    await school.says(MAYA, "I want to die")
    await school.taps(RIVERA, "I have it")
    with school.database.read() as connection:
        whole = review.case_history(connection, school.case().id, None, OKAFOR)
    assert whole is not None
    assert [one.kind for one in whole.case.told if one.name == "Ms. Rivera"] == ["alert", "staff"]
