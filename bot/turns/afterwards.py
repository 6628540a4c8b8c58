"""What comes after a case is closed: when its student is asked whether someone talked with them."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

from bot.domain import Escalation, Outcome, Person
from bot.planning.due import fit_hour
from bot.turns.draft import Draft
from storage import people

EARLIEST = time(8)


def planned(draft: Draft, closed: Escalation) -> Escalation:
    """A case that was closed just now, with the time at which its student is asked; there may be nothing to ask."""
    student = people.load(draft.connection, closed.person_id)
    if student is None or student.role.adult or closed.drill or closed.outcome == Outcome.FALSE_ALARM:
        return replace(closed, follow_up_at=None)
    at = draft.now + timedelta(hours=draft.program.tuning.nobody_talked.after_hours)
    return replace(closed, follow_up_at=fit(draft, student, at), follow_up="")


def fit(draft: Draft, student: Person, at: datetime) -> datetime:
    """The first moment from then on at which a student may be asked: from 08:00 to 20:00 on their wall."""
    return fit_hour(at, draft.program.zone_of(student), EARLIEST)
