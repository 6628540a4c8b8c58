"""What falls due, and occurrences that stay right when plans and people change (F93, F97)."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from bot.domain import (
    ConversationStatus,
    DeliveryNews,
    Due,
    DueKind,
    Escalation,
    EscalationStatus,
    Firing,
    Ladder,
    News,
    Occurrence,
    PersonStatus,
    Rung,
    Tier,
    Turn,
)
from storage import due, occurrences, people, tables
from storage.database import Database
from tests.school import LEO, MAYA, NOON, RIVERA, plan
from tests.storage.rows import conversation, message, save, school

HOUR = timedelta(hours=1)
END = NOON + timedelta(days=14)


@pytest.fixture(autouse=True)
def _people(database: Database) -> None:
    school(database)


def occurrence(id_: int, at: datetime = NOON + HOUR, **more: Any) -> Occurrence:
    values: dict[str, Any] = {"schedule": "mentee-check-in", "person_id": MAYA, "local_date": at.date(), "slot": ""}
    values |= {"local_time": f"{at:%H:%M}", "due_at": at, "expires_at": at + 4 * HOUR, "flow": "mentee-weekly"}
    return Occurrence(id=id_, **(values | more))


def replan(database: Database, *wanted: Occurrence, begin: datetime = NOON, keep: tuple[str, ...] = ()) -> int:
    ids = iter([one.id for one in wanted])
    with database.read() as connection:
        changes = occurrences.differences(connection, map(firing, wanted), [MAYA, LEO], begin, END, keep)
    units = [
        partial(occurrences.apply, changes=part, new_ids=lambda count: list(islice(ids, count)))
        for part in changes.parts(2)
    ]
    return sum(database.write(unit).result() for unit in units)


def firing(one: Occurrence) -> Firing:
    return Firing(
        schedule=one.schedule,
        local_date=one.local_date,
        local_time=one.local_time,
        due_at=one.due_at,
        expires_at=one.expires_at,
        flow=one.flow,
        seats=[(one.person_id, one.slot, one.match_id)],
    )


def fate(database: Database, id_: int, status: str) -> None:
    save(database, Turn(occurrence_done=(id_, status)))


def planned(database: Database) -> dict[int, tuple[datetime, str]]:
    column = tables.occurrence.c
    with database.read() as connection:
        return {
            row.id: (row.due_at, row.status)
            for row in connection.execute(select(tables.occurrence).order_by(column.id))
        }


def is_due(database: Database, now: datetime) -> list[Due | DeliveryNews]:
    with database.read() as connection:
        waiting = occurrences.next_due(connection, now, None, 100)
        fires = [Due(DueKind.OCCURRENCE, one.id, one.due_at) for one in waiting]
        return [*due.alerts_due(connection, now), *due.waits_due(connection, now), *fires]


# --- occurrences ---


def test_planning_twice_plans_once(database: Database) -> None:
    assert replan(database, occurrence(1)) == 1
    assert replan(database, occurrence(2)) == 0
    assert planned(database) == {1: (NOON + HOUR, "planned")}


def test_an_hour_that_was_moved_before_firing_moves_the_one_occurrence(database: Database) -> None:
    replan(database, occurrence(1))
    later = NOON + 2 * HOUR
    assert replan(database, occurrence(2, later)) == 0
    assert planned(database) == {1: (later, "planned")}
    with database.read() as connection:
        row = connection.execute(select(tables.occurrence)).one()
    assert (row.local_time, row.expires_at) == ("18:00", later + 4 * HOUR)


@pytest.mark.parametrize("status", ["fired", "missed", "cancelled"])
def test_what_has_had_its_day_is_untouched_when_the_hour_moves(database: Database, status: str) -> None:
    replan(database, occurrence(1))
    fate(database, 1, status)
    assert replan(database, occurrence(2, NOON + 2 * HOUR)) == 0
    assert planned(database) == {1: (NOON + HOUR, status)}
    assert is_due(database, NOON + 3 * HOUR) == []


def test_a_changed_zone_moves_what_has_not_fired_and_nothing_else(database: Database) -> None:
    """The school moves its clock an hour west: the same local dates and hours are other moments."""
    week = timedelta(days=7)
    replan(database, occurrence(1), occurrence(2, NOON + HOUR + week))
    fate(database, 1, "fired")
    west = [occurrence(3, NOON + 2 * HOUR, local_date=NOON.date()), occurrence(4, NOON + 2 * HOUR + week)]
    replan(database, *west)
    assert planned(database) == {1: (NOON + HOUR, "fired"), 2: (NOON + 2 * HOUR + week, "planned")}


def test_an_occurrence_that_is_no_longer_meant_is_gone(database: Database) -> None:
    replan(database, occurrence(1), occurrence(2, NOON + 2 * HOUR, person_id=LEO))
    replan(database, occurrence(3))
    assert list(planned(database)) == [1]


def test_what_is_overdue_stays_when_plans_are_made_anew(database: Database) -> None:
    replan(database, occurrence(1))
    replan(database, begin=NOON + 2 * HOUR)
    assert planned(database) == {1: (NOON + HOUR, "planned")}


def test_schedules_to_keep_are_left_alone(database: Database) -> None:
    first = occurrence(1, schedule="first-contact")
    database.write(lambda c: plan(c, first)).result()
    replan(database, keep=("first-contact",))
    assert list(planned(database)) == [1]
    with database.read() as connection:
        assert occurrences.people_without(connection, "first-contact", "", [MAYA, LEO]) == {LEO}


def test_another_flow_in_the_plan_is_the_one_that_will_start(database: Database) -> None:
    replan(database, occurrence(1))
    replan(database, occurrence(2, flow="another"))
    with database.read() as connection:
        found = occurrences.occurrence(connection, 1)
    assert found is not None
    assert found.flow == "another"


def test_two_meetings_on_one_day_are_two_occurrences(database: Database) -> None:
    assert (
        replan(
            database, occurrence(1, slot="21"), occurrence(2, slot="21-2"), occurrence(3, local_date=date(2026, 10, 6))
        )
        == 3
    )


def test_what_fired_today_and_what_is_due_together(database: Database) -> None:
    replan(database, *(occurrence(n, NOON + n * HOUR, local_date=date(2026, 10, n)) for n in (1, 2, 3)))
    fate(database, 1, "fired")
    with database.read() as connection:
        assert [one.id for one in occurrences.due_of(connection, [MAYA], NOON + 3 * HOUR)] == [2, 3]
        assert [one.id for one in occurrences.due_of(connection, [MAYA, LEO], NOON + 2 * HOUR)] == [2]
        assert occurrences.due_once(connection, [MAYA, LEO], NOON + 3 * HOUR) == set()
        assert occurrences.due_once(connection, [MAYA, LEO], NOON + 2 * HOUR) == {MAYA}
        assert [one.id for one in occurrences.fired_between(connection, [MAYA], NOON, END)] == [1]
        assert occurrences.fired_between(connection, [LEO], NOON, END) == []
        assert occurrences.occurrence(connection, 1) is None


# --- what is due ---


def escalation(**more: Any) -> Escalation:
    values: dict[str, Any] = {
        "id": 900,
        "person_id": MAYA,
        "tier": Tier.CRISIS,
        "category": "suicide",
        "reason": "Wish to be dead",
        "status": EscalationStatus.OPEN,
        "opened_at": NOON,
        "ladder": Ladder((Rung((RIVERA,), HOUR),), HOUR, HOUR),
        "next_action_at": NOON + HOUR,
    }
    return Escalation(**(values | more))


def test_everything_whose_time_has_come_is_due_and_nothing_else(database: Database) -> None:
    save(
        database,
        Turn(
            conversations=(conversation(1, due_at=NOON + HOUR), conversation(2, ConversationStatus.DONE, due_at=NOON)),
            escalations=(escalation(),),
            messages=(message(3, address=None),),
        ),
    )
    replan(database, occurrence(5))
    database.write(
        lambda c: c.execute(
            update(tables.person).where(tables.person.c.id == LEO).values(status="paused", paused_until=NOON + HOUR)
        )
    ).result()
    at = NOON + HOUR
    news = DeliveryNews(3, News.FAILED, "no_address")
    assert is_due(database, NOON) == [news]
    assert is_due(database, at) == [
        news,
        Due(DueKind.ESCALATION, 900, at),
        Due(DueKind.CONVERSATION, 1, at),
        Due(DueKind.PAUSE, LEO, at),
        Due(DueKind.OCCURRENCE, 5, at),
    ]
    with database.read() as connection:
        assert due.next_due(connection) == at


def test_a_closed_case_is_due_no_more(database: Database) -> None:
    save(database, Turn(escalations=(escalation(status=EscalationStatus.CLOSED, next_action_at=None),)))
    assert is_due(database, END) == []
    with database.read() as connection:
        assert due.next_due(connection) is None


@pytest.mark.parametrize("status", [EscalationStatus.OPEN, EscalationStatus.ACKNOWLEDGED])
def test_the_table_itself_lets_no_case_end_in_silence(database: Database, status: EscalationStatus) -> None:
    with pytest.raises(IntegrityError):
        save(database, Turn(escalations=(escalation(status=status, next_action_at=None),)))
    save(database, Turn(escalations=(escalation(status=status),)))
    with pytest.raises(IntegrityError):
        database.write(lambda c: c.execute(update(tables.escalation).values(next_action_at=None))).result()


def test_a_beat_leaves_one_mark_the_newest(database: Database) -> None:
    for minutes in (0, 5):
        at = NOON + timedelta(minutes=minutes)
        database.write(lambda c, at=at: due.mark_beat(c, "due", at)).result()  # type: ignore[misc]
    with database.read() as connection:
        assert [tuple(row) for row in connection.execute(select(tables.beat))] == [("due", NOON + timedelta(minutes=5))]


def test_a_pause_without_an_end_is_never_due(database: Database) -> None:
    with database.read() as connection:
        maya = people.load(connection, MAYA)
    assert maya is not None
    database.write(
        lambda c: c.execute(update(tables.person).where(tables.person.c.id == MAYA).values(status=PersonStatus.PAUSED))
    ).result()
    assert is_due(database, END) == []
