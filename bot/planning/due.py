"""Who gets which flow when: schedules and matches to occurrences, what is missed, and the cap on prompts. Pure.

Nothing here stores or sends. An occurrence planned twice has the same (schedule, person, local date, slot), and storage
keeps the first: planning again is harmless, and what fired never fires again (reliability.md 4.3).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import Literal
from zoneinfo import ZoneInfo

from bot.domain import Alike, Firing, Match, Occurrence, PersonStatus, Role, Seat
from bot.planning.recurrence import Nominal, Rule, Weekly, moment, occurrences
from bot.planning.words import LONGEST_MEETING, parse_meets

FIRST_CONTACT = "first-contact"
"""Schedule of the very first conversation, and of its repeats."""
EARLIEST, LATEST = time(7), time(20)
"""Unsolicited prompts go out within these local hours (mission.md 6.2)."""


class Anchor(StrEnum):
    BEFORE_START = "before start"
    AFTER_END = "after end"


@dataclass(frozen=True, slots=True)
class Session:
    """Relative to each meeting of a match."""

    anchor: Anchor
    offset: timedelta


@dataclass(frozen=True, slots=True)
class Schedule:
    """One line of a program's plan: what is sent to whom, and when."""

    name: str
    audience: Role
    when: Rule | Session
    flow: str = ""
    """Empty: a reminder, one message that asks nothing."""
    catch_up: timedelta = timedelta(hours=4)
    """How late it may still go out. A prompt before a session may until the session starts."""
    any_hour: bool = False
    """Said by the author: outside 07:00 to 20:00 is meant."""


@dataclass(frozen=True, slots=True)
class Cap:
    """The most prompts for one person on one local day. Alerts and replies are no prompts."""

    unsolicited: int = 1
    session: int = 3
    """Reminders and reflections of sessions, counted by themselves."""


@dataclass(frozen=True, slots=True)
class _Meets:
    """One meeting on one date."""

    start: Nominal
    number: int
    """0, or more for a second meeting on that date."""


def plan(
    schedules: Iterable[Schedule],
    people: Sequence[Alike],
    matches: Iterable[Match],
    zone: ZoneInfo,
    start: datetime,
    end: datetime,
    *,
    partners: Iterable[Alike] = (),
) -> tuple[Firing, ...]:
    """Everything that falls due for `people` from `start` (included) to `end` (not included), earliest first.

    `zone` is the program's: sessions happen in it. A rule's hours are the person's own, where the roster gives a zone.
    `partners`: those whom they meet and who are planned for elsewhere, where a school is planned in parts.
    """
    pairs = _Pairs(people, partners, matches)
    planned: list[Firing] = []
    for schedule in schedules:
        if isinstance(schedule.when, Session):
            planned.extend(_around_sessions(schedule, schedule.when, pairs, zone, start, end))
        else:
            planned.extend(_by_rule(schedule, schedule.when, people, zone, start, end))
    return tuple(sorted(planned, key=attrgetter("due_at")))


def decide(occurrence: Occurrence, now: datetime) -> Literal["fire", "missed", "later"]:
    """What to do with a planned occurrence now: too early, in its catch-up time, or missed."""
    if now < occurrence.due_at:
        return "later"
    return "fire" if now <= occurrence.expires_at else "missed"


def newest_only(due: Iterable[Occurrence]) -> tuple[tuple[Occurrence, ...], tuple[Occurrence, ...]]:
    """(to fire, missed): of several due ones of a schedule, person and match only the newest still makes sense."""
    newest: dict[tuple[str, int, int | None], Occurrence] = {}
    missed: list[Occurrence] = []
    for occurrence in sorted(due, key=lambda occurrence: (occurrence.due_at, occurrence.id)):
        key = (occurrence.schedule, occurrence.person_id, occurrence.match_id)
        if key in newest:
            missed.append(newest[key])
        newest[key] = occurrence
    return tuple(newest.values()), tuple(missed)


def within_cap(occurrence: Occurrence, fired_today: Iterable[Occurrence], cap: Cap | None = None) -> bool:
    """Whether one more prompt may go to this person, given what `local_day` of now has already brought anybody.

    The first contact always may: nobody is left without knowing who reads along.
    """
    if occurrence.schedule == FIRST_CONTACT:
        return True
    cap = cap or Cap()
    of_session = occurrence.match_id is not None
    fired = sum(
        other.person_id == occurrence.person_id and (other.match_id is not None) == of_session
        for other in fired_today
        if other.id != occurrence.id
    )
    return fired < (cap.session if of_session else cap.unsolicited)


