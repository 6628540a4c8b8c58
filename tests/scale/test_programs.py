"""Several real programs share the work on one PostgreSQL: each is killed, frozen or told to end while the others go on.

The outside record judges: nothing lost, nothing twice but what a sender that died or froze had on its way, each chat in
order. Leases are shortened to seconds; `python -m bench.scale` does it in full length, with `nearpeer run` itself.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.crash.judge import Kill, Verdict, judge, look_at_the_dead
from tests.crash.scene import Processes, Scene, nursery, write_program
from tests.fakes.line import NAME, Line
from tests.postgres import Postgres

INGRESS, WORKER, HEARTBEAT = ("ingress",), ("worker",), ("heartbeat",)
SEND = f"send:{NAME}:{NAME}"
IN_HAND = "SELECT count(*) FROM inbox WHERE status = 'new' AND lease_token IS NOT NULL"
LEASE = 4.0
"""Seconds: tests.crash.process shortens them."""
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def processes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Processes]:
    async with nursery(write_program(tmp_path_factory.mktemp("scale")).folder) as processes:
        yield processes


class Staff:
    """The programs of a school at work, by their numbers."""

    def __init__(self, scene: Scene, roles: Sequence[tuple[str, ...]], pids: Sequence[int]) -> None:
        self.scene, self.roles, self.pids = scene, list(roles), list(pids)
        self.kills: list[Kill] = []

    def of(self, role: tuple[str, ...]) -> list[int]:
        return [pid for pid, its in zip(self.pids, self.roles, strict=True) if its == role]

    def sender(self) -> int:
        """The program that holds the sender's lease."""
        (row,) = self.scene.rows("SELECT owner FROM lease WHERE name = :name", name=SEND)
        return int(row.owner.rpartition(":")[2])

    def token(self, name: str) -> int:
        (row,) = self.scene.rows("SELECT token FROM lease WHERE name = :name", name=name)
        return int(row.token)

    async def note(self, *, is_sender: bool) -> None:
        """What is on its way now may come twice, because its sender is gone."""
        line = self.scene.line
        self.kills.append(await look_at_the_dead(self.scene, line.unconfirmed, line.unanswered, is_sender=is_sender))

    async def taken(self, more: int) -> None:
        """Until the platform has taken so many more messages."""
        line = self.scene.line
        enough = len(line.taken) + more
        await until(lambda: len(line.taken) >= enough)

    async def rest(self) -> Verdict:
        """Let everybody finish, end all programs as a service runner does, and compare."""
        self.scene.crowd.wind_down()
        await self.scene.until_quiet()
        living = [pid for pid in self.pids if alive(pid)]
        ends = await asyncio.gather(*(self.scene.processes.stop(pid) for pid in living))
        assert ends == [0] * len(living)
        verdict = judge(self.scene, self.kills)
        assert verdict.answers > 0
        return verdict


@asynccontextmanager
async def at_work(
    processes: Processes, postgres: Postgres, folder: Path, *roles: tuple[str, ...], students: int = 8
) -> AsyncIterator[Staff]:
    async with Line(refusals=0.02, slow=0.005).running() as line:
        scene = Scene(folder / "school", postgres.new_database(), processes, line, students=students, seed=5)
        scene.crowd.pause = 0.1
        staff = Staff(scene, roles, [await scene.start(roles=its) for its in roles])
        try:
            async with asyncio.timeout(90):
                await scene.planned()
            scene.crowd.begin()
            await staff.taken(10)
            yield staff
        finally:
            for pid in filter(alive, staff.pids):
                processes.kill(pid)
            scene.close()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    except FileNotFoundError:
        return False


async def until(true: Callable[[], object], within: float = 90) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110  (other programs tell us nothing)
            await asyncio.sleep(0.1)


async def test_workers_share_the_work_and_nothing_is_lost_double_or_out_of_order(
    processes: Processes, postgres: Postgres, tmp_path: Path
) -> None:
    async with at_work(processes, postgres, tmp_path, INGRESS, HEARTBEAT, *[WORKER] * 4) as staff:
        await staff.taken(60)
        verdict = await staff.rest()
    assert verdict.problems == []
    assert verdict.duplicates == 0


