"""What the plan brings: each occurrence once, too late is missed, and never more than a person can bear."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain import Due, DueKind, Occurrence, Person, Role
from bot.errors import TryLater
from storage import people, tables
from tests.school import LEO, MAYA, NOON, RIVERA, House, on_sqlite, plan

TUESDAY = datetime(2026, 10, 6, 19, 30, tzinfo=UTC)
WEDNESDAY = datetime(2026, 10, 7, 19, 0, tzinfo=UTC)
"""Maya and Leo meet: 15:00 in New York."""
CHECK_IN = "How is your week, Maya?"


def fates(house: House, schedule: str = "mentee-check-in") -> list[str]:
    return [row.status for row in house.rows(tables.occurrence, schedule=schedule) if row.due_at <= house.clock.now()]


async def test_a_week_of_the_plan(house: House) -> None:
    await house.pass_time(days=3)
    check_in, nudge, reflection = house.phone(MAYA)
    assert check_in == CHECK_IN
    assert nudge.endswith(CHECK_IN)
    assert reflection == "Did you and Leo meet?"
    assert house.phone(LEO) == [house.text("session_reminder", name="Leo", partner="Maya", time="3:00 pm")]
    assert house.phone(RIVERA) == []


@on_sqlite
async def test_a_check_in_comes_at_its_minute_and_not_before(house: House) -> None:
    await house.jump_to(TUESDAY - timedelta(seconds=1))
    assert house.phone(MAYA) == []
    await house.jump_to(TUESDAY)
    assert house.phone(MAYA) == [CHECK_IN]


async def test_an_occurrence_fires_once_however_often_it_is_due(house: House) -> None:
    await house.jump_to(TUESDAY)
    (row,) = house.rows(tables.occurrence, schedule="mentee-check-in", status="fired")
    for _ in range(2):
        await house.app.turns.handle(Due(DueKind.OCCURRENCE, row.id, TUESDAY))
    house = house.restarted()
    await house.settle()
    assert house.phone(MAYA) == [CHECK_IN]


@on_sqlite
async def test_what_was_missed_by_hours_still_comes_and_by_more_is_missed(house: House) -> None:
    await house.settle()
    await house.jump_to(TUESDAY + timedelta(hours=23))
    assert (fates(house), house.phone(MAYA)[0]) == (["fired"], CHECK_IN)


async def test_what_is_late_in_the_night_waits_for_the_morning_and_survives_planning_anew(house: House) -> None:
    await house.settle()
    await house.jump_to(TUESDAY + timedelta(hours=8))  # 23:30 in New York
    assert house.rows(tables.occurrence, schedule="mentee-check-in")[0].status == "held"
    assert CHECK_IN not in house.phone(MAYA)
    house.app.plan_anew()
    await house.settle()
    await house.jump_to(TUESDAY + timedelta(hours=15, minutes=30))  # 07:00
    (asked,) = house.phone(MAYA)
    assert asked.startswith("School is closed now. What you write may not be read before 8:00 am.")
    assert asked.endswith(CHECK_IN)


async def test_what_is_too_late_is_missed_and_on_record(house: House) -> None:
    await house.settle()
    await house.jump_to(TUESDAY + timedelta(hours=25))
    assert (fates(house), CHECK_IN in house.phone(MAYA)) == (["missed"], False)
    assert ("missed", "mentee-check-in") in [(row.action, row.detail) for row in house.rows(tables.audit)]


async def test_after_a_fortnight_s_silence_only_the_newest_comes(house: House) -> None:
    await house.settle()
    more = [_check_in(7000 + n, TUESDAY + timedelta(hours=n)) for n in (1, 2)]
    house.write(lambda c: plan(c, *more))
    await house.jump_to(TUESDAY + timedelta(hours=3))
    assert sorted(fates(house)) == ["fired", "missed", "missed"]
    assert [text.endswith(CHECK_IN) for text in house.phone(MAYA)] == [True]
    (fired,) = house.rows(tables.occurrence, schedule="mentee-check-in", status="fired")
    assert fired.id == 7002


@on_sqlite
async def test_a_reminder_never_comes_after_the_session_began(house: House) -> None:
    await house.settle()
    await house.jump_to(WEDNESDAY + timedelta(minutes=1))
    assert fates(house, "session-reminder") == ["missed"]
    assert house.phone(LEO) == []


async def test_a_reminder_that_could_not_be_sent_in_time_expires(house: House) -> None:
    house.platform.plan(LEO, TryLater("busy", 3600))
    await house.jump_to(WEDNESDAY - timedelta(hours=1))
    await house.jump_to(WEDNESDAY + timedelta(minutes=1))
    assert house.phone(LEO) == []
    (row,) = house.rows(tables.message, person_id=LEO)
    assert row.status == "expired"


async def test_one_unasked_prompt_a_day_is_enough(house: House) -> None:
    await house.jump_to(TUESDAY)
    extra = _check_in(7001, TUESDAY + timedelta(minutes=1), schedule="another", flow="mentee-reflection")
    house.write(lambda c: plan(c, extra))
    await house.jump(minutes=2)
    assert fates(house) == ["fired"]
    assert fates(house, "another") == ["missed"]


async def test_who_pauses_is_left_out_even_of_what_was_planned_before(house: House) -> None:
    await house.settle()
    house.write(lambda c: plan(c, _check_in(7001, NOON + timedelta(minutes=1))))
    await house.says(MAYA, "/pause 1w")
    await house.jump(minutes=2)
    assert [row.status for row in house.rows(tables.occurrence, id=7001)] == ["cancelled"]
    assert house.phone(MAYA) == [house.text("paused", date="October 12")]


@on_sqlite
async def test_a_person_who_joins_is_planned_in_at_once(house: House) -> None:
    await house.settle()
    house.write(lambda c: people.add(c, Person(31, "amina", "Amina Yusuf", Role.MENTEE, "es", ""), NOON, 131))
    house.app.plan_anew()
    await house.jump_to(TUESDAY)
    assert house.phone(31) == ["¿Cómo va tu semana, Amina?"]


async def test_a_flow_that_is_gone_is_told_to_adults_and_ends_nothing_else(house: House) -> None:
    """Law 2, and the student reads no crisis card about a fault of ours."""
    await house.begins(MAYA, "mentee-weekly")
    house.write(lambda c: plan(c, _check_in(7001, NOON + timedelta(minutes=1), schedule="gone", flow="gone")))
    await house.jump(minutes=2)
    assert (house.case().category, house.case().tier) == ("failure", "urgent")
    assert len(house.phone(RIVERA)) == 1
    assert house.phone(MAYA) == [CHECK_IN]
    assert [row.status for row in house.rows(tables.conversation)] == ["waiting"]
    assert [row.status for row in house.rows(tables.occurrence, id=7001)] == ["fired"]


async def test_a_due_time_that_no_longer_holds_does_nothing(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.begins(MAYA, "mentee-reflection")
    first, second = house.rows(tables.conversation)
    stale = Due(DueKind.CONVERSATION, first.id, first.due_at)
    for label in ("Great", "Skip", "No, thanks"):
        await house.taps(MAYA, label)
    told = house.phone(MAYA)
    await house.app.turns.handle(stale)
    await house.app.turns.handle(Due(DueKind.CONVERSATION, second.id, NOON))
    await house.app.turns.handle(Due(DueKind.ESCALATION, 12345, NOON))
    await house.app.turns.handle(Due(DueKind.PAUSE, MAYA, NOON))
    await house.settle()
    assert house.phone(MAYA) == told
    assert [row.status for row in house.rows(tables.conversation)] == ["done", "waiting"]


@on_sqlite
async def test_hands_put_back_fire_nothing_twice(house: House) -> None:
    await house.jump_to(TUESDAY)
    house.clock.set(NOON)
    await house.settle()
    await house.jump_to(TUESDAY)
    assert house.phone(MAYA) == [CHECK_IN]


def _check_in(id_: int, at: datetime, schedule: str = "mentee-check-in", flow: str = "mentee-weekly") -> Occurrence:
    return Occurrence(
        id=id_,
        schedule=schedule,
        person_id=MAYA,
        local_date=at.date() + timedelta(days=id_),
        slot="",
        local_time=f"{at:%H:%M}",
        due_at=at,
        expires_at=at + timedelta(hours=24),
        flow=flow,
    )
