"""Local rules (weekly, daily, once) to moments in UTC, right at every clock change. Pure: no clock, no rows.

Dates and times are put together as a school reads them, without a zone, and only then attached to it: counting on in
UTC skips or repeats an hour at a clock change (reliability.md 4.1).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Weekly:
    """On these days of each week (0 is Monday), at a local time."""

    days: frozenset[int]
    at: time


@dataclass(frozen=True, slots=True)
class Daily:
    """Every day at a local time."""

    at: time


@dataclass(frozen=True, slots=True)
class Once:
    """On one date, at a local time."""

    on: date
    at: time


Rule = Weekly | Daily | Once


@dataclass(frozen=True, slots=True, order=True)
class Nominal:
    """One occurrence of a rule: what the calendar on the wall says, and the moment that this is."""

    local_date: date
    local_time: time
    due_at: datetime


def moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """The moment in UTC of a local date and time.

    A time that a clock change leaves out is shifted forward (02:30 becomes 03:30); one that comes twice is its first.
    """
    return datetime.combine(day, at.replace(fold=0), tzinfo=zone).astimezone(UTC)


def occurrences(rule: Rule, zone: ZoneInfo, first: date, last: date) -> tuple[Nominal, ...]:
    """Each local occurrence of `rule` from `first` to `last` (both included), exactly once, in order of date."""
    return tuple(Nominal(day, rule.at, moment(day, rule.at, zone)) for day in _dates(rule, first, last))


def _dates(rule: Rule, first: date, last: date) -> Iterator[date]:
    day = first
    while day <= last:
        if _falls_on(rule, day):
            yield day
        day += timedelta(days=1)


def _falls_on(rule: Rule, day: date) -> bool:
    match rule:
        case Weekly(days=days):
            return day.weekday() in days
        case Daily():
            return True
        case Once(on=on):
            return day == on
