"""Possible abuse: time runs from the disclosure, and adults are reminded until a report or a reason is on record."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain import EMAIL, ActionKind, Address
from bot.errors import Refused
from storage import people
from storage.database import Database
from tests.school import CANARY, MAYA, OKAFOR, PACK, PLAN, RIVERA, House, house, on_sqlite, tiny_program

ABUSE = "\n  - {id: touched, tier: crisis, category: abuse, label: Was touched, phrases: [touched me], negation: false}"
HOTLINE = "Child abuse hotline 555-0199."


@pytest.fixture
def school(database: Database, tmp_path: Path) -> House:
    plan = f"{PLAN}report: {{remind: 20h, within: 24h, hotline: {HOTLINE}}}\n"
    return house(database, tiny_program(tmp_path, plan=plan, pack=PACK + ABUSE))


async def test_l25_l27_an_alert_says_how_long_ago_and_whose_duty_a_report_is(school: House) -> None:
    await school.says(MAYA, f"he touched me {CANARY}")
    assert school.text("abuse_duty", hours="0", hotline=HOTLINE) in school.newest(RIVERA).text
    await school.pass_time(hours=3, minutes=5)
    assert school.text("abuse_duty", hours="3", hotline=HOTLINE) in school.newest(RIVERA).text


@on_sqlite
async def test_l27_who_knows_is_reminded_before_a_day_is_over_and_until_an_outcome(school: House) -> None:
    await school.says(MAYA, f"he touched me {CANARY}")
    await school.taps(RIVERA, "I have it")
    reminders = "since it was disclosed"
    for _ in range(39):
        await school.pass_time(minutes=30)
        await school.taps(RIVERA, "Still with it")
    assert not [text for text in school.phone(RIVERA) if reminders in text]
    await school.pass_time(minutes=31)
    (reminder,) = (text for text in school.phone(RIVERA) if reminders in text)
    assert "20 h" in reminder
    assert HOTLINE in reminder
    await school.pass_time(hours=2)
    assert len([text for text in school.phone(RIVERA) if reminders in text]) == 2
    case = school.case().id
    with pytest.raises(Refused, match="closes only with a report"):
        await school.staff(ActionKind.CLOSE, case, outcome="spoke-with-student")
    await school.staff(ActionKind.CLOSE, case, outcome="report-made", note="Oct 6, County CPS, no. 4711")
    assert school.case().report_at is None
    await school.pass_time(days=2)
    assert len([text for text in school.phone(RIVERA) if reminders in text]) == 2


@on_sqlite
async def test_a_case_that_is_opened_again_is_on_the_clock_again(school: House) -> None:
    await school.says(MAYA, f"he touched me {CANARY}")
    await school.staff(ActionKind.CLOSE, school.case().id, outcome="not-a-concern", note="A song")
    await school.pass_time(days=2)
    await school.staff(ActionKind.REOPEN, school.case().id)
    await school.pass_time(hours=3)
    assert [text for text in school.phone(OKAFOR) if "since it was disclosed" in text]


@on_sqlite
async def test_a_case_that_its_student_opens_again_is_on_the_clock_again(school: House) -> None:
    await school.says(MAYA, f"he touched me {CANARY}")
    case, report = school.case().id, "Oct 6, County CPS, no. 4711"
    await school.staff(ActionKind.CLOSE, case, outcome="report-made", note=report)
    await school.pass_time(days=1)
    await school.taps(MAYA, "No, not yet")
    await school.pass_time(hours=3)
    assert [text for text in school.phone(OKAFOR) if "since it was disclosed" in text]


@on_sqlite
async def test_by_e_mail_nothing_says_what_it_is_about(school: House) -> None:
    inbox = Address(EMAIL, "test", "rivera@lincoln.example")
    school.write(lambda connection: people.add_address(connection, RIVERA, inbox, 999, position=1))
    await school.says(MAYA, f"he touched me {CANARY}")
    with school.database.read() as connection:
        texts = [row.text for row in connection.exec_driver_sql("SELECT * FROM message") if row.platform == EMAIL]
    assert texts
    assert not any("isclosed" in text or "touched" in text for text in texts)


@on_sqlite
async def test_other_cases_have_no_such_clock(school: House) -> None:
    await school.says(MAYA, "I want to die")
    assert school.case().report_at is None
    assert "isclosed" not in school.newest(RIVERA).text


async def test_l26_in_chat_possible_abuse_offers_what_it_may_close_with_and_its_student_is_asked_later(
    school: House,
) -> None:
    """ "Not a concern" would be untrue of it, and nobody would ask how the student is."""
    await school.says(MAYA, f"he touched me {CANARY}")
    await school.taps(RIVERA, "I have it")
    await school.taps(RIVERA, "Close")
    keys = ("report-made", "not-reportable", "not-a-concern")
    assert school.labels(RIVERA) == [school.text(f"outcome_{key}") for key in keys]
    assert "leave the case open" in school.newest(RIVERA).text
    await school.taps(RIVERA, school.text("outcome_not-reportable"))
    await school.says(RIVERA, "Years ago, known to the county")
    case = school.case()
    assert (case.status, case.outcome, case.note) == ("closed", "not-reportable", "Years ago, known to the county")
    await school.pass_time(days=1)
    assert "Has someone talked with you" in school.newest(MAYA).text
