"""The long proof of `make crash`: what is run, in which order, and what is said of it.

A part is named as in PARTS. Lanes of a part run side by side, each school in a database of its own; everything is
judged by the outside record. The last line says what was run and what was lost.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bot.program import Program
from storage.database import Database
from tests import postgres
from tests.crash import once, slack, telegram
from tests.crash.faults.proof import prove
from tests.crash.judge import Verdict
from tests.crash.kills import EVERYTHING, Staff, kill_again_and_again
from tests.crash.machine import at_the_machine
from tests.crash.points import RUNNING, Place, hit
from tests.crash.scene import Processes, Scene, new_file, nursery, write_program
from tests.fakes.line import Line
from tests.postgres import FAST

PARTS = ("points", "random", "machine", "faults", "telegram", "slack")
ENGINES = ("sqlite", "postgresql")
HITS = (1, 2, 3)
LANES = 2
"""Schools on each database at whose points it is killed at the same time: each of them mostly waits."""
KILLS = 200
IN_FLIGHT = 0.8
"""The share of random kills that must find work in flight, or they prove little."""
FOUR_WORKERS: Staff = (("ingress", "heartbeat"), ("worker",), ("worker",), ("worker",), ("worker",))
MOST = 12
"""Problems of one run that are printed."""


class Bench:
    """What all runs share: a folder, a PostgreSQL server, a nursery. `scene` makes a school in a new database."""

    def __init__(self, folder: Path, server: postgres.Postgres, processes: Processes) -> None:
        self.folder, self.server, self.processes = folder, server, processes
        self._numbers = itertools.count(1)
        self._template = folder / "template.db"
        database = Database(f"sqlite:///{self._template}")
        database.migrate()
        database.close()

    def scene(self, engine: str, line: Line, *, students: int, seed: int, migrated: bool = True) -> Scene:
        folder = self.folder / f"{engine}{next(self._numbers)}"
        if engine == "sqlite":
            url = new_file(folder, self._template if migrated else None)
        else:
            url = self.server.new_database(migrated=migrated)
        return Scene(folder, url, self.processes, line, students=students, seed=seed)


def places(wanted: str = "") -> list[Place]:
    """Every point at its first three hits, and every other action once."""
    exits = [Place(point, number) for point in [*RUNNING, *once.POINTS] for number in HITS]
    others = [Place(point, 1, action) for action in ("raise", "enospc", "sleep") for point in RUNNING]
    return [place for place in [*exits, *others] if wanted in str(place)]


async def at_points(bench: Bench, engine: str, wanted: Sequence[tuple[int, Place]]) -> Verdict:
    """Each place, with its seed, in a school of its own."""
    total = Verdict()
    for seed, place in wanted:
        if engine != "sqlite" and place.point.startswith("backup."):
            continue  # PostgreSQL's own programs make its backups
        async with Line(refusals=0.02, seed=seed).running() as line:
            if place.point in once.POINTS:
                scene = bench.scene(engine, line, students=0, seed=seed, migrated=place.point != "migrate.step")
                # They come once in a process: three times is three processes.
                verdict = await once.kill_once(scene, place if place.point == "import.row" else Place(place.point))
            else:
                scene = bench.scene(engine, line, students=8, seed=seed)
                scene.crowd.pause = 0.05
                verdict = await hit(scene, place)
            scene.close()
        total += told(f"{engine}, {place}", verdict)
    return total


async def at_random(bench: Bench, engine: str, times: int, at_once: int, staff: Staff = (EVERYTHING,)) -> Verdict:
    """So many kills, in a new school after every fifty. A platform's answer takes a little longer than its pace."""
    total = Verdict()
    workers = sum(not roles or "worker" in roles for roles in staff)
    for seed, begun in enumerate(range(0, times, 50), 1):
        async with Line(refusals=0.02, slow=0.04, seed=seed).running() as line:
            scene = bench.scene(engine, line, students=16, seed=seed)
            verdict = await kill_again_and_again(scene, min(50, times - begun), seed, staff, at_once)
            scene.close()
        total += told(f"{engine}, {workers} at work, kills {begun + 1} to {begun + verdict.kills}", verdict)
    if total.in_flight < IN_FLIGHT * total.kills:
        total.other.append(f"only {total.in_flight} of {total.kills} kills found work in flight")
    return told(f"{engine}, {workers} at work, all kills", total)


def told(what: str, verdict: Verdict) -> Verdict:
    """Print a verdict, and what was wrong."""
    print(f"{what}: {verdict}", flush=True)
    for problem in verdict.problems[:MOST]:
        print("   ", problem)
    if len(verdict.problems) > MOST:
        print(f"    ... and {len(verdict.problems) - MOST} more")
    return verdict


async def killed(parts: Sequence[str], point: str, kills: int, at_once: int, engines: Sequence[str]) -> Verdict:
    """The parts in which processes are killed."""
    total = Verdict()
    with tempfile.TemporaryDirectory(prefix="nearpeer-crash-", dir=FAST) as name, postgres.running() as server:
        folder = Path(name)
        program: Program = write_program(folder)
        async with nursery(program.folder) as processes:
            bench = Bench(folder, server, processes)
            if "points" in parts:
                wanted = list(enumerate(places(point)))
                lanes = [at_points(bench, engine, wanted[lane::LANES]) for engine in engines for lane in range(LANES)]
                total = sum(await asyncio.gather(*lanes), total)
            if "random" in parts:
                lanes = [at_random(bench, engine, kills, at_once) for engine in engines]
                if "postgresql" in engines:
                    lanes.append(at_random(bench, "postgresql", kills, at_once, FOUR_WORKERS))
                total = sum(await asyncio.gather(*lanes), total)
    return total


def main(arguments: list[str]) -> int:
    """The exit code: 0 when nothing was lost, double, or otherwise wrong."""
    parser = argparse.ArgumentParser(prog="make crash", description=__doc__)
    parser.add_argument("--only", choices=PARTS, help="one part of it")
    parser.add_argument("--point", default="", help="only places whose name holds this")
    parser.add_argument("--kills", type=int, default=KILLS, help="random kills of each kind")
    parser.add_argument("--at-once", type=int, default=1, help="sends under way at a time, in random kills")
    parser.add_argument("--engine", choices=ENGINES, action="append", help="only on this database")
    asked = parser.parse_args(arguments)
    parts = [asked.only] if asked.only else PARTS
    began = time.monotonic()
    engines, total = asked.engine or list(ENGINES), Verdict()
    if {"points", "random"} & set(parts):
        total += asyncio.run(killed(parts, asked.point, asked.kills, asked.at_once, engines))
    if "machine" in parts:
        total += at_the_machine(engines)
    if "faults" in parts:
        total.other += prove()
    if "telegram" in parts:
        total.other += telegram.prove()
    if "slack" in parts:
        total.other += slack.prove()
    verdict = "nothing was lost" if not total.problems else f"{len(total.problems)} PROBLEMS"
    print(f"make crash, {' and '.join(parts)}, {time.monotonic() - began:.0f} s: {total}: {verdict}")
    return bool(total.problems)
