"""What screening found, cases, acknowledgement codes, review items, and the record of who did what."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from storage.models.base import moment, partial_index, reference, row_id
from storage.types import Id, Json, Sealed, SealedJson


class Finding(SQLModel, table=True):
    id: int = row_id()
    message_id: int = reference("message", index=True)
    escalation_id: int | None = reference("escalation", optional=True, index=True)
    tier: str
    category: str
    rule: str
    pack: str
    label: str
    about: str
    start: int
    end: int
    modifiers: Any = Field(default=None, sa_type=Json, nullable=True)


class Explanation(SQLModel, table=True):
    """Why a message was judged as it was, and what in it was not counted; only where there is something to explain."""

    message_id: int = Field(sa_type=Id, foreign_key="message.id", primary_key=True)
    record: Any = Field(sa_type=SealedJson)


class Escalation(SQLModel, table=True):
    __table_args__ = (
        CheckConstraint("status = 'closed' OR next_action_at IS NOT NULL", name="no_silent_end"),
        partial_index(
            "ix_escalation_due",
            "next_action_at",
            where="status <> 'closed'",
        ),
        partial_index("ix_escalation_news", "news_at", where="news_at IS NOT NULL"),
        partial_index("ix_escalation_report", "report_at", where="report_at IS NOT NULL"),
        partial_index(
            "ix_escalation_follow_up",
            "follow_up_at",
            where="follow_up_at IS NOT NULL",
        ),
    )
    id: int = row_id()
    person_id: int = reference("person", index=True)
    tier: str
    category: str
    reason: str
    status: str
    opened_at: datetime = moment()
    ladder: Any = Field(sa_type=Json)
    rung: int = 0
    round: int = 0
    next_action_at: datetime | None = moment(optional=True)
    acknowledged_by: str = ""
    acknowledged_person_id: int | None = reference("person", optional=True)
    acknowledged_at: datetime | None = moment(optional=True)
    asked_at: datetime | None = moment(optional=True)
    plan: str = ""
    outcome: str = ""
    note: str = Field(default="", sa_type=Sealed)
    closed_by: str = ""
    closed_at: datetime | None = moment(optional=True)
    message_id: int | None = Field(default=None, sa_type=Id)
    """The inbound message that opened it. No foreign key: messages point at escalations already."""
    left_out: str = ""
    """Ids between commas, `,12,13,`: so a statement can ask whether somebody is among them."""
    drill: bool = False
    policy: str = ""
    told_at: datetime | None = moment(optional=True)
    news_at: datetime | None = moment(optional=True)
    report_at: datetime | None = moment(optional=True)
    follow_up_at: datetime | None = moment(optional=True)
    follow_up: str = ""


class AcknowledgementCode(SQLModel, table=True):
    __tablename__ = "acknowledgement_code"
    code: str = Field(primary_key=True)
    escalation_id: int = reference("escalation", index=True)
    person_id: int = reference("person")


class ReviewItem(SQLModel, table=True):
    __tablename__ = "review_item"
    id: int = row_id()
    kind: str
    reason: str
    at: datetime = moment()
    person_id: int | None = reference("person", optional=True, index=True)
    message_id: int | None = Field(default=None, sa_type=Id)
    reviewed_at: datetime | None = moment(optional=True)
    reviewed_by: str = ""


class Audit(SQLModel, table=True):
    """Append only. `detail` never holds a person's words."""

    id: int = row_id()
    at: datetime = moment()
    actor: str
    action: str
    person_id: int | None = Field(default=None, sa_type=Id, index=True)
    escalation_id: int | None = Field(default=None, sa_type=Id, index=True)
    detail: str = ""
