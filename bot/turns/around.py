"""Who is around a person: their matches, the partners and advisors in them, the safety contact.

Read in one go for one person or for hundreds, so that a fan-out fills in the same names as a turn of its own would.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import Connection

from bot.domain import Match, Person, Role
from bot.errors import FlowError
from bot.program import Program
from storage import people


@dataclass(frozen=True, slots=True)
class Around:
    """The matches of some people (by person id), everybody in those, and the adult who comes last."""

    program: Program
    matches: Mapping[int, Sequence[Match]]
    people: Mapping[int, Person]
    contact: Person | None

    def partner_names(self, person: Person, match_id: int | None) -> str:
        """First names of the other side of a match (the given one, or all of the person's)."""
        matches = [one for one in self.matches.get(person.id, ()) if match_id in (None, one.id)]
        others = dict.fromkeys(id_ for match in matches for id_ in _other_side(match, person))
        named = ", ".join(self.people[id_].first_name for id_ in others if id_ in self.people)
        return named or self.program.text(person.language, "your_partner")

    def advisor_name(self, person: Person) -> str:
        """The adult a student would look for: the advisor of their match, else the program's safety contact."""
        for match in self.matches.get(person.id, ()):
            if match.advisor is not None and match.advisor in self.people:
                return self.people[match.advisor].name
        return self.contact.name if self.contact is not None else ""

    def values(self, person: Person, match_id: int | None, names: Iterable[str]) -> dict[str, str]:
        """Those of the placeholders of a flow (bot.program.VALUES) that it names, filled in for a person."""
        return {name: self._value(name, person, match_id) for name in names}

    def _value(self, name: str, person: Person, match_id: int | None) -> str:
        match name:
            case "name":
                return person.first_name
            case "partner":
                return self.partner_names(person, match_id)
            case "school":
                return self.program.school
            case "adult":
                return self.advisor_name(person)
            case "place":
                return self.program.place(person.language)
        raise FlowError(f"nobody can fill in {{{name}}}")


def around(
    connection: Connection,
    program: Program,
    ids: Collection[int],
    names: Collection[str] = ("partner", "adult"),
    known: Mapping[int, Person] = MappingProxyType({}),
) -> Around:
    """Read who is around these people, as far as placeholders of these `names` ask for it, beside who is `known`."""
    if not {"partner", "adult"}.intersection(names):
        return Around(program, {}, {}, None)
    of_person: dict[int, list[Match]] = defaultdict(list)
    named: set[int] = set()
    for match in people.matches(connection, ids):
        members = (*match.mentees, *match.mentors)
        named.update(members, (match.advisor,) if match.advisor is not None else ())
        for id_ in members:
            of_person[id_].append(match)
    others = named - known.keys()
    return Around(
        program,
        of_person,
        {**known, **(people.several(connection, others) if others else {})},
        people.by_key(connection, program.safety_contact) if "adult" in names else None,
    )


def _other_side(match: Match, person: Person) -> tuple[int, ...]:
    return match.mentors if person.role is Role.MENTEE else match.mentees
