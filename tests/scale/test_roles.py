"""The roles of programs that share a PostgreSQL: the chat is in one place, and a newer schema ends the old program."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from bot import serving, starts
from bot.app import App
from bot.clock import SharedClock
from bot.errors import Refused
from bot.leases import Times
from bot.platforms import web_adapter
from bot.program import Program
from bot.roles import ALL, Role, sentence
from bot.server import build
from bot.serving import clock_for, run_until_told, trouble
from storage import leases, people
from storage.database import Database
from tests.school import MAYA, move_in, on_postgresql
from tests.test_delivery import until

STUCK = """
import asyncio, os, signal, threading
from types import SimpleNamespace
from bot.serving import run_until_told

async def never_ends(stop):
    threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGTERM)).start()
    while True:
        await asyncio.sleep(0.1)

app = SimpleNamespace(routes=lambda: [], clock=None, run=never_ends)
asyncio.run(run_until_told(app, [], "127.0.0.1", 0, deadline=0.5))
"""
HUNG = """
import asyncio, time
from types import SimpleNamespace
from bot import serving

async def comes_round_and_hangs(stop):
    await asyncio.sleep(0.5)
    time.sleep(60)

serving.HUNG = 0.3
app = SimpleNamespace(routes=lambda: [], clock=None, run=comes_round_and_hangs)
asyncio.run(serving.run_until_told(app, [], "127.0.0.1", 0, deadline=15))
"""
ENDS = """
import asyncio, time
from types import SimpleNamespace
from bot import serving

async def fails(stop):
    raise OSError("no")

serving.HUNG = 0.3
app = SimpleNamespace(routes=lambda: [], clock=None, run=fails)
try:
    asyncio.run(serving.run_until_told(app, [], "127.0.0.1", 0, deadline=15))
except OSError:
    time.sleep(0.6)
    print("whoever called it goes on")
