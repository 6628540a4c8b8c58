"""People, where they can be reached, their links and matches."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.models.base import moment, partial_index, reference, row_id
from storage.types import Id


class Person(SQLModel, table=True):
    __table_args__ = (
        partial_index(
            "ix_person_paused",
            "paused_until",
            where="paused_until IS NOT NULL",
        ),
    )
    id: int = row_id()
    key: str = Field(unique=True)
    name: str
    role: str = Field(index=True)
    language: str
    zone: str
    grade: str = ""
    """Of a student, where the roster has it: read for staff and their counts, by no turn and no delivery."""
    email: str = ""
    phone: str = ""
    status: str = "active"
    paused_until: datetime | None = moment(optional=True)
    created_at: datetime = moment()


class Address(SQLModel, table=True):
    __table_args__ = (UniqueConstraint("platform", "account", "chat"),)
    id: int = row_id()
    person_id: int = reference("person", index=True)
    platform: str
    account: str
    chat: str
    position: int = 0
    unreachable_at: datetime | None = moment(optional=True)


class Link(SQLModel, table=True):
    """A personal web-chat link; only the hash of its token is kept."""

    token_hash: str = Field(primary_key=True)
    person_id: int = reference("person", index=True)
    created_at: datetime = moment()
    revoked_at: datetime | None = moment(optional=True)


class JoinCode(SQLModel, table=True):
    """What binds a chat to a person, once; only its hash is kept."""

    __tablename__ = "join_code"
    code_hash: str = Field(primary_key=True)
    person_id: int = reference("person", index=True)
    created_at: datetime = moment()
    expires_at: datetime = moment()
    used_at: datetime | None = moment(optional=True)


class Match(SQLModel, table=True):
    id: int = row_id()
    advisor_id: int | None = reference("person", optional=True)
    meets: str = ""
    ended_at: datetime | None = moment(optional=True)
    paused_at: datetime | None = moment(optional=True)
    """Since when nobody is reminded of meeting, because of what a mentee told."""


class MatchMember(SQLModel, table=True):
    __tablename__ = "match_member"
    match_id: int = Field(sa_type=Id, foreign_key="match.id", primary_key=True)
    person_id: int = Field(sa_type=Id, foreign_key="person.id", primary_key=True, index=True)
    side: str
    """mentee or mentor"""
