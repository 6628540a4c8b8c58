"""Whether cases, false alarms and waiting fall alike on groups of students. Pure; whom a group holds is never told.

A small group is hidden, and so is what it could be worked out from: all that is hidden is never one group alone, and
together never small.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from storage.fairness import Case, Student

PERIOD = timedelta(days=365)
FEWEST = 10
"""Students below whom nothing is told of a group: a small group is known by its numbers."""
ENOUGH = 5
"""Cases below which no share and no median is told."""
COLUMNS = ("Students", "Cases for 100 students", "Closed as not a concern", "Until an adult had it (median)")
SMALL = f"fewer than {FEWEST} students, or needed to hide such a group"
_TOO_FEW, _NONE = "too few to tell", "none"
_FIRST = ("PK", "TK", "K")


@dataclass(frozen=True, slots=True)
class Line:
    """One group; `cells` in the order of COLUMNS, or empty for a group of which nothing is told."""

    name: str
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    lines: Sequence[Line]


def tables(students: Sequence[Student], cases: Sequence[Case]) -> tuple[Table, ...]:
    """All students, then by language, then by grade where the roster has one."""
    by_language = Table("By language", _lines(students, cases, lambda one: one.language))
    by_grade = Table("By grade", _lines(students, cases, lambda one: year(one.grade)))
    graded = any(one.grade for one in students)
    everybody = Table("Everybody", _lines(students, cases, lambda _one: "all students"))
    return (everybody, by_language, by_grade) if graded else (everybody, by_language)


def year(grade: str) -> str:
    """The grade without the class: `8A` and `8B` are one group."""
    return re.sub(r"(?<=\d)\D+", "", grade) or "no grade in the roster"


def in_order(names: Iterable[str]) -> list[str]:
    """Grades as a school counts them, other names by letter behind them."""

    def rank(name: str) -> tuple[int, int, str]:
        if name in _FIRST:
            return 0, _FIRST.index(name), ""
        return (1, int(name), "") if name.isdigit() else (2, 0, name)

    return sorted(names, key=rank)


def hidden(sizes: Mapping[str, int], fewest: int, already: Collection[str] = ()) -> frozenset[str]:
    """The groups of which a figure is not told.

    Those of fewer than `fewest`, and the next smallest as well until what is hidden is two groups and `fewest`
    together: else all less the others would tell it. Of nothing there is nothing to hide. `already`: hidden for
    another reason.
    """
    found = {name for name, size in sizes.items() if 0 < size < fewest} | set(already)
    within = [sizes[name] for name in found if sizes[name]]
    others = sorted((name for name in sizes if name not in found and sizes[name]), key=lambda name: (sizes[name], name))
    while within and others and (len(within) < 2 or sum(within) < fewest):
        found.add(others[0])
        within.append(sizes[others.pop(0)])
    return frozenset(found)


def _lines(students: Sequence[Student], cases: Sequence[Case], group: Callable[[Student], str]) -> list[Line]:
    group_of = {one.id: group(one) for one in students}
    people = Counter(group_of.values())
    known = [(group_of[one.person_id], one) for one in cases if one.person_id in group_of]
    opened = Counter(name for name, _one in known)
    closed = Counter(name for name, one in known if one.false_alarm is not None)
    false = Counter(name for name, one in known if one.false_alarm)
    waits: dict[str, list[float]] = {name: [] for name in people}
    for name, one in known:
        if one.taken_at is not None:
            waits[name].append((one.taken_at - one.opened_at).total_seconds())
    unseen = hidden(people, FEWEST)
    unjudged = hidden({name: closed[name] for name in people}, ENOUGH, unseen)
    untimed = hidden({name: len(waits[name]) for name in people}, ENOUGH, unseen)

    def line(name: str) -> Line:
        if name in unseen:
            return Line(name)
        share = f"{false[name] / closed[name]:.0%}" if closed[name] else _NONE
        waited = _lasting(median(waits[name])) if waits[name] else _NONE
        return Line(
            name,
            (
                f"{people[name]:,}",
                f"{opened[name] * 100 / people[name]:.0f}",
                _TOO_FEW if name in unjudged else share,
                _TOO_FEW if name in untimed else waited,
            ),
        )

    return [line(name) for name in in_order(people)]


def _lasting(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return "under 1 minute"
    if minutes < 120:
        return "1 minute" if minutes == 1 else f"{minutes} minutes"
    hours = round(minutes / 60)
    return f"{hours} hours" if hours < 48 else f"{round(hours / 24)} days"
