"""`nearpeer run`: a program that does everything for a school's folder, or its share, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import logging
import os
import signal
import time
from collections.abc import Callable, Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot import starts
from bot.alarm import Alarm, Place
from bot.app import App
from bot.auditor import Auditor
from bot.checks import Kind, Trouble, storing, troubles
from bot.clock import FIRST_ID, Clock, SharedClock, SystemClock
from bot.delivery import first_of
from bot.errors import ContentError, Outage, Problem, Refused
from bot.platforms import platforms
from bot.program import Program, load_program
from bot.roles import Role, sentence
from bot.school import follow_ways, open_database, setup_code
from bot.server import HOOKS, build, serve
from config.settings import FILE, Settings
from storage import hold, leases, outbox, people, stranded, ways
from storage.database import Database
from storage.health import damage, health

log = logging.getLogger(__name__)

DEADLINE = 15.0
"""Seconds to end in: sends under way have ten of them."""
HUNG = 90.0
"""Seconds after which an event loop that has not come round will not."""
LONGEST_CHECK = 60.0
"""Seconds that looking for damage may take at the start."""
CLOCK_BEHIND = timedelta(hours=2)
"""As far as this our own time goes on from the last run while the computer's catches up."""
MARKS = "nearpeer.alarms"
LONGEST_LOOK = 0.5
"""Seconds in which the database must tell its time to be believed."""
WATCH = 10.0
"""Seconds between two looks at the database's time and schema."""


def run(folder: Path, settings: Settings, roles: Collection[Role]) -> None:
    """Run a school, or a share of its work, until SIGTERM or Ctrl-C. Raises Refused or ContentError with what to do.

    Whoever calls it runs the school alone: bot/instance.py.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("apscheduler", "alembic", "httpx", "httpcore"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    program, told = load_program(folder, settings), settings.alarm
    alarm = Alarm(program.school, Place(told.url, told.shape), SystemClock(), folder / MARKS)
    try:
        _run_with(alarm, program, roles)
    finally:
        alarm.close()


def _run_with(alarm: Alarm, program: Program, roles: Collection[Role]) -> None:
    _needs_a_sound_file(program, alarm)
    try:
        database = open_database(program)
    except Refused:
        alarm.stands(Kind.STORE, "Nearpeer does not start: the database cannot be opened. The log says why.")
        raise
    try:
        _needs_the_safety_contact(program, database)
        _take_over(database)
        clock = clock_for(database)
        follow_ways(database, program, clock)
        _say_what_is_held(starts.count(program, database, clock))
        print(f"{program.school}: this program {sentence(roles)}.", flush=True)
        if Role.WEB in roles:
            _say_where_staff_sign_in(program, database, clock)
        asyncio.run(_run(program, database, clock, roles, alarm))
    finally:
        database.close()


def clock_for(database: Database) -> SystemClock:
    """The clock of a program: its own, or the one that it shares with all programs of a PostgreSQL database.

    It goes on where the last run ended, unless that lies hours ahead: then what waits for that time is brought back.
    """
    began = time.monotonic()
    with database.read() as connection:
        shared = None if database.is_sqlite else leases.database_time(connection)
        last = stranded.newest_beat(connection)
    now = shared or SystemClock().now()
    if now < FIRST_ID:
        raise Refused(f"The clock says {now:%Y-%m-%d}. Set it, let the computer ask a time server, and start again.")
    if last is not None and last - now > CLOCK_BEHIND:
        cases = database.write(lambda connection: stranded.bring_back(connection, now)).result()
        log.critical("the clock is hours behind the last run: open cases that are asked about at once=%s", cases)
        last = None
    if shared is None:
        return SystemClock(last)
    number = database.write(lambda connection: leases.program_number(connection, shared)).result()
    return SharedClock(shared, began, number, last)


def _say_what_is_held(standing: hold.Standing | None) -> None:
    if standing is not None:
        print(
            f"HOLD since {standing.since:%Y-%m-%d %H:%M} UTC: this database was restored. Alerts and replies go out; "
            f"messages that wait for a person's word: {standing.held}. See Health on the staff pages.",
            flush=True,
        )


def _say_where_staff_sign_in(program: Program, database: Database, clock: Clock) -> None:
    print(f"Staff pages at {program.base_url}/staff/", flush=True)
    code = setup_code(database, clock)
    if code is not None:
        print(f"First staff account: open {program.base_url}/staff/first-run and type {code}", flush=True)


async def _run(program: Program, database: Database, clock: SystemClock, roles: Collection[Role], alarm: Alarm) -> None:
    adapters = platforms(program)
    spoken = [(adapter.name, adapter.account) for adapter in adapters]
    await database.run(lambda connection: ways.heed(connection, spoken))
    app = App(program, database, clock, adapters, roles=roles)
    lost: list[str] = []

    def end(text: str) -> None:
        if not lost:
            lost.append(text)
            os.kill(os.getpid(), signal.SIGTERM)  # as a service runner ends us: what is under way is let finish

    auditor = Auditor(
        database,
        clock,
        alarm,
        dead_man_url=program.settings.alarm.dead_man_url,
        on_duty=lambda: app.audits,
        oddity=clock.oddity,
        platforms=app.platform_troubles,
        accounts=app.accounts,
        backup_days=program.settings.backup.warn_after_days,
        lost=end,
    )
    app.watched = lambda: auditor.found
    auditor.start()
    try:
        await run_until_told(app, [], program.settings.server.host, program.settings.server.port, deadline=DEADLINE)
    finally:
        await asyncio.to_thread(auditor.stop)
    if lost:
        raise Refused(f"{lost[0]} Put the right file back before it is started again: docs/backup.md.")


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
    program ends even if something is stuck (reliability: what it held runs out by itself); and it ends when its event
    loop hangs, for then a service runner starts it anew.
    """
    stop, asked = asyncio.Event(), asyncio.Event()
    _listen(stop, asked, deadline)
    # The server goes down first: what it accepted is stored, and delivery still has its ten seconds.
    serving_ended = asyncio.Event()
    tasks = [
        asyncio.create_task(app.run(serving_ended)),
        asyncio.create_task(_watch_database(app, stop)),
        asyncio.create_task(_serve(app, [*app.routes(), *more_routes], host, port, stop, ready)),
    ]
    if deadline is not None:
        tasks.append(asyncio.create_task(_stay_awake(stop)))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        stop.set()
        serving_ended.set()
        try:
            await asyncio.gather(*tasks)
        finally:
            if not asked.is_set():  # it ends with an error, and no watch is needed any more
                faulthandler.cancel_dump_traceback_later()


