"""What all tables share: one metadata with a naming convention, and short words for columns of ids and moments.

Rows of these classes never leave `storage`; rooms outside see the nouns of bot.domain. Enums are text.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Index, MetaData, text
from sqlmodel import Field, SQLModel

from storage.types import Id, Instant

SQLModel.metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
# Rows are worked with as rows: what validates an object of a table is built when somebody makes one.
SQLModel.model_config["defer_build"] = True


def row_id() -> Any:
    """The primary key: the Clock makes it."""
    return Field(sa_type=Id, primary_key=True, sa_column_kwargs={"autoincrement": False})


def reference(target: str, *, optional: bool = False, index: bool = False) -> Any:
    """The id of a row of another table."""
    column = f"{target}.id"
    if optional:
        return Field(default=None, sa_type=Id, foreign_key=column, index=index)
    return Field(sa_type=Id, foreign_key=column, index=index)


def moment(*, optional: bool = False) -> Any:
    """An aware UTC moment."""
    return Field(default=None, sa_type=Instant) if optional else Field(sa_type=Instant)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index over some of the rows."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), info={"where": where})


def for_every_database() -> None:
    """Complete the tables for those who make them: PostgreSQL's part is loaded only then, and takes its time."""
    for table in SQLModel.metadata.tables.values():
        for index in table.indexes:
            if "where" in index.info:
                index.dialect_kwargs["postgresql_where"] = text(index.info["where"])
