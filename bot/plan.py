"""program.yaml: what a program's plan may say (judged by pydantic), and what cannot be in it. Reads no files itself.

The plan says which flow goes to whom and when, and which adults are told of a case, in which order.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from bot.domain import Role, SchoolHours, Tier
from bot.errors import Problem
from bot.flows.complaint import did_you_mean
from bot.flows.loaded import LoadedFlow
from bot.flows.loader import Document
from bot.flows.notation import Language, Name, Span, Strict
from bot.planning.due import EARLIEST, LATEST, Anchor, Schedule, Session, in_window
from bot.planning.duty import Duty, Instead
from bot.planning.recurrence import Daily, Once, Rule, Weekly
from bot.planning.words import clock_time, weekday
from bot.safety import ladder as ladders

ADVISOR, COORDINATOR, ON_DUTY = "advisor", "coordinator", "on-duty"
"""Words for whoever has the role, or is on duty; anything else on a rung is a roster key."""
LONGEST: Mapping[Tier, timedelta] = {
    Tier.CRISIS: timedelta(minutes=30),
    Tier.URGENT: timedelta(hours=2),
    Tier.CONCERN: timedelta(days=4),
}
"""A ladder that waits longer before it tells the next adult is a slip, not a wish."""


@dataclass(frozen=True, slots=True)
class RungPlan:
    """Who is told together, as the plan names them, and how long until the next rung."""

    who: tuple[str, ...]
    wait: timedelta


@dataclass(frozen=True, slots=True)
class LadderPlan:
    """A ladder before its words are people: which advisor depends on the student."""

    rungs: tuple[RungPlan, ...]
    repeat: timedelta
    hold: timedelta
    grace: timedelta


def _text(reader: Callable[[str], Any]) -> BeforeValidator:
    return BeforeValidator(lambda value: reader(str(value)))


At = Annotated[time, _text(clock_time)]
Day = Annotated[int, _text(weekday)]
Key = Annotated[str, _text(str.casefold)]
Keys = Annotated[tuple[Key, ...], BeforeValidator(lambda value: [value] if isinstance(value, str) else value)]


class _Weekly(Strict):
    days: Annotated[tuple[Day, ...], Field(min_length=1)]
    at: At


class _Daily(Strict):
    at: At


class _Once(Strict):
    date: date
    at: At


class _Around(Strict):
    """Before the start or after the end of each session of a match."""

    before_start: Span | None = None
    after_end: Span | None = None

    @model_validator(mode="after")
    def _is_one_of_them(self) -> _Around:
        if (self.before_start is None) == (self.after_end is None):
            raise ValueError("a session schedule has either before_start or after_end")
        return self


class ScheduleEntry(Strict):
    """One schedule: to whom, when, and which flow; without a flow it is the reminder before a session."""

    name: Name
    audience: Role
    flow: Name | None = None
    weekly: _Weekly | None = None
    daily: _Daily | None = None
    once: _Once | None = None
    session: _Around | None = None
    catch_up: Span = timedelta(hours=4)
    allow_any_hour: bool = False

    @model_validator(mode="after")
    def _says_when(self) -> ScheduleEntry:
        if sum(when is not None for when in (self.weekly, self.daily, self.once, self.session)) != 1:
            raise ValueError(f'the schedule "{self.name}" needs exactly one of weekly, daily, once, session')
        if self.flow is None and (self.session is None or self.session.before_start is None):
            raise ValueError(f'the schedule "{self.name}" needs a flow; only a reminder before a session has none')
        return self

    def schedule(self) -> Schedule:
        """The schedule as planning knows it."""
        return Schedule(self.name, self.audience, self._when(), self.flow or "", self.catch_up, self.allow_any_hour)

    def _when(self) -> Rule | Session:
        if self.weekly:
            return Weekly(frozenset(self.weekly.days), self.weekly.at)
        if self.daily:
            return Daily(self.daily.at)
        if self.once:
            return Once(self.once.date, self.once.at)
        assert self.session is not None
        if self.session.before_start is not None:
            return Session(Anchor.BEFORE_START, self.session.before_start)
        assert self.session.after_end is not None
        return Session(Anchor.AFTER_END, self.session.after_end)


class RungEntry(Strict):
    tell: Annotated[tuple[str, ...], Field(min_length=1)]
    wait: Span | None = None


class LadderEntry(Strict):
    """One tier's ladder; times that it does not say are the default ones of its tier."""

    rungs: Annotated[tuple[RungEntry, ...], Field(min_length=1)]
    repeat: Span | None = None
    hold: Span | None = None
    grace: Span | None = None


