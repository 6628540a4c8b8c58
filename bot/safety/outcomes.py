"""What came of a case: which outcomes it may close with. Pure."""

from __future__ import annotations

from bot.domain import ABUSE, Escalation, Outcome
from bot.errors import Declined

NEEDS_NOTE = frozenset((Outcome.REPORTED, Outcome.NOT_REPORTABLE, Outcome.FALSE_ALARM))


def judge(escalation: Escalation, outcome: str, note: str) -> None:
    """Raise Refused for an unknown outcome, one without a note that it needs, or one that this case does not allow."""
    if outcome not in list(Outcome):
        raise Declined("refused_outcome")
    if outcome == Outcome.DRILL and not escalation.drill:
        raise Declined("refused_real")
    if not escalation.drill and not Outcome(outcome).fits(escalation.category):
        if escalation.category != ABUSE:
            raise Declined("refused_no_abuse")
        raise Declined("refused_abuse")
    if outcome in NEEDS_NOTE and not note.strip():
        raise Declined(f"refused_note_{outcome}")
