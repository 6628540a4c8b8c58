"""What one reader of the staff pages may see, as conditions for statements. What is about them, they never see."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, Select, func, or_, select, true, union

from storage import tables


def in_caseload(person_id: ColumnElement[Any], caseload_of: int | None) -> ColumnElement[bool]:
    """The condition that a row's person belongs to this advisor's running matches."""
    if caseload_of is None:
        return true()
    member, match = tables.match_member.c, tables.match.c
    return person_id.in_(
        select(member.person_id)
        .join(tables.match, match.id == member.match_id)
        .where(match.advisor_id == caseload_of, match.ended_at.is_(None))
    )


def words_may_be_read(message_id: ColumnElement[Any], reader: int | None) -> ColumnElement[bool]:
    """The condition that a row which shows this message may be known to this person."""
    return or_(message_id.is_(None), message_id.not_in(hidden_words(reader)))


def hidden_words(reader: int | None) -> CompoundSelect[Any]:
    """Ids of the messages that belong to cases which this person must not know of: what they say is about them.

    And all that their writer wrote while such a case was open: who has told goes on telling, in words no rule knows.
    """
    finding, message, escalation = tables.finding.c, tables.message.c, tables.escalation.c
    hidden = select(escalation.id).where(~may_read(reader))
    opened_by = select(escalation.message_id).where(~may_read(reader), escalation.message_id.is_not(None))
    joined = select(finding.message_id).where(finding.escalation_id.in_(hidden))
    words = opened_by.union(joined)
    # However they put it before or afterwards: all wordings of one message stand or fall together.
    first = select(func.coalesce(message.replaces, message.id)).where(message.id.in_(words))
    writers = select(escalation.person_id).where(~may_read(reader))
    changed = select(message.id).where(message.person_id.in_(writers), message.replaces.in_(first))
    of_cases = select(message.id).where(message.escalation_id.in_(hidden))
    return union(opened_by, joined, first, changed, of_cases, *([] if reader is None else [_written_meanwhile(reader)]))


def _written_meanwhile(reader: int) -> Select[Any]:
    message, escalation = tables.message.c, tables.escalation.c
    writers = select(escalation.person_id).where(~may_read(reader)).correlate(None)  # reads what is theirs, not the log
    return (
        select(message.id)
        .join(tables.escalation, escalation.person_id == message.person_id)
        .where(
            ~may_read(reader),
            message.person_id.in_(writers),
            message.direction == "in",
            message.kind.in_(("text", "edit", "media")),
            message.created_at > escalation.opened_at,
            or_(escalation.closed_at.is_(None), message.created_at <= escalation.closed_at),
        )
    )


def may_know_of_rest(person_id: ColumnElement[Any], reader: int | None) -> ColumnElement[bool]:
    """The condition that this reader may see that a student's prompts rest: it tells of the case for which they do."""
    escalation = tables.escalation.c
    return person_id.not_in(select(escalation.person_id).where(~may_read(reader)).correlate(None))


def may_read(reader: int | None) -> ColumnElement[bool]:
    """Whether a case may be known to this person; who is no person of the roster may be anybody."""
    left_out = tables.escalation.c.left_out
    return left_out == "" if reader is None else ~left_out.contains(f",{reader},")
