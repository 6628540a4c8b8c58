"""A school on PostgreSQL: its backup is made by PostgreSQL's own pg_dump, and put back as docs/backup.md says."""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from sqlalchemy import make_url, select

from bot import starts
from bot.backup import back_up, restore
from bot.clock import SystemClock
from bot.errors import Refused
from bot.program import Program, create, load_program
from bot.school import import_roster, open_database, read_report
from storage import tables
from storage.backup import copy_postgresql
from storage.database import Database
from storage.hold import Standing
from tests.postgres import Postgres


@pytest.fixture
def _programs(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """pg_dump and pg_restore of the server's own version."""
    if postgres.programs:
        monkeypatch.setenv("PATH", f"{postgres.programs}{os.pathsep}{os.environ['PATH']}")
    elif not shutil.which("pg_dump"):
        pytest.skip("there is no pg_dump for the server that was given")


@pytest.fixture
def lincoln(postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """A school with its people in a database of its own."""
    monkeypatch.setenv("NEARPEER_STORAGE__URL", postgres.new_database())
    create(tmp_path / "school")
    program = load_program(tmp_path / "school")
    database = open_database(program)
    import_roster(database, program, read_report(database, program, program.folder / "roster.csv"), SystemClock())
    database.close()
    return program


def start(program: Program) -> Standing | None:
    """What `nearpeer run` does first."""
    database = open_database(program)
    try:
        return starts.count(program, database, SystemClock())
    finally:
        database.close()


def names(program: Program) -> list[str]:
    database = Database(program.settings.storage.url)
    try:
        with database.read() as connection:
            return list(connection.execute(select(tables.person.c.name).order_by(tables.person.c.id)).scalars())
    finally:
        database.close()


@pytest.mark.usefixtures("_programs")
def test_a_school_is_dumped_and_put_back_as_the_guide_says_and_then_it_holds(lincoln: Program, tmp_path: Path) -> None:
    assert start(lincoln) is None
    kept = back_up(lincoln, SystemClock(), tmp_path)
    assert {"nearpeer.dump", "nearpeer.toml", "roster.csv"} <= set(zipfile.ZipFile(kept.path).namelist())
    before = names(lincoln)
    assert len(before) >= 5
    assert start(lincoln) is None
    database = open_database(lincoln)
    database.write(lambda connection: connection.execute(tables.person.update().values(name="Somebody"))).result()
    database.close()
    with pytest.raises(Refused, match="pg_restore"):
        restore(lincoln.folder, kept.path, SystemClock())
    zipfile.ZipFile(kept.path).extract("nearpeer.dump", tmp_path)
    address = make_url(lincoln.settings.storage.url).render_as_string(hide_password=False)
    put_back = ["pg_restore", "--clean", "--if-exists", f"--dbname={address}", str(tmp_path / "nearpeer.dump")]
    subprocess.run(put_back, check=True)
    assert names(lincoln) == before
    assert start(lincoln) is not None, "messages that lay unsent in the backup wait for a person"


@pytest.mark.usefixtures("_programs")
def test_a_database_that_cannot_be_reached_is_no_backup_and_its_password_is_not_told(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="pg_dump failed") as refused:
        copy_postgresql("postgresql://nearpeer:secret-word@127.0.0.1:9/nearpeer", tmp_path / "nearpeer.dump")
    assert "secret-word" not in str(refused.value)


def test_without_postgresql_s_own_programs_it_says_what_to_install(
    lincoln: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Refused, match="postgresql-client"):
        back_up(lincoln, SystemClock(), tmp_path / "kept.zip")
    assert not (tmp_path / "kept.zip").exists()
