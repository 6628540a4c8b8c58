"""When the next message may leave, and which one it is: the pace of one account, and the line of claimed messages.

Pure: moments are seconds of any clock that only rises, and are always handed in. Nothing here sends or waits.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter, deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")

SHARE = 0.99
"""Of the platform's limit: 29.7 of 30 a second. What is left lets the line even out again after a stall."""
CATCH_UP = 0.07
"""Seconds of lateness that are made up for, two gaps of 30 a second. What then leaves together leaves a hole as long
a second later, and nobody's alert shall wait in a longer one."""
LOWER = 0.95
LOWEST = 0.5
RECOVERY = 0.001
"""After a refusal the rate is a little lower; it comes back by this part of the full rate a second."""
MARGIN = 0.002
LONGEST_DELAY = 0.5
"""Seconds that a message may have been longer on its way than the quickest one; what took longer was the platform."""
LONGER = 1.0002
"""The way may have become longer: with each answer, the quickest one is believed to take a little more. With more than
that, a minute of a busy machine passes for a longer way, and then a platform sees too many in one second."""
LONGEST_HOLD = 3600.0
_CHATS = 10_000
_COUNTED = 1_000
"""Platforms that take more than this a second count no single message."""


@dataclass(slots=True)
class Departure:
    """A message that left."""

    at: float
    took: float = 0.0
    """Seconds until its answer; 0 while there is none."""

    def arrived(self, quickest: float) -> float:
        """When it arrived at the latest, by what the quickest answer takes."""
        return self.at + min(max(self.took - quickest, 0.0), LONGEST_DELAY)


class Pacer:
    """The pace of one account of a platform: so many a second, evenly, and so many a second into one chat.

    The platform counts what arrives. A message that was held up on its way arrives with those behind it, so the limit
    is kept for moments of arrival: as far as the answers tell, no second ever sees more than it may, whatever is made
    up for. The even pace is for those who wait, not for the platform.
    """

    def __init__(self, per_second: float, per_chat_second: float) -> None:
        limit = math.floor(per_second)
        self._last: deque[Departure] | None = deque(maxlen=limit) if 1 < limit <= _COUNTED else None
        self._quickest = math.inf
        self._full = self._rate = per_second * SHARE
        self._chat_gap = 1 / per_chat_second
        self._next = -math.inf
        self._rated_at = 0.0
        self._refusals = 0
        self._chats: dict[str, float] = {}
        self.held_until = -math.inf
        """The platform asked for silence until then."""

    @property
    def rate(self) -> float:
        """Messages a second, at present."""
        return self._rate

    def moment(self) -> float:
        """From when on the account may send its next message."""
        moment = max(self._next, self.held_until)
        if self._last is not None and len(self._last) == self._last.maxlen:
            moment = max(moment, self._last[0].arrived(self._quickest) + 1 + MARGIN)
        return moment

    def chat_moment(self, chat: str) -> float:
        """From when on this chat may get its next message."""
        return self._chats.get(chat, -math.inf)

    def sent(self, chat: str, now: float) -> Departure:
        """A message leaves now."""
        if self._rate < self._full:
            self._rate = min(self._full, self._rate + (now - self._rated_at) * RECOVERY * self._full)
            self._rated_at = now
        self._next = max(self._next, self.held_until, now - CATCH_UP) + 1 / self._rate
        if len(self._chats) > _CHATS:
            self._chats = {name: free for name, free in self._chats.items() if free > now}
        self._chats[chat] = now + self._chat_gap
        departure = Departure(now)
        if self._last is not None:
            self._last.append(departure)
        return departure

    def answered(self, departure: Departure, now: float) -> None:
        """The platform has answered: only now it is known how long the way was."""
        departure.took = now - departure.at
        self._quickest = min(departure.took, self._quickest * LONGER)

    def accepted(self) -> None:
        """The platform took a message."""
        self._refusals = 0

    def slow_down(self, now: float, after: float | None) -> float:
        """The platform wants silence for `after` seconds, or does not say how long; gives the seconds it will have.

        Messages that were under way together are refused together: only the first of them lowers the rate.
        """
        if now >= self.held_until:
            self._refusals += 1
            self._rate = max(self._rate * LOWER, self._full * LOWEST)
            self._rated_at = now
        wait = bounded(after) if after is not None else min(2.0 ** (self._refusals - 1), 60.0)
        self.held_until = max(self.held_until, now + wait)
        return wait


def bounded(after: float) -> float:
    """The seconds that a platform asks for, without what makes no sense."""
    return min(max(after, 0.0), LONGEST_HOLD) if not math.isnan(after) else 1.0


@dataclass(slots=True, eq=False)
class Place(Generic[T]):
    """One claimed message's place in the line."""

    priority: int
    number: int
    item: T
    claimed_at: float
    looked_at: float
    """When its reason to be sent was last seen to hold."""


class Line(Generic[T]):
    """Claimed messages, the most urgent first and then the oldest. Those whose chat must rest stand aside meanwhile."""

    def __init__(self) -> None:
        self._ready: list[tuple[int, int, Place[T]]] = []
        self._resting: list[tuple[float, int, Place[T]]] = []
        self._of: Counter[int] = Counter()

    def __len__(self) -> int:
        return len(self._ready) + len(self._resting)

    def __iter__(self) -> Iterator[Place[T]]:
        yield from (entry[2] for entry in self._ready)
        yield from (entry[2] for entry in self._resting)

    def add(self, place: Place[T]) -> None:
        heapq.heappush(self._ready, (place.priority, place.number, place))
        self._of[place.priority] += 1

    def first(self, now: float) -> Place[T] | None:
        """Whose turn it is; None when all stand aside."""
        while self._resting and self._resting[0][0] <= now:
            place = heapq.heappop(self._resting)[2]
            heapq.heappush(self._ready, (place.priority, place.number, place))
        return self._ready[0][2] if self._ready else None

    def take(self) -> Place[T]:
        """The first one leaves the line."""
        place = heapq.heappop(self._ready)[2]
        self._of[place.priority] -= 1
        return place

    def rest(self, until: float) -> None:
        """The first one stands aside until then."""
        place = heapq.heappop(self._ready)[2]
        heapq.heappush(self._resting, (until, place.number, place))

    def wakes_at(self) -> float:
        """When the first of those that stand aside comes back."""
        return self._resting[0][0] if self._resting else math.inf

    def remove(self, places: Collection[Place[T]]) -> None:
        """Let these go."""
        self._ready = [entry for entry in self._ready if entry[2] not in places]
        self._resting = [entry for entry in self._resting if entry[2] not in places]
        heapq.heapify(self._ready)
        heapq.heapify(self._resting)
        self._of = Counter(place.priority for place in self)

    def up_to(self, priority: int) -> int:
        """How many are at least so urgent."""
        return sum(count for urgency, count in self._of.items() if urgency <= priority)

    def nth_priority(self, number: int) -> int | None:
        """The priority of the one at this place in the line, from 1; None when the line is shorter."""
        return next((urgency for urgency in sorted(self._of) if self.up_to(urgency) >= number), None)
