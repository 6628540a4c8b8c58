"""Occurrences, marks and cursors, holds after a restore, and leases: who alone may do something until when."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.models.base import moment, partial_index, reference, row_id
from storage.types import Id, Json


class Occurrence(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("schedule", "person_id", "local_date", "slot"),
        partial_index(
            "ix_occurrence_due",
            "due_at",
            "id",
            where="status IN ('planned', 'held')",
        ),
        Index("ix_occurrence_person", "person_id", "due_at"),
    )
    id: int = row_id()
    schedule: str
    person_id: int = reference("person")
    local_date: date
    slot: str
    local_time: str
    due_at: datetime = moment()
    expires_at: datetime = moment()
    flow: str = ""
    match_id: int | None = reference("match", optional=True)
    values: Any = Field(default=None, sa_type=Json, nullable=True)
    status: str = "planned"
    """planned, held (late, and waiting for a fit hour), fired, missed, cancelled"""


class Beat(SQLModel, table=True):
    """The mark that each beat of the heartbeat leaves: wall time, for its age."""

    name: str = Field(primary_key=True)
    at: datetime = moment()


class Hold(SQLModel, table=True):
    """After a restore nothing goes out by itself until a person says so. One row for each time; the open one stands."""

    id: int = row_id()
    since: datetime = moment()
    gap_from: datetime | None = moment(optional=True)
    """When the restored database last knew what happened."""
    ended_at: datetime | None = moment(optional=True)
    ended_by: str = ""


class Lease(SQLModel, table=True):
    """Who alone may do something (poll, send, beat, audit). A token only rises: it fences off the late."""

    name: str = Field(primary_key=True)
    owner: str
    token: int = Field(sa_type=Id)
    until: datetime = moment()


class Batch(SQLModel, table=True):
    """The last transaction that a program's writer has committed (PostgreSQL): what tells when the answer was lost."""

    writer: int = Field(sa_type=Id, primary_key=True, sa_column_kwargs={"autoincrement": False})
    number: int = Field(sa_type=Id)
    at: datetime = moment()


class Cursor(SQLModel, table=True):
    """Until when everything of a platform's account has been read, where it is read again to find what is missing."""

    name: str = Field(primary_key=True)
    at: datetime = moment()
