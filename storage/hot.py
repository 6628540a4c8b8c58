"""The hot path's way to the driver: a statement is compiled once, then run with plain rows, many at a time.

SQLModel owns the schema and Core writes the statements, each beside what it is for; only how they reach the driver
stands here. What every message of every student runs through goes this way; everything else goes through Core.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, Dialect, Executable, Insert, Select, Table, bindparam
from sqlalchemy.exc import DBAPIError

from storage.types import WRITERS
from storage.upsert import insert_into

Convert = Callable[[Any], Any]
Row = Mapping[str, Any]
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Compiled:
    sql: str
    pick: Callable[[Row], tuple[Any, ...]]
    """The parameters of a row in the driver's order."""
    converts: tuple[tuple[int, Convert], ...]
    """What makes the driver's value of ours, by place."""
    constants: Mapping[str, Any]
    """Parameters that the statement brings itself."""
    taken: tuple[tuple[int, Convert], ...]
    """Columns of the result whose values have to be read, by place."""

    def values(self, row: Row) -> Sequence[Any]:
        """A row as the driver takes it."""
        picked = list(self.pick({**self.constants, **row} if self.constants else row))
        for place, convert in self.converts:
            value = picked[place]
            if value is not None:
                picked[place] = convert(value)
        return picked


class Statement:
    """A statement of the hot path. `build` writes it for a dialect; its parameters are named bindparams with a type."""

    def __init__(self, build: Callable[[Dialect], Executable]) -> None:
        self._build = build
        self._compiled: dict[str, _Compiled] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Run it once for each row; gives how many rows of the table it touched."""
        if not rows:
            return 0
        compiled = self._for(connection.dialect)
        values = [compiled.values(row) for row in rows]

        def run(cursor: Any) -> int:
            if len(values) == 1:
                cursor.execute(compiled.sql, values[0])
            else:
                cursor.executemany(compiled.sql, values)
            return int(cursor.rowcount)

        return _on_driver(connection, compiled.sql, run)

    def rows(self, connection: Connection, **given: Any) -> list[Sequence[Any]]:
        """Run it; gives the rows of its result in the order of its columns."""
        compiled = self._for(connection.dialect)
        values = compiled.values(given)

        def run(cursor: Any) -> list[Sequence[Any]]:
            cursor.execute(compiled.sql, values)
            return list(cursor.fetchall())

        found = _on_driver(connection, compiled.sql, run)
        return [_read(row, compiled.taken) for row in found] if compiled.taken else found

    def _for(self, dialect: Dialect) -> _Compiled:
        compiled = self._compiled.get(dialect.name)
        if compiled is None:
            compiled = self._compiled[dialect.name] = _compile(self._build(dialect), dialect)
        return compiled


class Text:
    """The same for a statement that stands as text both databases read, with parameters as `:name`.

    Its values are what the driver stores. `for_update`: what PostgreSQL reads in place of `/*locked*/`.
    """

    def __init__(self, sql: str, for_update: str = "") -> None:
        self.sql = sql
        self._postgresql = _PARAMETER.sub(r"%(\1)s", sql.replace("/*locked*/", for_update))

    def run(self, connection: Connection, rows: Sequence[Row]) -> int:
        """Run it once for each row; gives how many rows of the table it touched."""
        sql = self._for(connection)

        def run(cursor: Any) -> int:
            if len(rows) == 1:
                cursor.execute(sql, rows[0])
            else:
                cursor.executemany(sql, rows)
            return int(cursor.rowcount)

        return _on_driver(connection, sql, run) if rows else 0

    def rows(self, connection: Connection, **given: Any) -> list[Sequence[Any]]:
        """Run it; gives the rows of its result as the driver reads them."""
        sql = self._for(connection)

        def run(cursor: Any) -> list[Sequence[Any]]:
            cursor.execute(sql, given)
            return list(cursor.fetchall())

        return _on_driver(connection, sql, run)

    def _for(self, connection: Connection) -> str:
        return self._postgresql if connection.dialect.name == "postgresql" else self.sql


def inserting(table: Table, columns: Sequence[str], more: Callable[[Any], Any], **constants: Any) -> Statement:
    """INSERT of these columns, and of `constants` (SQL). `more` adds what happens when the row is there already."""

    def build(dialect: Dialect) -> Insert:
        insert = insert_into(table, dialect)
        given = {name: bindparam(name, type_=table.c[name].type) for name in columns}
        changed: Insert = more(insert.values(**given, **constants).inline())
        return changed

    return Statement(build)


def bound(column: Column[Any], name: str = "") -> Any:
    """A parameter of a column's type, named like it or `name`."""
    return bindparam(name or column.name, type_=column.type)


def _compile(statement: Executable, dialect: Dialect) -> _Compiled:
    # The same dialect with parameters by place: plain tuples reach the driver.
    by_place = type(dialect)(paramstyle="qmark" if dialect.name == "sqlite" else "format")  # type: ignore[call-arg]
    compiled: Any = statement.compile(dialect=by_place)  # type: ignore[attr-defined]
    binds = {name: compiled.binds[name] for name in compiled.positiontup}
    names = tuple(compiled.positiontup)
    writers = [(place, _writer(binds[name].type, by_place)) for place, name in enumerate(names)]
    constants = {name: bind.value for name, bind in binds.items() if not bind.required}
    columns = statement.selected_columns if isinstance(statement, Select) else compiled.effective_returning or ()
    readers = [column.type.dialect_impl(by_place).result_processor(by_place, None) for column in columns]
    taken = tuple((place, reader) for place, reader in enumerate(readers) if reader is not None)
    converts = tuple((place, writer) for place, writer in writers if writer is not None)
    return _Compiled(str(compiled), _picker(names), converts, constants, taken)


def _picker(names: tuple[str, ...]) -> Callable[[Row], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: tuple([row[name] for name in names])


def _writer(of: Any, dialect: Dialect) -> Convert | None:
    writer: Convert | None = WRITERS.get(type(of)) or of.dialect_impl(dialect).bind_processor(dialect)
    return writer


def _read(row: Sequence[Any], taken: Sequence[tuple[int, Convert]]) -> Sequence[Any]:
    read = list(row)
    for place, reader in taken:
        read[place] = reader(read[place])
    return read


def _on_driver(connection: Connection, sql: str, run: Callable[[Any], T]) -> T:
    """What `run` gives for the driver's cursor. Errors come out as SQLAlchemy's, without anybody's words."""
    dialect, pooled = connection.dialect, connection.connection
    cursor = pooled.dbapi_connection.cursor()  # type: ignore[union-attr]
    driver: Any = dialect.loaded_dbapi
    try:
        return run(cursor)
    except driver.Error as error:
        broken = dialect.is_disconnect(error, pooled, cursor)
        # PostgreSQL goes on with the row that it refused, people's words and all.
        error.args = (str(error).partition("\n")[0],)
        told = DBAPIError.instance(
            sql, None, error, driver.Error, hide_parameters=True, connection_invalidated=broken, dialect=dialect
        )
        if broken:
            connection.invalidate(error)
        raise told from error
    finally:
        cursor.close()