class HoursEntry(Strict):
    """From when to when adults are at school, by the clock on the wall."""

    opens: At = time(8)
    closes: At = time(17)

    @model_validator(mode="after")
    def _is_a_day(self) -> HoursEntry:
        if self.closes <= self.opens:
            raise ValueError("school closes after it opens")
        return self


class InsteadEntry(Strict):
    """Who is on duty on a date, or to another one, whoever's week it is; nobody is possible, and found as a gap."""

    first: date
    last: date | None = None
    who: Keys


class DutyEntry(Strict):
    """Who is on duty: week after week from `start` on, handed over at an hour of the school's clock."""

    start: date
    handover: At = time(8)
    weeks: Annotated[tuple[Keys, ...], Field(min_length=1)]
    instead: tuple[InsteadEntry, ...] = ()


class ReportEntry(Strict):
    """What adults are reminded of where a student tells of abuse."""

    within: Span = timedelta(hours=24)
    """How soon the law, or the school, wants a report."""
    remind: Span = timedelta(hours=20)
    """How long after the disclosure they are reminded, until the case is closed with a report or a reason."""
    hotline: Annotated[str, Field(max_length=200)] = ""
    """Whom they report to: the numbers of the school's and the state's hotlines."""


class Plan(Strict):
    """The file program.yaml."""

    program: Name
    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    """The first one is spoken to whom nothing else is known of."""
    first_contact: Name | None = None
    """The flow that a student meets first."""
    terms: tuple[date, ...] = ()
    """On each of these days the first contact is told again, to everybody."""
    schedules: tuple[ScheduleEntry, ...]
    ladder: Mapping[Literal["crisis", "urgent", "concern"], LadderEntry] = {}
    school_days: Annotated[tuple[Day, ...], Field(min_length=1)] = (0, 1, 2, 3, 4)
    hours: HoursEntry = HoursEntry()
    """When adults are at school: a concern is told then, and again on school mornings; danger waits for nothing."""
    closed: tuple[date, ...] = ()
    """Holidays and other days without school."""
    duty: DutyEntry | None = None
    report: ReportEntry = ReportEntry()
    bypass: Key = ""
    """The roster key of the adult who is told, before all others, of what may be about one of them."""

    def school_hours(self, zone: str) -> SchoolHours:
        """When adults are at a school in this zone."""
        return SchoolHours(zone, self.school_days, self.hours.opens, self.hours.closes, self.closed)

    def rotation(self, zone: str) -> Duty | None:
        """Who is on duty when, at a school in this zone."""
        if self.duty is None:
            return None
        instead = [Instead(one.first, one.last or one.first, one.who) for one in self.duty.instead]
        return Duty(zone, self.duty.start, self.duty.handover, self.duty.weeks, tuple(instead))

    def policy(self, safety_contact: str) -> str:
        """All that decides who is told of a case, and when, as JSON."""
        decides = self.model_dump(mode="json", include={"ladder", "school_days", "hours", "closed", "bypass", "duty"})
        return json.dumps(decides | {"safety_contact": safety_contact}, sort_keys=True)

    def ladders(self) -> Mapping[Tier, LadderPlan]:
        """A ladder for each tier that climbs: what the plan says, else advisor, then coordinator."""
        usual = LadderEntry(rungs=(RungEntry(tell=(ADVISOR,)), RungEntry(tell=(COORDINATOR,))))
        written = {Tier(tier): entry for tier, entry in self.ladder.items()}
        return {tier: _ladder(written.get(tier, usual), times) for tier, times in ladders.defaults().items()}


