"""Random kills: whoever works for the school is killed again and again, at any moment, and at once replaced."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

from bot import delivery
from tests.crash.judge import Kill, Verdict, judge, look_at_the_dead
from tests.crash.scene import Scene
from tests.fakes.line import Line

READY_WITHIN = 20.0
LONGEST_LIFE = 2.0
MOST_DONE = 12
"""Messages that the platform takes from one kill to the next, at most: a busy machine only takes longer for them."""

Staff = Sequence[tuple[str, ...]]
EVERYTHING: tuple[str, ...] = ()
"""One process does everything."""


async def kill_again_and_again(
    scene: Scene, times: int, seed: int, staff: Staff = (EVERYTHING,), at_once: int = 1
) -> Verdict:
    """`staff`: the roles of each process. `at_once`: sends under way at a time: a kill doubles no more."""
    dice, line = random.Random(seed), scene.line
    living = [await scene.start(roles=roles, at_once=at_once) for roles in staff]
    kills: list[Kill] = []
    problems: list[str] = []
    try:
        async with asyncio.timeout(READY_WITHIN):
            await scene.planned()
        scene.crowd.begin()
        while len(kills) < times:
            await _a_while(line, dice)
            victim = dice.randrange(len(living))
            polls, unconfirmed, unanswered = line.polls, line.unconfirmed, line.unanswered
            scene.processes.kill(living[victim])
            if (code := await scene.processes.ended(living[victim])) != -9:
                problems.append(f"a process ended with {code} before it was killed")
            is_sender = staff[victim] == EVERYTHING or "ingress" in staff[victim]
            kills.append(await look_at_the_dead(scene, unconfirmed, unanswered, is_sender=is_sender))
            # Who is not killed any more may send as a school does: it has to catch up.
            its = at_once if len(kills) < times else delivery.IN_FLIGHT
            living[victim] = await scene.start(roles=staff[victim], at_once=its)
            if len(staff) == 1:
                async with asyncio.timeout(READY_WITHIN):
                    await scene.polled(polls)
    except TimeoutError:
        problems.append("a new process did not begin to work")
    scene.crowd.wind_down()
    try:
        await scene.until_quiet()
        rested = True
    except TimeoutError:
        rested = False
    ends = await asyncio.gather(*(scene.processes.stop(pid) for pid in living))
    problems += [f"a last process ended with {code}" for code in ends if code]
    verdict = judge(scene, kills, rested=rested)
    verdict.other += problems
    if verdict.most_at_once > at_once:
        verdict.double.append(f"one kill doubled {verdict.most_at_once} messages, with {at_once} under way at a time")
    return verdict


async def _a_while(line: Line, dice: random.Random) -> None:
    """Until the platform has taken some more messages, and a moment longer."""
    enough, loop = len(line.taken) + dice.randint(0, MOST_DONE), asyncio.get_running_loop()
    end = loop.time() + LONGEST_LIFE
    while len(line.taken) < enough and loop.time() < end:  # noqa: ASYNC110  (the line tells nobody of a message)
        await asyncio.sleep(0.001)
    await asyncio.sleep(dice.uniform(0.001, 0.04))
