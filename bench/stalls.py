"""What holds up an event loop: watched in the loop that works and in an idle one beside it. Loads nothing of ours."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from subprocess import PIPE

from bench.measure import Figures, held


@dataclass
class Stalls:
    """The longest time for which the event loop could not answer, and the most memory that was held meanwhile."""

    longest_ms: float = 0.0
    most_bytes: int = 0


@asynccontextmanager
async def ticking(every: float = 0.005) -> AsyncIterator[Stalls]:
    """Watch the event loop with a ticker while something is at work."""
    stalls = Stalls()

    async def tick() -> None:
        for number in itertools.count():
            begun = time.perf_counter()
            await asyncio.sleep(every)
            stalls.longest_ms = max(stalls.longest_ms, (time.perf_counter() - begun - every) * 1000)
            if not number % 20:  # looking costs more than the tick
                stalls.most_bytes = max(stalls.most_bytes, held())

    ticker = asyncio.create_task(tick())
    try:
        yield stalls
    finally:
        ticker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await ticker


@contextlib.contextmanager
def beside() -> Iterator[Stalls]:
    """Watch an idle event loop in a process of its own meanwhile: what it is held up by is this machine's doing."""
    stalls = Stalls()
    with subprocess.Popen([sys.executable, "-m", "bench.stalls"], stdin=PIPE, stdout=PIPE, text=True) as idle:
        try:
            assert idle.stdout is not None
            idle.stdout.readline()  # it ticks
            yield stalls
        finally:
            told, _ = idle.communicate()
            stalls.longest_ms = float(told)


def own_stall(figures: Figures) -> float:
    """Milliseconds by which our loop stalled for longer than an idle one in the same run; both are told as well."""
    return max(float(figures["stall_ms"]) - float(figures["idle_stall_ms"]), 0.0)


async def _idle() -> None:
    """Tick until nobody listens any more."""
    async with ticking() as stalls:
        print("ticking", flush=True)
        await asyncio.to_thread(sys.stdin.read)
    print(stalls.longest_ms)


if __name__ == "__main__":
    asyncio.run(_idle())
