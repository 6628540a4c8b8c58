"""Is a school's folder fit to run? Small checks of what people wrote, each with an id and a plain sentence.

Only content is judged here: nothing is started, nothing stored, nobody written to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar
from zoneinfo import ZoneInfo

from bot.clock import SystemClock
from bot.content import (
    FLOWS,
    SHIPPED,
    Parts,
    Texts,
    read_cards,
    read_flows,
    read_packs,
    read_plan,
    read_texts,
    told_mutes,
    uncovered_country,
)
from bot.disks import NETWORK, file_system
from bot.domain import Person
from bot.errors import Problem
from bot.flows.lint import lint
from bot.flows.loaded import LoadedFlow
from bot.flows.loader import Document, read_document
from bot.plan import ADVISOR, COORDINATOR, Plan, contradictions
from bot.program import VALUES
from bot.roster.compare import RosterReport, compare
from bot.roster.rows import RosterPerson, Sheet, read_roster
from bot.roster.sheet import LARGEST_FILE, Bad
from bot.safety.cards import Card
from bot.safety.packs import Pack
from bot.settings_file import read_settings, settings_problem
from bot.ways import e164
from config.settings import FILE, SECRETS, SQLITE, Settings

ROSTERS = "roster*.csv"

T = TypeVar("T")


class School:
    """A folder and what could be read of it. Each part is read once; its problems belong to the check of that part."""

    def __init__(self, folder: Path, shipped: Path = SHIPPED) -> None:
        self.folder = folder
        self.shipped = shipped
        self.problems: dict[str, list[Problem]] = {}

    @cached_property
    def settings(self) -> Settings | None:
        return self._read("settings", partial(read_settings, self.folder))

    @cached_property
    def root(self) -> Path:
        """Where program.yaml and the flows are."""
        return self.folder / self.settings.program.folder if self.settings else self.folder

    @cached_property
    def plan(self) -> tuple[Plan, Document] | None:
        return self._read("plan", partial(read_plan, self.root))

    @cached_property
    def languages(self) -> tuple[str, ...]:
        return self.plan[0].languages if self.plan else ("en", "es")

    @cached_property
    def flows(self) -> Mapping[str, LoadedFlow] | None:
        return self._read("flows", partial(read_flows, self.root))

    @cached_property
    def packs(self) -> tuple[Pack, ...] | None:
        return self._read("packs", partial(read_packs, self.folder, self.shipped))

    @cached_property
    def cards(self) -> tuple[Card, ...] | None:
        return self._read("cards", partial(read_cards, self.folder, self.shipped))

    @cached_property
    def texts(self) -> Texts | None:
        return self._read("texts", partial(read_texts, self.languages, self.shipped))

    @cached_property
    def rosters(self) -> Mapping[Path, Sheet]:
        """The roster files that lie in the folder; there need not be any."""
        return {path: _sheet(path, self.languages) for path in sorted(self.folder.glob(ROSTERS))}

    @cached_property
    def people(self) -> Mapping[str, RosterPerson]:
        """Everybody in those files, by key."""
        return {person.key: person for sheet in self.rosters.values() for person in sheet.people}

    def _read(self, part: str, reader: Callable[[], T]) -> T | None:
        parts = Parts()
        value = parts.read(reader)
        self.problems[part] = parts.problems
        return value


@dataclass(frozen=True, slots=True)
class Check:
    """One question that is asked of a folder."""

    id: str
    sentence: str
    """What is so when nothing is found."""
    find: Callable[[School], Iterable[Problem]]
    warns: bool = False
    """Its problems are for reading; the program runs all the same."""


@dataclass(frozen=True, slots=True)
class Result:
    id: str
    sentence: str
    problems: tuple[Problem, ...]
    warns: bool

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way of running."""
        return self.warns or not self.problems


def check(folder: Path, *, shipped: Path = SHIPPED) -> list[Problem]:
    """Everything that keeps a school's folder from running; an empty list means that it can."""
    return [problem for result in examine(folder, shipped=shipped) if not result.ok for problem in result.problems]


def examine(folder: Path, *, shipped: Path = SHIPPED) -> list[Result]:
    """All checks, one result each, in the order in which a person would fix things."""
    school = School(folder, shipped)
    return [Result(one.id, one.sentence, tuple(dict.fromkeys(one.find(school))), one.warns) for one in CHECKS]


def _settings(school: School) -> Iterator[Problem]:
    yield from _part("settings", school)
    if school.settings and school.cards:
        yield from uncovered_country(school.settings, school.cards, school.folder)


def _part(name: str, school: School) -> list[Problem]:
    getattr(school, name)
    return school.problems[name]


def _schedules(school: School) -> Iterator[Problem]:
    if school.plan and school.flows is not None:
        yield from contradictions(*school.plan, school.flows, VALUES)


def _rosters(school: School) -> Iterator[Problem]:
    for path, report in _reports(school):
        for bad in report.bad:
            yield Problem(str(path), bad.line, 1 if bad.line else 0, ": ".join(filter(None, (bad.column, bad.reason))))


def _adults(school: School) -> Iterator[Problem]:
    if not school.people:
        return
    if school.settings:
        contact = school.settings.safety.safety_contact
        complaint = _no_adult(contact, school.people)
        if complaint:
            yield settings_problem(school.folder / FILE, "safety.safety_contact", f"{complaint}: nobody would be told")
    if school.plan:
        plan, document = school.plan
        for tier, entry in plan.ladder.items():
            for number, rung in enumerate(entry.rungs):
                for word in rung.tell:
                    complaint = "" if word in (ADVISOR, COORDINATOR) else _no_adult(word.casefold(), school.people)
                    if complaint:
                        yield document.problem(("ladder", tier, "rungs", number, "tell"), complaint)


