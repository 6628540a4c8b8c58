"""Are groups of students treated alike? Figures by group, and no way to a small group, not even by subtraction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.fairness import COLUMNS, FEWEST, Table, hidden, in_order, tables, year
from storage.fairness import Case, Student
from tests.school import NOON

SIZES = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), st.integers(0, 40), max_size=8)


def school(**grades: int) -> Iterator[Student]:
    """So many students of each language and grade: en_9=20."""
    number = 0
    for name, many in grades.items():
        language, _, grade = name.partition("_")
        for _ in range(many):
            number += 1
            yield Student(number, language, grade)


def case(person: int, minutes: float | None, *, false_alarm: bool | None = None) -> Case:
    return Case(person, false_alarm, NOON, None if minutes is None else NOON + timedelta(minutes=minutes))


def told(table: Table) -> dict[str, Sequence[str]]:
    return {line.name: line.cells for line in table.lines}


def test_each_group_has_its_rate_its_false_alarms_and_its_waiting() -> None:
    students = list(school(en_9=20, en_10=20, es_9=20))
    english = [case(1, 2, false_alarm=True), *(case(number, 4, false_alarm=False) for number in range(2, 11))]
    spanish = [*(case(41, 30, false_alarm=number < 4) for number in range(8)), case(42, None)]
    everybody, by_language, by_grade = tables(students, [*english, *spanish])
    assert COLUMNS == (
        "Students", "Cases for 100 students", "Closed as not a concern", "Until an adult had it (median)"
    )  # fmt: skip
    assert told(everybody) == {"all students": ("60", "32", "28%", "4 minutes")}
    assert told(by_language) == {"en": ("40", "25", "10%", "4 minutes"), "es": ("20", "45", "50%", "30 minutes")}
    assert told(by_grade) == {"9": ("40", "48", "28%", "4 minutes"), "10": ("20", "0", "none", "none")}


def test_of_a_small_group_nothing_is_told_and_the_next_smallest_hides_it() -> None:
    students = list(school(en_9=50, es_9=30, fr_9=9))
    everybody, by_language, by_grade = tables(students, [case(number, 5) for number in range(60, 89)])
    assert told(everybody)["all students"][:2] == ("89", "33")
    assert told(by_language)["fr"] == told(by_language)["es"] == ()
    assert told(by_language)["en"][0] == "50"
    assert told(by_grade)["9"][0] == "89"


def test_a_share_of_a_few_cases_is_not_told_nor_what_it_could_be_worked_out_from() -> None:
    students = list(school(en_9=20, en_10=20, en_11=20, en_12=20))
    cases = [case(1, 3, false_alarm=True)]
    cases += [case(21, 3, false_alarm=False)] * 6 + [case(41, 3, false_alarm=False)] * 7
    grades = told(tables(students, cases)[2])
    assert grades["9"] == ("20", "5", "too few to tell", "too few to tell")
    assert grades["10"][2:] == ("too few to tell", "too few to tell")
    assert grades["11"][2:] == ("0%", "3 minutes")
    assert grades["12"] == ("20", "0", "none", "none")


def test_a_school_that_is_small_itself_is_told_nothing() -> None:
    assert [told(table) for table in tables(list(school(en_9=FEWEST - 1)), [case(1, 1)])] == [
        {"all students": ()}, {"en": ()}, {"9": ()},
    ]  # fmt: skip


def test_without_grades_in_the_roster_there_is_no_table_of_them() -> None:
    assert [table.title for table in tables(list(school(en=12)), [])] == ["Everybody", "By language"]


def test_classes_of_a_grade_are_one_group_and_grades_stand_in_order() -> None:
    assert [year(grade) for grade in ("8A", "8B", "12", "K", "PK", "")] == [
        "8", "8", "12", "K", "PK", "no grade in the roster",
    ]  # fmt: skip
    assert in_order(["no grade", "10", "9", "K", "PK"]) == ["PK", "K", "9", "10", "no grade"]


@given(SIZES, st.integers(1, 12), st.data())
def test_what_is_hidden_is_never_one_group_alone_nor_small_together(
    sizes: dict[str, int], fewest: int, chance: st.DataObject
) -> None:
    already = chance.draw(st.sets(st.sampled_from(sorted(sizes)))) if sizes else set()
    found = hidden(sizes, fewest, already)
    assert {name for name, size in sizes.items() if 0 < size < fewest} | already <= found
    of_some = [size for name, size in sizes.items() if name in found and size]
    if any(size for name, size in sizes.items() if name not in found) and of_some:
        assert len(of_some) >= 2
        assert sum(of_some) >= fewest
