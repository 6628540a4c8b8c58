"""Slowing down whoever guesses passwords: the wait before a try is answered grows, and nobody is ever locked out.

In memory only, moments are given. Waits, not refusals: behind a proxy all sources may look alike, and a refusal would
then lock out the real user together with the guesser.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta

_FORGET = timedelta(minutes=15)
_KEYS = 10_000
AT_ONCE = 4
"""Tries of one source that may wait at the same time; more are asked to come back."""


class Attempts:
    """Counts failed sign-ins per login and source, per source, and per login."""

    def __init__(self) -> None:
        self._failed: OrderedDict[tuple[str, str], tuple[int, datetime]] = OrderedDict()
        self._waiting: dict[str, int] = {}

    def wait(self, login: str, source: str, now: datetime) -> float:
        """Seconds to wait before this try is judged: 8 at most, and 2 at most for what others did to this login."""
        pair = self._count((login, source), now)
        by_source = self._count(("", source), now)
        by_login = self._count((login, ""), now)
        return max(_grows(pair - 5, 8.0), _grows(by_source - 20, 8.0), _grows(by_login - 50, 2.0))

    def failed(self, login: str, source: str, now: datetime) -> None:
        """A try failed."""
        for key in ((login, source), ("", source), (login, "")):
            self._failed[key] = (self._count(key, now) + 1, now)
            self._failed.move_to_end(key)
        while len(self._failed) > _KEYS:
            self._failed.popitem(last=False)

    def succeeded(self, login: str, source: str) -> None:
        """The right password came from this source: what it did before is forgiven."""
        self._failed.pop((login, source), None)
        self._failed.pop(("", source), None)

    def enter(self, source: str) -> bool:
        """Begin to wait; False if too many tries of this source wait already. After True, `leave` must follow."""
        if self._waiting.get(source, 0) >= AT_ONCE:
            return False
        self._waiting[source] = self._waiting.get(source, 0) + 1
        return True

    def leave(self, source: str) -> None:
        """The try was judged."""
        left = self._waiting.pop(source) - 1
        if left:
            self._waiting[source] = left

    def _count(self, key: tuple[str, str], now: datetime) -> int:
        count, at = self._failed.get(key, (0, now))
        return count if now - at < _FORGET else 0


def _grows(beyond: int, most: float) -> float:
    """Half a second, doubling with each failure beyond what is usual."""
    return 0.0 if beyond < 0 else min(most, 0.5 * 2.0 ** min(beyond, 10))
