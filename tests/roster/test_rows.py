"""Roster files as schools really save them: every dialect is read, every bad row named, no cell is a formula."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import Role
from bot.roster.rows import RosterMatch, Sheet, read_roster

ROSTER = """key,name,role,language,zone,grade,email,phone,mentors,advisor,meets
maya,María José Torres,mentee,es,,9,,,leo,rivera,Wed 15:00 45m
leo,Leo Kim,mentor,en,,11,,,,,
rivera,Ms. Rivera,advisor,,America/New_York,,Rivera@lincoln.example.org,+1 555 010 0101,,,
okafor,Mr. Okafor,coordinator,,,,,(555) 010-0102,,,
"""


def read(text: str) -> Sheet:
    return read_roster(text.encode(), "roster.csv")


def complaints(text: str) -> list[str]:
    return [str(bad) for bad in read(text).bad]


def row(**cells: str) -> str:
    """The roster with one more row."""
    names = ROSTER.splitlines()[0].split(",")
    given = {"key": "ana", "name": "Ana Ruiz", "role": "mentee"} | cells
    return ROSTER + ",".join(f'"{given.get(name, "")}"' for name in names) + "\n"


def test_a_plain_roster_becomes_people_and_a_match() -> None:
    sheet = read(ROSTER)
    assert (sheet.bad, sheet.warnings) == ((), ())
    assert [(person.key, person.role) for person in sheet.people] == [
        ("maya", Role.MENTEE), ("leo", Role.MENTOR), ("rivera", Role.ADVISOR), ("okafor", Role.COORDINATOR),
    ]  # fmt: skip
    rivera = sheet.people[2]
    assert (rivera.zone, rivera.email, rivera.phone) == (
        "America/New_York",
        "rivera@lincoln.example.org",
        "+1 555 010 0101",
    )
    assert sheet.matches == (RosterMatch("maya", ("leo",), "rivera", "Wed 15:00 45m"),)
    assert "rivera@" not in repr(rivera)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_every_way_in_which_excel_saves_is_read_alike(encoding: str, separator: str, newline: str) -> None:
    content = ROSTER.replace(",", separator).replace("\n", newline).encode(encoding)
    sheet = read_roster(content, "Roster.CSV")
    assert (sheet.people, sheet.matches, sheet.bad) == (read(ROSTER).people, read(ROSTER).matches, ())
    assert [person.line for person in sheet.people] == [2, 3, 4, 5]
    assert any("Windows-1252" in warning for warning in sheet.warnings) == (encoding == "cp1252")


@pytest.mark.parametrize(("told", "separator"), [("sep=;", ";"), ('"sep=|"', "|"), ("SEP=,", ","), ("sep=\t", "\t")])
def test_a_sep_line_says_the_separator_and_keeps_the_line_numbers_true(told: str, separator: str) -> None:
    sheet = read(f"{told}\r\n" + ROSTER.replace(",", separator))
    assert sheet.people == read(ROSTER).people
    assert sheet.people[0].line == 3


def test_headers_are_read_in_either_language_case_and_order() -> None:
    sheet = read(
        "Nombre completo; CLAVE ;Rol;Correo electrónico;Teléfono;Zona horaria;Idioma;Mentores;Consejera;Se reúnen\n"
        "Maya Torres;MAYA;Aprendiz;;;;Español;Leo;Rivera;mié 15:00 45m\n"
        "Leo Kim;leo;mentor;;;;Inglés;;;\n"
    )
    assert sheet.bad == ()
    assert (sheet.people[0].key, sheet.people[0].role, sheet.people[0].language) == ("maya", Role.MENTEE, "es")
    assert sheet.matches[0] == RosterMatch("maya", ("leo",), "rivera", "Wed 15:00 45m")


def test_a_column_that_is_not_known_is_left_out_but_a_slip_is_asked_about() -> None:
    assert read(ROSTER.replace("zone", "homeroom")).warnings == ('The column "homeroom" is not used.',)
    assert complaints(ROSTER.replace("mentors", "mentros")) == [
        'line 1, mentros: there is no such column; did you mean "mentors"?'
    ]
    assert complaints(ROSTER.replace("phone", "E-Mail")) == [
        'line 1, email: two columns are the email; "E-Mail" is the second'
    ]
    assert complaints("Maya,Leo\nTorres,Kim\n") == [
        f"line 1, {column}: this column is missing; the first line names the columns"
        for column in ("key", "name", "role")
    ]


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ({"key": ""}, "line 6, key: this is empty"),
        ({"key": "maya"}, 'line 6, key: the key "maya" is already on line 2'),
        ({"key": "MAYA"}, 'line 6, key: the key "maya" is already on line 2'),
        ({"key": "../../etc/passwd"}, "line 6, key: a key is one word"),
        ({"key": "=1+1"}, "line 6, key: a key is one word"),
        ({"name": ""}, "line 6, name: this is empty"),
        ({"name": "12345"}, "line 6, name: there is no letter"),
        ({"name": "A" * 101}, "line 6, name: this name is longer than 100"),
        ({"name": "A" * 501}, "line 6, column 2: this cell is longer than 500"),
        ({"name": "Ana\nRuiz"}, "line 6, column 2: there is a line break"),
        ({"role": "boss"}, "line 6, role: write mentee, mentor, advisor or coordinator"),
        ({"role": "Ana", "name": "mentee"}, "line 6, role: write mentee"),
        ({"language": "fr"}, "line 6, language: the program does not speak this language; write en or es"),
        ({"grade": "14"}, "line 6, grade: write a grade like K, 6, 10 or 8A, or leave it empty"),
        ({"grade": "0"}, "line 6, grade: write a grade"),
        ({"grade": "9.0"}, "line 6, grade: write a grade"),
        ({"grade": "Sep-8"}, "line 6, grade: write a grade"),
        ({"grade": "=9"}, "line 6, grade: write a grade"),
        ({"role": "advisor", "grade": "9"}, "line 6, grade: only the row of a student has this"),
        ({"zone": "New York"}, "line 6, zone: this is no time zone"),
        ({"zone": "../../../etc/passwd"}, "line 6, zone: this is no time zone"),
        ({"email": "ana at example.org"}, "line 6, email: this is no email address"),
        ({"email": "555 010 0103", "phone": "ana@example.org"}, "line 6, email: this is no email address"),
        ({"phone": "5.55E+09"}, "line 6, phone: the spreadsheet rounded this number"),
        ({"phone": "=cmd|' /C calc'!A0"}, "line 6, phone: this is no phone number"),
        ({"mentors": "leo", "meets": "Wed"}, "line 6, meets: "),
        ({"role": "mentor", "meets": "Wed 15:00 45m"}, "line 6, meets: only the row of a mentee has this"),
        ({"role": "mentor", "mentors": "leo"}, "line 6, mentors: only the row of a mentee has this"),
    ],
)
def test_a_bad_cell_is_named_with_line_column_and_reason(cells: dict[str, str], complaint: str) -> None:
    found = complaints(row(**cells))
    assert found
    assert found[0].startswith(complaint)


@pytest.mark.parametrize(
    ("cell", "grade"),
    [
        ("9", "9"), ("09", "9"), ("9th", "9"), ("1st", "1"), ("12TH", "12"), ("Grade 10", "10"), ("grado 7", "7"),
        ("7.º", "7"), ("7°", "7"), ("K", "K"), ("pk", "PK"), ("8A", "8A"), ("8 b", "8B"), ("8-c", "8C"), ("", ""),
    ],
)  # fmt: skip
def test_a_grade_is_read_as_schools_write_it_and_kept_in_one_spelling(cell: str, grade: str) -> None:
    sheet = read(row(grade=cell))
    assert (sheet.bad, sheet.people[-1].grade) == ((), grade)
    assert read(ROSTER.replace("grade", "Grado")).people[0].grade == "9"


@pytest.mark.parametrize(
    "name",
    [
        "=HYPERLINK(1)",
        "+Ana",
        "-Ana",
        "@SUM(A1)",
        "\t=1+Ana",
        "\u200b=Ana",
        "＝Ana",
        "＋Ana",
        "＠Ana",
        "\u202e=Ana",
        " =Ana",
        "\ufeff@Ana",
    ],
)
def test_a_name_that_a_spreadsheet_would_run_is_refused(name: str) -> None:
    assert complaints(row(name=name)) == [
        "line 6, name: a name must not begin with = + - or @: a spreadsheet would take it for a formula"
    ]


def test_invisible_characters_are_dropped_and_everything_else_stays_text() -> None:
    [*_, ana] = read(row(name=" Ana\u200b\u00a0\u202e  Ru\u0301iz <b> ")).people
    assert ana.name == "Ana Rúiz <b>"


def test_phones_may_begin_with_plus_in_any_width() -> None:
    assert [read(row(phone=phone)).people[-1].phone for phone in ("+1 555 010 0103", "＋1 (555) 010-0103")] == [
        "+1 555 010 0103",
        "+1 (555) 010-0103",
    ]


def test_a_comma_too_many_in_a_row_is_noticed() -> None:
    assert complaints(ROSTER + "ana,Ruiz, Ana,mentee,,,,,,,,x\n")[0].startswith("line 6: this row has more cells")


def test_blank_lines_and_lines_of_empty_cells_are_nobody() -> None:
    sheet = read(ROSTER.replace("leo,Leo Kim", "\n,,,,,,,,,\nleo,Leo Kim"))
    assert sheet.bad == ()
    assert [person.line for person in sheet.people] == [2, 5, 6, 7]


def test_an_open_quotation_mark_does_not_swallow_the_rest_silently() -> None:
    assert complaints(ROSTER.replace("Leo Kim", '"Leo Kim')) == [
        'line 3: a quotation mark (") opens here and does not close, or closes too early'
    ]


@pytest.mark.parametrize(
    ("content", "filename", "words"),
    [
        (b"", "roster.csv", "empty"),
        (b"\n\n", "roster.csv", "empty"),
        (ROSTER.splitlines()[0].encode(), "roster.csv", "no people"),
        (b"PK\x03\x04rest", "roster.csv", "workbook"),
        (b"key,name", "roster.xlsx", "workbook"),
        (b"key,name,role\n\x81\x8d,\x8f,\x90\n", "roster.csv", "not a text file"),
        (b"key,name,role\nana,A\x00na,mentee\n", "roster.csv", "zero bytes"),
        (b"sep=x\nkeyxnamexrole\n", "roster.csv", "no separator"),
        (b"x" * 5_000_001, "roster.csv", "larger than 5 MB"),
        (b"key,name,role\n" + b"a,b,mentor\n" * 20_001, "roster.csv", "more than 20,000 rows"),
        (b'key,name,role\n"' + b"x" * 1_000_000, "roster.csv", "quotation mark"),
    ],
)
def test_what_is_no_roster_is_refused_in_one_sentence(content: bytes, filename: str, words: str) -> None:
    assert words in " ".join(str(bad) for bad in read_roster(content, filename).bad)


@settings(deadline=None)
@given(
    st.one_of(
        st.binary(max_size=300),
        st.text(max_size=300).map(lambda text: ROSTER.encode() + text.encode("utf-8", "ignore")),
    )
)
def test_no_file_whatsoever_makes_the_reader_fall_over(content: bytes) -> None:
    sheet = read_roster(content, "roster.csv")
    assert sheet.bad or sheet.people
