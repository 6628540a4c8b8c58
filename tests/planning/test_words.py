"""What a school secretary writes about time is read; what is no time is refused in plain words."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest

from bot.planning.words import (
    Meeting,
    clock_time,
    duration,
    next_meeting,
    parse_meets,
    show_date,
    show_meets,
    show_time,
    weekday,
)


@pytest.mark.parametrize(
    ("written", "day"),
    [("Wed", 2), ("wednesday", 2), ("MIÉ", 2), ("miércoles", 2), ("Sáb.", 5), ("dom", 6), ("lun", 0)],
)
def test_weekdays_are_read_in_english_and_spanish(written: str, day: int) -> None:
    assert weekday(written) == day


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("15:30", time(15, 30)),
        ("3:30 pm", time(15, 30)),
        ("3 p.m.", time(15)),
        ("12am", time(0)),
        ("12:05 PM", time(12, 5)),
    ],
)
def test_hours_are_read_with_and_without_pm(written: str, at: time) -> None:
    assert clock_time(written) == at


@pytest.mark.parametrize("written", ["", "15", "25:00", "13 pm", "0 am", "15:60", "noon", "15.30"])
def test_what_is_no_hour_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="no time of day"):
        clock_time(written)


@pytest.mark.parametrize(
    ("written", "length"),
    [
        ("45m", timedelta(minutes=45)),
        ("1h 30m", timedelta(minutes=90)),
        ("2w", timedelta(weeks=2)),
        ("90 min", timedelta(minutes=90)),
    ],
)
def test_lengths_are_read(written: str, length: timedelta) -> None:
    assert duration(written) == length


@pytest.mark.parametrize("written", ["", "0m", "45", "-45m", "m", "99999d", "1y"])
def test_what_is_no_length_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="time"):
        duration(written)


def test_a_match_may_meet_several_times_and_every_spelling_is_kept_alike() -> None:
    meetings = parse_meets("vie 3:00 pm 1h; Wed 15:00 45m; Wed 15:00 45 min;")
    assert meetings == (Meeting(2, time(15), 45), Meeting(4, time(15), 60))
    assert show_meets(meetings) == "Wed 15:00 45m; Fri 15:00 60m"
    assert parse_meets(show_meets(meetings)) == meetings
    assert parse_meets(" ") == ()


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("Wed 15:00", "write Wed 15:00 45m"),
        ("15:00 45m", "write Wed 15:00 45m"),
        ("Someday 15:00 45m", "no weekday"),
        ("Wed 3:00 45m", "at night"),
        ("Wed 15:00 45h", "8 hours"),
        ("Wed 15:00 0m", "no time at all"),
        ("=1+1", "write Wed 15:00 45m"),
    ],
)
def test_meetings_that_cannot_be_are_refused_with_a_reason(written: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_meets(written)


def test_dates_and_hours_are_told_as_people_say_them() -> None:
    assert [show_date(date(2026, 3, 5), language) for language in ("en", "es")] == ["March 5", "5 de marzo"]
    told = [show_time(at, "en") for at in (time(0, 5), time(9), time(12), time(15, 30))]
    assert told == ["12:05 am", "9:00 am", "12:00 pm", "3:30 pm"]
    assert show_time(time(15), "es") == "3:00 p. m."


@pytest.mark.parametrize(
    ("now", "following"),
    [
        (datetime(2026, 10, 5, 9), datetime(2026, 10, 7, 15)),
        (datetime(2026, 10, 7, 14, 59), datetime(2026, 10, 7, 15)),
        (datetime(2026, 10, 7, 15), datetime(2026, 10, 9, 8)),
        (datetime(2026, 10, 9, 8, 1), datetime(2026, 10, 14, 15)),
    ],
)
def test_the_next_meeting_is_the_first_that_has_not_begun(now: datetime, following: datetime) -> None:
    assert next_meeting("Wed 15:00 45m; Fri 8:00 30m", now) == following
    assert next_meeting("", now) is None