"""
ROOT = Path(__file__).resolve().parent.parent.parent
TIMES = Times(valid=2.0, renew=0.3, look=0.05)
STANDS_BY = "Another program serves the chat; this one stands by."


def program_of(program: Program, database: Database, *roles: Role) -> App:
    return App(program, database, clock_for(database), [web_adapter(program)], roles=roles or ALL, times=TIMES)


@asynccontextmanager
async def running(app: App) -> AsyncIterator[httpx.AsyncClient]:
    stop = asyncio.Event()
    task = asyncio.create_task(app.run(stop))
    try:
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(build(app.routes())), base_url="http://127.0.0.1", follow_redirects=True
        ) as browser:
            yield browser
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await task


@on_postgresql
async def test_the_chat_is_in_one_program_and_moves_to_the_other_when_that_ends(
    database: Database, program: Program
) -> None:
    database.write(move_in).result()
    wall = datetime.now(UTC)
    token = database.write(lambda connection: people.mint_link(connection, MAYA, wall)).result()
    first, second = program_of(program, database, Role.WEB), program_of(program, database, Role.WEB)
    async with AsyncExitStack() as one, AsyncExitStack() as other:
        serves = await one.enter_async_context(running(first))
        await opens(serves, f"/l/{token}")
        stands_by = await other.enter_async_context(running(second))
        refused = await stands_by.get(f"/l/{token}")
        assert refused.status_code == 503
        assert "try again in a moment" in refused.text
        assert STANDS_BY in trouble(second)
        assert STANDS_BY not in trouble(first)
        assert (await stands_by.get("/staff/")).status_code == 200, "staff pages are everywhere"
        await one.aclose()
        await opens(stands_by, f"/l/{token}")
        assert STANDS_BY not in trouble(second)


async def opens(browser: httpx.AsyncClient, path: str) -> None:
    """Wait until a page is there."""
    async with asyncio.timeout(20):
        while (await browser.get(path)).status_code != 200:  # noqa: ASYNC110  (a program tells nobody that it begins)
            await asyncio.sleep(0.02)


@on_postgresql
async def test_a_program_that_ends_frees_what_it_held(database: Database, program: Program) -> None:
    names = ("send:web:web", "heartbeat", "auditor")
    app = program_of(program, database)
    async with running(app):
        await until(lambda: all(app.leases.held(name) for name in names))
    with database.read() as connection:
        wall = app.clock.wall()
        assert [leases.holder(connection, name, wall) for name in names] == ["", "", ""]


@on_postgresql
def test_a_program_serves_only_what_its_roles_are(database: Database, program: Program) -> None:
    assert program_of(program, database, Role.WORKER).routes() == []
    assert program_of(program, database, Role.HEARTBEAT, Role.AUDITOR).routes() == []
    paths = {getattr(route, "path", "") for route in program_of(program, database, Role.WEB).routes()}
    assert {"/c/{chat}/say", "/staff/"} <= paths
    assert sentence(ALL) == "does everything in one program"
    assert sentence({Role.WEB, Role.WORKER}) == "has the role worker and web"


@on_postgresql
async def test_an_old_program_stands_down_when_a_newer_one_has_changed_the_schema(
    database: Database, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "WATCH", 0.05)
    app = program_of(program, database, Role.WORKER)
    task = asyncio.create_task(run_until_told(app, [], "127.0.0.1", 0))
    await asyncio.sleep(0.3)
    assert not task.done()
    with database.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    async with asyncio.timeout(20):
        with pytest.raises(Refused, match="a newer Nearpeer made it"):
            await task


@on_postgresql
async def test_only_the_program_that_holds_the_lease_audits(database: Database, program: Program) -> None:
    first, second = program_of(program, database, Role.AUDITOR), program_of(program, database, Role.AUDITOR)
    async with running(first), running(second):
        await until(lambda: first.audits or second.audits)
        await asyncio.sleep(0.3)
        assert first.audits != second.audits
    assert not first.audits
    assert not second.audits


@on_postgresql
def test_programs_of_one_school_agree_on_the_time_whatever_their_machines_say(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = clock_for(database)
    monkeypatch.setattr(time, "time", lambda: 0.0)  # a machine whose battery is empty
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    wrong = clock_for(database)
    assert isinstance(wrong, SharedClock)
    assert abs(wrong.wall() - right.wall()) < timedelta(seconds=1)
    assert abs((wrong.new_id() >> 22) - (right.new_id() >> 22)) < 1000
    assert (wrong.new_id() >> 12) & 0x3FF != (right.new_id() >> 12) & 0x3FF, "ids of two programs are apart"


def test_f12_a_program_in_which_something_is_stuck_ends_all_the_same_when_it_is_told_to() -> None:
    """What it holds runs out by itself, and whoever watches it starts it again."""
    ended = subprocess.run([sys.executable, "-c", STUCK], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert "Timeout" in ended.stderr
    assert "never_ends" not in ended.stderr.partition("Timeout")[0], "it was the deadline, and no error"


def test_a_program_that_hangs_ends_by_itself_and_says_where() -> None:
    """As long as it comes round it is left alone; then whoever watches it starts it again."""
    ended = subprocess.run([sys.executable, "-c", HUNG], cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert ended.returncode == 1
    assert "in comes_round_and_hangs" in ended.stderr.partition("Timeout")[2]


def test_a_program_that_ends_with_an_error_is_watched_no_longer() -> None:
    ended = subprocess.run([sys.executable, "-c", ENDS], cwd=ROOT, capture_output=True, text=True, timeout=50)
    assert (ended.returncode, ended.stdout) == (0, "whoever called it goes on\n")


@on_postgresql
def test_programs_may_share_a_school_folder_that_they_only_read(
    database: Database, program: Program, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def nowhere(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(starts, "write", nowhere)
        assert starts.count(program, database, clock_for(database)) is None
    assert "an old copy of it is not noticed" in caplog.text
    with ThreadPoolExecutor(8) as threads:  # eight programs start at once in one folder
        wrote = [threads.submit(starts.write, tmp_path / f"{n % 2}.starts", n) for n in range(64)]
    assert [one.exception() for one in wrote if one.exception()] == []
