"""Named points: a process is killed at one of them under load, another takes its place, and everybody comes to rest."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from bot import failpoints
from tests.crash.judge import Kill, Verdict, judge, look_at_the_dead
from tests.crash.scene import Scene

REACHED_WITHIN = 45.0
STALL = 0.5
RUNNING = [point for point in failpoints.POINTS if not point.startswith(("import.", "migrate.", "backup."))]
"""Points of the running house; for the others see `tests.crash.once`."""
IN_DOUBT = ("send.posted", "send.recorded_uncommitted")
"""Whatever happens here, the house cannot know that the platform has the message: it is sent again."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where and how a process is hit."""

    point: str
    hit: int = 1
    action: str = "exit"

    def __str__(self) -> str:
        return f"{self.point}={self.action}@{self.hit}"


async def hit(scene: Scene, place: Place) -> Verdict:
    """One run: load, the hit, a successor where one is needed, rest, judgement."""
    kills: list[Kill] = []
    problems: list[str] = []
    pid = await scene.start(str(place), stall=STALL, at_once=1)
    try:
        async with asyncio.timeout(REACHED_WITHIN):
            await scene.polled(0)
            scene.crowd.begin()
            await scene.logged(f"failpoint={place.point} action={place.action}")
            if place.action == "exit":
                await scene.processes.ended(pid)
                line = scene.line
                kills.append(await look_at_the_dead(scene, line.unconfirmed, line.unanswered))
                pid = await scene.start()
    except TimeoutError:
        problems.append(f"{place} was never reached")
    scene.crowd.wind_down()
    try:
        await scene.until_quiet()
        rested = True
    except TimeoutError:
        rested = False
    if code := await scene.processes.stop(pid):
        problems.append(f"the last process ended with {code}")
    faults = place.action in ("raise", "enospc")
    verdict = judge(scene, kills, doubts=faults and place.point in IN_DOUBT, faults=faults, rested=rested)
    verdict.other += problems
    if verdict.most_at_once > 1:
        verdict.double.append(f"one kill doubled {verdict.most_at_once} messages, with one under way at a time")
    return verdict
