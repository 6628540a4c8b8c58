"""Conversations, the answers in them, and the content versions that they began with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from storage.models.base import moment, partial_index, reference, row_id
from storage.types import Id, Sealed, SealedJson


class Definition(SQLModel, table=True):
    """Content by its hash: a conversation ends on the version that it began with."""

    hash: str = Field(primary_key=True)
    kind: str
    name: str
    body: str
    stored_at: datetime = moment()


class Conversation(SQLModel, table=True):
    __table_args__ = (
        partial_index(
            "uq_conversation_waiting",
            "person_id",
            unique=True,
            where="status = 'waiting'",
        ),
        partial_index(
            "ix_conversation_due",
            "due_at",
            where="due_at IS NOT NULL",
        ),
    )
    id: int = row_id()
    person_id: int = reference("person", index=True)
    flow: str
    flow_hash: str
    status: str
    state: str = Field(sa_type=Sealed)
    """The whole conversation as JSON (bot.flows.state)."""
    due_at: datetime | None = moment(optional=True)
    started_at: datetime = moment()
    match_id: int | None = reference("match", optional=True)
    occurrence_id: int | None = Field(default=None, sa_type=Id)


class Answer(SQLModel, table=True):
    id: int = row_id()
    conversation_id: int = reference("conversation", index=True)
    person_id: int = reference("person", index=True)
    message_id: int | None = reference("message", optional=True)
    flow: str
    flow_hash: str
    step: str
    topic: str = ""
    sensitivity: str = "none"
    kind: str
    value: Any = Field(default=None, sa_type=SealedJson, nullable=True)
    text: str = Field(sa_type=Sealed)
    at: datetime = moment()
    reviewed_at: datetime | None = moment(optional=True)
    reviewed_by: str = ""
