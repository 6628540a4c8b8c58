"""What all tests share: settings of Hypothesis, a database on either engine, and the little school on it."""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from bot.program import Program
from storage.database import Database
from tests import postgres as postgres_server
from tests import school
from tests.postgres import FAST, Postgres
from tests.school import House, compile_once

ROOT = Path(__file__).resolve().parent

settings.register_profile("nearpeer", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("thorough", settings.get_profile("nearpeer"), max_examples=2000)
"""For a long look before a release: pytest --hypothesis-profile=thorough."""
settings.load_profile("nearpeer")


# Many programs are started: each would compile the house anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

LONG = (
    "bench/test_ours",
    "journeys/test_demo_browser",
    "scale/test_programs",
    "console/test_pages_browser",
    "crash/faults/test_sqlite",
    "crash/test_short",
    "journeys/test_demo",
    "crash/test_points",
    "test_backup",
    "test_cli",
    "test_setup",
    "test_machine",
    "adapters/test_web_browser",
    "turns/",
)
"""Files that take long, the longest first: what is begun last keeps nobody waiting alone."""


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Each worker begins to collect elsewhere: what one has compiled, the others find compiled."""
    report = yield
    if isinstance(collector, pytest.Directory) and report.outcome == "passed":
        worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
        start = worker * len(report.result) // int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        report.result[:] = report.result[start:] + report.result[:start]
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The long files first, then the others by name; within a file nothing moves."""

    def rank(item: pytest.Item) -> tuple[int, str]:
        place = item.path.relative_to(ROOT).as_posix()
        return next((number for number, name in enumerate(LONG) if place.startswith(name)), len(LONG)), place

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """What is there now stays: no later look for garbage need go through it."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server, started once and only if a test needs it."""
    with postgres_server.running() as server:
        yield server


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file without rows: copied for each test, because migrating takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "school.db"
    database = Database(f"sqlite:///{path}")
    database.migrate()
    database.close()  # the last connection to leave folds the write-ahead log into the file
    return path


@pytest.fixture
def fast_path() -> Iterator[Path]:
    """A folder for a test's own database."""
    with tempfile.TemporaryDirectory(prefix="nearpeer-", dir=FAST) as folder:
        yield Path(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, fast_path: Path) -> str:
    """A migrated database of the test's own, on each engine in turn; `on_sqlite` says that one is enough."""
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        return server.new_database()
    path = fast_path / "school.db"
    path.write_bytes(request.getfixturevalue("migrated").read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database(database_url)
    compile_once(database.engine)
    yield database
    database.close()


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The tiny program of Lincoln High: read once, frozen, shared."""
    return school.tiny_program(tmp_path_factory.mktemp("school"))


@pytest.fixture
async def house(database: Database, program: Program) -> AsyncIterator[House]:
    """The whole house without network: four people, a platform in memory, hands on the clock."""
    house = school.house(database, program)
    yield house
    house.platform.judge()
