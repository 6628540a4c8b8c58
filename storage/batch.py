"""The rows of turns on their way into one transaction: gathered, and written table by table.

Whoever reads in between gets a connection on which everything gathered so far is written; only what nobody can have
changed may be read past it.
"""

from __future__ import annotations

from collections import defaultdict
from types import TracebackType
from typing import Any

from sqlalchemy import Connection, Text, bindparam, literal_column

from bot.failpoints import failpoint
from storage import tables
from storage.hot import Row, Statement, inserting
from storage.wake import Channel, wake

DEFINITION = inserting(
    tables.definition, ("hash", "kind", "name", "body", "stored_at"), lambda insert: insert.on_conflict_do_nothing()
)
CONVERSATION = inserting(
    tables.conversation,
    (
        *("id", "person_id", "flow", "flow_hash", "status", "state"),
        *("due_at", "started_at", "match_id", "occurrence_id"),
    ),
    # What a conversation began with stays; where it stands changes.
    lambda insert: insert.on_conflict_do_update(
        index_elements=["id"], set_={name: insert.excluded[name] for name in ("status", "state", "due_at")}
    ),
)
_NOTHING_SENT: dict[str, Any] = {
    "attempts": literal_column("0"),
    "ambiguous": literal_column("0"),
    "provider_id": literal_column("''"),
}
RECEIVED = inserting(
    tables.message,
    (
        *("id", "person_id", "platform", "account", "chat", "kind", "text", "step", "conversation_id"),
        *("created_at", "provider_id", "replaces"),
    ),
    lambda insert: insert,
    direction=literal_column("'in'"),
    status=literal_column("'received'"),
    priority=literal_column("1"),
    error=literal_column("''"),
    news=literal_column("''"),
    **{name: zero for name, zero in _NOTHING_SENT.items() if name != "provider_id"},
)
# A repeated message is dropped by its key, and by nothing else: an id that is taken is an error, tried again anew.
_BY_KEY = {"index_elements": ["dedupe_key"], "index_where": tables.message.c.dedupe_key.is_not(None)}
MESSAGE = inserting(
    tables.message,
    (
        *("id", "person_id", "platform", "account", "chat", "kind", "priority", "text", "choices", "step"),
        *("conversation_id", "escalation_id", "rung", "round", "dedupe_key", "status", "error", "news"),
        *("not_before", "expires_at", "created_at", "replaces"),
    ),
    lambda insert: insert.on_conflict_do_nothing(**_BY_KEY),
    direction=literal_column("'out'"),
    **_NOTHING_SENT,
)
PROMPT = inserting(
    tables.message,
    (
        *("id", "person_id", "platform", "account", "chat", "kind", "priority", "text", "step"),
        *("conversation_id", "dedupe_key", "expires_at", "created_at"),
    ),
    lambda insert: insert.on_conflict_do_nothing(**_BY_KEY),
    choices=bindparam("choices", type_=Text),  # as it is stored: all of a fan-out have the same
    direction=literal_column("'out'"),
    status=literal_column("'pending'"),
    error=literal_column("''"),
    news=literal_column("''"),
    **_NOTHING_SENT,
)
ANSWER = inserting(
    tables.answer,
    (
        *("id", "conversation_id", "person_id", "message_id", "flow", "flow_hash", "step", "topic"),
        *("sensitivity", "kind", "value", "text", "at"),
    ),
    lambda insert: insert,
    reviewed_by=literal_column("''"),
)

_ORDER = (
    *((DEFINITION, ""), (CONVERSATION, ""), (RECEIVED, "")),
    *((MESSAGE, "work.outbox"), (PROMPT, "work.outbox"), (ANSWER, "work.answer")),
)
"""What is referred to comes first; and the failpoint behind each table."""


class Batch:
    """What turns of one transaction write. Use it as a context: at its end everything is written."""

    def __init__(self, connection: Connection) -> None:
        self.past = connection
        """To read what no turn before in this batch can have changed; see `touched`."""
        self.touched: set[int] = set()
        """People about whom something is gathered and not written yet."""
        self._rows: dict[Statement, list[Row]] = defaultdict(list)

    @property
    def connection(self) -> Connection:
        """To read and write whatever is wanted: everything gathered so far is written now."""
        self.write()
        return self.past

    def add(self, statement: Statement, row: Row) -> None:
        """Gather a row for one of the statements above."""
        self._rows[statement].append(row)
        person_id = row.get("person_id")
        if person_id is not None:
            self.touched.add(person_id)

    def write(self) -> None:
        """Write what was gathered."""
        if not self._rows:
            return
        rows, self._rows = self._rows, defaultdict(list)
        self.touched.clear()
        for statement, point in _ORDER:
            if statement in rows:
                statement.run(self.past, rows[statement])
                if point:
                    failpoint(point)
        if MESSAGE in rows or PROMPT in rows:
            wake(self.past, Channel.OUTBOX)

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.write()
