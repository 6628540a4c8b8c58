"""Who is on duty when: a rotation of weeks, handed over at a local time, with other people on some dates. Pure.

People are roster keys here. A week that nobody stands in is a gap; what is done about it is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from bot.planning.recurrence import moment

AHEAD = timedelta(days=14)
"""How far gaps are looked for."""
_WEEK = timedelta(days=7)
_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Instead:
    """Other people on these dates, both included, from midnight to midnight; nobody at all is possible too."""

    first: date
    last: date
    who: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Duty:
    """The rotation: `weeks[0]` begins on `start` at `handover`, each one ends seven days later; then from the front."""

    zone: str
    start: date
    handover: time
    weeks: tuple[tuple[str, ...], ...]
    instead: tuple[Instead, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """Nobody is on duty from one moment (included) to another (not included)."""

    begin: datetime
    end: datetime


def on_duty(duty: Duty, now: datetime) -> tuple[str, ...]:
    """The keys of those on duty; empty in a gap. Of two entries for a date the later one counts."""
    zone = ZoneInfo(duty.zone)
    today = now.astimezone(zone).date()
    for entry in reversed(duty.instead):
        if entry.first <= today <= entry.last:
            return entry.who
    number = (today - duty.start) // _WEEK
    if now < moment(duty.start + number * _WEEK, duty.handover, zone):
        number -= 1
    return duty.weeks[number % len(duty.weeks)] if number >= 0 else ()


def gaps(duty: Duty, present: Collection[str], begin: datetime, end: datetime) -> tuple[Gap, ...]:
    """When, between two moments, none of those on duty is `present`: an adult of the program with this key."""
    found: list[Gap] = []
    changes = [begin, *sorted(at for at in set(_changes(duty, begin, end)) if begin < at < end), end]
    for at, until in pairwise(changes):
        if set(on_duty(duty, at)) & set(present):
            continue
        goes_on = bool(found) and found[-1].end == at
        found.append(Gap(found.pop().begin if goes_on else at, until))
    return tuple(found)


def _changes(duty: Duty, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Every moment at which somebody else may be on duty."""
    zone = ZoneInfo(duty.zone)
    day, last = begin.astimezone(zone).date(), end.astimezone(zone).date() + _DAY
    edges = _midnights(duty.instead)
    while day <= last:
        if (day - duty.start).days % 7 == 0:
            yield moment(day, duty.handover, zone)
        if day in edges:
            yield moment(day, time(0), zone)
        day += _DAY


def _midnights(instead: Sequence[Instead]) -> set[date]:
    return {day for entry in instead for day in (entry.first, entry.last + _DAY)}
