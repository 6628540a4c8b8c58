"""A copy of the database while it is in use, and the proof that a copy is whole. SQLite copies itself; PostgreSQL's own
program does it there. What else belongs to a school, and where a copy lies, is bot/backup.py's.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from sqlalchemy import make_url

from bot.errors import Refused
from storage.database import Database
from storage.due import mark_beat
from storage.health import BACKUP, damage

LONGEST = 3600.0
"""Seconds for one look through a whole copy."""
_ONLY_GROW = frozenset(("inbox", "message", "answer", "escalation", "audit", "person"))
"""Rows of these tables are only added, so a copy with fewer has lost some."""


def copy_sqlite(source: Path, copy: Path) -> Mapping[str, int]:
    """Copy a database that may be in use, in one consistent state; gives each table's rows at the beginning."""
    with contextlib.closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        rows = _rows(connection)
        with contextlib.closing(sqlite3.connect(copy)) as target:
            # All pages in one go: a copy in steps begins anew whenever somebody writes.
            connection.backup(target, pages=-1)
            target.execute("PRAGMA journal_mode=DELETE")  # one file, with nothing beside it
    return rows


def verify_sqlite(copy: Path, at_least: Mapping[str, int] | None = None) -> None:
    """Open a copy and look through all of it. Raises Refused when it is not a whole database of this version."""
    if found := damage(copy, LONGEST):
        raise Refused(f"The copy is damaged: {found.splitlines()[-1]}. Try again, on another disk if it happens again.")
    with contextlib.closing(sqlite3.connect(f"{copy.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        try:
            rows = _rows(connection)
        except sqlite3.DatabaseError:
            raise Refused("This is no database of Nearpeer.") from None
    if "alembic_version" not in rows:
        raise Refused("This is no database of Nearpeer.")
    if lacking := [table for table, n in (at_least or {}).items() if table in _ONLY_GROW and rows.get(table, -1) < n]:
        raise Refused(f"The copy lacks rows of: {', '.join(lacking)}. Nothing was kept; try again.")
    database = Database(f"sqlite:///{copy}")
    try:
        with database.read() as opened:
            database.refuse_newer(opened)
    finally:
        database.close()


def copy_postgresql(url: str, copy: Path) -> None:
    """Copy with pg_dump and let pg_restore read the copy. Raises Refused when they are lacking or fail."""
    programs = {name: shutil.which(name) for name in ("pg_dump", "pg_restore")}
    if not all(programs.values()):
        raise Refused(
            "Backups of PostgreSQL need its own programs pg_dump and pg_restore (Debian: postgresql-client). Install "
            "them here, or back up where the database runs: docs/backup.md."
        )
    parsed = make_url(url).set(drivername="postgresql")
    environment = os.environ | ({"PGPASSWORD": parsed.password} if parsed.password else {})
    address = parsed.set(password=None).render_as_string(hide_password=False)
    dump = [str(programs["pg_dump"]), "--format=custom", f"--file={copy}", f"--dbname={address}"]
    for command in (dump, [str(programs["pg_restore"]), "--list", str(copy)]):
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
        if done.returncode:
            reason = next(iter(done.stderr.strip().splitlines()), "no reason given")
            raise Refused(f"{Path(command[0]).name} failed: {reason}")


def note_backup(database: Database, wall: datetime) -> None:
    """Remember that a backup was made, for those who look after the school."""
    database.write(lambda connection: mark_beat(connection, BACKUP, wall)).result()


def _rows(connection: sqlite3.Connection) -> dict[str, int]:
    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    names = [name for (name,) in tables.fetchall()]
    return {name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in names}  # noqa: S608
