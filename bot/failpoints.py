"""Named places where a test can make the process die, raise or stall. They cost one look at a global when off.

NEARPEER_FAILPOINTS="send.posted=exit@2,work.save=raise": the point, what happens there (exit, raise), at which hit.
"""

from __future__ import annotations

import os
import signal
from collections import Counter

VARIABLE = "NEARPEER_FAILPOINTS"


class FailpointError(RuntimeError):
    """A test asked for it."""


def _read(setting: str) -> dict[str, tuple[str, int]]:
    points = {}
    for entry in filter(None, setting.split(",")):
        name, _, what = entry.partition("=")
        action, _, hit = what.partition("@")
        points[name] = (action, int(hit or 1))
    return points


_points = _read(os.environ.get(VARIABLE, ""))
_hits: Counter[str] = Counter()


def failpoint(name: str) -> None:
    """Do what was asked for at this place; nothing, unless the environment names it."""
    if not _points or name not in _points:
        return
    action, hit = _points[name]
    _hits[name] += 1
    if _hits[name] != hit:
        return
    if action == "exit":
        os.kill(os.getpid(), signal.SIGKILL)
    raise FailpointError(name)
