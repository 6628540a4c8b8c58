"""Faults of people and alerts, F63 to F73, on the whole house; and a property: no history of events ends in silence."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import ActionKind, StaffAction
from bot.errors import Refused, Unreachable
from storage import tables
from storage.database import Database
from tests.school import LEO, MAYA, OKAFOR, PLAN, RIVERA, House, on_sqlite, tiny_program
from tests.school import house as house_of
from tests.turns.test_ladder import alerts, crisis, state

GONE = Unreachable("blocked")
INTERVAL = timedelta(minutes=10)
BEFORE_CHANGE = datetime(2026, 11, 1, 4, 30, tzinfo=UTC)
"""Half past midnight in New York, on the night in which an hour comes twice."""


def told_at(house: House) -> list[datetime]:
    """When alerts left for adults, in program time."""
    return sorted(row.sent_at for row in house.rows(tables.message, kind="alert") if row.sent_at is not None)


async def test_f63_an_advisor_who_is_blocked_has_no_address_or_left_is_passed_over_at_once(house: House) -> None:
    house.platform.plan(RIVERA, *[GONE] * 9)
    await crisis(house)
    assert alerts(house, OKAFOR) == 1
    house.write(lambda c: c.execute(tables.address.delete().where(tables.address.c.person_id == RIVERA)))
    await house.says(LEO, "they hit me")
    assert [row.rung for row in house.rows(tables.escalation)] == [1, 1]


@on_sqlite
async def test_f64_seventy_two_hours_of_silence_have_no_gap_longer_than_the_interval(
    database: Database, tmp_path: Path
) -> None:
    interval = timedelta(minutes=30)  # the longest that a plan may say for a crisis
    silent = house_of(database, tiny_program(tmp_path, plan=PLAN.replace("repeat: 10m", "repeat: 30m")))
    begin = silent.clock.now()
    await crisis(silent)
    await silent.pass_time(hours=72)
    moments = [begin, *told_at(silent), silent.clock.now()]
    assert max(later - earlier for earlier, later in pairwise(moments)) <= interval
    assert silent.case().next_action_at > silent.clock.now()
    assert alerts(silent, OKAFOR) > 72 * 2 - 3


@on_sqlite
async def test_f64_a_night_whose_clocks_change_and_a_restart_leave_no_gap_either(house: House) -> None:
    house.clock.set(BEFORE_CHANGE)
    await crisis(house)
    for _ in range(6):
        await house.pass_time(minutes=29)
        house = house.restarted()
    moments = [BEFORE_CHANGE, *told_at(house), house.clock.now()]
    assert max(later - earlier for earlier, later in pairwise(moments)) <= INTERVAL


async def test_f65_of_two_who_take_it_at_the_same_instant_one_has_it_and_the_other_is_told(house: House) -> None:
    await crisis(house)
    await house.pass_time(minutes=5)
    case = house.case().id
    taking = [
        StaffAction(ActionKind.TAKE, name, case, person)
        for name, person in (("Ms. Rivera", RIVERA), ("Mr. Okafor", OKAFOR))
    ]
    results = await asyncio.gather(*map(house.app.turns.handle, taking), return_exceptions=True)
    refused = [one for one in results if isinstance(one, Refused)]
    assert len(refused) == 1
    assert [one for one in results if one is not None] == refused
    holder = house.case().acknowledged_by
    assert str(refused[0]) == f"{holder} already has this case."
    await house.settle()
    assert [row.action for row in house.rows(tables.audit)].count("take") == 1


async def test_f66_a_code_after_the_end_or_of_another_case_takes_nothing_and_is_on_record(house: House) -> None:
    await crisis(house)
    code = house.code(RIVERA)
    await house.says(OKAFOR, f"ACK {code}")
    assert state(house) == ("open", "")
    await house.staff(ActionKind.CLOSE, house.case().id, outcome="not-a-concern", note="A song")
    await house.says(RIVERA, f"ACK {code}")
    assert house.case().status == "closed"
    assert house.newest(RIVERA).text.startswith("This case was closed by")
    assert [row.action for row in house.rows(tables.audit)].count("refused") == 2


async def test_f67_an_acknowledgement_after_which_nothing_comes_is_asked_about_and_opened_again(house: House) -> None:
    await crisis(house)
    await house.taps(RIVERA, "I have it")
    await house.pass_time(minutes=40)
    assert state(house) == ("open", "")
    await house.pass_time(minutes=5)
    assert alerts(house, OKAFOR) == 1


@on_sqlite
async def test_f68_a_bare_ok_with_two_open_cases_asks_which_one(house: House) -> None:
    await crisis(house)
    await house.pass_time(minutes=2)
    await house.says(MAYA, "they hit me")
    for word in ("ok", "OK!", "I have it", "on my way", "1"):
        await house.says(RIVERA, word)
        assert all(row.status == "open" for row in house.rows(tables.escalation))
        assert all(row.code in house.newest(RIVERA).text for row in house.rows(tables.acknowledgement_code))


async def test_f73_the_same_message_delivered_twice_or_changed_is_one_case_that_is_updated(house: House) -> None:
    body = {"chat": str(MAYA), "text": "I want to die", "id": "m1"}
    await house.offer(body, event="same")
    await house.settle()
    await house.offer(body, event="same")
    await house.settle()
    assert alerts(house, RIVERA) == 1
    await house.offer({**body, "kind": "edit", "text": "I want to die today"})
    await house.settle()
    assert len(house.rows(tables.escalation)) == 1


# --- no history ends in silence ------------------------------------------------------------------------------------

BY_ADULTS = [ActionKind.TAKE, ActionKind.PASS_ON, ActionKind.NEED_HELP, ActionKind.REOPEN]
ACTS = st.one_of(
    st.tuples(st.just("says"), st.sampled_from(["I want to die", "they hit me", "nobody likes me"])),
    st.tuples(st.just("acts"), st.sampled_from(BY_ADULTS)),
    st.tuples(st.just("closes"), st.sampled_from(["not-a-concern", "spoke-with-student"])),
    st.tuples(st.just("passes"), st.sampled_from([1, 7, 31, 90])),
    st.tuples(st.just("breaks"), st.sampled_from([RIVERA, OKAFOR])),
    st.tuples(st.just("drills"), st.none()),
)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(history=st.lists(st.tuples(ACTS, st.sampled_from([RIVERA, OKAFOR])), min_size=1, max_size=7))
def test_for_every_history_each_open_case_has_a_next_time_and_goes_on(
    house: House, database: Database, history: list[tuple[tuple[str, object], int]]
) -> None:
    """Whatever people did before, while a case is open somebody is told again, or the house says that nobody can be."""
    asyncio.run(_live(house, history))


async def _live(before: House, history: list[tuple[tuple[str, object], int]]) -> None:
    house = before.restarted()
    house.platform.mend()
    for (what, how), adult in history:
        await _happens(house, what, how, adult)
        for row in house.rows(tables.escalation):
            assert (row.status == "closed") == (row.next_action_at is None)
    await house.pass_time(minutes=31)
    for row in house.rows(tables.escalation):
        if row.status != "closed":
            limit = timedelta(days=4) if row.tier == "concern" else timedelta(hours=2)
            assert house.clock.now() < row.next_action_at <= house.clock.now() + limit
    over = tables.escalation.update().values(status="closed", next_action_at=None, news_at=None, report_at=None)
    house.write(lambda connection: connection.execute(over))  # the next history begins with no open case


async def _happens(house: House, what: str, how: object, adult: int) -> None:
    cases = [row.id for row in house.rows(tables.escalation)]
    if what == "says":
        await house.says(MAYA, str(how))
    elif what == "passes":
        assert isinstance(how, int)
        await house.pass_time(minutes=how)
    elif what == "breaks":
        house.platform.plan(how, *[Unreachable("no_listener")] * 3)  # type: ignore[arg-type]
    else:
        try:
            if what == "drills":
                await house.staff(ActionKind.DRILL, 0)
            elif cases and what == "acts":
                await house.staff(how, cases[-1], actor_person_id=adult)  # type: ignore[arg-type]
            elif cases:
                more = {"outcome": str(how), "note": "A song", "actor_person_id": adult}
                await house.staff(ActionKind.CLOSE, cases[-1], **more)
        except Refused:
            pass
