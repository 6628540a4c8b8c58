"""School hours: what can wait waits for the next morning of school, at every clock change and behind every holiday."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from bot.domain import SchoolHours
from bot.planning.hours import first_open, is_open, next_morning

NEW_YORK = ZoneInfo("America/New_York")
HOURS = SchoolHours("America/New_York", closed=(date(2026, 11, 26), date(2026, 11, 27)))


def local(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=NEW_YORK).astimezone(UTC)


def test_a_school_is_open_on_its_days_from_morning_to_afternoon() -> None:
    assert is_open(HOURS, local("2026-10-05T08:00"))
    assert is_open(HOURS, local("2026-10-05T15:59"))
    assert not is_open(HOURS, local("2026-10-05T16:00"))
    assert not is_open(HOURS, local("2026-10-05T07:59"))
    assert not is_open(HOURS, local("2026-10-04T12:00"))
    assert not is_open(HOURS, local("2026-11-26T12:00"))


def test_the_next_morning_is_behind_nights_weekends_and_holidays() -> None:
    assert next_morning(HOURS, local("2026-10-05T07:00")) == local("2026-10-05T08:00")
    assert next_morning(HOURS, local("2026-10-05T08:00")) == local("2026-10-06T08:00")
    assert next_morning(HOURS, local("2026-10-09T17:00")) == local("2026-10-12T08:00")
    assert next_morning(HOURS, local("2026-11-25T17:00")) == local("2026-11-30T08:00")


def test_a_morning_is_at_eight_on_the_wall_before_and_after_the_clocks_change() -> None:
    assert next_morning(HOURS, local("2026-10-30T17:00")) == local("2026-11-02T08:00")
    assert local("2026-11-02T08:00") - local("2026-10-30T08:00") == timedelta(days=3, hours=1)


def test_a_school_that_never_opens_is_asked_about_every_day() -> None:
    day = date(2026, 10, 5)
    never = SchoolHours("UTC", closed=tuple(day + timedelta(days=n) for n in range(900)))
    assert next_morning(never, datetime(2026, 10, 5, 12, tzinfo=UTC)) == datetime(2026, 10, 6, 12, tzinfo=UTC)


@given(
    at=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),
    opens=st.times(time(0), time(11)),
    zone=st.sampled_from(["America/New_York", "Europe/Madrid", "Australia/Lord_Howe", "America/Sao_Paulo"]),
)
def test_f70_over_a_year_what_waits_comes_when_school_is_open_and_soon(at: datetime, opens: time, zone: str) -> None:
    hours = SchoolHours(zone, opens=opens, closes=time(23))
    then = first_open(hours, at)
    assert is_open(hours, then)
    assert at <= then <= at + timedelta(days=3, hours=1)
    assert next_morning(hours, at) > at
