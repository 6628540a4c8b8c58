"""The tables, family by family. Rows of these classes never leave `storage`; rooms outside see the nouns of bot.domain.

Enums are text. A message is both the log and the outbox: what staff review and what delivery claims is the same row.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import CheckConstraint, Index, MetaData, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from storage.types import Id, Instant, Json, Sealed, SealedJson

SQLModel.metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id() -> Any:
    return Field(sa_type=Id, primary_key=True, sa_column_kwargs={"autoincrement": False})


def _ref(target: str, *, optional: bool = False, index: bool = False) -> Any:
    column = f"{target}.id"
    if optional:
        return Field(default=None, sa_type=Id, foreign_key=column, index=index)
    return Field(sa_type=Id, foreign_key=column, index=index)


def _moment(*, optional: bool = False) -> Any:
    return Field(default=None, sa_type=Instant) if optional else Field(sa_type=Instant)


# --- people --------------------------------------------------------------------------------------------------------


class Person(SQLModel, table=True):
    id: int = _id()
    key: str = Field(unique=True)
    name: str
    role: str
    language: str
    zone: str
    email: str = ""
    phone: str = ""
    status: str = "active"
    paused_until: datetime | None = _moment(optional=True)
    created_at: datetime = _moment()


class Address(SQLModel, table=True):
    __table_args__ = (UniqueConstraint("platform", "account", "chat"),)
    id: int = _id()
    person_id: int = _ref("person", index=True)
    platform: str
    account: str
    chat: str
    position: int = 0
    unreachable_at: datetime | None = _moment(optional=True)


class Link(SQLModel, table=True):
    """A personal web-chat link; only the hash of its token is kept."""

    token_hash: str = Field(primary_key=True)
    person_id: int = _ref("person", index=True)
    created_at: datetime = _moment()
    revoked_at: datetime | None = _moment(optional=True)


class Match(SQLModel, table=True):
    id: int = _id()
    advisor_id: int | None = _ref("person", optional=True)
    meets: str = ""
    ended_at: datetime | None = _moment(optional=True)


class MatchMember(SQLModel, table=True):
    __tablename__ = "match_member"
    match_id: int = Field(sa_type=Id, foreign_key="match.id", primary_key=True)
    person_id: int = Field(sa_type=Id, foreign_key="person.id", primary_key=True, index=True)
    side: str
    """mentee or mentor"""


# --- conversations -------------------------------------------------------------------------------------------------


class Definition(SQLModel, table=True):
    """Content by its hash: a conversation ends on the version that it began with."""

    hash: str = Field(primary_key=True)
    kind: str
    name: str
    body: str
    stored_at: datetime = _moment()


class Inbox(SQLModel, table=True):
    """What platforms handed us, as it came. A row is here before its platform is told."""

    __table_args__ = (
        UniqueConstraint("platform", "account", "event_id"),
        Index(
            "ix_inbox_new",
            "next_at",
            "id",
            sqlite_where=text("status = 'new'"),
            postgresql_where=text("status = 'new'"),
        ),
    )
    id: int = _id()
    platform: str
    account: str
    event_id: str
    body: Any = Field(sa_type=SealedJson)
    received_at: datetime = _moment()
    status: str = "new"
    tries: int = 0
    next_at: datetime = _moment()
    error: str = ""


class Conversation(SQLModel, table=True):
    __table_args__ = (
        Index(
            "uq_conversation_waiting",
            "person_id",
            unique=True,
            sqlite_where=text("status = 'waiting'"),
            postgresql_where=text("status = 'waiting'"),
        ),
        Index(
            "ix_conversation_due",
            "due_at",
            sqlite_where=text("due_at IS NOT NULL"),
            postgresql_where=text("due_at IS NOT NULL"),
        ),
    )
    id: int = _id()
    person_id: int = _ref("person", index=True)
    flow: str
    flow_hash: str
    status: str
    state: str = Field(sa_type=Sealed)
    """The whole conversation as JSON (bot.flows.state)."""
    due_at: datetime | None = _moment(optional=True)
    started_at: datetime = _moment()
    match_id: int | None = _ref("match", optional=True)
    occurrence_id: int | None = Field(default=None, sa_type=Id)


class Message(SQLModel, table=True):
    """Log and outbox. Inbound rows are `received`; outbound: pending, sending, sent, failed, cancelled, expired."""

    __table_args__ = (
        CheckConstraint("priority > 0 OR expires_at IS NULL", name="alerts_never_expire"),
        Index(
            "uq_message_in_flight",
            "platform",
            "account",
            "chat",
            unique=True,
            sqlite_where=text("status = 'sending' AND priority > 0"),
            postgresql_where=text("status = 'sending' AND priority > 0"),
        ),
        Index(
            "ix_message_pending",
            "platform",
            "account",
            "priority",
            "id",
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        Index(
            "ix_message_sending",
            "lease_until",
            sqlite_where=text("status = 'sending'"),
            postgresql_where=text("status = 'sending'"),
        ),
        Index("ix_message_news", "id", sqlite_where=text("news <> ''"), postgresql_where=text("news <> ''")),
        Index("ix_message_chat", "platform", "account", "chat", "id"),
        Index("ix_message_person", "person_id", "id"),
        Index("ix_message_escalation", "escalation_id"),
    )
    id: int = _id()
    direction: str
    person_id: int | None = _ref("person", optional=True)
    platform: str = ""
    account: str = ""
    chat: str = ""
    kind: str
    priority: int = 1
    text: str = Field(sa_type=Sealed)
    choices: Any = Field(default=None, sa_type=Json, nullable=True)
    step: str = ""
    conversation_id: int | None = _ref("conversation", optional=True, index=True)
    escalation_id: int | None = _ref("escalation", optional=True)
    rung: int | None = None
    round: int | None = None
    dedupe_key: str | None = Field(default=None, unique=True)
    status: str
    not_before: datetime | None = _moment(optional=True)
    expires_at: datetime | None = _moment(optional=True)
    created_at: datetime = _moment()
    sent_at: datetime | None = _moment(optional=True)
    lease_token: int | None = Field(default=None, sa_type=Id)
    lease_until: datetime | None = _moment(optional=True)
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
    started_at: datetime = _moment()
    ended_at: datetime = _moment()
    result: str
    code: str = ""


class Answer(SQLModel, table=True):
    id: int = _id()
    conversation_id: int = _ref("conversation", index=True)
    person_id: int = _ref("person", index=True)
    message_id: int | None = _ref("message", optional=True)
    flow: str
    flow_hash: str
    step: str
    topic: str = ""
    sensitivity: str = "none"
    kind: str
    value: Any = Field(default=None, sa_type=SealedJson, nullable=True)
    text: str = Field(sa_type=Sealed)
    at: datetime = _moment()
    reviewed_at: datetime | None = _moment(optional=True)
    reviewed_by: str = ""


# --- safety --------------------------------------------------------------------------------------------------------


class Finding(SQLModel, table=True):
    id: int = _id()
    message_id: int = _ref("message", index=True)
    escalation_id: int | None = _ref("escalation", optional=True, index=True)
    tier: str
    category: str
    rule: str
    pack: str
    label: str
    about: str
    start: int
    end: int
    modifiers: Any = Field(default=None, sa_type=Json, nullable=True)


class Escalation(SQLModel, table=True):
    __table_args__ = (
        CheckConstraint("status = 'closed' OR next_action_at IS NOT NULL", name="no_silent_end"),
        Index(
            "ix_escalation_due",
            "next_action_at",
            sqlite_where=text("status <> 'closed'"),
            postgresql_where=text("status <> 'closed'"),
        ),
    )
    id: int = _id()
    person_id: int = _ref("person", index=True)
    tier: str
    category: str
    reason: str
    status: str
    opened_at: datetime = _moment()
    ladder: Any = Field(sa_type=Json)
    rung: int = 0
    round: int = 0
    next_action_at: datetime | None = _moment(optional=True)
    acknowledged_by: str = ""
    acknowledged_person_id: int | None = _ref("person", optional=True)
    acknowledged_at: datetime | None = _moment(optional=True)
    asked_at: datetime | None = _moment(optional=True)
    outcome: str = ""
    note: str = Field(default="", sa_type=Sealed)
    closed_by: str = ""
    closed_at: datetime | None = _moment(optional=True)
    message_id: int | None = Field(default=None, sa_type=Id)
    """The inbound message that opened it. No foreign key: messages point at escalations already."""


class AcknowledgementCode(SQLModel, table=True):
    __tablename__ = "acknowledgement_code"
    code: str = Field(primary_key=True)
    escalation_id: int = _ref("escalation", index=True)
    person_id: int = _ref("person")


class ReviewItem(SQLModel, table=True):
    __tablename__ = "review_item"
    id: int = _id()
    kind: str
    reason: str
    at: datetime = _moment()
    person_id: int | None = _ref("person", optional=True, index=True)
    message_id: int | None = Field(default=None, sa_type=Id)
    reviewed_at: datetime | None = _moment(optional=True)
    reviewed_by: str = ""


class Audit(SQLModel, table=True):
    """Append only. `detail` never holds a person's words."""

    id: int = _id()
    at: datetime = _moment()
    actor: str
    action: str
    person_id: int | None = Field(default=None, sa_type=Id, index=True)
    escalation_id: int | None = Field(default=None, sa_type=Id, index=True)
    detail: str = ""