def local_day(now: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The moments at which the local day of `now` begins and ends: 23 or 25 hours apart at a clock change."""
    today = now.astimezone(zone).date()
    return moment(today, time(0), zone), moment(today + timedelta(days=1), time(0), zone)


def fit_hour(now: datetime, zone: ZoneInfo, earliest: time = EARLIEST) -> datetime:
    """The first moment from `now` on at which an unsolicited prompt may go out: now, or at 07:00 local."""
    local = now.astimezone(zone)
    if earliest <= local.time() <= LATEST:
        return now
    day = local.date() if local.time() < earliest else local.date() + timedelta(days=1)
    return moment(day, earliest, zone)


def in_window(schedule: Schedule) -> bool:
    """Whether a schedule keeps to the hours for unsolicited prompts, or says that it need not."""
    return schedule.any_hour or isinstance(schedule.when, Session) or EARLIEST <= schedule.when.at <= LATEST


def _by_rule(
    schedule: Schedule, rule: Rule, people: Iterable[Alike], zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[Firing]:
    for some in people:
        if some.role is not schedule.audience:
            continue
        own = _zone_of(some, zone)
        first, last = _dates(start, end, own)
        seats = [(id_, "", None) for id_ in some.ids]
        for nominal in occurrences(rule, own, first, last):
            if start <= nominal.due_at < end and _reachable(some, nominal.due_at):
                yield Firing(
                    schedule=schedule.name,
                    local_date=nominal.local_date,
                    local_time=f"{rule.at:%H:%M}",
                    due_at=nominal.due_at,
                    expires_at=nominal.due_at + schedule.catch_up,
                    flow=schedule.flow,
                    seats=seats,
                )


class _Pairs:
    """Matches by the words that say when they meet: most of a school meets at the same few times."""

    def __init__(self, people: Sequence[Alike], partners: Iterable[Alike], matches: Iterable[Match]) -> None:
        self._people = people
        self._place = {id_: place for place, some in enumerate(people) for id_ in some.ids}
        here = [some for some in (*people, *partners) if some.status is not PersonStatus.STOPPED]
        self._here = {id_ for some in here for id_ in some.ids}
        self._matches: dict[str, list[Match]] = defaultdict(list)
        for match in matches:
            self._matches[match.meets].append(match)

    def meeting(self, audience: Role) -> Iterator[tuple[str, list[tuple[Alike, list[Seat]]]]]:
        """For each time of meeting those of the audience who have somebody to meet, with the ones alike together."""
        for meets, matches in self._matches.items():
            sides = [(one.mentees, one.mentors, one.id) for one in matches]
            if audience is not Role.MENTEE:
                sides = [(mentors, mentees, id_) for mentees, mentors, id_ in sides]
            held = [(ours, id_) for ours, theirs, id_ in sides if not self._here.isdisjoint(theirs)]
            if held:
                yield meets, self._seats(held)

    def _seats(self, held: Iterable[tuple[Iterable[int], int]]) -> list[tuple[Alike, list[Seat]]]:
        seats: dict[int, list[Seat]] = defaultdict(list)
        for ours, match_id in held:
            slot = str(match_id)
            for id_ in ours:
                if id_ in self._place:
                    seats[self._place[id_]].append((id_, slot, match_id))
        return [(self._people[place], some) for place, some in seats.items()]


def _around_sessions(
    schedule: Schedule, when: Session, pairs: _Pairs, zone: ZoneInfo, start: datetime, end: datetime
) -> Iterator[Firing]:
    if schedule.audience.adult:
        return
    for words, seated in pairs.meeting(schedule.audience):
        for meets, due_at in _around(when, words, zone, start, end):
            nth = f"-{meets.number + 1}"
            for some, seats in seated:
                if _reachable(some, due_at):
                    yield Firing(
                        schedule=schedule.name,
                        local_date=meets.start.local_date,
                        local_time=_on_the_wall(due_at, _zone_of(some, zone)),
                        due_at=due_at,
                        expires_at=(
                            meets.start.due_at if when.anchor is Anchor.BEFORE_START else due_at + schedule.catch_up
                        ),
                        flow=schedule.flow,
                        seats=[(id_, slot + nth, match) for id_, slot, match in seats] if meets.number else seats,
                    )


@lru_cache(maxsize=1024)
def _around(
    when: Session, meets: str, zone: ZoneInfo, start: datetime, end: datetime
) -> tuple[tuple[_Meets, datetime], ...]:
    """The meetings of matches with these words, and when each brings something due from `start` to `end`."""
    reach = when.offset + LONGEST_MEETING
    first, last = _dates(start - reach, end + reach, zone)
    seen: dict[date, int] = {}
    found = []
    for meeting in parse_meets(meets):
        for nominal in occurrences(Weekly(frozenset({meeting.weekday}), meeting.start), zone, first, last):
            number = seen.get(nominal.local_date, 0)
            seen[nominal.local_date] = number + 1
            over = nominal.due_at + timedelta(minutes=meeting.minutes)
            due_at = nominal.due_at - when.offset if when.anchor is Anchor.BEFORE_START else over + when.offset
            if start <= due_at < end:
                found.append((_Meets(nominal, number), due_at))
    return tuple(found)


@lru_cache(maxsize=4096)
def _on_the_wall(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%H:%M}"


def _dates(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """Local dates that may matter between two moments; a day more on each side, for shifted times."""
    day = timedelta(days=1)
    return start.astimezone(zone).date() - day, end.astimezone(zone).date() + day


def _zone_of(some: Alike, zone: ZoneInfo) -> ZoneInfo:
    return ZoneInfo(some.zone) if some.zone else zone


def _reachable(some: Alike, at: datetime) -> bool:
    if some.status is PersonStatus.PAUSED:
        return some.paused_until is not None and some.paused_until <= at
    return some.status is PersonStatus.ACTIVE
