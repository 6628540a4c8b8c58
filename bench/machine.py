"""The facts of the machine and of everything that was measured on it."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import statistics
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench.measure import PEERS_PYTHON, Figures, calibration

PEERS = ("python-telegram-bot", "aiogram", "aiogram-sqlite-storage", "transitions")
BESIDE = ("slack-bolt", "slack-sdk")
"""Peers that need nothing else than Nearpeer does, and run in its own Python."""
_VERSIONS = (
    "import json, sys; from importlib.metadata import version; print(json.dumps(list(map(version, sys.argv[1:]))))"
)


def facts() -> Figures:
    """What a reader must know to compare with a machine of their own."""
    asked = subprocess.run([str(PEERS_PYTHON), "-c", _VERSIONS, *PEERS], capture_output=True, check=True, text=True)
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "calibration_us": round(calibration()),
        "fdatasync_us": round(_fdatasync() * 1e6),
        "peers": dict(zip(PEERS, json.loads(asked.stdout), strict=True)) | {name: version(name) for name in BESIDE},
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _fdatasync() -> float:
    """Seconds that the disk takes to keep 4 KiB: the median."""
    took = []
    with tempfile.TemporaryFile() as file:
        for _ in range(200):
            file.write(os.urandom(4096))
            file.flush()
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - started)
    return statistics.median(took)