# --- time ----------------------------------------------------------------------------------------------------------


class Occurrence(SQLModel, table=True):
    __table_args__ = (
        UniqueConstraint("schedule", "person_id", "local_date", "slot"),
        Index(
            "ix_occurrence_due",
            "due_at",
            sqlite_where=text("status = 'planned'"),
            postgresql_where=text("status = 'planned'"),
        ),
    )
    id: int = _id()
    schedule: str
    person_id: int = _ref("person", index=True)
    local_date: date
    slot: str
    local_time: str
    due_at: datetime = _moment()
    expires_at: datetime = _moment()
    flow: str = ""
    match_id: int | None = _ref("match", optional=True)
    values: Any = Field(default=None, sa_type=Json, nullable=True)
    status: str = "planned"
    """planned, fired, missed, cancelled"""


class Beat(SQLModel, table=True):
    """The mark that each beat of the heartbeat leaves: wall time, for its age."""

    name: str = Field(primary_key=True)
    at: datetime = _moment()


# --- staff ---------------------------------------------------------------------------------------------------------


class Account(SQLModel, table=True):
    """A staff account. Its password is an argon2 hash."""

    id: int = _id()
    name: str
    login: str = Field(unique=True)
    password_hash: str
    role: str = "coordinator"
    person_id: int | None = _ref("person", optional=True)
    created_at: datetime = _moment()
    disabled_at: datetime | None = _moment(optional=True)


class SignIn(SQLModel, table=True):
    """A staff sign-in; only the hash of its cookie is kept."""

    __tablename__ = "sign_in"
    token_hash: str = Field(primary_key=True)
    account_id: int = _ref("account", index=True)
    created_at: datetime = _moment()
    seen_at: datetime = _moment()


class FirstRun(SQLModel, table=True):
    """The one-time token that makes the first staff account."""

    __tablename__ = "first_run"
    token_hash: str = Field(primary_key=True)
    created_at: datetime = _moment()
    used_at: datetime | None = _moment(optional=True)
