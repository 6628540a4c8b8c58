"""The little school with staff pages on it, on a database in a temporary file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.domain import Role
from storage.accounts import Staff
from storage.database import Database
from tests.console import little_school
from tests.console.little_school import OKAFOR, RIVERA, Console


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without rows: copied for each test, because migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("empty") / "school.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()
    return path


@pytest.fixture
def database(tmp_path: Path, empty: Path) -> Iterator[Database]:
    path = tmp_path / "school.db"
    path.write_bytes(empty.read_bytes())
    database = Database(f"sqlite:///{path}")
    yield database
    database.close()


@pytest.fixture
def console(database: Database) -> Console:
    console = little_school.console(database)
    console.seed(little_school.people)
    return console


@pytest.fixture
def okafor(console: Console) -> Staff:
    """The coordinator: sees the whole program."""
    return console.account(50, "Mr. Okafor", Role.COORDINATOR, OKAFOR)


@pytest.fixture
def rivera(console: Console) -> Staff:
    """Maya's advisor."""
    return console.account(51, "Ms. Rivera", Role.ADVISOR, RIVERA)
