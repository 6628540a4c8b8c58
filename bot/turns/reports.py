"""The clock of possible abuse: how long ago it was disclosed, and the reminder until a report or a reason is on record.

Nearpeer reports to nobody and never says that it did: that duty is the adult's.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain import ABUSE, Escalation, EscalationStatus, MessageKind, Person, PersonStatus, Priority
from bot.turns import pages
from bot.turns.draft import Draft, initials
from storage import escalations, people

AGAIN = timedelta(hours=2)
"""How often adults are reminded after the first time."""


def clocked(draft: Draft, escalation: Escalation) -> Escalation:
    """The case with its next reminder, where it is one of abuse that has none."""
    if escalation.category != ABUSE or escalation.drill or escalation.report_at is not None:
        return escalation
    first = escalation.opened_at + draft.program.report.remind
    return replace(escalation, report_at=max(first, draft.now + AGAIN) if first <= draft.now else first)


def remind(draft: Draft, escalation: Escalation) -> None:
    """All who know of the case read how long ago it was. A due time that no longer holds changes nothing."""
    due = escalation.report_at
    if due is None or draft.now < due or escalation.status is EscalationStatus.CLOSED:
        return
    draft.escalations.append(replace(escalation, report_at=draft.now + AGAIN))
    draft.note("Nearpeer", "reminded of a report", escalation)
    student = people.load(draft.connection, escalation.person_id)
    for person_id in escalations.told(draft.connection, escalation.id):
        adult = people.load(draft.connection, person_id)
        if adult is None or student is None or person_id in escalation.left_out:
            continue
        if adult.status is not PersonStatus.STOPPED:
            _remind(draft, escalation, adult, student)


def _remind(draft: Draft, escalation: Escalation, adult: Person, student: Person) -> None:
    address = adult.addresses[0] if adult.addresses else None
    text = draft.adult_text(
        adult,
        address,
        "report_due",
        code=pages.code_for(draft, escalation, adult),
        initials=initials(student),
        program=draft.program.school,
        hours=pages.hours(draft, escalation),
        within=str(int(draft.program.report.within.total_seconds() // 3600)),
        hotline=draft.program.report.hotline,
        link=pages.link_to(draft, escalation),
    )
    draft.write(adult, text.strip(), kind=MessageKind.STAFF, priority=Priority.ALERT, escalation_id=escalation.id)
