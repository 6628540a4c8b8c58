"""Named places where a test can make the process die, raise, stall or find the disk full. Off, they cost one look.

NEARPEER_FAILPOINTS="send.posted=exit@2,work.answer=sleep": the point, what happens there, and at which hit (the first).
"""

from __future__ import annotations

import errno
import logging
import os
import signal
import time
from collections import Counter

log = logging.getLogger(__name__)

VARIABLE = "NEARPEER_FAILPOINTS"
POINTS = {
    "ingress.fetched": "a platform has handed over events; nothing is stored",
    "ingress.inserted": "the event is in the inbox, uncommitted",
    "ingress.committed": "the event is stored; the platform has not been told",
    "ingress.acked": "the platform has been told; nothing is handled (in adapters that poll)",
    "work.begin": "a turn begins; nothing of it is written",
    "work.escalation": "a case is written, uncommitted",
    "work.outbox": "a message is in the outbox, uncommitted",
    "work.answer": "an answer is written, uncommitted",
    "work.audit": "everything of a turn is written, uncommitted",
    "work.committed": "turns are committed; their replies are not sent",
    "send.claimed_uncommitted": "messages are claimed, uncommitted",
    "send.claimed": "messages are claimed; nothing is sent",
    "send.posted": "the platform has taken a message; that is not recorded",
    "send.recorded_uncommitted": "a sent message is recorded, uncommitted",
    "send.recorded": "a sent message is recorded",
    "esc.advance_uncommitted": "a ladder has climbed, with its alerts; uncommitted",
    "esc.advanced": "a ladder has climbed; its alerts are not sent",
    "ack.received": "an adult acknowledges; nothing is written",
    "ack.committed": "the acknowledgement is stored; the adult has not been told",
    "ack.confirmed": "the adult has been told what came of their message",
    "plan.inserted": "planned occurrences are written, uncommitted",
    "fire.chunk": "the messages of a fan-out are in the outbox, uncommitted; its occurrences are not marked",
    "fire.marked": "a fan-out is written and marked, uncommitted",
    "import.row": "a person of the roster is written, uncommitted",
    "import.commit": "the roster is imported",
    "backup.copied": "a backup is written under another name; it is not verified",
    "backup.verified": "a backup is verified; it has not its name yet",
    "migrate.step": "a migration has run, uncommitted",
}
"""Every point, and what is true there."""
LONGEST = 10.0
"""Seconds that `sleep` stalls."""


class FailpointError(RuntimeError):
    """A test asked for it."""


_armed: dict[str, tuple[str, int]] = {}
_hits: Counter[str] = Counter()


def arm(setting: str) -> None:
    """Switch on what the setting names, and only that. Raises ValueError for what is none."""
    points = {}
    for entry in filter(None, setting.split(",")):
        name, _, what = entry.partition("=")
        action, _, hit = what.partition("@")
        if name not in POINTS or action not in _ACTIONS:
            raise ValueError(f"{VARIABLE}: {entry} is no point with an action ({', '.join(_ACTIONS)})")
        points[name] = (action, int(hit or 1))
    _hits.clear()
    _armed.clear()
    _armed.update(points)


def failpoint(name: str) -> None:
    """Do what was asked for at this place; nothing, unless somebody armed it."""
    if _armed:
        _reached(name)


def _reached(name: str) -> None:
    action, hit = _armed.get(name, ("", 0))
    _hits[name] += 1
    if _hits[name] == hit:
        log.warning("failpoint=%s action=%s", name, action)
        _ACTIONS[action](name)


def _exit(_name: str) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _raise(name: str) -> None:
    raise FailpointError(name)


def _sleep(_name: str) -> None:
    time.sleep(LONGEST)


def _disk_full(_name: str) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


_ACTIONS = {"exit": _exit, "raise": _raise, "sleep": _sleep, "enospc": _disk_full}
arm(os.environ.get(VARIABLE, ""))
