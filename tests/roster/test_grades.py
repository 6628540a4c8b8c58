"""Grades from the roster into the database: each autumn they change, staff see them, and no turn ever reads one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from bot.domain import Person
from bot.program import Program
from bot.school import import_roster, read_report
from storage import grades, people
from storage.database import Database
from tests.fakes.memory import Hands
from tests.school import NOON

FALL = "key,name,role,grade\nmaya,Maya Torres,mentee,9\nleo,Leo Kim,mentor,11th\nrivera,Ms. Rivera,advisor,\n"


def imported(database: Database, program: Program, folder: Path, text: str, *, update: bool = False) -> Sequence[str]:
    """Import a roster; what the report said."""
    file = folder / "roster.csv"
    file.write_text(text, encoding="utf-8")
    report = read_report(database, program, file)
    import_roster(database, program, report, Hands(NOON), update=update)
    return report.lines()


def test_a_new_roster_brings_the_new_grades_when_it_is_asked_to(
    database: Database, program: Program, tmp_path: Path
) -> None:
    imported(database, program, tmp_path, FALL)
    next_fall = FALL.replace("9", "10").replace("11th", "")
    for update, maya in ((False, "9"), (True, "10")):
        said = imported(database, program, tmp_path, next_fall, update=update)
        assert "  line 2: maya has another grade; changed only with --update" in said
        with database.read() as connection:
            assert grades.by_key(connection) == {"maya": maya, "leo": "11"}


def test_what_a_turn_changes_of_a_person_leaves_their_grade(
    database: Database, program: Program, tmp_path: Path
) -> None:
    """A turn's person has none, so no text, alert or log can tell it."""
    imported(database, program, tmp_path, FALL)
    assert "grade" not in {one.name for one in fields(Person)}

    with database.read() as connection:
        maya = people.by_key(connection, "maya")
    assert maya is not None
    database.write(lambda connection: people.change(connection, maya)).result()
    with database.read() as connection:
        assert grades.by_key(connection)["maya"] == "9"
