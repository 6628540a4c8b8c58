"""Staff accounts and their sign-ins."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from storage.models.base import moment, reference, row_id


class Account(SQLModel, table=True):
    """A staff account. Its password is an argon2 hash."""

    id: int = row_id()
    name: str
    login: str = Field(unique=True)
    password_hash: str
    role: str = "coordinator"
    person_id: int | None = reference("person", optional=True)
    created_at: datetime = moment()
    disabled_at: datetime | None = moment(optional=True)


class SignIn(SQLModel, table=True):
    """A staff sign-in; only the hash of its cookie is kept."""

    __tablename__ = "sign_in"
    token_hash: str = Field(primary_key=True)
    account_id: int = reference("account", index=True)
    created_at: datetime = moment()
    seen_at: datetime = moment()


class FirstRun(SQLModel, table=True):
    """A one-time token that makes a staff account: the first one, or that of an adult of the roster."""

    __tablename__ = "first_run"
    token_hash: str = Field(primary_key=True)
    person_id: int | None = reference("person", optional=True)
    created_at: datetime = moment()
    used_at: datetime | None = moment(optional=True)
