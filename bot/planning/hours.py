"""When a school is open: what can wait for its next morning, and what is covered now. Pure; knows no case."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain import SchoolHours
from bot.planning.recurrence import moment

_FARTHEST = 400
"""Days: a school that is closed for longer is asked about every day all the same."""


def is_open(hours: SchoolHours, now: datetime) -> bool:
    """Whether the school is open at this moment."""
    local = now.astimezone(ZoneInfo(hours.zone))
    return _is_school_day(hours, local.date()) and hours.opens <= local.time() < hours.closes


def opened_at(hours: SchoolHours, now: datetime) -> datetime:
    """When the school opens on the day of a moment, if it is a school day."""
    zone = ZoneInfo(hours.zone)
    return moment(now.astimezone(zone).date(), hours.opens, zone)


def next_morning(hours: SchoolHours, after: datetime) -> datetime:
    """The next time that the school opens, later than a moment; a day later if it never does."""
    zone = ZoneInfo(hours.zone)
    day = after.astimezone(zone).date()
    for ahead in range(_FARTHEST):
        opens = moment(day + timedelta(days=ahead), hours.opens, zone)
        if opens > after and _is_school_day(hours, day + timedelta(days=ahead)):
            return opens
    return after + timedelta(days=1)


def first_open(hours: SchoolHours, at: datetime) -> datetime:
    """That moment if the school is open then, else its next morning."""
    return at if is_open(hours, at) else next_morning(hours, at)


def school_days(hours: SchoolHours, start: datetime, end: datetime) -> int:
    """How many whole school days lie between the days of two moments."""
    zone = ZoneInfo(hours.zone)
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    between = (first + timedelta(days=ahead) for ahead in range(1, (last - first).days))
    return sum(_is_school_day(hours, day) for day in between)


def in_session(hours: SchoolHours, at: datetime) -> bool:
    """Whether there is school at all in the week of a moment."""
    day = at.astimezone(ZoneInfo(hours.zone)).date()
    monday = day - timedelta(days=day.weekday())
    return any(_is_school_day(hours, monday + timedelta(days=ahead)) for ahead in range(7))


def _is_school_day(hours: SchoolHours, day: date) -> bool:
    return day.weekday() in hours.days and day not in hours.closed
