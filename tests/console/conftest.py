"""The little school with staff pages on it, on a database in a temporary file."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.domain import Role
from storage.accounts import Staff
from storage.database import Database
from tests.console import little_school
from tests.console.little_school import OKAFOR, RIVERA, Console


@pytest.fixture
def database_url(fast_path: Path, migrated: Path) -> str:
    """The pages read by the same statements on either engine."""
    path = fast_path / "school.db"
    path.write_bytes(migrated.read_bytes())
    return f"sqlite:///{path}"


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
