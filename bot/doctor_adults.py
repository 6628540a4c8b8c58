"""Checks of the adults of a school: whether everybody who is named is there, and whether alerts reach somebody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from zoneinfo import ZoneInfo

from bot.clock import SystemClock
from bot.errors import Problem
from bot.folder import School
from bot.plan import ADVISOR, COORDINATOR, ON_DUTY, Plan
from bot.planning.duty import AHEAD, gaps
from bot.roster.rows import RosterPerson
from bot.settings_file import settings_problem
from bot.ways import e164
from config.settings import FILE

_WORDS = (ADVISOR, COORDINATOR, ON_DUTY)


def named(school: School) -> Iterator[Problem]:
    """The safety contact and everybody whom a ladder or the duty names."""
    if not school.people:
        return
    if school.settings:
        contact = school.settings.safety.safety_contact
        complaint = _no_adult(contact, school.people)
        if complaint:
            yield settings_problem(school.folder / FILE, "safety.safety_contact", f"{complaint}: nobody would be told")
    if school.plan:
        plan, document = school.plan
        for place, key in _wanted(plan):
            if complaint := _no_adult(key, school.people):
                yield document.problem(place, complaint)


def two_adults(school: School) -> Iterator[Problem]:
    """Whether there is a second adult at all."""
    adults = [person for person in school.people.values() if person.role.adult]
    if school.people and len(adults) < 2:
        file = str(next(iter(school.rosters)))
        yield Problem(file, 0, 0, f"there is {len(adults) or 'no'} adult; behind each adult there should be another")


def bypass(school: School) -> Iterator[Problem]:
    """Who is told of what may be about an adult of the program."""
    if school.plan is None:
        return
    plan, document = school.plan
    if not plan.bypass:
        yield document.problem((), "names no bypass person: who is told of what may be about an adult of the program?")
    elif school.people and (complaint := _no_adult(plan.bypass, school.people)):
        yield document.problem(("bypass",), complaint)


def numbers(school: School) -> Iterator[Problem]:
    """Where adults are told by SMS: whose number is none, and who shares one, where only the first is told."""
    settings = school.settings
    if settings is None or not settings.sms.account or not school.people:
        return
    file, owners = str(next(iter(school.rosters))), defaultdict(list)
    for person in school.people.values():
        if person.role.adult and person.phone:
            number = e164(person.phone, settings.school.country)
            owners[number].append(person.name)
            if not number:
                yield Problem(
                    file, 0, 0, f"the phone number of {person.name} cannot get SMS: write it with + and country"
                )
    for number, names in owners.items():
        if number and len(names) > 1:
            yield Problem(file, 0, 0, f"{' and '.join(names)} have one phone number: only {names[0]} is told by SMS")


def channels(school: School) -> Iterator[Problem]:
    """Whom nothing but the chat reaches: a chat is easily missed, and one way may fail."""
    settings = school.settings
    if settings is None or not school.people:
        return
    alone = [
        person.name
        for person in school.people.values()
        if person.role.adult
        and not (settings.email.account and person.email)
        and not (settings.sms.account and person.phone)
        and person.key not in (settings.webhook.people if settings.webhook.account else ())
    ]
    if alone:
        who = f"{', '.join(alone)} {'is' if len(alone) == 1 else 'are'}"
        text = f"{who} told of a crisis in the chat only: set up e-mail or SMS as well, see docs/adults.md"
        yield Problem(str(next(iter(school.rosters))), 0, 0, text)


def duty(school: School) -> Iterator[Problem]:
    """Where nobody is on duty in the next two weeks, seen from now."""
    if school.plan is None or school.settings is None or not school.people:
        return
    plan, document = school.plan
    zone = school.settings.school.zone
    rotation = plan.rotation(zone)
    if rotation is None:
        return
    now = SystemClock().now()
    present = [person.key for person in school.people.values() if person.role.adult]
    for gap in gaps(rotation, present, now, now + AHEAD):
        begin, end = (moment.astimezone(ZoneInfo(zone)) for moment in (gap.begin, gap.end))
        yield document.problem(("duty",), f"nobody is on duty from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}")


def _wanted(plan: Plan) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each roster key of the ladders and the duty, with its place in the plan."""
    for tier, ladder in plan.ladder.items():
        for number, rung in enumerate(ladder.rungs):
            for word in map(str.casefold, rung.tell):
                if word not in _WORDS:
                    yield ("ladder", tier, "rungs", number, "tell"), word
    if plan.duty is not None:
        for number, week in enumerate(plan.duty.weeks):
            yield from ((("duty", "weeks", number), key) for key in week)
        for number, entry in enumerate(plan.duty.instead):
            yield from ((("duty", "instead", number, "who"), key) for key in entry.who)


def _no_adult(key: str, people: Mapping[str, RosterPerson]) -> str:
    person = people.get(key)
    if person is None:
        return f'nobody in the roster has the key "{key}"'
    return "" if person.role.adult else f'"{key}" is a {person.role}, not an adult'
