"""The one writer of a process: a thread that makes one transaction of whatever has queued up (group commit).

That is faster than one commit each, keeps the order of the queue, and leaves no lost updates on SQLite. If a unit of a
batch raises, the batch is rolled back and each unit is replayed alone: one bad unit harms nobody (decisions.md 8).

When the database itself is at fault (storage/faults.py), nobody is replayed: the batch waits for what passes, within
the writer's patience; then everybody is told by an Outage, also those who queued up meanwhile, and asks again.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import secrets
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from bot.errors import Outage, Refused
from storage.faults import PASSING, Condition, Fault, fault_of, outage

T = TypeVar("T")
Unit = Callable[[Connection], T]

PATIENCE = 6.0
"""Seconds in which the writer tries a batch again while the fault may pass: a page waits ten for its answer."""
_BATCH = 64
_LONGEST = 0.02
"""Seconds after which a transaction takes up no more work: whoever comes next waits for little."""


# PostgreSQL: each transaction that writes marks so in the same commit. Its own number (pg_xact_status) would not do:
# after a crash the server may give the same to another.
_TIDY = text("DELETE FROM batch WHERE at < extract(epoch FROM now()) * 1000 - 30 * 86400000.0")
_BEGIN = text(
    "INSERT INTO batch (writer, number, at) VALUES (:writer, 0, extract(epoch FROM now()) * 1000) "
    "ON CONFLICT DO NOTHING"
)
_MARK = text(
    "UPDATE batch SET number = :number, at = extract(epoch FROM now()) * 1000 "
    "WHERE writer = :writer AND pg_current_xact_id_if_assigned() IS NOT NULL"
)
_LAST = text("SELECT number FROM batch WHERE writer = :writer FOR UPDATE")


@dataclass(slots=True)
class Job:
    """What one caller wants written. The answer goes to a thread's Future, or to one of the loop that waits for it."""

    unit: Unit[Any]
    answer: Future[Any] | asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop | None = None
    alone: Sequence[Unit[Any]] = ()
    """What is done instead, one by one, when it or something beside it failed; the answer is then a list of theirs."""

    def wanted(self) -> bool:
        """Whether somebody still waits for it."""
        if isinstance(self.answer, Future):
            return self.answer.set_running_or_notify_cancel()
        return not self.answer.cancelled()


@dataclass(frozen=True, slots=True)
class _Raised:
    error: Exception