def _two_adults(school: School) -> Iterator[Problem]:
    adults = [person for person in school.people.values() if person.role.adult]
    if school.people and len(adults) < 2:
        file = str(next(iter(school.rosters)))
        yield Problem(file, 0, 0, f"there is {len(adults) or 'no'} adult; behind each adult there should be another")


def _bypass(school: School) -> Iterator[Problem]:
    """Who is told of what may be about an adult of the program."""
    if school.plan is None:
        return
    plan, document = school.plan
    if not plan.bypass:
        yield document.problem((), "names no bypass person: who is told of what may be about an adult of the program?")
    elif school.people and (complaint := _no_adult(plan.bypass, school.people)):
        yield document.problem(("bypass",), complaint)


def _numbers(school: School) -> Iterator[Problem]:
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


def _flow_warnings(school: School) -> Iterator[Problem]:
    for name, loaded in (school.flows or {}).items():
        document = read_document(school.root / FLOWS / f"{name}.yaml")
        yield from lint(loaded.flow, document).warnings


def _roster_warnings(school: School) -> Iterator[Problem]:
    for path, report in _reports(school):
        for warning in report.warnings:
            yield Problem(str(path), 0, 0, warning)


def _mutes(school: School) -> Iterator[Problem]:
    """Who has muted which rule until when: nobody may forget it."""
    zone = ZoneInfo(school.settings.school.zone) if school.settings else UTC
    if school.packs is not None:
        yield from told_mutes(school.folder, school.packs, SystemClock().now().astimezone(zone).date())


def _alarm(school: School) -> Iterator[Problem]:
    told = school.settings.alarm if school.settings else None
    file = school.folder / FILE
    if told and not told.url:
        yield settings_problem(file, "alarm.url", "is empty: nobody hears when messages cannot be stored")
    if told and not told.dead_man_url:
        yield settings_problem(file, "alarm.dead_man_url", "is empty: nobody hears when this computer is off")


def _secret_files(school: School) -> Iterator[Problem]:
    """Whoever reads a token can read and write as the school: on this computer that should be one account."""
    for section, key in SECRETS if school.settings else ():
        name = getattr(getattr(school.settings, section), f"{key}_file")
        file = school.folder / name
        if name and file.exists() and file.stat().st_mode & 0o077:
            text = f"others on this computer can read the file: chmod 600 {file}"
            yield settings_problem(school.folder / FILE, f"{section}.{key}_file", text)


def _local_disk(school: School) -> Iterator[Problem]:
    """SQLite's locks cannot be trusted on a network disk: https://www.sqlite.org/useovernet.html (F86)."""
    url = school.settings.storage.url if school.settings else ""
    kind = file_system(Path(url.removeprefix(SQLITE)).parent) if url.startswith(SQLITE) else ""
    if kind in NETWORK:
        text = f"the database lies on a network disk ({kind}): put it on a disk of this computer"
        yield settings_problem(school.folder / FILE, "storage.url", text)


CHECKS = (
    Check("settings", "The settings can be read, and every key is known.", _settings),
    Check("plan", "program.yaml can be read, and every key is known.", partial(_part, "plan")),
    Check("flows", "Every flow can be read and leads to an end.", partial(_part, "flows")),
    Check("schedules", "Schedules name flows for the right people, in every language, at fit hours.", _schedules),
    Check("packs", "Every safety pack catches what it says it catches.", partial(_part, "packs")),
    Check("cards", "The crisis cards name every number.", partial(_part, "cards")),
    Check("texts", "The program's languages have all of Nearpeer's own texts.", partial(_part, "texts")),
    Check("roster", "Every row of the roster files can be imported.", _rosters),
    Check("adults", "The safety contact and everybody on a ladder is an adult of the roster.", _adults),
    Check("two-adults", "There is a second adult behind the first.", _two_adults, warns=True),
    Check("bypass", "Somebody is told of what may be about an adult of the program.", _bypass, warns=True),
    Check("numbers", "Adults who are told by SMS have numbers of their own.", _numbers, warns=True),
    Check("mutes", "No safety rule is muted.", _mutes, warns=True),
    Check("alarm", "Somebody is told when Nearpeer itself is in trouble.", _alarm, warns=True),
    Check("secret-files", "Files with tokens and passwords are for one account only.", _secret_files, warns=True),
    Check("local-disk", "The database lies on a disk of this computer.", _local_disk, warns=True),
    Check("wording", "The flows are short and easy to read.", _flow_warnings, warns=True),
    Check("pairs", "Every mentee has a mentor and an advisor.", _roster_warnings, warns=True),
)


def _reports(school: School) -> Iterator[tuple[Path, RosterReport]]:
    """Each roster file compared with the people of the others, since one may name people of another."""
    zone = school.settings.school.zone if school.settings else "UTC"
    for path, sheet in school.rosters.items():
        own = {person.key for person in sheet.people}
        others = [_person(number, one) for number, one in enumerate(school.people.values()) if one.key not in own]
        yield path, compare(sheet, others, (), zone=zone, filename=path.name)


def _person(number: int, row: RosterPerson) -> Person:
    return Person(number, row.key, row.name, row.role, row.language, row.zone)


def _sheet(path: Path, languages: Iterable[str]) -> Sheet:
    try:
        with path.open("rb") as file:
            return read_roster(file.read(LARGEST_FILE + 1), path.name, tuple(languages))
    except OSError as error:
        return Sheet(bad=(Bad(0, "", f"the file cannot be read: {error.strerror}"),))


def _no_adult(key: str, people: Mapping[str, RosterPerson]) -> str:
    person = people.get(key)
    if person is None:
        return f'nobody in the roster has the key "{key}"'
    return "" if person.role.adult else f'"{key}" is a {person.role}, not an adult'
