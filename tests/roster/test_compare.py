"""A roster against the people of Lincoln High: what an import would do, all or nothing, and who stays untouched."""

from __future__ import annotations

import pytest

from bot.domain import Match, Person, Role
from bot.errors import Refused
from bot.roster.compare import Difference, RosterReport, compare
from bot.roster.rows import RosterMatch, read_roster

HEADER = "key,name,role,language,zone,email,phone,mentors,advisor,meets\n"
ROSTER = HEADER + (
    "maya,Maya Torres,mentee,es,,,,leo,rivera,Wed 15:00 45m\n"
    "leo,Leo Kim,mentor,,,,,,,\n"
    "rivera,Ms. Rivera,advisor,,,rivera@lincoln.example.org,,,,\n"
    "okafor,Mr. Okafor,coordinator,,,,,,,\n"
)
ZONE = "America/New_York"
LINCOLN = (
    Person(1, "maya", "Maya Torres", Role.MENTEE, "es", ZONE),
    Person(2, "leo", "Leo Kim", Role.MENTOR, "en", ZONE),
    Person(3, "rivera", "Ms. Rivera", Role.ADVISOR, "en", ZONE, email="rivera@lincoln.example.org"),
    Person(4, "okafor", "Mr. Okafor", Role.COORDINATOR, "en", ZONE),
)
PAIR = Match(9, mentees=(1,), mentors=(2,), advisor=3, meets="Wed 15:00 45m")


def report(text: str, people: tuple[Person, ...] = LINCOLN, matches: tuple[Match, ...] = (PAIR,)) -> RosterReport:
    return compare(read_roster(text.encode(), "roster.csv"), people, matches, zone=ZONE)


def test_a_new_grade_is_a_difference_and_an_empty_one_leaves_what_is_known() -> None:
    text = "key,name,role,grade\nmaya,Maya Torres,mentee,10\nleo,Leo Kim,mentor,\n"
    autumn = compare(
        read_roster(text.encode(), "roster.csv"), LINCOLN, (), zone=ZONE, grades={"maya": "9", "leo": "11"}
    )
    assert autumn.differences == (Difference(2, "maya", ("grade",)),)
    assert autumn.to_write(update=False) == ((), ())
    assert [(person.key, person.grade) for person in autumn.to_write(update=True)[0]] == [("maya", "10")]


def complaints(text: str) -> list[str]:
    return [str(bad) for bad in report(text).bad]


def test_a_first_import_adds_everybody_with_the_zone_and_language_of_the_program() -> None:
    first = report(ROSTER, (), ())
    assert first.ok
    people, matches = first.to_write(update=False)
    assert [(person.key, person.language, person.zone) for person in people] == [
        ("maya", "es", ZONE), ("leo", "en", ZONE), ("rivera", "en", ZONE), ("okafor", "en", ZONE),
    ]  # fmt: skip
    assert matches == (RosterMatch("maya", ("leo",), "rivera", "Wed 15:00 45m"),)


def test_the_same_file_again_changes_nothing() -> None:
    again = report(ROSTER)
    assert again.to_write(update=True) == ((), ())
    assert (again.unchanged, again.differences, again.not_in_file) == (4, (), 0)


def test_who_is_not_in_the_file_stays_as_they_are() -> None:
    one = report(HEADER + "ana,Ana Ruiz,mentee,,,,,leo,rivera,\n")
    people, matches = one.to_write(update=True)
    assert ([person.key for person in people], [match.mentee for match in matches]) == (["ana"], ["ana"])
    assert one.not_in_file == 4
    assert "  4 people are not in this file; they stay as they are." in one.lines()


def test_a_difference_is_reported_and_written_only_when_asked_for() -> None:
    moved = report(ROSTER.replace("Leo Kim", "Leo Kim-Park").replace("Wed 15:00", "Thu 14:00"))
    assert moved.to_write(update=False) == ((), ())
    people, matches = moved.to_write(update=True)
    assert [person.name for person in people] == ["Leo Kim-Park"]
    assert matches == (RosterMatch("maya", ("leo",), "rivera", "Thu 14:00 45m"),)
    assert moved.differences == (Difference(2, "maya", ("meets",)), Difference(3, "leo", ("name",)))
    assert "  line 3: leo has another name; changed only with --update" in moved.lines()


