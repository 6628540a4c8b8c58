"""Proves every minute that the house works, and says so outside; in between it looks every second whether the database
takes what it is given. A thread of its own in one process: neither a busy event loop nor a stuck writer holds it up.

It writes nothing but trial writes that are taken back. What it finds goes to the alarm; all well goes to the dead-man's
switch, which rings when nobody asks there any more.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import httpx
from sqlalchemy import Connection

from bot.alarm import Alarm
from bot.checks import Kind, Trouble, backups, silent, storing, troubles
from bot.clock import Clock
from bot.errors import NearpeerError, Outage
from storage.database import Database, sqlite_file
from storage.faults import Fault, outage
from storage.health import health, try_to_store

log = logging.getLogger(__name__)

EVERY = 60.0
FIRST = 10.0
"""Seconds after the start: whatever was late because we were down has had its turn."""
TRIAL_EVERY = 2.0
LOW, SCARCE = 200_000_000, 1_000_000_000
"""Bytes free where the database lies: an alarm, a warning. On a small disk a twentieth and a fifth of it."""
LARGE_LOG = 512_000_000
"""Bytes of a write-ahead log that no reader should hold up so long."""
_AT_ONCE = (Kind.STORE, Kind.FILE, Kind.CLOCK, Kind.PLATFORM)
"""What each second's look judges; the rest is the audit's."""


class Auditor:
    """Looks and audits from `start` to `stop`.

    Every program looks; `on_duty` says whether this is the one that audits. `oddity`: what is strange about the clock,
    in words. `platforms`: what is wrong with the platforms that this program speaks with.
    `accounts`: those with which some program must have spoken just now. `backup_days`: how old the last backup may be.
    `lost`: called with words for
    people when the database's file is not ours any more: the program must end.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        alarm: Alarm,
        *,
        dead_man_url: str = "",
        on_duty: Callable[[], bool] = lambda: True,
        oddity: Callable[[], str] = str,
        platforms: Callable[[], Sequence[Trouble]] = tuple,
        accounts: Sequence[str] = (),
        backup_days: int = 0,
        lost: Callable[[str], None] = lambda _text: None,
    ) -> None:
        self._database, self._clock, self._alarm = database, clock, alarm
        self._dead_man_url, self._on_duty, self._oddity, self._lost = dead_man_url, on_duty, oddity, lost
        self._platforms, self._accounts, self._backup_days = platforms, accounts, backup_days
        self._file = sqlite_file(str(database.engine.url))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="auditor", daemon=True)
        self._trial: Future[None] | None = None
        self._tried_at = 0.0
        self.found: Sequence[Trouble] = ()
        """What the last audit found."""

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; an audit under way is not waited for long."""
        self._stop.set()
        self._thread.join(2)

    def glance(self) -> Sequence[Trouble]:
        """What can be seen without asking the database; it also tries to store while that did not go."""
        found = tuple(self._at_once())
        self._report(found, _AT_ONCE)
        if self._database.condition.fault is not None:
            self._try_to_store()
        return found

    def audit(self) -> bool:
        """Prove that all is well, and say so outside; False when it is not."""
        now, wall = self._clock.now(), self._clock.wall()
        try:
            with self._database.read() as connection:
                state = health(connection, now, wall)
            found = [
                *troubles(state, now, wall),
                # Where a program says what is wrong with a platform, that is enough.
                *(() if self._platforms() else silent(state, wall, self._accounts)),
                *backups(state, wall, self._backup_days),
                *self._disk(),
            ]
        except Outage as error:
            found = [Trouble(Kind.READ, str(error))]
        self.found = found
        self._report(found, [kind for kind in Kind if kind not in _AT_ONCE])
        well = not any(not one.warns for one in (*found, *self._at_once()))
        if well and self._dead_man_url:
            self._ping()
        return well

    def _run(self) -> None:
        audit_at = time.monotonic() + FIRST
        while not self._stop.wait(1):
            try:
                self.glance()
                if time.monotonic() >= audit_at and self._on_duty():
                    audit_at = time.monotonic() + EVERY
                    self.audit()
            except Exception as error:
                # An auditor that cannot audit must not be taken for a house that is well: nobody is told "all well".
                log.critical("audit failed error=%s", type(error).__name__)

    def _at_once(self) -> Iterator[Trouble]:
        yield from storing(self._database.condition)
        if not self._database.is_in_place():
            text = f"{outage(Fault.REPLACED)} Nearpeer stops, so that nothing is written where nobody finds it."
            yield Trouble(Kind.FILE, text)
            self._lost(text)
        if oddity := self._oddity():
            yield Trouble(Kind.CLOCK, oddity)
        yield from self._platforms()

    def _disk(self) -> Iterator[Trouble]:
        if self._file is None:
            return
        disk = shutil.disk_usage(self._file.parent)
        if disk.free < min(SCARCE, disk.total / 5):
            text = f"Only {disk.free // 1_000_000} MB are free on the disk of the database."
            yield Trouble(Kind.DISK, text, warns=disk.free >= min(LOW, disk.total / 20))
        journal = self._file.with_name(f"{self._file.name}-wal")
        if journal.exists() and journal.stat().st_size > LARGE_LOG:
            yield Trouble(Kind.DISK, "Something has kept the database from tidying up: its -wal file is very large.")

    def _report(self, found: Sequence[Trouble], kinds: Sequence[Kind]) -> None:
        wrong = {one.kind: one.text for one in reversed(found) if not one.warns}
        for kind in kinds:
            if kind in wrong:
                self._alarm.stands(kind, wrong[kind])
            else:
                self._alarm.over(kind)

    def _try_to_store(self) -> None:
        """A fault stands until a trial write went well: what students write meanwhile is not the test."""
        if self._trial is not None:
            if self._trial.done():
                if self._trial.exception() is None and self._room_on_disk():
                    self._database.condition.tried(self._tried_at)
                self._trial = None
            return
        if time.monotonic() - self._tried_at < TRIAL_EVERY:
            return
        self._tried_at = time.monotonic()
        id_, now = self._clock.new_id(), self._clock.now()

        def unit(connection: Connection) -> None:
            try_to_store(connection, id_, now)

        with contextlib.suppress(NearpeerError):  # closed: we are about to end
            self._trial = self._database.write(unit)

    def _room_on_disk(self) -> bool:
        """A transaction that was taken back has asked the disk for nothing."""
        return self._file is None or _takes_a_file(self._file.parent)

    def _ping(self) -> None:
        try:
            httpx.get(self._dead_man_url, timeout=5)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning("the dead-man's switch could not be reached error=%s", type(error).__name__)


def _takes_a_file(folder: Path) -> bool:
    """Whether a small file can be written there and reaches the disk."""

    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(os.urandom(64 * 1024))
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        return False
    return True
