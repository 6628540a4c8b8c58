"""A roster against the people and matches that exist -> what an import would do, and what stands against it. Pure.

All or nothing: one bad row, and nothing may be written. Nothing here writes; storage does, after somebody read the
report.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

from bot.domain import Match, Person, Role
from bot.errors import Refused
from bot.roster.rows import RosterMatch, RosterPerson, Sheet
from bot.roster.sheet import Bad

_COMPARED = ("name", "language", "zone", "email", "phone")
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """A known person or match for which the file says something else. `changed` names columns, not what is in them."""

    line: int
    key: str
    changed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RosterReport:
    """What an import would do. While anything is `bad`, nothing may be written."""

    filename: str
    people_to_add: tuple[RosterPerson, ...] = ()
    matches_to_add: tuple[RosterMatch, ...] = ()
    people_to_change: tuple[RosterPerson, ...] = ()
    """Complete: what the file leaves empty is as it was. Written only with --update; so are changed matches."""
    matches_to_change: tuple[RosterMatch, ...] = ()
    differences: tuple[Difference, ...] = ()
    unchanged: int = 0
    not_in_file: int = 0
    bad: tuple[Bad, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the file may be imported."""
        return not self.bad

    def to_write(self, *, update: bool) -> tuple[tuple[RosterPerson, ...], tuple[RosterMatch, ...]]:
        """What to store, by key: what is new, and with `update` what changed. Raises Refused on a bad row."""
        if not self.ok:
            raise Refused(f"{self.filename} has rows that must be put right first; nothing was imported.")
        people, matches = (self.people_to_change, self.matches_to_change) if update else ((), ())
        return self.people_to_add + people, self.matches_to_add + matches

    def lines(self) -> list[str]:
        """The report in plain words, one line each, for a school secretary."""
        return list(_report(self))


def compare(
    sheet: Sheet,
    people: Sequence[Person],
    matches: Sequence[Match],
    *,
    zone: str,
    language: str = "en",
    grades: Mapping[str, str] | None = None,
    filename: str = "roster.csv",
) -> RosterReport:
    """What importing `sheet` would do. `zone` and `language` are for new people whose row says neither.

    `grades`: of known students, by key.
    """
    comparison = _Comparison(sheet, people, matches, grades or {})
    comparison.people(zone, language)
    comparison.matches()
    return RosterReport(
        filename=filename,
        people_to_add=tuple(comparison.new_people),
        matches_to_add=tuple(comparison.new_matches),
        people_to_change=tuple(comparison.changed_people),
        matches_to_change=tuple(comparison.changed_matches),
        differences=tuple(sorted(comparison.differences, key=lambda difference: difference.line)),
        unchanged=comparison.unchanged,
        not_in_file=len(comparison.known.keys() - {person.key for person in sheet.people}),
        bad=tuple(sorted((*sheet.bad, *comparison.bad), key=lambda bad: bad.line)),
        warnings=(*sheet.warnings, *_warnings(sheet, people, matches)),
    )


class _Comparison:
    """The sheet against what exists; collects what is new, what differs and what cannot be."""

    def __init__(
        self, sheet: Sheet, people: Sequence[Person], matches: Sequence[Match], grades: Mapping[str, str]
    ) -> None:
        self._sheet = sheet
        self._grades = grades
        self.known = {person.key: person for person in people}
        self._matched = _by_mentee(people, matches)
        self._roles = {person.key: person.role for person in sheet.people}
        self._roles |= {person.key: person.role for person in people}
        # Whose role could not be read may be anything: nothing else is said against them for it.
        self._unclear = _unclear(sheet)
        self.new_people: list[RosterPerson] = []
        self.changed_people: list[RosterPerson] = []
        self.new_matches: list[RosterMatch] = []
        self.changed_matches: list[RosterMatch] = []
        self.differences: list[Difference] = []
        self.bad: list[Bad] = []
        self.unchanged = 0

    def people(self, zone: str, language: str) -> None:
        for row in self._sheet.people:
            known = self.known.get(row.key)
            if known is None:
                self.new_people.append(replace(row, language=row.language or language, zone=row.zone or zone))
                continue
            if known.role is not row.role:
                reason = f'"{row.key}" is known as {known.role}; a role is not changed by a roster, use a new key'
                self.bad.append(Bad(row.line, "role", reason))
                continue
            was = {name: getattr(known, name) for name in _COMPARED} | {"grade": self._grades.get(row.key, "")}
            wanted = replace(row, **{name: getattr(row, name) or old for name, old in was.items()})
            changed = tuple(name for name, old in was.items() if getattr(wanted, name) != old)
            if changed:
                self.changed_people.append(wanted)
                self.differences.append(Difference(row.line, row.key, changed))
            else:
                self.unchanged += 1

    def matches(self) -> None:
        for row in self._sheet.matches:
            self._check(row, "mentors", row.mentors, (Role.MENTOR,))
            self._check(row, "advisor", (row.advisor,) if row.advisor else (), (Role.ADVISOR, Role.COORDINATOR))
            known = self._matched.get(row.mentee)
            wanted = row if known is None else _filled(row, known)
            if wanted.meets and not wanted.mentors:
                self.bad.append(Bad(row.line, "meets", "there is a meeting, but nobody in the column mentors"))
            if known is None:
                self.new_matches.append(wanted)
            elif changed := _changed(known, wanted):
                self.changed_matches.append(wanted)
                self.differences.append(Difference(row.line, row.mentee, changed))

    def _check(self, row: RosterMatch, column: str, keys: Iterable[str], roles: tuple[Role, ...]) -> None:
        for key in keys:
            if key in self._unclear:
                continue
            role = self._roles.get(key)
            if role is None:
                near = get_close_matches(key, self._roles, n=1)
                guess = f'; did you mean "{near[0]}"?' if near else ", neither in this file nor in the program"
                self.bad.append(Bad(row.line, column, f'nobody has the key "{key}"{guess}'))
            elif role not in roles:
                self.bad.append(Bad(row.line, column, f'"{key}" is {role}, not {" or ".join(roles)}'))