def test_an_empty_cell_says_nothing_and_leaves_what_is_known() -> None:
    short = report("key,name,role\nrivera,Ms. Rivera,advisor\nmaya,Maya Torres,mentee\n")
    assert (short.ok, short.differences, short.unchanged) == (True, (), 2)
    new_advisor = report("key,name,role,advisor\nmaya,Maya Torres,mentee,okafor\n")
    assert new_advisor.to_write(update=True)[1] == (RosterMatch("maya", ("leo",), "okafor", "Wed 15:00 45m"),)


def test_one_bad_row_anywhere_and_nothing_is_imported() -> None:
    bad = report(ROSTER + "ana,Ana Ruiz,mentee,,,,,leoo,maya,\n", (), ())
    assert [str(one) for one in bad.bad] == [
        'line 6, mentors: nobody has the key "leoo"; did you mean "leo"?',
        'line 6, advisor: "maya" is mentee, not advisor or coordinator',
    ]
    with pytest.raises(Refused, match="nothing was imported"):
        bad.to_write(update=True)
    assert bad.lines()[0] == "roster.csv: nothing can be imported until this is put right:"
    assert not any("add " in line for line in bad.lines())


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("ana,Ana Ruiz,mentee,,,,,rivera,,\n", 'line 2, mentors: "rivera" is advisor, not mentor'),
        ("ana,Ana Ruiz,mentee,,,,,ana,,\n", 'line 2, mentors: "ana" is mentee, not mentor'),
        ("ana,Ana Ruiz,mentee,,,,,,leo,\n", 'line 2, advisor: "leo" is mentor, not advisor or coordinator'),
        ("ana,Ana Ruiz,mentee,,,,,zoe,,\n", 'line 2, mentors: nobody has the key "zoe", neither in this file nor'),
        (
            "ana,Ana Ruiz,mentee,,,,,,rivera,Wed 15:00 45m\n",
            "line 2, meets: there is a meeting, but nobody in the column",
        ),
        (
            "leo,Leo Kim,coordinator,,,,,,,\n",
            'line 2, role: "leo" is known as mentor; a role is not changed by a roster',
        ),
    ],
)
def test_rows_that_do_not_fit_together_are_refused(row: str, complaint: str) -> None:
    [found] = complaints(HEADER + row)
    assert found.startswith(complaint)


def test_several_mentors_may_stand_in_one_cell_in_any_order() -> None:
    group = report(HEADER + 'sam,Sam Lee,mentor,,,,,,,\nana,Ana Ruiz,mentee,,,,,"Leo; sam, leo",rivera,\n')
    assert group.matches_to_add[0].mentors == ("leo", "sam")
    pair = Match(11, mentees=(1,), mentors=(2, 5), advisor=3, meets="Wed 15:00 45m")
    sam = Person(5, "sam", "Sam Lee", Role.MENTOR, "en", ZONE)
    same = report(ROSTER.replace(",leo,", ",sam leo,"), (*LINCOLN, sam), (pair,))
    assert same.differences == ()


def test_what_is_allowed_and_looks_wrong_is_noted() -> None:
    odd = report(HEADER + "ana,Ana Ruiz,mentee,,,,,,,\nann,Ana Ruiz,mentee,,,,,,,\n", (), ())
    assert odd.ok
    assert list(odd.warnings) == [
        "Ana Ruiz (line 2) has no mentor yet.",
        "Ana Ruiz (line 2) has no advisor; alerts go to the coordinator at once.",
        "Ana Ruiz (line 3) has no mentor yet.",
        "Ana Ruiz (line 3) has no advisor; alerts go to the coordinator at once.",
        "There is no adult yet: nobody could be told of an alert.",
        "The same name stands on lines 2, 3: one person, or several?",
    ]


def test_the_report_of_a_large_roster_stays_short() -> None:
    rows = "".join(f"m{n},Mentor {n} Kim,mentor,,,,,,,\n" for n in range(300))
    lines = report(HEADER + rows).lines()
    assert lines[0] == "roster.csv: 300 people and 0 matches to add, 0 people as they are, 0 different."
    assert "  ... and 280 more" in lines
    assert len(lines) == 23


def test_a_role_that_cannot_be_read_is_said_once_and_nothing_follows_from_it() -> None:
    odd = report(HEADER + "sam,Sam Lee,mentro,,,,,,,\nana,Ana Ruiz,mentee,,,,,sam,rivera,\n")
    assert [(bad.line, bad.column) for bad in odd.bad] == [(2, "role")]
    assert not any("Sam" in warning for warning in odd.warnings)
