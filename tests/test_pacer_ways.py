"""The pace over a way that holds messages up: whatever pauses there are, a platform sees no second with too many.

The way and the platform are simulated here, on moments alone; only the pace is ours.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pacer import Departure, Pacer
from tests.fakes.strict import worst_second

LATENCY = 0.04
LATEST_ANSWER = 0.0007
"""A timer wakes so many seconds late."""


@dataclass
class Paused:
    """A machine that stands still now and then: so long after so long."""

    pauses: Sequence[tuple[float, float]]

    def awake(self, moment: float) -> float:
        """When what comes at this moment is looked at."""
        begin = 0.0
        for runs, pause in itertools.cycle(self.pauses) if self.pauses else ():
            begin += runs
            if moment < begin:
                break
            begin += pause
            if moment < begin:
                return begin
        return moment


@dataclass
class Way:
    """Our machine, the platform's, and what each message spends between them."""

    ours: Paused
    theirs: Paused
    jitter: Sequence[float]
    arrived: list[float] = field(default_factory=list)

    def sends(self, pacer: Pacer, messages: int) -> None:
        """So many messages leave as soon as the pace allows it and we are awake."""
        between, now = itertools.cycle(self.jitter), 0.0
        answers: list[tuple[float, int, Departure]] = []
        while len(self.arrived) < messages:
            turn = max(now, pacer.moment())
            if answers and answers[0][0] <= turn:
                now, _, departure = heapq.heappop(answers)
                pacer.answered(departure, now)
                continue
            now = self.ours.awake(turn + LATEST_ANSWER)
            departure = pacer.sent(str(len(self.arrived)), now)
            arrived = self.theirs.awake(self.ours.awake(now + 0.0002) + 0.0005 + next(between))
            answered = self.ours.awake(self.theirs.awake(arrived + LATENCY) + 0.0005 + next(between))
            self.arrived.append(arrived)
            heapq.heappush(answers, (answered, len(self.arrived), departure))
        self.arrived.sort()

    @property
    def share(self) -> float:
        return (len(self.arrived) - 1) / (self.arrived[-1] - self.arrived[0]) / 30


pauses = st.lists(st.tuples(st.floats(0.25, 3), st.floats(0.001, 0.2)), max_size=8)
jitters = st.lists(st.floats(0, 0.0015), min_size=1, max_size=40)


@settings(max_examples=60)
@given(pauses, pauses, jitters)
def test_no_second_sees_more_than_thirty_whoever_pauses(
    ours: list[tuple[float, float]], theirs: list[tuple[float, float]], jitter: list[float]
) -> None:
    way = Way(Paused(ours), Paused(theirs), jitter)
    way.sends(Pacer(30, 1), 400)
    assert worst_second(way.arrived) <= 30


@settings(max_examples=20)
@given(st.lists(st.tuples(st.floats(0.5, 3), st.floats(0.001, 0.03)), max_size=8), jitters)
def test_pauses_of_a_busy_machine_cost_no_rate(ours: list[tuple[float, float]], jitter: list[float]) -> None:
    """A fiftieth of a second twice a second, and still 98 of 100."""
    way = Way(Paused(ours), Paused([]), jitter)
    way.sends(Pacer(30, 1), 1_000)
    assert way.share >= 0.98
    assert max(after - before for before, after in itertools.pairwise(way.arrived)) < 0.12


def test_after_a_minute_on_a_slow_way_a_quick_one_brings_nobody_too_much() -> None:
    """A server that was held up for a minute, all the time, and then is itself again."""
    way = Way(Paused([]), Paused([(3, 0.0), *[(0.01, 0.06)] * 800, (1e9, 0.0)]), [0.0])
    way.sends(Pacer(30, 1), 2_500)
    assert worst_second(way.arrived) <= 30
