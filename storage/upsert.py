"""INSERT ... ON CONFLICT, which each database has in words of its own."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import sqlite


def insert_into(table: Table, dialect: Dialect) -> Any:
    """An INSERT that can be told what happens when the row is there already: `on_conflict_do_...`."""
    if dialect.name != "postgresql":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # it brings five drivers along: only where it is spoken

    return postgresql.insert(table)
