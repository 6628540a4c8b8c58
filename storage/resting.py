"""Students whose prompts rest until an adult lets them go on, though no case of theirs is open now. Reading only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, exists, func, or_, select

from bot.domain import STUDENTS, PersonStatus
from storage import tables

NOTED = "check-ins still on hold"
"""What the record says when staff were reminded."""
AGAIN = timedelta(days=7)
"""How often they are."""
_SETTLED = timedelta(days=1)
"""Whoever has just closed a case was asked, and may be about to."""


def forgotten(connection: Connection, now: datetime) -> Sequence[tuple[int, int | None]]:
    """(student, message) of those of whom staff should be reminded now.

    The message is one that began a case about an adult: whoever must not know of it must not read of the reminder.
    """
    person, case, audit = tables.person.c, tables.escalation.c, tables.audit.c
    match, member = tables.match.c, tables.match_member.c
    # Only an adult ends a pause that has no end.
    rests = and_(person.status == PersonStatus.PAUSED, person.paused_until.is_(None))
    contact_rests = exists().where(
        member.person_id == person.id,
        member.side == "mentee",
        match.id == member.match_id,
        match.paused_at.is_not(None),
        match.ended_at.is_(None),
    )
    looked_after = exists().where(
        case.person_id == person.id, ~case.drill, or_(case.status != "closed", case.closed_at > now - _SETTLED)
    )
    reminded = exists().where(audit.person_id == person.id, audit.action == NOTED, audit.at > now - AGAIN)
    about_adult = (
        select(func.max(case.message_id)).where(case.person_id == person.id, case.left_out != "").scalar_subquery()
    )
    query = select(person.id, about_adult.label("message_id")).where(
        person.role.in_(STUDENTS), or_(rests, contact_rests), ~looked_after, ~reminded
    )
    return [(row.id, row.message_id) for row in connection.execute(query.order_by(person.id))]
