"""The rows of a roster file, each judged by itself -> people and matches by key. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches

from bot.domain import Role
from bot.planning.words import parse_meets, show_meets
from bot.roster import cells
from bot.roster.sheet import Bad, Row, read_table

_NEEDED = ("key", "name", "role")


@dataclass(frozen=True, slots=True)
class RosterPerson:
    """One row's person. An empty text means that the row says nothing of it."""

    key: str
    name: str
    role: Role
    language: str = ""
    zone: str = ""
    grade: str = ""
    """Of a student: `K`, `9`, `8A`."""
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class RosterMatch:
    """Who mentors a mentee, which adult looks after them, and when they meet; people by key."""

    mentee: str
    mentors: tuple[str, ...] = ()
    advisor: str = ""
    meets: str = ""
    line: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a roster file says, each row judged by itself."""

    people: tuple[RosterPerson, ...] = ()
    matches: tuple[RosterMatch, ...] = ()
    bad: tuple[Bad, ...] = ()
    warnings: tuple[str, ...] = ()


def read_roster(content: bytes, filename: str, languages: Collection[str] = ("en", "es")) -> Sheet:
    """Judge every row of a roster file by itself. Nothing raises: what is wrong is in `bad`."""
    if filename.lower().endswith((".xlsx", ".xls", ".ods", ".numbers")):
        return Sheet(
            bad=(Bad(0, "", 'this is a workbook, not a CSV file; in Excel choose "Save as", then "CSV UTF-8"'),)
        )
    table = read_table(content)
    if not table.rows:
        return Sheet(bad=table.bad or (Bad(0, "", "the file is empty"),))
    columns, bad, warnings = _columns(table.rows[0])
    bad.extend(table.bad)
    if table.guessed:
        warnings.append("The file is not UTF-8 and was read as Windows-1252: look at the names with accents.")
    people: dict[str, RosterPerson] = {}
    matches: list[RosterMatch] = []
    for row in table.rows[1:] if all(column in columns for column in _NEEDED) else ():
        judge = _RowJudge(row, len(table.rows[0].cells), columns, languages)
        person = judge.person()
        match = judge.match(person)
        if person.key in people:
            judge.refuse("key", f'the key "{person.key}" is already on line {people[person.key].line}')
        elif person.key:
            people[person.key] = person
            matches.extend([match] if match else [])
        bad.extend(judge.bad)
    if len(table.rows) == 1:
        bad.append(Bad(0, "", "there are no people under the header"))
    return Sheet(tuple(people.values()), tuple(matches), tuple(bad), tuple(warnings))


def _columns(header: Row) -> tuple[dict[str, int], list[Bad], list[str]]:
    """Position of each known column. Unknown ones are left out with a warning, unless they look like a slip."""
    found: dict[str, int] = {}
    bad: list[Bad] = []
    warnings: list[str] = []
    for position, cell in enumerate(header.cells):
        plain = cells.plain(cell)
        column = cells.COLUMN.get(plain)
        near = get_close_matches(plain, cells.COLUMN, n=1, cutoff=0.75) if plain and not column else []
        if column and column in found:
            bad.append(Bad(header.line, column, f'two columns are the {column}; "{cell}" is the second'))
        elif column:
            found[column] = position
        elif near:
            bad.append(Bad(header.line, cell, f'there is no such column; did you mean "{near[0]}"?'))
        elif plain:
            warnings.append(f'The column "{cell}" is not used.')
    missing = [column for column in _NEEDED if column not in found]
    bad.extend(
        Bad(header.line, column, "this column is missing; the first line names the columns") for column in missing
    )
    return found, bad, warnings


class _RowJudge:
    """Reads one row, column by column, and collects what is wrong with it."""

    def __init__(self, row: Row, width: int, columns: Mapping[str, int], languages: Collection[str]) -> None:
        self._row = row
        self._columns = columns
        self._languages = languages
        self.bad: list[Bad] = []
        if any(row.cells[width:]):
            self.refuse("", 'this row has more cells than the header; a comma inside a cell needs "quotation marks"')

    def person(self) -> RosterPerson:
        """The row's person; with something in `bad`, only good for further checks."""
        role = self._read("role", cells.role, needed=True)
        if role and Role(role).adult and self._cell("grade"):
            self.refuse("grade", "only the row of a student has this; leave it empty here")
        return RosterPerson(
            key=self._read("key", cells.key, needed=True),
            name=self._read("name", cells.name, needed=True),
            role=Role(role) if role else Role.MENTEE,
            language=self._read("language", lambda cell: cells.language(cell, self._languages)),
            zone=self._read("zone", cells.zone),
            grade=self._read("grade", cells.grade),
            email=self._read("email", cells.email),
            phone=self._read("phone", cells.phone),
            line=self._row.line,
        )

    def match(self, person: RosterPerson) -> RosterMatch | None:
        """The row's match: mentees have one if they have a mentor or an advisor."""
        filled = [column for column in ("mentors", "advisor", "meets") if self._cell(column)]
        if person.role is not Role.MENTEE:
            for column in filled:
                self.refuse(column, "only the row of a mentee has this; leave it empty here")
            return None
        mentors = self._read("mentors", lambda cell: " ".join(cells.keys(cell)))
        advisor = self._read("advisor", cells.key)
        meets = self._read("meets", lambda cell: show_meets(parse_meets(cell)))
        return RosterMatch(person.key, tuple(mentors.split()), advisor, meets, person.line) if filled else None

    def refuse(self, column: str, reason: str) -> None:
        """Note that something is wrong in this row."""
        self.bad.append(Bad(self._row.line, column, reason))

    def _read(self, column: str, reader: Callable[[str], str], *, needed: bool = False) -> str:
        cell = self._cell(column)
        if not cell:
            if needed:
                self.refuse(column, "this is empty")
            return ""
        try:
            return reader(cell)
        except ValueError as error:
            self.refuse(column, str(error))
            return ""

    def _cell(self, column: str) -> str:
        position = self._columns.get(column)
        return self._row.cells[position] if position is not None and position < len(self._row.cells) else ""
