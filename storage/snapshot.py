"""All of a school as it stands, kept in memory and put back in one transaction: how the demo begins anew. SQLite only.

Staff accounts, their sign-ins and the heartbeat's marks belong to real time and are left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, delete, insert, select
from sqlmodel import SQLModel

import storage.tables  # noqa: F401  (fills the metadata)

_LEFT_ALONE = {"account", "sign_in", "first_run", "beat"}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Every row of every table, by the table's name."""

    rows: Mapping[str, Sequence[Mapping[str, Any]]] = field(repr=False)


def take(connection: Connection) -> Snapshot:
    """Everything that is stored now."""
    return Snapshot({table.name: [dict(row._mapping) for row in connection.execute(select(table))] for table in _all()})


def restore(connection: Connection, snapshot: Snapshot) -> None:
    """Make everything as it was when the snapshot was taken, ids included."""
    # Accounts point at people, who are gone for a moment: foreign keys are judged at the commit.
    connection.exec_driver_sql("PRAGMA defer_foreign_keys = ON")
    for table in reversed(_all()):
        connection.execute(delete(table))
    for table in _all():
        if snapshot.rows[table.name]:
            connection.execute(insert(table), list(snapshot.rows[table.name]))


def _all() -> list[Table]:
    return [table for table in SQLModel.metadata.sorted_tables if table.name not in _LEFT_ALONE]
