"""Points outside the running house: a roster imported, a database migrated, a backup made; killed, and done again."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path

from bot.backup import verify
from tests.crash.judge import Verdict
from tests.crash.points import Place
from tests.crash.scene import Scene

WITHIN = 20.0
PEOPLE = 40
ROSTER = "key,name,role\n" + "".join(f"leo{number},Leo {number},mentor\n" for number in range(PEOPLE))
POINTS = {"import.row": "import", "import.commit": "import", "migrate.step": "migrate"}
POINTS |= {"backup.copied": "backup", "backup.verified": "backup"}
"""The job in which a point lies."""


async def kill_once(scene: Scene, place: Place) -> Verdict:
    """`scene` is an empty folder: with tables for an import, without for a migration."""
    job = POINTS[place.point]
    (scene.folder / "roster.csv").write_text(ROSTER)
    verdict = Verdict(kills=1, in_flight=1)
    async with asyncio.timeout(WITHIN):
        killed = await scene.processes.ended(await scene.start(str(place), job=job))
        half = _JUDGES[job](scene)
        again = await scene.processes.ended(await scene.start(job=job))
        whole = _JUDGES[job](scene)
    if killed != -9:
        verdict.other.append(f"{place} was never reached: the job ended with {killed}: {scene.last_words()}")
    if half not in (0, 1):
        verdict.other.append(f"{job}: the kill left a share of {half}")
    if again or whole != 1:
        verdict.lost_answers.append(f"{job}: done again it ended with {again}, and {whole} of it are there")
    return verdict


def _imported(scene: Scene) -> float:
    """The share of the roster that is there; everybody is there once."""
    return float(scene.rows("SELECT count(*), count(DISTINCT key) FROM person")[0][1]) / PEOPLE


def _migrated(scene: Scene) -> float:
    """1 when the tables are there and named by their revision, 0 when nothing is."""
    there = scene.tables()
    if "alembic_version" not in there:
        return 0 if not there else 0.5
    return float(scene.rows("SELECT count(*) FROM alembic_version")[0][0] == 1 and {"person", "message"} <= there)


def _backed_up(scene: Scene) -> float:
    """How many files have a backup's name; whole they must be."""
    kept = list((scene.folder / "backups").glob("*.zip"))
    for file in kept:
        with tempfile.TemporaryDirectory() as aside:
            verify(file, Path(aside))
    return len(kept)


_JUDGES: dict[str, Callable[[Scene], float]] = {"import": _imported, "migrate": _migrated, "backup": _backed_up}
