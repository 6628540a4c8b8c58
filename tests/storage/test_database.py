"""The engine, the one writer and the migrations, on both databases."""

from __future__ import annotations

import os
import stat
import threading
import traceback
from concurrent.futures import Future
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, insert, inspect, select, text
from sqlalchemy.exc import IntegrityError
from sqlmodel import SQLModel

from bot.errors import Outage, Refused
from storage import tables
from storage.database import MIGRATIONS, Database, known_revisions
from tests.postgres import Postgres
from tests.school import NOON

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def beat(connection: Connection, name: str) -> str:
    connection.execute(insert(tables.beat).values(name=name, at=NOON))
    return name


def names(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(select(tables.beat.c.name)).scalars())


class Gate:
    """Holds the writer in one unit, so that what is queued meanwhile becomes one batch."""

    def __init__(self, database: Database) -> None:
        self._entered, self._open = threading.Event(), threading.Event()
        self.held = database.write(self._unit)
        assert self._entered.wait(20)

    def _unit(self, _connection: Connection) -> None:
        self._entered.set()
        assert self._open.wait(20)

    def open(self) -> None:
        self._open.set()
        self.held.result(5)


# --- migrations ---


def test_the_names_of_the_migrations_tell_what_alembic_would() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert known_revisions() == {script.revision for script in scripts.walk_revisions()}
    assert [max(known_revisions())] == scripts.get_heads()


def test_the_migrations_make_exactly_the_tables_of_the_models(database: Database) -> None:
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, SQLModel.metadata) == []


def test_the_migrations_make_the_same_checks_and_partial_indexes(postgres: Postgres) -> None:
    def rules(url: str, *, migrated: bool) -> set[str]:
        database = Database(url)
        with database.engine.begin() as connection:
            if not migrated:
                SQLModel.metadata.create_all(connection)
            found = connection.execute(
                text(
                    "SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) "
                    "FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n' "
                    "UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'"
                )
            )
            rows = {str(row[0]) for row in found if "alembic" not in str(row[0])}
        database.close()
        return rows

    migrated = rules(postgres.new_database(), migrated=True)
    assert migrated == rules(postgres.new_database(migrated=False), migrated=False)
    assert len([row for row in migrated if "CHECK" in row]) >= 2


def test_migrating_again_changes_nothing(database: Database) -> None:
    database.write(lambda connection: beat(connection, "turns")).result()
    database.migrate()
    assert names(database) == {"turns"}


def test_a_newer_schema_is_refused_and_left_alone(database: Database) -> None:
    database.write(
        lambda connection: connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    ).result()
    with pytest.raises(Refused, match="newer Nearpeer"):
        database.migrate()
    with database.read() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"


def test_four_processes_that_migrate_at_once_agree(postgres: Postgres) -> None:
    databases = [Database(url) for url in [postgres.new_database(migrated=False)] * 4]
    errors: list[Exception] = []

    def migrate(database: Database) -> None:
        try:
            database.migrate()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=migrate, args=(database,)) for database in databases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tables_made = set(inspect(databases[0].engine).get_table_names())
    for database in databases:
        database.close()
    assert errors == []
    assert set(SQLModel.metadata.tables) <= tables_made


# --- the writer ---


def test_a_bad_unit_in_a_batch_harms_nobody_else_and_its_future_has_the_error(database: Database) -> None:
    gate = Gate(database)
    good = [database.write(lambda connection, name=f"beat {n}": beat(connection, name)) for n in range(3)]  # type: ignore[misc]
    bad: Future[str] = database.write(lambda connection: beat(connection, "beat 1"))
    more = database.write(lambda connection: beat(connection, "last"))
    gate.open()
    assert [future.result(5) for future in (*good, more)] == ["beat 0", "beat 1", "beat 2", "last"]
    with pytest.raises(IntegrityError):
        bad.result(5)
    assert names(database) == {"beat 0", "beat 1", "beat 2", "last"}


def test_a_unit_that_raises_leaves_nothing_of_what_it_wrote(database: Database) -> None:
    def half(connection: Connection) -> None:
        beat(connection, "half")
        raise ValueError("on purpose")

    with pytest.raises(ValueError, match="on purpose"):
        database.write(half).result(5)
    assert names(database) == set()


def test_intake_goes_first(database: Database) -> None:
    gate, order = Gate(database), []
    work = [database.write(lambda _connection, n=n: order.append(n)) for n in range(2)]  # type: ignore[misc]
    intake = database.write(lambda _connection: order.append("intake"), first=True)
    gate.open()
    for future in (*work, intake):
        future.result(5)
    assert order == ["intake", 0, 1]


