"""The only place that reads real time and makes ids. A test, the demo and the simulator pass another Clock.

A Clock has two faces (decisions.md 16): `wall()` for leases, pacing, sign-ins and the age of beats, which must never
be moved; `now()` for schedules, ladders and expiry, which the demo's hands move.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

FIRST_ID = datetime(2025, 1, 1, tzinfo=UTC)
"""Ids count milliseconds from here, so that 63 bits last until 2094."""
_EPOCH_MS = int(FIRST_ID.timestamp() * 1000)
_IN_A_MILLISECOND = 1 << 12


_STRANGE = 300.0
"""Seconds by which a clock is not set without a reason that somebody should know."""
_MOMENT = 0.0005
"""Seconds in which it is still the same moment: everything that is stored is stored to the millisecond."""
_CATCHING_UP = 0.9
"""How fast our time runs while it is ahead of the computer's."""


def _steady() -> float:
    """Seconds that nobody can set; where the system tells them, those spent asleep as well."""
    return time.clock_gettime(_STEADY) if _STEADY is not None else time.monotonic()


_STEADY: int | None = getattr(time, "CLOCK_BOOTTIME", None)


class Clock(Protocol):
    """What the house knows of time."""

    def now(self) -> datetime: ...

    def wall(self) -> datetime: ...

    def new_id(self) -> int: ...

    def new_ids(self, count: int) -> range:
        """So many ids in a row, at most 4,096."""
        ...


class Ids:
    """Positive 63-bit ids: 41 bits of wall milliseconds, 10 of the process, 12 of a counter; they only rise."""

    def __init__(self, node: int | None = None) -> None:
        self._node = secrets.randbelow(1 << 10) if node is None else node % (1 << 10)
        self._lock = threading.Lock()
        self._millisecond = 0
        self._used = 0

    def new_id(self) -> int:
        return self._take(1)

    def new_ids(self, count: int) -> range:
        first = self._take(count)
        return range(first, first + count)

    def _take(self, count: int) -> int:
        """The first of so many ids in a row."""
        if count > _IN_A_MILLISECOND:
            raise ValueError(f"at most {_IN_A_MILLISECOND} ids at once")
        with self._lock:
            millisecond = self._now_ms() - _EPOCH_MS
            if millisecond > self._millisecond:
                self._millisecond, self._used = millisecond, 0
            elif self._used + count > _IN_A_MILLISECOND:  # a clock set back, or a full millisecond: borrow the next
                self._millisecond, self._used = self._millisecond + 1, 0
            first = self._millisecond << 22 | self._node << 12 | self._used
            self._used += count
            return first

    def _now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class SystemClock(Ids):
    """Real time that never runs backwards (F92).

    A clock that is set ahead is followed at once. One that is set back would stop ladders and retries for that long:
    we go on from where we are, a tenth slower, until real time has caught up. `at_least`: where the last run ended.
    """

    def __init__(
        self,
        at_least: datetime | None = None,
        real: Callable[[], float] = time.time,
        steady: Callable[[], float] = _steady,
        node: int | None = None,
    ) -> None:
        super().__init__(node)
        self._real, self._steady = real, steady
        self._looking = threading.Lock()
        self._seen_real, self._seen_steady = real(), steady()
        self._now = max(self._seen_real, at_least.timestamp() if at_least else 0.0)
        self._leapt_at: float | None = None

    def now(self) -> datetime:
        return self._look()

    def wall(self) -> datetime:
        return self._look()

    def oddity(self) -> str:
        """What is strange about the computer's clock, in words; empty when nothing is."""
        now = self._look()
        ahead = now.timestamp() - self._seen_real
        if ahead > _STRANGE:
            return f"The clock was set back by about {ahead / 60:.0f} minutes. Is it right now?"
        if self._leapt_at is not None and self._seen_steady - self._leapt_at < 2 * _STRANGE:
            return "The clock has jumped ahead by more than five minutes. Is it right now?"
        return ""

    def _now_ms(self) -> int:
        return int(self._seconds() * 1000)

    def _look(self) -> datetime:
        return datetime.fromtimestamp(self._seconds(), UTC)

    def _seconds(self) -> float:
        steady = self._steady()
        if 0 <= steady - self._seen_steady < _MOMENT:
            return self._now
        with self._looking:
            real, steady = self._real(), self._steady()
            passed = steady - self._seen_steady
            if real - self._seen_real - passed > _STRANGE:
                self._leapt_at = steady
            self._now = max(real, self._now + passed * _CATCHING_UP)
            self._seen_real, self._seen_steady = real, steady
            return self._now


class SharedClock(SystemClock):
    """Real time as one clock tells it that all machines of a school share: the database's.

    Between two looks at that clock it runs by the machine's monotonic one, so that a wrong or moved clock of one
    machine moves no lease, no schedule and no order of ids. `node` keeps the ids of programs that run at once apart.
    """

    def __init__(self, shared: datetime, at: float, node: int, at_least: datetime | None = None) -> None:
        self.agree(shared, at)
        super().__init__(at_least, real=self._by_the_shared_clock, steady=time.monotonic, node=node)

    def agree(self, shared: datetime, at: float) -> None:
        """It was `shared` by the shared clock when our monotonic clock said `at`."""
        self._shared = shared.timestamp() - at

    def _by_the_shared_clock(self) -> float:
        return self._shared + time.monotonic()


class HandsClock(Ids):
    """Time that stands (or runs on from where it was set) until somebody moves the hands; `wall()` stays real.

    With `runs=True` the hands go on by themselves at real speed, as the demo's clock does between two moves.
    """

    def __init__(self, start: datetime, *, runs: bool = False) -> None:
        super().__init__()
        self._runs = runs
        self.set(start)

    def set(self, moment: datetime) -> None:
        """Move the hands to `moment` (aware)."""
        # One assignment: a reader in another thread must never meet a new moment with an old start.
        self._set = moment, time.monotonic()

    def now(self) -> datetime:
        at, since = self._set
        if not self._runs:
            return at
        return datetime.fromtimestamp(at.timestamp() + time.monotonic() - since, UTC)

    def wall(self) -> datetime:
        return datetime.now(UTC)
