"""`nearpeer run`: a program that does everything for a school's folder, or its share, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import fcntl
import logging
import signal
import time
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from bot.app import App, web_adapter
from bot.checks import Kind, Trouble, storing, troubles
from bot.clock import Clock, SharedClock, SystemClock
from bot.delivery import first_of
from bot.errors import ContentError, Outage, Problem, Refused
from bot.program import Program, load_program
from bot.roles import ALL, Role, sentence
from bot.school import open_database, setup_code
from bot.server import build, serve
from config.settings import FILE
from storage import leases, outbox, people
from storage.database import Database, sqlite_file
from storage.health import health

log = logging.getLogger(__name__)

DEADLINE = 15.0
"""Seconds to end in: sends under way have ten of them."""
WATCH = 10.0
"""Seconds between two looks at the database's time and schema."""


def run(folder: Path, roles: Collection[Role] = ALL) -> None:
    """Run a school, or a share of its work, until SIGTERM or Ctrl-C. Raises Refused or ContentError with what to do."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("apscheduler", "alembic", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    program = load_program(folder)
    _needs_postgres(program, roles)
    with instance_lock(program):
        database = open_database(program)
        try:
            _needs_the_safety_contact(program, database)
            _take_over(database)
            clock = clock_for(database)
            print(f"{program.school}: this program {sentence(roles)}.", flush=True)
            if Role.WEB in roles:
                _say_where_staff_sign_in(program, database, clock)
            asyncio.run(_run(program, database, clock, roles))
        finally:
            database.close()


def clock_for(database: Database) -> Clock:
    """The clock of a program: its own, or the one that it shares with all programs of a PostgreSQL database."""
    if database.is_sqlite:
        return SystemClock()
    began = time.monotonic()
    with database.read() as connection:
        shared = leases.database_time(connection)
    number = database.write(lambda connection: leases.program_number(connection, shared)).result()
    return SharedClock(shared, began, number)


def _say_where_staff_sign_in(program: Program, database: Database, clock: Clock) -> None:
    print(f"Staff pages at {program.base_url}/staff/", flush=True)
    code = setup_code(database, clock)
    if code is not None:
        print(f"First staff account: open {program.base_url}/staff/first-run and type {code}", flush=True)


async def _run(program: Program, database: Database, clock: Clock, roles: Collection[Role]) -> None:
    app = App(program, database, clock, [web_adapter(program)], roles=roles)
    await run_until_told(app, [], program.settings.server.host, program.settings.server.port, deadline=DEADLINE)


async def run_until_told(
    app: App,
    more_routes: list[Any],
    host: str,
    port: int,
    *,
    ready: Callable[[int], None] | None = None,
    deadline: float | None = None,
) -> None:
    """Serve an app until SIGTERM or Ctrl-C; then finish what is under way.

    `ready` is called with the port once connections are taken. `deadline`: so many seconds after it was told, the
    program ends even if something is stuck (reliability: what it held runs out by itself).
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        if deadline is not None:
            faulthandler.dump_traceback_later(deadline, exit=True)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C still interrupts
            loop.add_signal_handler(number, told)
    # The server goes down first: what it accepted is stored, and delivery still has its ten seconds.
    serving_ended = asyncio.Event()
    working = asyncio.create_task(app.run(serving_ended))
    watching = asyncio.create_task(_watch_database(app, stop))
    serving = asyncio.create_task(_serve(app, [*app.routes(), *more_routes], host, port, stop, ready))
    try:
        await asyncio.wait({working, watching, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        serving_ended.set()
        await asyncio.gather(serving, watching, working)


async def _serve(
    app: App, routes: list[Any], host: str, port: int, stop: asyncio.Event, ready: Callable[[int], None] | None
) -> None:
    if not routes:  # a role without pages
        await stop.wait()
        return
    public_url = app.program.settings.server.public_url
    site = build(routes, public_url=public_url, health=lambda: trouble(app))
    await serve(site, host, port, stop, public_url=public_url, ready=ready)


async def _watch_database(app: App, stop: asyncio.Event) -> None:
    """Where several programs share a database: agree on the time, and stand down when a newer version has come.

    Raises Refused when the database has a newer schema: this program must not go on writing.
    """
    while not stop.is_set():
        if isinstance(app.clock, SharedClock):
            try:
                shared, at = await asyncio.to_thread(_look, app.database)
            except Refused:
                raise
            except Exception as error:
                log.error("database not reached error=%s", type(error).__name__)
            else:
                app.clock.agree(shared, at)
        await first_of(stop, timeout=WATCH)


def _look(database: Database) -> tuple[datetime, float]:
    with database.read() as connection:
        database.refuse_newer(connection)
        began = time.monotonic()
        shared = leases.database_time(connection)
        return shared, (began + time.monotonic()) / 2


def trouble(app: App) -> list[str]:
    """What is wrong, in words without anybody's data; for /healthz. Warnings are for the staff pages."""
    now, wall = app.clock.now(), app.clock.wall()
    found = [*storing(app.database.condition), *app.watched()]
    try:
        with app.database.read() as connection:
            found += troubles(health(connection, now, wall), now, wall)
    except Outage as error:
        found.append(Trouble(Kind.READ, str(error)))
    texts = [one.text for one in found if not one.warns]
    if app.stands_by:
        texts.append("Another program serves the chat; this one stands by.")
    return list(dict.fromkeys(texts))


@contextlib.contextmanager
def instance_lock(program: Program) -> Iterator[None]:
    """Be the only running Nearpeer of this school. Raises Refused when another one runs.

    The lock lies beside the SQLite file, wherever that is: it is what two instances must not share.
    Windows has no flock: there Nearpeer runs under WSL.
    """
    beside = sqlite_file(program.settings.storage.url)
    if beside is None:  # several may share a PostgreSQL database: leases keep them apart
        yield
        return
    path = beside.with_suffix(".lock")
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


def _needs_postgres(program: Program, roles: Collection[Role]) -> None:
    if set(roles) != ALL and sqlite_file(program.settings.storage.url) is not None:
        raise Refused(
            f"--role splits a school's work over several programs, and SQLite is a file for one program alone. Leave "
            f"--role out, or move to PostgreSQL: storage.url in {program.folder / FILE}, see docs/scale.md."
        )


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
