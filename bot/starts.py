"""How often programs were started, kept in a file beside the database as in the database itself.

A database that knows fewer starts than its file is an old copy, put back: a hold begins (storage/hold.py).
"""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

from bot.clock import Clock
from bot.program import Program
from storage import hold
from storage.database import Database

log = logging.getLogger(__name__)

NAME = "nearpeer.starts"


def file_of(program: Program) -> Path:
    """Beside a SQLite file, whatever its name; else in the school's folder."""
    beside = program.settings.storage.file
    return beside.with_suffix(".starts") if beside else program.folder / NAME


def read(path: Path) -> int:
    """The number in the file; 0 when there is none. What is no number is told as if nothing were known."""
    try:
        text = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return 0
    return int(text) if text.isdecimal() and len(text) < 16 else 0


def write(path: Path, number: int) -> None:
    """Keep the number; whoever is killed meanwhile leaves the old one."""
    aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}")  # several programs may start at once
    aside.write_text(f"{number}\n", encoding="ascii")
    os.replace(aside, path)


def count(program: Program, database: Database, clock: Clock) -> hold.Standing | None:
    """Note that a program starts; gives the hold that stands now, if one does."""
    path, id_, now = file_of(program), clock.new_id(), clock.now()
    beside = read(path)
    number, restored = database.write(lambda connection: hold.count_start(connection, beside, id_, now)).result()
    # The database first: killed in between, it knows more starts than the file, and that holds nothing.
    try:
        write(path, number)
    except OSError as error:  # a folder that several programs only read, on PostgreSQL
        log.warning("starts are not kept beside the database, so an old copy of it is not noticed: %s", error.strerror)
    if restored:
        log.critical("the database is older than the last run: nothing goes out by itself until staff release it")
    with database.read() as connection:
        return hold.standing(connection)
