"""Students who were asked whether someone talked with them after a case, and have said nothing. Reading only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, exists, select

from storage import tables

ASKED = "asked whether someone talked with them"
"""What the record says when they were asked."""
NOTED = "has not said whether someone talked with them"
PATIENT = timedelta(days=2)
_LONGEST = timedelta(days=30)


def silent(connection: Connection, now: datetime) -> Sequence[tuple[int, int, int | None]]:
    """(case, student, message) of each of whom staff have not been told yet.

    The message is the one that began the case, where it is about an adult: who must not know of it reads neither.
    """
    case, asked, told = tables.escalation.c, tables.audit.alias("asked").c, tables.audit.alias("told").c
    was_asked = exists().where(
        asked.escalation_id == case.id, asked.action == ASKED, asked.at <= now - PATIENT, asked.at > now - _LONGEST
    )
    was_told = exists().where(told.escalation_id == case.id, told.action == NOTED)
    query = select(case.id, case.person_id, case.left_out, case.message_id).where(
        case.follow_up == "asked", case.status == "closed", was_asked, ~was_told
    )
    return [
        (row.id, row.person_id, row.message_id if row.left_out else None)
        for row in connection.execute(query.order_by(case.id))
    ]
