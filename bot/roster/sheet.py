"""A table as a spreadsheet saves it (CSV in any of its dialects) -> rows of clean cells with line numbers. Pure.

Knows encodings, separators and limits; knows nothing of what the columns mean. A cell's text is data and stays text.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass

LARGEST_FILE = 5_000_000
"""Bytes."""
MOST_ROWS = 20_000
LONGEST_CELL = 500
"""Characters."""
_SEPARATORS = ",;\t|"
_KEPT_CONTROLS = "\n\t"
_INVISIBLE = ("Cc", "Cf", "Co", "Cs", "Zl", "Zp")
_BLANKS = re.compile(r"[^\S\n\t]+")


@dataclass(frozen=True, slots=True)
class Bad:
    """Why a row, or the whole table (line 0), cannot be used."""

    line: int
    column: str
    reason: str

    def __str__(self) -> str:
        place = ", ".join(part for part in (f"line {self.line}" if self.line else "", self.column) if part)
        return f"{place}: {self.reason}" if place else self.reason


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; `cells` in the order of the file."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    rows: tuple[Row, ...]
    """The first is the header."""
    bad: tuple[Bad, ...] = ()
    guessed: bool = False
    """The encoding is a guess (Windows-1252): somebody should look at the accents."""


def read_table(content: bytes) -> Table:
    """Rows of a CSV file; what cannot be read comes back as `bad`, never as an exception."""
    if len(content) > LARGEST_FILE:
        return _refused(f"the file is larger than {LARGEST_FILE // 1_000_000} MB")
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return _refused('this is a workbook, not a CSV file; in Excel choose "Save as", then "CSV UTF-8"')
    text, guessed = _decode(content)
    if text is None:
        return _refused('this is not a text file; in Excel choose "Save as", then "CSV UTF-8"')
    if "\x00" in text:
        return _refused("there are zero bytes in this file; save it again as CSV UTF-8")
    separator, skipped, body = _separator(text)
    rows, bad = _rows(body, separator, skipped)
    return Table(rows, bad, guessed)


def clean(cell: str) -> str:
    """A cell without invisible characters (controls, zero-width, text direction) and without blanks around it."""
    visible = (
        letter
        for letter in unicodedata.normalize("NFC", cell)
        if letter in _KEPT_CONTROLS or unicodedata.category(letter) not in _INVISIBLE
    )
    return _BLANKS.sub(" ", "".join(visible)).strip()


def _decode(content: bytes) -> tuple[str | None, bool]:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        candidates = [("utf-16", False)]
    elif content[1:2] == b"\x00" or content[:1] == b"\x00":
        candidates = [("utf-16-be" if content[:1] == b"\x00" else "utf-16-le", False)]
    else:
        candidates = [("utf-8-sig", False), ("cp1252", True)]
    for encoding, guessed in candidates:
        try:
            return content.decode(encoding), guessed
        except UnicodeDecodeError:
            continue
    return None, False


def _separator(text: str) -> tuple[str, int, str]:
    """(separator, lines left out, the rest): as a `sep=` line says, else whichever the header has most of."""
    first, _, rest = text.partition("\n")
    told = first.strip().strip('"')
    if told[:4].lower() == "sep=":
        return (told[4:5] or "\t"), 1, rest
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max(_SEPARATORS, key=header.count), 0, text


def _rows(text: str, separator: str, skipped: int) -> tuple[tuple[Row, ...], tuple[Bad, ...]]:
    rows: list[Row] = []
    bad: list[Bad] = []
    if separator not in _SEPARATORS:
        return (), (Bad(1, "", "the sep= line names no separator that is known (comma, semicolon, tab or |)"),)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    line = skipped + 1
    try:
        for raw in reader:
            cells = tuple(clean(cell) for cell in raw)
            if any(cells):
                rows.append(Row(line, cells))
                bad.extend(_over_limits(line, cells))
            line = skipped + reader.line_num + 1
            if len(rows) > MOST_ROWS + 1:
                return tuple(rows), (Bad(0, "", f"there are more than {MOST_ROWS:,} rows; split the file"),)
    except csv.Error:  # strict: also a cell beyond the reader's own limit, which an open quotation mark makes
        bad.append(Bad(line, "", 'a quotation mark (") opens here and does not close, or closes too early'))
    return tuple(rows), tuple(bad)


def _over_limits(line: int, cells: tuple[str, ...]) -> list[Bad]:
    found = []
    for number, cell in enumerate(cells, start=1):
        if len(cell) > LONGEST_CELL:
            found.append(Bad(line, f"column {number}", f"this cell is longer than {LONGEST_CELL} characters"))
        elif "\n" in cell or "\t" in cell:
            found.append(Bad(line, f"column {number}", "there is a line break or a tab inside this cell"))
    return found


def _refused(reason: str) -> Table:
    return Table((), (Bad(0, "", reason),))
