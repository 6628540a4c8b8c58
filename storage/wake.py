"""News between programs on PostgreSQL (LISTEN/NOTIFY): somebody should look now. Never the truth, only a wake-up: who
misses it finds the same rows at the next look, a second later. On SQLite one program does it all and needs no telling.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, RootTransaction, text

from storage.database import Database

log = logging.getLogger(__name__)

_AGAIN = 1.0
"""Seconds until a broken connection is tried again, and until an end is noticed."""


class Channel(StrEnum):
    INBOX = "nearpeer_inbox"
    """Something arrived that wants its turn."""
    OUTBOX = "nearpeer_outbox"
    """Something may be sent."""


_woken: WeakKeyDictionary[RootTransaction, set[Channel]] = WeakKeyDictionary()


def wake(connection: Connection, channel: Channel) -> None:
    """Tell whoever listens, when this transaction is committed."""
    transaction = connection.get_transaction()
    if connection.dialect.name != "postgresql" or not isinstance(transaction, RootTransaction):
        return
    woken = _woken.setdefault(transaction, set())
    if channel not in woken:  # once is enough for a whole batch
        woken.add(channel)
        connection.execute(text("SELECT pg_notify(:channel, '')"), {"channel": channel})


class Listener:
    """Calls back, from a thread of its own, when a channel has news. Nothing to do on SQLite."""

    def __init__(self, database: Database, callbacks: Mapping[Channel, Callable[[], object]]) -> None:
        self._engine = database.engine
        self._callbacks = callbacks
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="database-listener", daemon=True)
        if not database.is_sqlite:
            self._thread.start()

    def close(self) -> None:
        """Listen no more; returns within a second."""
        self._closed.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._listen()
            except Exception as error:
                log.warning("not listening error=%s", type(error).__name__)
                self._closed.wait(_AGAIN)

    def _listen(self) -> None:
        pooled = self._engine.raw_connection()
        try:
            connection = pooled.driver_connection
            assert connection is not None
            connection.autocommit = True
            for channel in self._callbacks:
                connection.execute(f"LISTEN {channel}")
            for callback in self._callbacks.values():  # whatever came while nobody listened
                callback()
            while not self._closed.is_set():
                for note in connection.notifies(timeout=_AGAIN):
                    self._callbacks[Channel(note.channel)]()
        finally:
            pooled.invalidate()  # a connection that listens must not be lent to others
            pooled.close()
