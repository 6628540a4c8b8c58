"""What must always be so, judged from one look at the database: shared by the auditor, the staff pages and /healthz."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from storage.faults import Condition, outage
from storage.health import Health


class Kind(StrEnum):
    """What can be wrong. docs/alarms.md says of each what it means and what to do."""

    STORE = "store"
    FILE = "file"
    DAMAGED = "damaged"
    READ = "read"
    HEARTBEAT = "heartbeat"
    LADDER = "ladder"
    ALERT = "alert"
    INBOX = "inbox"
    OUTBOX = "outbox"
    DISK = "disk"
    CLOCK = "clock"
    PLATFORM = "platform"
    SILENT = "silent"
    BACKUP = "backup"


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing that is wrong. `text` is for staff and IT people, and holds nobody's data."""

    kind: Kind
    text: str
    warns: bool = False
    """To be looked at in the next days; nothing is late because of it."""


STALE_BEAT = timedelta(seconds=90)
"""Beats come every second."""
SILENT = timedelta(seconds=90)
"""Whoever speaks with a platform leaves a mark every ten seconds while all is well there."""
LATE = timedelta(minutes=2)
LATE_PROMPT = timedelta(hours=1)
"""A large school's check-ins leave at the platform's pace, which takes its time."""


_PATIENT = timedelta(days=7)
STUCK = 5.0
"""Seconds after which a write that is under way is no longer usual."""


def storing(condition: Condition) -> Sequence[Trouble]:
    """Whether messages are being stored, as the writer sees it; the database is not asked."""
    fault, busy_since = condition.fault, condition.busy_since
    if fault is not None:
        return (Trouble(Kind.STORE, f"Messages cannot be stored. {outage(fault)}"),)
    if busy_since is not None and time.monotonic() - busy_since > STUCK:
        text = "Messages cannot be stored at the moment: a write has been under way for more than five seconds."
        return (Trouble(Kind.STORE, text),)
    return ()


def silent(state: Health, wall: datetime, accounts: Sequence[str]) -> Sequence[Trouble]:
    """Platforms with which all was last well more than 90 seconds ago, whatever the programs say that speak there."""
    quiet = [name for name in accounts if name not in state.heard or wall - state.heard[name] > SILENT]
    names = sorted({name.partition(":")[0].capitalize() for name in quiet})
    return tuple(Trouble(Kind.SILENT, f"Nothing was heard from {name} for more than 90 seconds.") for name in names)


def backups(state: Health, wall: datetime, days: int) -> Sequence[Trouble]:
    """Whether the last backup is older than so many days (0: nobody asks); a week more, and it is an alarm."""
    if not days or (state.backed_up_at and wall - state.backed_up_at <= timedelta(days=days)):
        return ()
    warns = state.backed_up_at is None or wall - state.backed_up_at <= timedelta(days=days) + _PATIENT
    last = f"The last backup is {(wall - state.backed_up_at).days} days old" if state.backed_up_at else "No backup yet"
    return (Trouble(Kind.BACKUP, f"{last}: run nearpeer backup every night, see docs/backup.md.", warns=warns),)


def troubles(state: Health, now: datetime, wall: datetime) -> Sequence[Trouble]:
    """What is wrong now; empty when all is well."""
    return tuple(_troubles(state, now, wall))


def _troubles(state: Health, now: datetime, wall: datetime) -> Iterator[Trouble]:
    stopped = [name for name, at in state.beats.items() if wall - at > STALE_BEAT]
    if not state.beats:
        yield Trouble(Kind.HEARTBEAT, "The heartbeat has not begun: nothing is sent by itself.")
    elif stopped:
        names = ", ".join(sorted(stopped))
        yield Trouble(Kind.HEARTBEAT, f"The heartbeat has stopped ({names}): alerts may not climb by themselves.")
    if state.overdue_case and now - state.overdue_case > LATE:
        yield Trouble(Kind.LADDER, "The next adult of an open case should have been told more than two minutes ago.")
    if state.undelivered_cases:
        cases = "1 open case is" if state.undelivered_cases == 1 else f"{state.undelivered_cases} open cases are"
        yield Trouble(Kind.ALERT, f"{cases} undelivered: no alert has reached any adult. Look at the case, and call.")
    if state.failed_alerts:
        alerts = "1 alert" if state.failed_alerts == 1 else f"{state.failed_alerts} alerts"
        yield Trouble(Kind.ALERT, f"{alerts} about open cases could not be delivered.", warns=True)
    if state.oldest_new and wall - state.oldest_new > LATE:
        yield Trouble(Kind.INBOX, "What students wrote has been waiting to be read for more than two minutes.")
    if state.oldest_urgent and now - state.oldest_urgent > LATE:
        yield Trouble(Kind.OUTBOX, "Alerts or replies have been waiting to be sent for more than two minutes.")
    elif state.oldest_prompt and now - state.oldest_prompt > LATE_PROMPT:
        yield Trouble(Kind.OUTBOX, "Check-ins or reminders have been waiting to be sent for more than an hour.")