def _listen(stop: asyncio.Event, asked: asyncio.Event, deadline: float | None) -> None:
    """Set both events at SIGTERM or Ctrl-C, and from then on let the program live for `deadline` seconds at most."""
    loop = asyncio.get_running_loop()

    def told() -> None:
        asked.set()
        if deadline is not None:
            faulthandler.dump_traceback_later(deadline, exit=True)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C still interrupts
            loop.add_signal_handler(number, told)


async def _stay_awake(stop: asyncio.Event) -> None:
    """Put off the end of a program that hangs: then it writes where into the log, and ends with an exit code.

    Whoever waits for it needs no Python to run, so nothing that hangs can hold it up.
    """
    while not stop.is_set():
        faulthandler.dump_traceback_later(HUNG, exit=True)
        await first_of(stop, timeout=HUNG / 10)


async def _serve(
    app: App, routes: list[Any], host: str, port: int, stop: asyncio.Event, ready: Callable[[int], None] | None
) -> None:
    if not routes:  # a role without pages
        await stop.wait()
        return
    public_url = app.program.settings.server.public_url
    site = build(routes, public_url=public_url, csrf_exempt=(HOOKS,), health=lambda: trouble(app))
    await serve(site, host, port, stop, public_url=public_url, ready=ready)


async def _watch_database(app: App, stop: asyncio.Event) -> None:
    """Where several programs share a database: agree on the time, and stand down when a newer version has come.

    Raises Refused when the database has a newer schema: this program must not go on writing.
    """
    while not stop.is_set():
        if isinstance(app.clock, SharedClock):
            try:
                await asyncio.to_thread(_look, app.database, app.clock)
            except Refused:
                raise
            except Exception as error:
                log.error("database not reached error=%s", type(error).__name__)
        await first_of(stop, timeout=WATCH)


def _look(database: Database, clock: SharedClock) -> None:
    with database.read() as connection:
        database.refuse_newer(connection)
        began = time.monotonic()
        shared = leases.database_time(connection)
        took = time.monotonic() - began
    if took < LONGEST_LOOK:  # an answer that was long on its way says little about now
        clock.agree(shared, began + took / 2)


def trouble(app: App) -> list[str]:
    """What is wrong, in words without anybody's data; for /healthz. Warnings are for the staff pages."""
    now, wall = app.clock.now(), app.clock.wall()
    found = [*storing(app.database.condition), *app.platform_troubles(), *app.watched()]
    try:
        with app.database.read() as connection:
            found += troubles(health(connection, now, wall), now, wall)
    except Outage as error:
        found.append(Trouble(Kind.READ, str(error)))
    texts = [one.text for one in found if not one.warns]
    if app.stands_by:
        texts.append("Another program serves the chat; this one stands by.")
    return list(dict.fromkeys(texts))


def _needs_a_sound_file(program: Program, alarm: Alarm) -> None:
    """A damaged file is neither read nor written: whatever is done with it may cost more of it (F81)."""
    file = program.settings.storage.file
    if file is None or not file.exists():
        return
    if found := damage(file, LONGEST_CHECK):
        alarm.stands(Kind.DAMAGED, "The database file is damaged. Nearpeer does not start. See docs/backup.md.")
        raise Refused(
            f"{file} is damaged: {found.splitlines()[-1]}. Nothing was taken in, sent or changed. Keep this file, and "
            "restore the newest backup: docs/backup.md."
        )
    alarm.over(Kind.DAMAGED)


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
