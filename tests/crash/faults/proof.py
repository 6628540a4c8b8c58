"""The long form of the faults: 20 restarts, 5 storms, a lock of 30 seconds, a full disk. What `make crash` runs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.crash.faults.long import VARIABLE
from tests.crash.outside import ROOT


def prove() -> list[str]:
    """Run it all, with its figures on the terminal; gives what did not hold, or nothing."""
    words = [sys.executable, "-m", "pytest", "-q", "-s", "-n", "0", "-p", "no:cacheprovider"]
    places = [Path(__file__).parent, ROOT / "tests/storage/test_faults.py"]
    run = subprocess.run([*words, *map(str, places)], cwd=ROOT, env=os.environ | {VARIABLE: "long"}, check=False)
    return [f"faults: pytest ended with {run.returncode}"] if run.returncode else []
