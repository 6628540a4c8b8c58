"""The processes that are killed: the real App with the real stores, turns, beats and delivery, behind a line.

`python -m tests.crash.process FOLDER [--role ...]` runs one in the foreground. The nursery is a process that has loaded
the program and forks one for each life, so that a restart is cheap; it never touches the database itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import gc
import itertools
import json
import logging
import os
import select
import signal
import sys
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bot import delivery, failpoints
from bot.app import App
from bot.backup import back_up
from bot.clock import Ids, SystemClock
from bot.leases import Times
from bot.program import Program, load_program
from bot.roles import ALL, Role
from bot.school import import_roster, read_report
from config.settings import Storage
from storage import inbox, leases, outbox
from storage.database import Database
from tests.fakes.line import Adapter
from tests.school import NOON

PACE = 60
"""Program time runs so much faster than the wall: a minute is a second."""
LEASE, DEADLINE, KEPT = timedelta(seconds=8), 3.0, 4.0
"""Of a turn and of a send: longer than a busy machine takes, or whoever lives would be taken for dead."""
TIMES = Times(valid=1.0, renew=0.25, look=0.1)
SETTINGS = "crash.json"


@dataclass(frozen=True, slots=True)
class Life:
    """What a process must know to live. It lies in the school's folder as crash.json."""

    folder: str
    url: str
    line: int
    """The port of the platform."""
    began: float
    """The moment on the wall at which it was noon."""
    roles: tuple[str, ...] = ()
    hits: str = ""
    job: str = "run"
    at_once: int = delivery.IN_FLIGHT
    """Sends under way at once."""
    stall: float = failpoints.LONGEST


class Hurried(Ids):
    """Program time that runs at PACE from noon on; every process of a school has the same. `wall()` is real."""

    def __init__(self, began: float, node: int | None = None) -> None:
        super().__init__(node)
        self._began = datetime.fromtimestamp(began, UTC)

    def now(self) -> datetime:
        return NOON + (self.wall() - self._began) * PACE

    def wall(self) -> datetime:
        return datetime.now(UTC)


def live(life: Life, program: Program) -> None:
    """Do a job until it is done, or until SIGTERM or worse."""
    failpoints.LONGEST = life.stall
    failpoints.arm(life.hits)
    database = Database(life.url)
    try:
        _JOBS[life.job](life, program, database)
    finally:
        database.close()


def _run(life: Life, program: Program, database: Database) -> None:
    # Nobody waits a minute here: what a dead process had claimed is free after some seconds.
    inbox.LEASE = outbox.LEASE = LEASE
    delivery.DEADLINE, delivery.KEPT, delivery.IN_FLIGHT = DEADLINE, KEPT, life.at_once
    clock = Hurried(life.began, _prepared(database))
    roles = [Role(role) for role in life.roles] or ALL
    app = App(program, database, clock, [Adapter(life.line)], roles=roles, times=TIMES)
    asyncio.run(_until_told(app))


def _prepared(database: Database) -> int | None:
    """What `nearpeer run` does first: take over on SQLite, get a number of its own on PostgreSQL."""
    if database.is_sqlite:
        database.write(outbox.requeue_all).result()
        return None
    wall = datetime.now(UTC)
    return database.write(lambda connection: leases.program_number(connection, wall)).result()


async def _until_told(app: App) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await app.run(stop)


def _import(life: Life, program: Program, database: Database) -> None:
    report = read_report(database, program, Path(life.folder) / "roster.csv")
    import_roster(database, program, report, Hurried(life.began))


def _migrate(_life: Life, _program: Program, database: Database) -> None:
    database.migrate()


def _back_up(life: Life, program: Program, _database: Database) -> None:
    settings = program.settings.model_copy(update={"storage": Storage(url=life.url)})
    back_up(replace(program, folder=Path(life.folder), settings=settings), SystemClock())


_JOBS = {"run": _run, "import": _import, "migrate": _migrate, "backup": _back_up}


class Nursery:
    """Forks processes as it is told, a JSON object a line on its input; tells of births and deaths on its output."""

    def __init__(self, folder: Path) -> None:
        self._program = load_program(folder, shipped=folder.parent / "shipped")
        self._living: set[int] = set()
        self._news, self._bell = os.pipe()

    def work(self) -> None:
        """Until the input ends; then nobody is left alive."""
        os.set_blocking(self._bell, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._bell, warn_on_full_buffer=False)
        gc.collect()
        gc.freeze()
        waiting = b""
        while True:
            ready, _, _ = select.select([0, self._news], [], [])
            if self._news in ready:
                os.read(self._news, 4096)
                self._bury()
            if 0 in ready:
                read = os.read(0, 1 << 16)
                if not read:
                    break
                *lines, waiting = (waiting + read).split(b"\n")
                for line in lines:
                    self._bear(json.loads(line))
        for pid in self._living:
            os.kill(pid, signal.SIGKILL)

    def _bear(self, life: dict[str, Any]) -> None:
        pid = os.fork()
        if not pid:
            self._grow_up(Life(**life))
        self._living.add(pid)
        self._tell(born=pid)

    def _grow_up(self, life: Life) -> None:
        code = 1
        try:
            _die_with_parent()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            log = os.open(Path(life.folder) / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            for stream in (1, 2):
                os.dup2(log, stream)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            _log_to(sys.stderr)
            live(life, self._program)
            code = 0
        except BaseException:
            logging.exception("the process failed")
        finally:
            os._exit(code)

    def _bury(self) -> None:
        for pid in list(self._living):
            with contextlib.suppress(ChildProcessError):
                dead, status = os.waitpid(pid, os.WNOHANG)
                if dead:
                    self._living.discard(pid)
                    self._tell(dead=pid, code=os.waitstatus_to_exitcode(status))

    def _tell(self, **news: int) -> None:
        os.write(1, json.dumps(news).encode() + b"\n")


def _die_with_parent() -> None:
    """Linux's PR_SET_PDEATHSIG: a test that is cancelled leaves nobody behind."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _log_to(stream: Any) -> None:
    logging.basicConfig(stream=stream, level=logging.WARNING, format="%(asctime)s %(process)s %(name)s %(message)s")


def main(arguments: list[str]) -> None:
    """FOLDER [--role ROLE ...], or --nursery FOLDER."""
    if arguments[0] == "--nursery":
        Nursery(Path(arguments[1])).work()
        return
    folder = Path(arguments[0])
    settings = json.loads((folder / SETTINGS).read_text())
    roles = tuple(word for before, word in itertools.pairwise(arguments) if before == "--role")
    _log_to(sys.stderr)
    life = Life(**settings | {"roles": roles or settings["roles"]})
    live(life, load_program(folder, shipped=folder.parent / "shipped"))


def written(life: Life) -> str:
    """A life as the nursery reads it."""
    return json.dumps(asdict(life))


if __name__ == "__main__":
    main(sys.argv[1:])
