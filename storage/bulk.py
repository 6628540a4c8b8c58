"""Many rows of one table at the driver's own speed: for planning and fan-outs, where a row has no business costing more
than the database asks for it. What a row means is known elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Table,
    any_,
    bindparam,
    func,
    literal,
    select,
)

from storage.types import Json


def insert_rows(connection: Connection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Insert rows, leaving out those whose unique keys are there already; gives how many were new.

    The values are what the driver stores (see storage.types): moments as milliseconds, JSON as text.
    """
    values = rows if isinstance(rows, list) else list(rows)
    if not values:
        return 0
    if connection.dialect.name == "postgresql":
        # One array a column: PostgreSQL plans once, and the driver does not go round for each row.
        statement = _postgresql(connection.engine.dialect, table, tuple(columns))
        return connection.exec_driver_sql(statement, tuple(map(list, zip(*values, strict=True)))).rowcount
    return connection.exec_driver_sql(_sqlite(connection.engine.dialect, table, tuple(columns)), values).rowcount


def among(connection: Connection, column: Column[Any], ids: Iterable[int]) -> ColumnElement[bool]:
    """Whether a column is one of many ids, as one parameter: hundreds of parameters cost more than the query."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(ids), ARRAY(BigInteger)))
    given = func.json_each(json.dumps(list(ids))).table_valued("value")
    return column.in_(select(given.c.value))


def among_given(dialect: Dialect, column: Column[Any], name: str = "ids") -> ColumnElement[bool]:
    """The same for a statement of the hot path (storage/hot.py), which is given a list of this name."""
    if dialect.name == "postgresql":
        return column == any_(bindparam(name, type_=ARRAY(BigInteger)))
    given = func.json_each(bindparam(name, type_=Json)).table_valued("value")
    return column.in_(select(given.c.value))


@lru_cache(maxsize=64)
def _sqlite(dialect: Any, table: Table, columns: tuple[str, ...]) -> str:
    places = ", ".join("?" for _ in columns)
    return f"{_into(dialect, table, columns)} VALUES ({places}) ON CONFLICT DO NOTHING"


@lru_cache(maxsize=64)
def _postgresql(dialect: Any, table: Table, columns: tuple[str, ...]) -> str:
    arrays = ", ".join(f"%s::{table.c[name].type.compile(dialect)}[]" for name in columns)
    return f"{_into(dialect, table, columns)} SELECT * FROM unnest({arrays}) ON CONFLICT DO NOTHING"  # noqa: S608


def _into(dialect: Any, table: Table, columns: tuple[str, ...]) -> str:
    quote = dialect.identifier_preparer.quote
    return f"INSERT INTO {quote(table.name)} ({', '.join(quote(name) for name in columns)})"
