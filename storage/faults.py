"""What can be wrong with the database itself: told from its errors, and kept where any thread can look at it.

A fault is nobody's fault: the event that met it is tried again and counts no try. What a unit does wrong by itself
(a broken rule, a statement that takes too long) is no fault and is not known here.
"""

from __future__ import annotations

import errno
import time
from enum import StrEnum

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoFreeConnection

from bot.errors import Outage


class Fault(StrEnum):
    """Why the database does not take what it is given."""

    LOCKED = "locked"
    CONFLICT = "conflict"
    AWAY = "away"
    FULL = "full"
    READ_ONLY = "read-only"
    BROKEN = "broken"
    DAMAGED = "damaged"
    REPLACED = "replaced"


PASSING = (Fault.LOCKED, Fault.CONFLICT, Fault.AWAY)
"""Often gone a moment later: the writer waits for them, within its patience."""

_WORDS = {
    Fault.LOCKED: "another program holds it for writing",
    Fault.CONFLICT: "others are writing the same rows",
    Fault.AWAY: "it does not answer",
    Fault.FULL: "there is no space left",
    Fault.READ_ONLY: "it may only be read",
    Fault.BROKEN: "its file cannot be opened, or the disk reports errors",
    Fault.DAMAGED: "its file is damaged",
    Fault.REPLACED: "its file was deleted or replaced while Nearpeer was running",
}

_SQLITE = {
    5: Fault.LOCKED,  # SQLITE_BUSY
    6: Fault.LOCKED,  # SQLITE_LOCKED
    8: Fault.READ_ONLY,
    10: Fault.BROKEN,  # SQLITE_IOERR
    11: Fault.DAMAGED,  # SQLITE_CORRUPT
    13: Fault.FULL,
    14: Fault.BROKEN,  # SQLITE_CANTOPEN
    26: Fault.DAMAGED,  # SQLITE_NOTADB
}
"""By primary result code: https://www.sqlite.org/rescode.html"""
_MOVED = 1032  # SQLITE_READONLY_DBMOVED

_SYSTEM = {errno.ENOSPC: Fault.FULL, errno.EDQUOT: Fault.FULL, errno.EROFS: Fault.READ_ONLY}

_POSTGRESQL = {
    "08": Fault.AWAY,
    "53": Fault.AWAY,  # too many connections, out of memory
    "53100": Fault.FULL,
    "57P": Fault.AWAY,  # shut down, crashed, still starting
    "40001": Fault.CONFLICT,
    "40P01": Fault.CONFLICT,
    "55P03": Fault.LOCKED,
    "25006": Fault.READ_ONLY,
    "58": Fault.BROKEN,
    "XX001": Fault.DAMAGED,
    "XX002": Fault.DAMAGED,
}
"""By the beginning of the SQLSTATE, the longest that fits: https://www.postgresql.org/docs/current/errcodes-appendix.html"""


def fault_of(error: BaseException) -> Fault | None:
    """The fault behind an error of the database, or None when the statement itself was wrong."""
    if isinstance(error, NoFreeConnection):
        return Fault.AWAY
    if isinstance(error, OSError):
        return _SYSTEM.get(error.errno or 0)
    if not isinstance(error, DBAPIError):
        return None
    sqlite_code = getattr(error.orig, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return Fault.REPLACED if sqlite_code == _MOVED else _SQLITE.get(sqlite_code & 0xFF)
    state = getattr(error.orig, "sqlstate", None)
    if state is None:  # psycopg has no state for a connection that broke or was refused
        return Fault.AWAY if error.connection_invalidated or type(error.orig).__name__ == "OperationalError" else None
    fitting = [beginning for beginning in _POSTGRESQL if state.startswith(beginning)]
    return _POSTGRESQL[max(fitting, key=len)] if fitting else None


def outage(fault: Fault) -> Outage:
    """The error for whoever wanted something of the database."""
    return Outage(fault, f"The database cannot be used now: {_WORDS[fault]}.")


class Condition:
    """How the writer is doing. Written by the database, looked at from any thread; each field is one assignment."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        """Stands until a trial write went well after it."""
        self.failed_at = 0.0
        """When it was last met, by the monotonic clock."""
        self.busy_since: float | None = None
        """Since when the batch that is being written has been under way, by the monotonic clock."""

    def met(self, fault: Fault) -> None:
        """Note a fault."""
        self.failed_at = time.monotonic()
        self.fault = fault

    def tried(self, began_at: float) -> None:
        """A trial write that began then went well: the fault is over, unless it was met again since."""
        if self.failed_at < began_at and self.fault is not Fault.REPLACED:
            self.fault = None