async def test_a_worker_that_is_killed_is_replaced_by_the_others(
    processes: Processes, postgres: Postgres, tmp_path: Path
) -> None:
    async with at_work(processes, postgres, tmp_path, INGRESS, HEARTBEAT, WORKER, WORKER) as staff:
        processes.kill(staff.of(WORKER)[0])
        await staff.note(is_sender=False)
        await staff.taken(30)
        verdict = await staff.rest()
    assert verdict.problems == []
    assert verdict.duplicates == 0


async def test_what_a_frozen_worker_brings_late_is_refused(
    processes: Processes, postgres: Postgres, tmp_path: Path
) -> None:
    """F17. It is stopped with messages in hand, the other one does them, and then it wakes up and goes on."""
    async with at_work(processes, postgres, tmp_path, INGRESS, HEARTBEAT, WORKER, students=20) as staff:
        scene, frozen = staff.scene, staff.of(WORKER)[0]
        for _ in range(200):
            os.kill(frozen, signal.SIGSTOP)
            if scene.rows(IN_HAND)[0][0]:
                break
            os.kill(frozen, signal.SIGCONT)
            await asyncio.sleep(0.02)
        in_hand = {row.id for row in scene.rows("SELECT id FROM inbox WHERE lease_token IS NOT NULL")}
        assert in_hand, "it never had anything in hand"
        scene.crowd.pause = 1.0
        staff.pids.append(await scene.start(roles=WORKER))
        staff.roles.append(WORKER)
        open_ = "SELECT id FROM inbox WHERE status = 'new'"
        # If it was stopped inside a transaction, PostgreSQL first ends that after fifteen seconds.
        await until(lambda: not in_hand & {row.id for row in scene.rows(open_)})
        os.kill(frozen, signal.SIGCONT)
        scene.crowd.pause = 0.1
        await staff.taken(20)
        verdict = await staff.rest()
    assert verdict.problems == []
    assert verdict.duplicates == 0


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
async def test_another_sender_and_poller_takes_over(
    processes: Processes, postgres: Postgres, tmp_path: Path, how: signal.Signals
) -> None:
    """Killed, frozen for longer than its leases and back again, or told to end: then its leases are free at once."""
    async with at_work(processes, postgres, tmp_path, INGRESS, INGRESS, HEARTBEAT, WORKER) as staff:
        first = staff.sender()
        token = staff.token(SEND)
        os.kill(first, how)
        if how == signal.SIGTERM:
            assert await processes.ended(first) == 0
        else:
            await staff.note(is_sender=True)
        await until(lambda: staff.token(SEND) > token)
        assert staff.sender() != first
        await staff.taken(30)
        if how == signal.SIGSTOP:
            # For a moment two poll and two send: the platform ends one poll, and the rows know their sender.
            os.kill(first, signal.SIGCONT)
            await staff.taken(20)
        verdict = await staff.rest()
    assert verdict.problems == []


async def test_another_heartbeat_takes_over_and_no_ladder_stops(
    processes: Processes, postgres: Postgres, tmp_path: Path
) -> None:
    async with at_work(processes, postgres, tmp_path, INGRESS, WORKER, HEARTBEAT, HEARTBEAT) as staff:
        token = staff.token("heartbeat")
        (row,) = staff.scene.rows("SELECT owner FROM lease WHERE name = 'heartbeat'")
        processes.kill(int(row.owner.rpartition(":")[2]))
        await staff.note(is_sender=False)
        await until(lambda: staff.token("heartbeat") > token)
        await staff.taken(20)
        verdict = await staff.rest()
    assert verdict.problems == []
    assert verdict.duplicates == 0


async def test_four_programs_may_make_the_tables_at_once(
    processes: Processes, postgres: Postgres, tmp_path: Path
) -> None:
    async with Line().running() as line:
        url = postgres.new_database(migrated=False)
        scene = Scene(tmp_path / "school", url, processes, line, students=0, seed=1)
        pids = [await scene.start(job="migrate") for _ in range(4)]
        assert await asyncio.gather(*map(processes.ended, pids)) == [0, 0, 0, 0]
        assert {"person", "message", "inbox", "lease"} <= scene.tables()
        scene.close()
