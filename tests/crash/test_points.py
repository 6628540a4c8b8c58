"""The short form of `make crash`: some points and a few random kills on each database, and the list of all points."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bot import failpoints
from tests.crash.kills import kill_again_and_again
from tests.crash.points import Place, hit
from tests.crash.scene import Processes, Scene, nursery, write_program
from tests.fakes.line import Line

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(autouse=True)
def _nothing_armed() -> None:
    failpoints.arm("")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def processes(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Processes]:
    async with nursery(write_program(tmp_path_factory.mktemp("crash")).folder) as processes:
        yield processes


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("place", [Place("send.posted", 3), Place("ack.committed")])
async def test_who_is_killed_at_a_point_leaves_nothing_undone(
    processes: Processes, database_url: str, tmp_path: Path, place: Place
) -> None:
    async with Line(refusals=0.02).running() as line:
        scene = Scene(tmp_path / "school", database_url, processes, line, students=4, seed=2)
        scene.crowd.pause = 0.03
        verdict = await hit(scene, place)
        scene.close()
    assert verdict.problems == []
    assert verdict.kills == 1
    assert verdict.answers > 0
    assert verdict.alerts > 0


@pytest.mark.asyncio(loop_scope="module")
async def test_who_is_killed_again_and_again_loses_nothing(
    processes: Processes, database_url: str, tmp_path: Path
) -> None:
    async with Line(refusals=0.02, slow=0.005).running() as line:
        scene = Scene(tmp_path / "school", database_url, processes, line, students=6, seed=3)
        scene.crowd.pause = 0.03
        verdict = await kill_again_and_again(scene, 4, seed=3)
        scene.close()
    assert verdict.problems == []
    assert verdict.kills == 4
    assert verdict.answers > 0


def test_every_point_is_in_the_code_in_the_list_and_in_the_guide() -> None:
    named: set[object] = set()
    written: set[str] = set()
    for path in [ROOT / "tests/fakes/line.py", *(ROOT / "bot").rglob("*.py"), *(ROOT / "storage").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and path.name != "failpoints.py":
                written.add(str(node.value))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "failpoint":
                named |= {str(one.value) for one in ast.walk(node.args[0]) if isinstance(one, ast.Constant)}
    assert named <= set(failpoints.POINTS) <= written
    guide = (ROOT / "docs/crash.md").read_text(encoding="utf-8")
    assert dict(re.findall(r"^\| `([a-z_.]+)` \| (.*) \|$", guide, re.MULTILINE)) == failpoints.POINTS


def test_a_point_that_nobody_armed_does_nothing_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[str] = []
    monkeypatch.setattr(failpoints, "_reached", reached.append)
    failpoints.failpoint("send.posted")
    assert reached == []
    failpoints.arm("send.posted=raise")
    failpoints.failpoint("send.posted")
    assert reached == ["send.posted"]


def test_a_point_is_hit_once_at_the_time_that_was_said() -> None:
    failpoints.arm("work.begin=raise@2,send.posted=enospc")
    failpoints.failpoint("work.begin")
    with pytest.raises(failpoints.FailpointError, match=r"work\.begin"):
        failpoints.failpoint("work.begin")
    failpoints.failpoint("work.begin")
    with pytest.raises(OSError, match="No space left"):
        failpoints.failpoint("send.posted")


@pytest.mark.parametrize("setting", ["send.postd=exit", "send.posted=explode", "send.posted"])
def test_a_slip_in_the_setting_is_said(setting: str) -> None:
    with pytest.raises(ValueError, match="is no point with an action"):
        failpoints.arm(setting)