def test_a_future_that_nobody_waits_for_any_longer_writes_nothing(database: Database) -> None:
    gate = Gate(database)
    unwanted = database.write(lambda connection: beat(connection, "unwanted"))
    assert unwanted.cancel()
    gate.open()
    database.write(lambda connection: beat(connection, "wanted")).result(5)
    assert names(database) == {"wanted"}


def test_what_is_queued_when_the_database_closes_is_still_written(database: Database, database_url: str) -> None:
    gate = Gate(database)
    queued = [database.write(lambda connection, n=n: beat(connection, f"beat {n}")) for n in range(5)]  # type: ignore[misc]
    closing = threading.Thread(target=database.close)
    closing.start()
    gate.open()
    closing.join(5)
    assert [future.result(0) for future in queued] == [f"beat {n}" for n in range(5)]
    with pytest.raises(Refused, match="closed"):
        database.write(lambda connection: beat(connection, "late"))
    again = Database(database_url)
    assert len(names(again)) == 5
    again.close()


@on_sqlite
def test_two_writers_on_one_file_lose_no_update(database: Database, database_url: str) -> None:
    """Reading, thinking and writing in one transaction: a transaction begun as a reader would fail or overwrite."""
    database.write(lambda connection: connection.execute(insert(tables.beat).values(name="count", at=NOON))).result()
    other = Database(database_url)

    def one_more(connection: Connection) -> None:
        known = connection.execute(select(func.count()).select_from(tables.audit)).scalar_one()
        connection.execute(insert(tables.audit).values(id=known + 1, at=NOON, actor="x", action="x", detail=""))

    def work(writer: Database) -> None:
        for _ in range(40):
            writer.write(one_more).result(10)

    threads = [threading.Thread(target=work, args=(writer,)) for writer in (database, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(tables.audit)).scalar_one() == 80


@on_sqlite
def test_a_reader_sees_one_state_while_others_write(database: Database) -> None:
    with database.read() as connection:
        before = connection.execute(select(func.count()).select_from(tables.beat)).scalar_one()
        database.write(lambda connection: beat(connection, "new")).result(5)
        after = connection.execute(select(func.count()).select_from(tables.beat)).scalar_one()
    assert (before, after) == (0, 0)
    assert names(database) == {"new"}


@on_sqlite
def test_the_file_survives_a_power_cut(database: Database) -> None:
    """The settings that make a commit durable, and foreign keys that are checked."""
    with database.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_an_error_of_the_database_does_not_tell_what_somebody_wrote(database: Database) -> None:
    words = "violet-lantern in a statement"
    row = {"id": 1, "direction": "in", "kind": "text", "status": "received", "text": words, "created_at": NOON}
    row |= {"platform": "", "account": "", "chat": "", "priority": 1, "step": "", "attempts": 0, "ambiguous": 0}
    row |= {"provider_id": "", "error": "", "news": ""}
    database.write(lambda connection: connection.execute(insert(tables.message).values(**row))).result()
    with pytest.raises(IntegrityError) as caught:
        database.write(lambda connection: connection.execute(insert(tables.message).values(**row))).result()
    assert "violet-lantern" not in f"{caught.value} {caught.value!r} {caught.value.orig}"


def test_a_folder_that_is_not_there_is_an_error_not_a_wait(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'nowhere' / 'school.db'}")
    with pytest.raises(Outage, match="cannot be opened"):
        database.write(lambda connection: beat(connection, "x")).result(5)
    database.close()


def test_a_row_that_a_check_refuses_is_not_quoted_in_the_error(database: Database) -> None:
    """PostgreSQL would tell the whole row, words and all: "Failing row contains (...)"."""
    row = {"id": 1, "direction": "out", "kind": "alert", "status": "pending", "text": "violet-lantern"}
    row |= {"platform": "", "account": "", "chat": "", "priority": 0, "step": "", "attempts": 0, "ambiguous": 0}
    row |= {"provider_id": "", "error": "", "news": "", "created_at": NOON, "expires_at": NOON}
    with pytest.raises(IntegrityError) as caught:
        database.write(lambda connection: connection.execute(insert(tables.message).values(**row))).result()
    told = "".join(traceback.format_exception(caught.value))
    assert "alerts_never_expire" in told
    assert "violet-lantern" not in told


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such rights")
def test_only_the_owner_of_the_file_may_read_what_people_wrote(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'school.db'}")
    database.migrate()
    found = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    database.close()
    assert found.keys() >= {"school.db", "school.db-wal"}
    assert set(found.values()) == {0o600}
