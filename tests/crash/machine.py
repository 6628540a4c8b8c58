"""The state machine for `make crash`: one process per database, at least so many steps, every rule taken."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from storage.database import Database
from tests import postgres
from tests.crash.judge import Verdict
from tests.postgres import FAST
from tests.school import tiny_program
from tests.test_machine import RULES, run_for

ROOT = Path(__file__).resolve().parent.parent.parent
STEPS = 10_000
"""On each database."""
EXAMPLES, LENGTH = 40, 50


def at_the_machine(engines: list[str], steps: int = STEPS) -> Verdict:
    """Run it on these databases side by side; what Hypothesis finds is printed and counted."""
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda engine: _in_a_process(engine, steps), engines))
    total = Verdict()
    for engine, (taken, said) in zip(engines, found, strict=True):
        print(f"{engine}, state machine: {taken.total()} steps, {len(taken)} of {len(RULES)} rules taken", flush=True)
        total.steps += taken.total()
        if said:
            print(said)
            total.other.append(f"the state machine on {engine} found something")
        elif missing := RULES - taken.keys():
            total.other.append(f"the state machine on {engine} never took {', '.join(sorted(missing))}")
    return total


def _in_a_process(engine: str, steps: int) -> tuple[Counter[str], str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.machine", engine, str(steps)],
        cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    taken = Counter(json.loads(done.stdout)) if done.returncode == 0 else Counter[str]()
    return taken, "" if done.returncode == 0 else done.stdout + done.stderr


def _run(new_database: Callable[[], str], folder: Path, steps: int) -> Counter[str]:
    program, taken = tiny_program(folder), Counter[str]()
    while taken.total() < steps:
        taken += run_for(program, new_database, EXAMPLES, LENGTH)
    return taken


def main(engine: str, steps: int) -> None:
    """Print how often each rule was taken; end with what Hypothesis raised."""
    with tempfile.TemporaryDirectory(prefix="nearpeer-machine-", dir=FAST) as name:
        folder, numbers = Path(name), itertools.count()
        if engine == "postgresql":
            with postgres.running() as server:
                taken = _run(server.new_database, folder, steps)
        else:
            template = folder / "template.db"
            database = Database(f"sqlite:///{template}")
            database.migrate()
            database.close()

            def new_file() -> str:
                path = folder / f"school{next(numbers)}.db"
                path.write_bytes(template.read_bytes())
                return f"sqlite:///{path}"

            taken = _run(new_file, folder, steps)
    print(json.dumps(taken))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
