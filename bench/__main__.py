"""`python -m bench [--quick] [P2 ...]`: measure the goals, print the table, keep the results and write the page.

The exit code is 1 when a goal does not hold. A quick run is tiny: it shows that everything runs, and keeps nothing.
"""

from __future__ import annotations

import argparse
import sys
import time

from bench import page
from bench.goals import GOALS
from bench.machine import facts
from bench.measure import PEERS_PYTHON
from bench.result import FULL, QUICK, Result, keep, row


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("goals", nargs="*", metavar="GOAL", help=f"one or more of {', '.join(GOALS)}; all if none")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    if unknown := [name for name in arguments.goals if name not in GOALS]:
        parser.error(f"no goal is called {', '.join(unknown)}; there are {', '.join(GOALS)}")
    if not PEERS_PYTHON.exists():
        sys.exit("The peers are not installed. `make bench` installs them first; ONLY=P2 measures one goal.")
    size = QUICK if arguments.quick else FULL
    found: dict[str, Result] = {}
    for name in arguments.goals or GOALS:
        started = time.monotonic()
        found[name] = GOALS[name].measure(size)
        _show(name, found[name], time.monotonic() - started)
    if arguments.quick:
        print("This was a quick run: its figures mean nothing.")
        return 0
    keep(facts(), {name: row(GOALS[name].name, result, f"make bench ONLY={name}") for name, result in found.items()})
    page.write()
    missed = [name for name, result in found.items() if not result.holds]
    print(
        f"{len(found) - len(missed)} of {len(found)} goals hold" + (f"; missed: {', '.join(missed)}" if missed else "")
    )
    return 1 if missed else 0


def _show(name: str, result: Result, seconds: float) -> None:
    print(f"{name} {GOALS[name].name} ({seconds:.0f} s)")
    for claim in result.claims:
        print(f"  {page.verdict(claim.holds):6} {claim.text}: {page.measured(claim.value, claim.unit)} "
              f"({page.bound(claim.limit, claim.unit, at_least=claim.at_least)})", flush=True)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
