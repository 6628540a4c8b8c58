"""Every local occurrence exactly once, whatever the clocks of a zone do."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.planning.recurrence import Daily, Once, Weekly, moment, occurrences

ZONES = (
    "America/New_York",
    "America/Santiago",
    "America/Nuuk",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "America/Chicago",
    "America/Phoenix",
    "Pacific/Apia",
)
HALF_HOURS = [time(hour, minute) for hour in range(24) for minute in (0, 30)]
FIRST, LAST = date(2026, 1, 1), date(2026, 12, 31)


@pytest.mark.parametrize("name", ZONES)
def test_every_half_hour_of_a_year_happens_exactly_once(name: str) -> None:
    zone = ZoneInfo(name)
    for at in HALF_HOURS:
        found = occurrences(Daily(at), zone, FIRST, LAST)
        assert [nominal.local_date for nominal in found] == [FIRST + timedelta(days=n) for n in range(365)]
        assert len({nominal.due_at for nominal in found}) == 365
        assert all(earlier.due_at < later.due_at for earlier, later in itertools.pairwise(found))


@pytest.mark.parametrize("name", ZONES)
def test_a_moment_reads_as_its_nominal_time_or_is_shifted_forward_out_of_the_gap(name: str) -> None:
    zone = ZoneInfo(name)
    shifted = []
    for at in HALF_HOURS:
        for nominal in occurrences(Daily(at), zone, FIRST, LAST):
            local = nominal.due_at.astimezone(zone).replace(tzinfo=None)
            wall = datetime.combine(nominal.local_date, nominal.local_time)
            if local != wall:
                shifted.append(wall)
                assert timedelta(0) < local - wall <= timedelta(hours=1)
    # One spring change a year leaves out an hour (half an hour on Lord Howe), where there is one at all.
    assert len(shifted) == {"America/Phoenix": 0, "Pacific/Apia": 0, "Australia/Lord_Howe": 1}.get(name, 2)


def test_the_gap_shifts_forward_and_the_fold_is_taken_once() -> None:
    new_york = ZoneInfo("America/New_York")
    assert moment(date(2026, 3, 8), time(2, 30), new_york) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)  # 03:30 EDT
    [twice] = occurrences(Daily(time(1, 30)), new_york, date(2026, 11, 1), date(2026, 11, 1))
    assert twice.due_at == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)  # the first 01:30, still EDT


def test_a_time_that_says_fold_is_taken_as_the_first_all_the_same() -> None:
    new_york = ZoneInfo("America/New_York")
    assert moment(date(2026, 11, 1), time(1, 30, fold=1), new_york) == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_the_day_after_a_spring_change_is_not_left_out() -> None:
    found = occurrences(Daily(time(0, 15)), ZoneInfo("Europe/Berlin"), date(2026, 3, 28), date(2026, 3, 31))
    assert [nominal.local_date.day for nominal in found] == [28, 29, 30, 31]


def test_a_weekly_rule_keeps_its_local_hour_through_the_year() -> None:
    chicago = ZoneInfo("America/Chicago")
    found = occurrences(Weekly(frozenset({1}), time(15, 30)), chicago, FIRST, LAST)
    assert len(found) == 52
    assert {nominal.due_at.astimezone(chicago).strftime("%a %H:%M") for nominal in found} == {"Tue 15:30"}


def test_a_rule_for_one_date_happens_on_that_date_only() -> None:
    leap = Once(date(2028, 2, 29), time(9))
    assert [n.local_date for n in occurrences(leap, ZoneInfo("UTC"), date(2028, 1, 1), date(2029, 12, 31))] == [leap.on]
    assert occurrences(leap, ZoneInfo("UTC"), date(2028, 3, 1), date(2028, 3, 31)) == ()


@settings(deadline=None)
@given(
    name=st.sampled_from(ZONES),
    at=st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    first=st.dates(date(2024, 1, 1), date(2030, 1, 1)),
    days=st.frozensets(st.integers(0, 6), min_size=1),
    length=st.integers(0, 60),
    cut=st.integers(0, 60),
)
def test_planning_in_two_pieces_gives_what_planning_at_once_gives(
    name: str, at: time, first: date, days: frozenset[int], length: int, cut: int
) -> None:
    zone, rule = ZoneInfo(name), Weekly(days, at)
    last, middle = first + timedelta(days=length), first + timedelta(days=min(cut, length))
    pieces = occurrences(rule, zone, first, middle) + occurrences(rule, zone, middle + timedelta(days=1), last)
    assert pieces == occurrences(rule, zone, first, last)
