"""What came in as it came, and the message log that is the outbox as well."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel

from storage.models.base import moment, partial_index, reference, row_id
from storage.types import Id, Json, Sealed, SealedJson


class Inbox(SQLModel, table=True):
    """What platforms handed us, as it came. A row is here before its platform is told."""

    __table_args__ = (
        UniqueConstraint("platform", "account", "event_id"),
        partial_index(
            "ix_inbox_new",
            "id",
            "next_at",
            where="status = 'new'",
        ),
        partial_index(
            "ix_inbox_new_of_chat",
            "platform",
            "account",
            "chat",
            "id",
            where="status = 'new'",
        ),
        partial_index(
            "ix_inbox_quarantined",
            "id",
            where="status = 'quarantined'",
        ),
    )
    id: int = row_id()
    platform: str
    account: str
    event_id: str
    chat: str = ""
    body: Any = Field(sa_type=SealedJson)
    received_at: datetime = moment()
    status: str = "new"
    tries: int = 0
    next_at: datetime = moment()
    error: str = ""
    lease_token: int | None = Field(default=None, sa_type=Id)
    """Which worker has it in hand; only used where several workers share the database."""
    lease_until: datetime | None = moment(optional=True)


class Message(SQLModel, table=True):
    """Log and outbox. In: `received`; out: pending, held, sending, sent, failed, cancelled, expired."""

    __table_args__ = (
        CheckConstraint("priority > 0 OR expires_at IS NULL", name="alerts_never_expire"),
        partial_index(
            "uq_message_in_flight",
            "platform",
            "account",
            "chat",
            unique=True,
            where="status = 'sending' AND priority > 0",
        ),
        partial_index(
            "ix_message_pending",
            "platform",
            "account",
            "priority",
            "id",
            where="status = 'pending'",
        ),
        # Whether a message is the first of its chat must not cost a look at everything that was ever said there.
        partial_index(
            "ix_message_waiting",
            "platform",
            "account",
            "chat",
            "priority",
            "id",
            where="status = 'pending'",
        ),
        partial_index(
            "ix_message_sending",
            "platform",
            "account",
            "lease_until",
            where="status = 'sending'",
        ),
        partial_index(
            "ix_message_failed",
            "created_at",
            where="status = 'failed'",
        ),
        partial_index("ix_message_news", "id", where="news <> ''"),
        partial_index("ix_message_held", "id", where="status = 'held'"),
        Index("ix_message_person", "person_id", "id"),
        # What was asked in a conversation; what was answered there is found by its answers.
        partial_index("ix_message_asked", "conversation_id", where="direction = 'out' AND step <> ''"),
        # Most messages are about no case, and what comes in has no key: they cost these two nothing.
        partial_index(
            "ix_message_escalation",
            "escalation_id",
            where="escalation_id IS NOT NULL",
        ),
        partial_index(
            "uq_message_dedupe_key",
            "dedupe_key",
            unique=True,
            where="dedupe_key IS NOT NULL",
        ),
    )
    id: int = row_id()
    direction: str
    person_id: int | None = reference("person", optional=True)
    platform: str = ""
    account: str = ""
    chat: str = ""
    kind: str
    priority: int = 1
    text: str = Field(sa_type=Sealed)
    choices: Any = Field(default=None, sa_type=Json, nullable=True)
    step: str = ""
    conversation_id: int | None = reference("conversation", optional=True)
    escalation_id: int | None = reference("escalation", optional=True)
    rung: int | None = None
    round: int | None = None
    dedupe_key: str | None = None
    status: str
    not_before: datetime | None = moment(optional=True)
    expires_at: datetime | None = moment(optional=True)
    created_at: datetime = moment()
    sent_at: datetime | None = moment(optional=True)
    lease_token: int | None = Field(default=None, sa_type=Id)
    lease_until: datetime | None = moment(optional=True)
    attempts: int = 0
    ambiguous: int = 0
    provider_id: str = ""
    error: str = ""
    replaces: int | None = Field(default=None, sa_type=Id)
    news: str = ""
    """What somebody must still act on about this message; empty when nothing, or when it was acted on."""


class DeliveryAttempt(SQLModel, table=True):
    __tablename__ = "delivery_attempt"
    message_id: int = Field(sa_type=Id, foreign_key="message.id", primary_key=True)
    number: int = Field(primary_key=True)
    started_at: datetime = moment()
    ended_at: datetime = moment()
    result: str
    code: str = ""