class Writer:
    """Does jobs until it is closed. `in_place` says after each commit whether the database is still the one opened."""

    def __init__(self, engine: Engine, condition: Condition, in_place: Callable[[], bool]) -> None:
        self._engine = engine
        self._condition = condition
        self._in_place = in_place
        self._first: deque[Job] = deque()
        self._rest: deque[Job] = deque()
        self._something = threading.Condition()
        self._closed = False
        self._connection: Connection | None = None
        self._marks = engine.dialect.name == "postgresql"
        self._id, self._number = secrets.randbits(62), 0
        self._thread = threading.Thread(target=self._write, name="database-writer", daemon=True)
        self._thread.start()

    def take(self, job: Job, *, first: bool) -> None:
        """Queue a job: behind others, or before all but those that were first as well."""
        with self._something:
            if self._closed:
                raise Refused("The database is closed.")
            (self._first if first else self._rest).append(job)
            self._something.notify()

    def close(self) -> None:
        """Finish what is queued."""
        with self._something:
            self._closed = True
            self._something.notify()
        self._thread.join()

    def _next(self, *, wait: bool = False) -> Job | None:
        """The next job that somebody still waits for; None when there is none (with `wait`: and never will be)."""
        with self._something:
            while True:
                while self._first or self._rest:
                    job = (self._first or self._rest).popleft()
                    if job.wanted():
                        return job
                if self._closed or not wait:
                    return None
                self._something.wait()

    def _write(self) -> None:
        while (job := self._next(wait=True)) is not None:
            self._condition.busy_since = time.monotonic()
            self._serve([job])
            self._condition.busy_since = None
        self._drop_connection()

    def _serve(self, jobs: list[Job]) -> None:
        """Do these jobs, and what comes while their transaction is open, and answer them."""
        try:
            results = self._committed(lambda connection: self._together(connection, jobs))
        except Outage as error:
            self._give_up(jobs, error)
        except Exception as error:
            if len(jobs) == 1 and not jobs[0].alone:
                _answer(jobs, [_Raised(error)])
            else:
                self._replay(jobs)
        else:
            _answer(jobs, results)

    def _together(self, connection: Connection, jobs: list[Job]) -> list[Any]:
        """Do the jobs, and those that come meanwhile, within bounds: they become `jobs` as well."""
        ends = time.monotonic() + _LONGEST
        results = []
        for job in jobs:
            results.append(job.unit(connection))
            if job is jobs[-1] and len(jobs) < _BATCH and time.monotonic() < ends and (more := self._next()):
                jobs.append(more)
        return results

    def _replay(self, jobs: Sequence[Job]) -> None:
        """Each job alone, in transactions of its own; the bad one's error is told to whoever waits for it."""
        for place, job in enumerate(jobs):
            results: list[Any] = []
            for unit in job.alone or (job.unit,):
                try:
                    results.append(self._committed(unit))
                except Exception as error:
                    results.append(_Raised(error))
            if job.alone:
                _answer([job], [[one.error if isinstance(one, _Raised) else one for one in results]])
            else:
                _answer([job], results)
            last = results[-1]
            if isinstance(last, _Raised) and isinstance(last.error, Outage):
                return self._give_up(jobs[place + 1 :], last.error)

    def _give_up(self, jobs: Sequence[Job], error: Outage) -> None:
        """Tell all who wait, also in the queue: they ask again, and the queue cannot grow while the fault lasts."""
        waiting = [*jobs]
        while job := self._next():
            waiting.append(job)
        _answer(waiting, [_Raised(error)] * len(waiting))

    def _committed(self, work: Unit[T]) -> T:
        """What `work` gave, after the commit. Raises Outage when the database is at fault for too long."""
        until = time.monotonic() + PATIENCE
        while True:
            try:
                result = self._attempt(work, until)
            except Exception as error:
                fault = fault_of(error)
                if fault is None:
                    raise
                if fault not in PASSING or time.monotonic() > until:
                    self._condition.met(fault)
                    raise outage(fault) from error
                time.sleep(random.uniform(0.02, 0.2))  # noqa: S311  (jitter, no secret)
                continue
            # A commit into a file that nobody will find again is none.
            if not self._in_place():
                raise outage(Fault.REPLACED)
            return result

    def _attempt(self, work: Unit[T], until: float) -> T:
        """One try. A COMMIT whose answer was lost is asked about, so that nothing is done twice (F83)."""
        marked = False
        try:
            with self._transaction() as connection:
                result = work(connection)
                if self._marks:
                    self._number += 1
                    marked = connection.execute(_MARK, {"writer": self._id, "number": self._number}).rowcount > 0
        except SQLAlchemyError as error:
            if not marked or fault_of(error) is not Fault.AWAY or not self._landed(until):
                raise
        return result

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """A transaction on the writer's connection, which is kept for as long as all goes well."""
        if self._connection is None:
            self._connection = self._engine.connect()
        try:
            if self._marks and not self._number:
                self._introduce(self._connection)
            with self._connection.begin():
                yield self._connection
        except BaseException:
            self._drop_connection()
            raise

    def _introduce(self, connection: Connection) -> None:
        """A row of our own, before anything depends on it; rows of programs that are long gone are deleted."""
        with connection.begin():
            connection.execute(_TIDY)
            connection.execute(_BEGIN, {"writer": self._id})
        self._number = 1

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _landed(self, until: float) -> bool:
        """Whether the last transaction was committed. Raises Outage when nobody says so in time."""
        while True:
            try:
                with self._engine.begin() as connection:
                    # Locked: if the server is still at it, we wait for what becomes of it.
                    number = connection.execute(_LAST, {"writer": self._id}).scalar()
                return bool(number == self._number)
            except SQLAlchemyError as error:
                if time.monotonic() > until:
                    self._condition.met(Fault.AWAY)
                    raise outage(Fault.AWAY) from error
            time.sleep(0.1)


def _answer(jobs: Sequence[Job], results: Sequence[Any]) -> None:
    """Tell everybody; each event loop is woken once."""
    loops: dict[asyncio.AbstractEventLoop, list[tuple[Any, Any]]] = defaultdict(list)
    for job, result in zip(jobs, results, strict=True):
        if job.loop is None:
            _settle(job.answer, result)
        else:
            loops[job.loop].append((job.answer, result))
    for loop, answers in loops.items():
        with contextlib.suppress(RuntimeError):  # that loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_settle_all, answers)


def _settle_all(answers: Sequence[tuple[Any, Any]]) -> None:
    for answer, result in answers:
        if not answer.done():
            _settle(answer, result)


def _settle(answer: Future[Any] | asyncio.Future[Any], result: Any) -> None:
    if isinstance(result, _Raised):
        answer.set_exception(result.error)
    else:
        answer.set_result(result)
