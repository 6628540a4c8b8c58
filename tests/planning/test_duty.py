"""Duty: the right people at every hour of a year, at both clock changes, and every gap is found."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bot.planning.duty import Duty, Gap, Instead, gaps, on_duty

NEW_YORK = ZoneInfo("America/New_York")
DUTY = Duty("America/New_York", date(2026, 10, 5), time(8), (("rivera",), ("okafor", "chen")))


def local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=NEW_YORK).astimezone(UTC)


def test_each_week_is_handed_over_at_its_hour_and_then_from_the_front_again() -> None:
    assert on_duty(DUTY, local("2026-10-05T07:59")) == ()
    assert on_duty(DUTY, local("2026-10-05T08:00")) == ("rivera",)
    assert on_duty(DUTY, local("2026-10-12T07:59")) == ("rivera",)
    assert on_duty(DUTY, local("2026-10-12T08:00")) == ("okafor", "chen")
    assert on_duty(DUTY, local("2026-10-19T08:00")) == ("rivera",)


def test_on_some_dates_others_stand_in_and_the_later_entry_counts() -> None:
    november = date(2026, 11, 26)
    instead = (Instead(november, november + timedelta(days=1), ("chen",)), Instead(november, november, ("lindqvist",)))
    duty = Duty(DUTY.zone, DUTY.start, DUTY.handover, DUTY.weeks, instead)
    assert on_duty(duty, local("2026-11-26T00:00")) == ("lindqvist",)
    assert on_duty(duty, local("2026-11-27T23:59")) == ("chen",)
    assert on_duty(duty, local("2026-11-28T00:00")) == on_duty(DUTY, local("2026-11-28T00:00"))


def test_f70_a_gap_is_before_the_start_on_a_date_without_anybody_and_where_someone_is_no_adult_here() -> None:
    nobody = Instead(date(2026, 10, 7), date(2026, 10, 8), ())
    duty = Duty(DUTY.zone, DUTY.start, DUTY.handover, DUTY.weeks, (nobody,))
    begin, end = local("2026-10-04T12:00"), local("2026-10-18T12:00")
    before = Gap(begin, local("2026-10-05T08:00"))
    holiday = Gap(local("2026-10-07T00:00"), local("2026-10-09T00:00"))
    assert gaps(duty, {"rivera", "okafor"}, begin, end) == (before, holiday)
    assert gaps(duty, {"rivera"}, begin, end) == (before, holiday, Gap(local("2026-10-12T08:00"), end))
    assert gaps(duty, (), begin, end) == (Gap(begin, end),)
    assert gaps(DUTY, {"rivera", "chen"}, local("2026-10-05T08:00"), end) == ()


def test_f70_the_handover_is_at_the_hour_on_the_wall_before_and_after_the_clocks_change() -> None:
    assert on_duty(DUTY, local("2026-11-02T07:59")) == ("okafor", "chen")
    assert on_duty(DUTY, local("2026-11-02T08:00")) == ("rivera",)
    assert local("2026-11-02T08:00") - local("2026-10-26T08:00") == timedelta(days=7, hours=1)


@given(
    zone=st.sampled_from(["America/New_York", "Europe/Madrid", "Australia/Lord_Howe", "America/Sao_Paulo", "UTC"]),
    handover=st.times(),
    weeks=st.lists(st.sampled_from([("rivera",), ("okafor", "chen"), ()]), min_size=1, max_size=4),
    at=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1), timezones=st.just(UTC)),
    instead=st.lists(
        st.builds(
            lambda day, days, who: Instead(day, day + timedelta(days=days), who),
            st.dates(date(2026, 1, 1), date(2027, 1, 1)),
            st.integers(0, 4),
            st.sampled_from([("chen",), ()]),
        ),
        max_size=3,
    ),
)
def test_f70_over_a_year_somebody_is_on_duty_or_it_is_a_gap(
    zone: str, handover: time, weeks: list[tuple[str, ...]], at: datetime, instead: list[Instead]
) -> None:
    handover = handover.replace(second=0, microsecond=0)
    duty = Duty(zone, date(2025, 12, 29), handover, tuple(weeks), tuple(instead))
    end = at + timedelta(days=14)
    found = gaps(duty, {"rivera", "okafor", "chen"}, at, end)
    for one, following in pairwise(found):
        assert one.end < following.begin
    moment = at
    while moment < end:
        in_gap = any(gap.begin <= moment < gap.end for gap in found)
        assert in_gap == (not on_duty(duty, moment))
        moment += timedelta(minutes=97)
