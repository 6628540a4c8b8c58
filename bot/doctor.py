"""Is a school's folder fit to run? Small checks of what people wrote, each with an id and a plain sentence.

Only content is judged here: nothing is started, nothing stored, nobody written to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from bot import doctor_adults as adults
from bot.clock import SystemClock
from bot.content import (
    FLOWS,
    SHIPPED,
    Parts,
    read_changes,
    read_second_look,
    told_mutes,
    uncovered_country,
)
from bot.disks import NETWORK, file_system
from bot.domain import Person
from bot.errors import Problem
from bot.flows.lint import lint
from bot.flows.loader import read_document
from bot.folder import School
from bot.plan import contradictions
from bot.program import VALUES
from bot.roster.compare import RosterReport, compare
from bot.roster.rows import RosterPerson
from bot.settings_file import settings_problem
from config.settings import FILE, SECRETS, SQLITE


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


def _flow_warnings(school: School) -> Iterator[Problem]:
    for name, loaded in (school.flows or {}).items():
        document = read_document(school.root / FLOWS / f"{name}.yaml")
        yield from lint(loaded.flow, document).warnings


def _roster_warnings(school: School) -> Iterator[Problem]:
    for path, report in _reports(school):
        for warning in report.warnings:
            yield Problem(str(path), 0, 0, warning)


def _mutes(school: School) -> Iterator[Problem]:
    """Who has muted which rule until when, and a second look: nobody may forget it."""
    zone = ZoneInfo(school.settings.school.zone) if school.settings else UTC
    if school.packs is not None:
        yield from told_mutes(school.folder, school.packs, SystemClock().now().astimezone(zone).date())


def _second_look(school: School) -> Iterator[Problem]:
    parts = Parts()
    if school.packs is not None and read_changes(school.folder).second_look:
        parts.read(partial(read_second_look, school.shipped))
    yield from parts.problems


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
    Check("second-look", "The second look, where a school wants it, can be read.", _second_look),
    Check("cards", "The crisis cards name every number.", partial(_part, "cards")),
    Check("texts", "The program's languages have all of Nearpeer's own texts.", partial(_part, "texts")),
    Check("roster", "Every row of the roster files can be imported.", _rosters),
    Check("adults", "The safety contact and everybody on a ladder or on duty is an adult of the roster.", adults.named),
    Check("two-adults", "There is a second adult behind the first.", adults.two_adults, warns=True),
    Check("bypass", "Somebody is told of what may be about an adult of the program.", adults.bypass, warns=True),
    Check("duty", "Somebody is on duty in the next two weeks.", adults.duty, warns=True),
    Check("channels", "Adults are told in more than one way.", adults.channels, warns=True),
    Check("numbers", "Adults who are told by SMS have numbers of their own.", adults.numbers, warns=True),
    Check("mutes", "Screening is as it ships: no rule muted, no second look.", _mutes, warns=True),
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
