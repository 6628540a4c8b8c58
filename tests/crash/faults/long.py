"""Short in the suite, long in `make crash`: which of the two this run is, and a word about what was seen."""

from __future__ import annotations

import os
import sys

VARIABLE = "FAULTS"
LONG = os.environ.get(VARIABLE) == "long"


def say(line: str) -> None:
    """Told in the long form, where figures are wanted."""
    if LONG:
        sys.stdout.write(f"\n{line}\n")
