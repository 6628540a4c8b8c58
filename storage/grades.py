"""In which grade a student is, as the roster says. Apart from the rest of a person: no turn and no alert reads it."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Connection, select, update

from storage import tables


def by_key(connection: Connection) -> Mapping[str, str]:
    """The grades that are known, by roster key."""
    column = tables.person.c
    rows = connection.execute(select(column.key, column.grade).where(column.grade != ""))
    return {row.key: row.grade for row in rows}


def put(connection: Connection, person_id: int, grade: str) -> None:
    """From now on the student is in this grade."""
    connection.execute(update(tables.person).where(tables.person.c.id == person_id).values(grade=grade))