def _by_mentee(people: Sequence[Person], matches: Sequence[Match]) -> dict[str, RosterMatch]:
    key = {person.id: person.key for person in people}
    return {
        key[mentee]: RosterMatch(
            key[mentee],
            tuple(key[mentor] for mentor in match.mentors if mentor in key),
            key.get(match.advisor, "") if match.advisor is not None else "",
            match.meets,
        )
        for match in matches
        for mentee in match.mentees
        if mentee in key
    }


def _filled(row: RosterMatch, known: RosterMatch) -> RosterMatch:
    """The row, with what it leaves empty as it was."""
    mentors, advisor, meets = row.mentors or known.mentors, row.advisor or known.advisor, row.meets or known.meets
    return replace(row, mentors=mentors, advisor=advisor, meets=meets)


def _changed(known: RosterMatch, wanted: RosterMatch) -> tuple[str, ...]:
    pairs = (
        ("mentors", set(known.mentors), set(wanted.mentors)),
        ("advisor", known.advisor, wanted.advisor),
        ("meets", known.meets, wanted.meets),
    )
    return tuple(column for column, before, after in pairs if before != after)


def _unclear(sheet: Sheet) -> set[str]:
    lines = {bad.line for bad in sheet.bad if bad.column == "role"}
    return {person.key for person in sheet.people if person.line in lines}


def _warnings(sheet: Sheet, people: Sequence[Person], matches: Sequence[Match]) -> Iterator[str]:
    """What is allowed and yet looks wrong."""
    matched = _by_mentee(people, matches) | {match.mentee: match for match in sheet.matches}
    unclear = _unclear(sheet)
    for person in (one for one in sheet.people if one.key not in unclear):
        match = matched.get(person.key, RosterMatch(person.key))
        if person.role is Role.MENTEE and not match.mentors:
            yield f"{person.name} (line {person.line}) has no mentor yet."
        if person.role is Role.MENTEE and not match.advisor:
            yield f"{person.name} (line {person.line}) has no advisor; alerts go to the coordinator at once."
    if not any(role.adult for role in [person.role for person in sheet.people] + [person.role for person in people]):
        yield "There is no adult yet: nobody could be told of an alert."
    for what in ("name", "email", "phone"):
        lines: dict[str, list[int]] = defaultdict(list)
        for person in sheet.people:
            lines[getattr(person, what).casefold()].append(person.line)
        for value, found in lines.items():
            if value and len(found) > 1:
                yield f"The same {what} stands on lines {', '.join(map(str, found))}: one person, or several?"


def _report(report: RosterReport) -> Iterator[str]:
    if report.bad:
        yield f"{report.filename}: nothing can be imported until this is put right:"
        yield from (f"  {bad}" for bad in report.bad)
    else:
        different = len(report.people_to_change) + len(report.matches_to_change)
        yield (
            f"{report.filename}: {len(report.people_to_add)} people and {len(report.matches_to_add)} matches to add, "
            f"{report.unchanged} people as they are, {different} different."
        )
        added = [f"  add {person.role} {person.name} ({person.key})" for person in report.people_to_add]
        added += [f"  add match {_match_line(match)}" for match in report.matches_to_add]
        yield from added[:_SHOWN]
        if len(added) > _SHOWN:
            yield f"  ... and {len(added) - _SHOWN} more"
        for difference in report.differences:
            columns = ", ".join(difference.changed)
            yield f"  line {difference.line}: {difference.key} has another {columns}; changed only with --update"
        if report.not_in_file:
            yield f"  {report.not_in_file} people are not in this file; they stay as they are."
    yield from (f"  note: {warning}" for warning in report.warnings)


def _match_line(match: RosterMatch) -> str:
    parts = [f"{match.mentee} with {', '.join(match.mentors) or 'nobody yet'}"]
    parts += [f"advisor {match.advisor}"] if match.advisor else []
    parts += [match.meets] if match.meets else []
    return ", ".join(parts)
