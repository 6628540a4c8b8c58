"""What the status line says of beats, platforms, what waits, duty and drills."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot.clock import SystemClock
from bot.console.desk import Desk, Spans
from bot.console.status import entries
from bot.planning.duty import AHEAD
from bot.school import leave
from bot.staff_pages import uncovered
from storage import cursors, due, tables
from storage.database import Database
from storage.drills import ANSWERED
from tests.console import little_school
from tests.console.little_school import MAYA, NOW, RIVERA
from tests.fakes.memory import Hands
from tests.school import NOON, PLAN, move_in, tiny_program


async def said(database: Database, spans: Spans | None, accounts: Sequence[str] = ()) -> dict[str, tuple[str, str]]:
    console = little_school.console(database, uncovered=lambda _connection, _now: spans, accounts=accounts)
    desk = next(cell for cell in _desks(console.app))
    return {one.label: (one.value, one.mood) for one in await entries(desk)}


def _desks(app: object) -> list[Desk]:
    """The desk that the routes stand on."""
    found = []
    for route in app.routes:  # type: ignore[attr-defined]
        for cell in getattr(route.endpoint, "__closure__", None) or ():
            if isinstance(cell.cell_contents, Desk):
                found.append(cell.cell_contents)
    return found


@pytest.mark.parametrize(
    ("spans", "words"),
    [
        (None, ("no list set up", "unset")),
        ([], ("covered", "well")),
        ([(NOW, NOW + timedelta(hours=2))], ("1 gap, the first now", "late")),
        (
            [(NOW + timedelta(days=1), NOW + timedelta(days=2)), (NOW + timedelta(days=8), NOW + timedelta(days=9))],
            ("2 gaps, the first from tomorrow 3:04 PM CST", "late"),
        ),
    ],
)
async def test_gaps_of_the_next_days_are_named(database: Database, spans: Spans | None, words: tuple[str, str]) -> None:
    assert (await said(database, spans))["Duty, next 14 days"] == words


@pytest.mark.parametrize(
    ("days", "answered", "words"),
    [
        (3, True, ("3 days ago, 1 of 1 adult answered", "well")),
        (3, False, ("3 days ago, 0 of 1 adult answered", "late")),
        (30, True, ("30 days ago, 1 of 1 adult answered", "well")),
        (31, True, ("31 days ago, 1 of 1 adult answered", "late")),
    ],
)
async def test_the_last_drill_is_fresh_and_was_answered_by_all(
    database: Database, days: int, answered: bool, words: tuple[str, str]
) -> None:
    console = little_school.console(database)
    at = NOW - timedelta(days=days)
    told = {"kind": "alert", "escalation_id": 901, "rung": 0, "round": 0}
    said_so = {"id": 7, "at": at, "actor": "Ms. Rivera", "action": ANSWERED, "person_id": RIVERA, "escalation_id": 901}
    console.seed(
        little_school.people,
        lambda c: little_school.case(c, 901, MAYA, "crisis", "Drill", at, drill=True),
        lambda c: little_school.sent(c, 500, RIVERA, "DRILL", at, **told),
        lambda c: little_school.case(c, 902, MAYA, "crisis", "Real", NOW),
        lambda c: c.execute(tables.audit.insert().values(said_so)) if answered else None,
        lambda c: c.execute(tables.escalation.update().values(status="closed", closed_at=NOW, next_action_at=None)),
    )
    assert (await said(database, None))["Last drill"] == words


@pytest.mark.parametrize(("seconds", "mood"), [(30, "well"), (120, "late")])
async def test_a_beat_and_a_platform_of_which_nothing_was_heard_for_90_seconds_are_late(
    database: Database, seconds: int, mood: str
) -> None:
    at = SystemClock().wall() - timedelta(seconds=seconds)
    database.write(lambda c: due.mark_beat(c, "due", at)).result()
    database.write(lambda c: cursors.move(c, "well:telegram:bot", at)).result()
    line = await said(database, None, ["telegram:bot"])
    assert (line["Last beat"][1], line["Telegram"][1]) == (mood, mood)
    assert (await said(database, None, ["slack:T1"]))["Slack"] == ("not heard yet", "late")


@pytest.mark.parametrize(
    ("priority", "minutes", "mood"), [(0, 1, "well"), (0, 3, "late"), (3, 59, "well"), (3, 61, "late")]
)
async def test_an_alert_may_wait_two_minutes_and_a_check_in_an_hour(
    database: Database, priority: int, minutes: int, mood: str
) -> None:
    at = NOW - timedelta(minutes=minutes)
    waits = {"status": "pending", "sent_at": None, "priority": priority}
    little_school.console(database).seed(
        little_school.people, lambda c: little_school.sent(c, 500, RIVERA, "Hello", at, **waits)
    )
    assert (await said(database, None))["Waits to be sent"][1] == mood


def test_a_school_with_a_duty_list_sees_its_gaps(database: Database, tmp_path: Path) -> None:
    plan = f"{PLAN}duty:\n  start: 2026-10-05\n  handover: '08:00'\n  weeks: [[rivera], [nobody-here]]\n"
    program = tiny_program(tmp_path, plan=plan)
    database.write(move_in).result()
    with database.read() as connection:
        spans = uncovered(program, connection, NOON)
        assert uncovered(replace(program, duty=None), connection, NOON) is None
    assert spans is not None
    assert [(begin.date().isoformat(), end.date().isoformat()) for begin, end in spans] == [
        ("2026-10-12", "2026-10-19")
    ]


def test_who_has_left_is_on_duty_no_more(database: Database, tmp_path: Path) -> None:
    plan = f"{PLAN}duty:\n  start: 2026-10-05\n  handover: '08:00'\n  weeks: [[rivera]]\n"
    program = tiny_program(tmp_path, plan=plan)
    database.write(move_in).result()
    with database.read() as connection:
        assert uncovered(program, connection, NOON) == []
    leave(database, Hands(NOON), "rivera")
    with database.read() as connection:
        assert uncovered(program, connection, NOON) == [(NOON, NOON + AHEAD)]
