"""How everything is measured: CPU of a process, interleaved rounds, ratios inside a round, medians.

Absolute figures move with whoever else uses the machine; a ratio of two figures of the same round hardly does. Standard
library only: peers import it too, in a Python of their own.
"""

from __future__ import annotations

import array
import ctypes
import gc
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.conversation import STEPS, Written, update, updates

ROOT = Path(__file__).resolve().parent.parent
PEERS_PYTHON = Path(sys.prefix) / "bench" / "bin" / "python"
"""Peers run in a Python of their own (`make bench` makes it): one of them wants older libraries than Nearpeer."""

Figures = dict[str, Any]


# --- inside a measured process -------------------------------------------------------------------------------------


def cpu() -> float:
    """CPU seconds of this process so far, user and system, all threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def resident() -> int:
    """Bytes of memory that this process holds, without what it could give back at once."""
    gc.collect()
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    return held()


def held() -> int:
    """Bytes of memory that this process holds at this moment."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def peak_mb() -> float:
    """The most memory that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def calibration() -> float:
    """CPU microseconds of a fixed loop: the same on every run unless the machine is slowed down by others."""
    best = float("inf")
    for _ in range(3):
        started = time.process_time()
        total = 0
        for number in range(100_000):
            total += number & 7
        best = min(best, time.process_time() - started)
    return best * 1e6


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` (0 to 1) of sorted values lie."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


async def converse(
    take: Callable[[bytes], Awaitable[None]], sent: Callable[[], int], students: int, written: Written = update
) -> Figures:
    """Drive a peer through the conversation, one message at a time; `sent` counts what it has sent so far."""
    for row in updates(
        range(10_000_000, 10_000_040), 10_000_000, written
    ):  # once through everything, so that no lazy part is counted
        for raw in row:
            await take(raw)
    rows = updates(range(1, students + 1), written=written)
    took = array.array("d")
    sent_before, memory_before, memory, used, wall = sent(), resident(), 0, 0.0, 0.0
    for step, row in enumerate(rows):
        started, cpu_before = time.perf_counter(), cpu()
        for raw in row:
            begin = time.perf_counter()
            await take(raw)
            took.append(time.perf_counter() - begin)
        wall += time.perf_counter() - started
        used += cpu() - cpu_before
        if step == 2:  # everybody has answered something and is asked something
            memory = resident()
    messages = students * STEPS
    if sent() - sent_before != messages:
        raise RuntimeError(f"{sent() - sent_before} messages sent instead of {messages}: no whole conversation")
    ordered = sorted(took)
    return {
        "messages": messages,
        "cpu_us": used / messages * 1e6,
        "per_second": messages / wall,
        "p50_us": percentile(ordered, 0.50) * 1e6,
        "p99_us": percentile(ordered, 0.99) * 1e6,
        "bytes_per_conversation": (memory - memory_before) / students,
        "calibration_us": calibration(),
    }


def report(figures: Figures) -> None:
    """Hand the figures of this process to `run`."""
    print(json.dumps(figures), flush=True)


# --- outside -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to measure, in a process of its own: `python -m module arguments`, which calls `report`."""

    name: str
    module: str
    arguments: tuple[str, ...] = ()
    peer: bool = False


def run(case: Case, timeout: float = 900) -> Figures:
    """Measure once."""
    python = PEERS_PYTHON if case.peer else Path(sys.executable)
    done = subprocess.run(
        [str(python), "-m", case.module, *case.arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{case.name} failed:\n{done.stderr[-2000:]}")
    figures: Figures = json.loads(done.stdout.strip().rpartition("\n")[2])
    return figures


def interleaved(cases: Sequence[Case], rounds: int) -> dict[str, list[Figures]]:
    """Measure A B C, A B C, ...: what slows the machine down for a while slows all of them down."""
    found: dict[str, list[Figures]] = {case.name: [] for case in cases}
    for _ in range(rounds):
        for case in cases:
            found[case.name].append(run(case))
    return found


def median(figures: Sequence[Figures], key: str) -> float:
    """The median of one figure over the rounds."""
    return float(statistics.median(one[key] for one in figures))


def ratio(ours: Sequence[Figures], theirs: Sequence[Figures], key: str = "cpu_us") -> float:
    """The median over the rounds of our figure divided by theirs of the same round."""
    return float(statistics.median(one[key] / other[key] for one, other in zip(ours, theirs, strict=True)))


def medians(found: Mapping[str, Sequence[Figures]], *keys: str) -> dict[str, dict[str, float]]:
    """For each case the medians of these figures."""
    return {name: {key: median(figures, key) for key in keys} for name, figures in found.items()}