def _ladder(entry: LadderEntry, times: ladders.Times) -> LadderPlan:
    return LadderPlan(
        tuple(RungPlan(tuple(word.casefold() for word in rung.tell), rung.wait or times.wait) for rung in entry.rungs),
        entry.repeat or times.repeat,
        entry.hold or times.hold,
        entry.grace or times.grace,
    )


def contradictions(
    plan: Plan, document: Document, flows: Mapping[str, LoadedFlow], values: Sequence[str]
) -> Iterator[Problem]:
    """What cannot be in a plan that is well written by itself. `values`: the placeholders that flows may use."""
    names: set[str] = set()
    for number, entry in enumerate(plan.schedules):
        if entry.name in names:
            yield document.problem(("schedules", number, "name"), f'two schedules are called "{entry.name}"')
        names.add(entry.name)
        yield from _schedule_problems(entry, number, document, flows)
    if plan.first_contact is not None:
        yield from _flow_problems(document, ("first_contact",), plan.first_contact, flows)
    for tier, ladder in plan.ladders().items():
        longest = max([ladder.repeat, *(rung.wait for rung in ladder.rungs)])
        if longest > LONGEST[tier]:
            text = f"{tier}: a ladder must not wait longer than {_span(LONGEST[tier])} before it tells somebody again"
            yield document.problem(("ladder", tier.value), text)
    if plan.duty is None:
        for name, written in plan.ladder.items():
            for number, rung in enumerate(written.rungs):
                if ON_DUTY in rung.tell:
                    text = f'the ladder tells who is "{ON_DUTY}", and there is no duty in this plan'
                    yield document.problem(("ladder", name, "rungs", number, "tell"), text)
    yield from _spoken(plan, document, flows, values)


def _schedule_problems(
    entry: ScheduleEntry, number: int, document: Document, flows: Mapping[str, LoadedFlow]
) -> Iterator[Problem]:
    if entry.flow is not None:
        yield from _flow_problems(document, ("schedules", number, "flow"), entry.flow, flows, entry.audience)
    if entry.session and entry.audience.adult:
        yield document.problem(("schedules", number, "audience"), "sessions are between mentors and mentees")
    schedule = entry.schedule()
    if not in_window(schedule):
        text = f'the schedule "{entry.name}" is outside {EARLIEST:%H:%M} to {LATEST:%H:%M}'
        hint = "move it, or write allow_any_hour: true if it is meant"
        yield document.problem(("schedules", number), text, hint)


def _flow_problems(
    document: Document,
    path: tuple[str | int, ...],
    name: str,
    flows: Mapping[str, LoadedFlow],
    audience: Role | None = None,
) -> Iterator[Problem]:
    found = flows.get(name)
    if found is None:
        yield document.problem(path, f'there is no flow "{name}" in the folder flows', did_you_mean(name, flows))
    elif audience is not None and found.flow.audience != audience.value:
        yield document.problem(path, f'the flow "{name}" is written for a {found.flow.audience}, not for a {audience}')


def _spoken(
    plan: Plan, document: Document, flows: Mapping[str, LoadedFlow], values: Sequence[str]
) -> Iterator[Problem]:
    for name, loaded in flows.items():
        without = [language for language in plan.languages if language not in loaded.flow.languages]
        if without:
            text = f'the flow "{name}" does not speak {", ".join(without)}, which the program does'
            yield document.problem(("languages",), text, f"add it to flows/{name}.yaml")
        for placeholder in loaded.flow.placeholders:
            if placeholder not in values:
                text = f'the flow "{name}" uses {{{placeholder}}}, which nobody fills in'
                yield document.problem((), text, did_you_mean(placeholder, values) or f"known: {', '.join(values)}")


def _span(length: timedelta) -> str:
    minutes = int(length.total_seconds() // 60)
    return f"{minutes}m" if minutes < 60 else f"{minutes // 60}h" if minutes < 48 * 60 else f"{minutes // 1440}d"
