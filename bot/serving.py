"""`nearpeer run`: one process that does everything for a school's folder, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bot.app import App, web_adapter
from bot.clock import Clock, SystemClock
from bot.console.health import troubles
from bot.errors import ContentError, Problem, Refused
from bot.program import Program, load_program
from bot.school import open_database, setup_code
from bot.server import build, serve
from config.settings import FILE
from storage import outbox, people
from storage.database import Database, sqlite_file
from storage.health import health

log = logging.getLogger(__name__)

LOCK = "nearpeer.lock"
"""Windows has no flock: there Nearpeer runs under WSL."""


def run(folder: Path) -> None:
    """Run a school until SIGTERM or Ctrl-C. Raises Refused or ContentError with what to do."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("apscheduler", "alembic", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    program = load_program(folder)
    with instance_lock(program):
        database = open_database(program)
        try:
            _needs_the_safety_contact(program, database)
            _take_over(database)
            clock = SystemClock()
            print(f"{program.school}: staff pages at {program.base_url}/staff/", flush=True)
            code = setup_code(database, clock)
            if code is not None:
                print(f"First staff account: open {program.base_url}/staff/first-run and type {code}", flush=True)
            asyncio.run(_run(program, database, clock))
        finally:
            database.close()


async def _run(program: Program, database: Database, clock: Clock) -> None:
    app = App(program, database, clock, [web_adapter(program)])
    await run_until_told(app, [], program.settings.server.host, program.settings.server.port)


async def run_until_told(
    app: App, more_routes: list[Any], host: str, port: int, *, ready: Callable[[int], None] | None = None
) -> None:
    """Serve an app until SIGTERM or Ctrl-C; then finish what is under way.

    `ready` is called with the port once connections are taken.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C still interrupts
            loop.add_signal_handler(number, stop.set)
    public_url = app.program.settings.server.public_url
    site = build([*app.routes(), *more_routes], public_url=public_url, health=lambda: trouble(app))
    # The server goes down first: what it accepted is stored, and delivery still has its ten seconds.
    serving_ended = asyncio.Event()
    working = asyncio.create_task(app.run(serving_ended))
    serving = asyncio.create_task(serve(site, host, port, stop, public_url=public_url, ready=ready))
    try:
        await asyncio.wait({working, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        serving_ended.set()
        await asyncio.gather(serving, working)


def trouble(app: App) -> list[str]:
    """What is wrong, in words without anybody's data; for /healthz."""
    with app.database.read() as connection:
        state = health(connection, app.clock.now())
    return list(troubles(state, app.clock))


@contextlib.contextmanager
def instance_lock(program: Program) -> Iterator[None]:
    """Be the only running Nearpeer of this school. Raises Refused when another one runs.

    The lock lies beside a SQLite file, wherever that is: it is what two instances must not share.
    """
    beside = sqlite_file(program.settings.storage.url)
    path = beside.with_suffix(".lock") if beside else program.folder / LOCK
    try:
        file = path.open("w")
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}. Nearpeer keeps people's words there.") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            text = f"Nearpeer is already running for {program.folder}. Two would send everything twice: stop the other."
            raise Refused(text) from None
        yield


def _take_over(database: Database) -> None:
    """What a killed predecessor was sending is sent again now, not when its lease ends: the lock proves it is gone."""
    if database.is_sqlite and (count := database.write(outbox.requeue_all).result()):
        log.warning("messages whose sending was interrupted=%s, sending them again", count)


def _needs_the_safety_contact(program: Program, database: Database) -> None:
    """Without the adult who is told when nobody else answers, no alert could end well."""
    with database.read() as connection:
        contact = people.by_key(connection, program.safety_contact)
    if contact is None or not contact.role.adult:
        text = f'the safety contact "{program.safety_contact}" is no advisor or coordinator on the roster yet'
        hint = f"import the roster first: nearpeer roster {program.folder} FILE.csv --import"
        raise ContentError([Problem(str(program.folder / FILE), 0, 0, text, hint)])
