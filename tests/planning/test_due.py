"""Maya and Leo meet on Wednesdays: who is asked what, when, how late, and how often."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Alike, Match, Occurrence, Person, PersonStatus, Role
from bot.planning.due import (
    Anchor,
    Cap,
    Schedule,
    Session,
    decide,
    in_window,
    local_day,
    newest_only,
    plan,
    within_cap,
)
from bot.planning.recurrence import Daily, Weekly

NEW_YORK = ZoneInfo("America/New_York")
MAYA = Person(1, "maya", "Maya Torres", Role.MENTEE, "es", "")
LEO = Person(2, "leo", "Leo Kim", Role.MENTOR, "en", "")
RIVERA = Person(3, "rivera", "Ms. Rivera", Role.ADVISOR, "en", "")
PAIR = Match(10, mentees=(1,), mentors=(2,), advisor=3, meets="Wed 15:00 45m")

CHECK_IN = Schedule(
    "mentee-check-in", Role.MENTEE, Weekly(frozenset({1}), time(15, 30)), "mentee-weekly", timedelta(hours=24)
)
REMINDER = Schedule("session-reminder", Role.MENTOR, Session(Anchor.BEFORE_START, timedelta(minutes=60)))
AFTER = Session(Anchor.AFTER_END, timedelta(minutes=15))
MENTEE_REFLECTION = Schedule("mentee-reflection", Role.MENTEE, AFTER, "mentee-reflection")
MENTOR_REFLECTION = Schedule("mentor-reflection", Role.MENTOR, AFTER, "mentor-reflection")
ALL = (CHECK_IN, REMINDER, MENTEE_REFLECTION, MENTOR_REFLECTION)
MONDAY = datetime(2026, 9, 14, 4, tzinfo=UTC)  # midnight in New York
WEEK = timedelta(days=7)


def planned(
    *schedules: Schedule,
    people: tuple[Person, ...] = (MAYA, LEO, RIVERA),
    matches: tuple[Match, ...] = (PAIR,),
    start: datetime = MONDAY,
    length: timedelta = WEEK,
) -> tuple[Occurrence, ...]:
    alike = [Alike(one.role, one.zone, one.status, one.paused_until, (one.id,)) for one in people]
    ids = itertools.count(100)
    return tuple(
        Occurrence(
            id=next(ids),
            schedule=one.schedule,
            person_id=person_id,
            local_date=one.local_date,
            slot=slot,
            local_time=one.local_time,
            due_at=one.due_at,
            expires_at=one.expires_at,
            flow=one.flow,
            match_id=match_id,
        )
        for one in plan(schedules, alike, matches, NEW_YORK, start, start + length)
        for person_id, slot, match_id in one.seats
    )


def key(occurrence: Occurrence) -> tuple[str, int, date, str]:
    return occurrence.schedule, occurrence.person_id, occurrence.local_date, occurrence.slot


def test_a_week_of_the_pair_brings_a_check_in_a_reminder_and_two_reflections() -> None:
    week = planned(*ALL)
    assert [(o.schedule, o.person_id, o.due_at.astimezone(NEW_YORK).strftime("%a %H:%M")) for o in week] == [
        ("mentee-check-in", MAYA.id, "Tue 15:30"),
        ("session-reminder", LEO.id, "Wed 14:00"),
        ("mentee-reflection", MAYA.id, "Wed 16:00"),
        ("mentor-reflection", LEO.id, "Wed 16:00"),
    ]
    check_in, reminder, reflection, _ = week
    assert (check_in.flow, check_in.local_time, check_in.match_id) == ("mentee-weekly", "15:30", None)
    assert check_in.expires_at - check_in.due_at == timedelta(hours=24)
    assert (reminder.flow, reminder.match_id) == ("", PAIR.id)
    assert reminder.expires_at - reminder.due_at == timedelta(minutes=60)  # until the session starts
    assert (reflection.flow, reflection.match_id) == ("mentee-reflection", PAIR.id)


def test_planning_again_gives_the_same_keys_and_pieces_add_up_to_the_whole() -> None:
    whole = planned(*ALL, length=4 * WEEK)
    assert [key(o) for o in planned(*ALL, length=4 * WEEK)] == [key(o) for o in whole]
    pieces = [o for n in range(28) for o in planned(*ALL, start=MONDAY + timedelta(days=n), length=timedelta(days=1))]
    assert sorted(key(o) for o in pieces) == sorted(key(o) for o in whole)
    assert len({key(o) for o in whole}) == len(whole) == 16


def test_moving_a_schedule_to_another_hour_keeps_its_key_so_that_it_cannot_fire_twice() -> None:
    later = replace(CHECK_IN, when=Weekly(frozenset({1}), time(17)))
    assert [key(o) for o in planned(later)] == [key(o) for o in planned(CHECK_IN)]


def test_a_reminder_days_before_the_session_is_planned_on_its_day() -> None:
    early = replace(REMINDER, when=Session(Anchor.BEFORE_START, timedelta(days=3)))
    [reminder] = planned(early, start=MONDAY - timedelta(days=1), length=timedelta(days=1))
    assert reminder.due_at.astimezone(NEW_YORK).strftime("%a %H:%M") == "Sun 15:00"


def test_two_sessions_on_one_day_and_two_matches_of_one_mentor_are_all_different() -> None:
    twice = replace(PAIR, meets="Wed 09:00 30m; Wed 15:00 45m")
    ana = replace(MAYA, id=4, key="ana", name="Ana Ruiz")
    other = Match(11, mentees=(4,), mentors=(2,), advisor=3, meets="Wed 15:00 45m")
    reminders = planned(REMINDER, people=(MAYA, ana, LEO), matches=(twice, other))
    assert [o.slot for o in reminders] == ["10", "10-2", "11"]
    assert newest_only(reminders[1:]) == (reminders[1:], ())


def test_people_who_are_alike_get_one_firing_together_and_others_their_own() -> None:
    ana = replace(MAYA, id=4)
    away = replace(MAYA, id=5, zone="America/Los_Angeles")
    groups = [
        Alike(Role.MENTEE, zone, PersonStatus.ACTIVE, None, ids) for zone, ids in (("", (1, 4)), (away.zone, (5,)))
    ]
    pairs = [replace(PAIR, id=10 + id_, mentees=(id_,)) for id_ in (1, 4, 5)]
    leo = Alike(Role.MENTOR, "", PersonStatus.ACTIVE, None, (LEO.id,))
    both = (CHECK_IN, MENTEE_REFLECTION)
    firings = plan(both, groups, pairs, NEW_YORK, MONDAY, MONDAY + WEEK, partners=(leo,))
    assert [(one.schedule, one.local_time, one.seats) for one in firings] == [
        ("mentee-check-in", "15:30", [(1, "", None), (4, "", None)]),
        ("mentee-check-in", "15:30", [(5, "", None)]),
        ("mentee-reflection", "16:00", [(1, "11", 11), (4, "14", 14)]),
        ("mentee-reflection", "13:00", [(5, "15", 15)]),
    ]
    alone = planned(*both, people=(MAYA, LEO, ana, away), matches=tuple(pairs))
    assert [(one.person_id, one.due_at) for one in alone] == [
        (seat[0], one.due_at) for one in firings for seat in one.seats
    ]


def test_who_stopped_is_left_out_and_who_paused_is_asked_again_afterwards() -> None:
    stopped = replace(MAYA, status=PersonStatus.STOPPED)
    assert planned(*ALL, people=(stopped, LEO)) == ()
    until_thursday = replace(MAYA, status=PersonStatus.PAUSED, paused_until=MONDAY + timedelta(days=3))
    kept = planned(*ALL, people=(until_thursday, LEO), length=2 * WEEK)
    assert [o.local_date.day for o in kept if o.person_id == MAYA.id] == [22, 23]
    for_good = replace(MAYA, status=PersonStatus.PAUSED)
    assert all(o.person_id == LEO.id for o in planned(*ALL, people=(for_good, LEO)))


def test_a_student_in_another_zone_is_asked_at_the_hour_of_her_own_wall() -> None:
    away = replace(MAYA, zone="America/Los_Angeles")
    check_in, reflection = planned(CHECK_IN, MENTEE_REFLECTION, people=(away, LEO))
    assert check_in.due_at == datetime(2026, 9, 15, 22, 30, tzinfo=UTC)
    assert reflection.due_at == datetime(2026, 9, 16, 20, 0, tzinfo=UTC)  # the session is where the school is
    assert reflection.local_time == "13:00"


def test_the_check_in_keeps_its_local_hour_across_the_clock_change() -> None:
    before, after = planned(CHECK_IN, start=datetime(2026, 10, 26, 4, tzinfo=UTC), length=2 * WEEK)
    assert after.due_at - before.due_at == WEEK + timedelta(hours=1)
    assert before.local_time == after.local_time == "15:30"


def test_what_is_due_fires_within_its_catch_up_time_and_is_missed_after_it() -> None:
    [check_in] = planned(CHECK_IN)
    moments = (-1, 0, 24 * 60 * 60, 24 * 60 * 60 + 1)
    found = [decide(check_in, check_in.due_at + timedelta(seconds=second)) for second in moments]
    assert found == ["later", "fire", "fire", "missed"]


def test_after_a_week_of_silence_only_the_newest_fires_and_the_rest_is_listed_as_missed() -> None:
    daily = replace(CHECK_IN, when=Daily(time(9)))
    due = planned(daily, people=(MAYA,))
    fire, missed = newest_only(reversed(due))
    assert fire == due[-1:]
    assert missed == due[:-1]


def test_one_unsolicited_prompt_a_day_and_three_around_sessions() -> None:
    check_in, reminder, reflection, _ = planned(*ALL)
    other = replace(check_in, id=1, schedule="mood")
    assert within_cap(other, ())
    assert within_cap(check_in, (check_in,)), "its own row does not count against it"
    assert not within_cap(other, (check_in,))
    assert within_cap(other, (replace(check_in, person_id=LEO.id),))
    assert within_cap(other, (reflection,)), "what belongs to a session is counted by itself"
    of_sessions = [replace(reminder, id=n) for n in range(1, 4)]
    assert within_cap(reminder, of_sessions[:2])
    assert not within_cap(reminder, of_sessions)
    assert not within_cap(other, (), Cap(unsolicited=0))


def test_a_local_day_has_23_or_25_hours_at_a_clock_change() -> None:
    lengths = [
        (day[1] - day[0]) // timedelta(hours=1)
        for moment in (datetime(2026, 3, 8, 20), datetime(2026, 6, 1, 20), datetime(2026, 11, 1, 20))
        for day in [local_day(moment.replace(tzinfo=UTC), NEW_YORK)]
    ]
    assert lengths == [23, 24, 25]


@pytest.mark.parametrize(
    ("at", "fine"), [(time(6, 59), False), (time(7), True), (time(20), True), (time(20, 1), False)]
)
def test_prompts_keep_to_the_day_unless_the_author_says_otherwise(at: time, fine: bool) -> None:
    schedule = replace(CHECK_IN, when=Daily(at))
    assert in_window(schedule) is fine
    assert in_window(replace(schedule, any_hour=True))
    assert in_window(REMINDER)


@settings(deadline=None)
@given(
    offset=st.integers(0, 2000), length=st.integers(1, 2000), meets=st.sampled_from(["Sun 21:30 120m", "Mon 06:00 15m"])
)
def test_every_prompt_of_a_session_lies_in_the_planned_time_and_none_is_lost_at_its_edges(
    offset: int, length: int, meets: str
) -> None:
    start = MONDAY + timedelta(minutes=offset)
    match = replace(PAIR, meets=meets)
    found = planned(*ALL[1:], matches=(match,), start=start, length=timedelta(minutes=length))
    wide = planned(*ALL[1:], matches=(match,), start=MONDAY - WEEK, length=4 * WEEK)
    end = start + timedelta(minutes=length)
    assert sorted(key(o) for o in found) == sorted(key(o) for o in wide if start <= o.due_at < end)
