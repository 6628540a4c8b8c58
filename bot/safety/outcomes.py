"""What came of a case: which outcomes it may close with. Pure."""

from __future__ import annotations

from bot.domain import ABUSE, Escalation, Outcome
from bot.errors import Declined

NEEDS_NOTE = frozenset((Outcome.REPORTED, Outcome.FALSE_ALARM))
_CLOSES_ABUSE = (Outcome.REPORTED, Outcome.FALSE_ALARM)


def judge(escalation: Escalation, outcome: str, note: str) -> None:
    """Raise Refused for an unknown outcome, one without a note that it needs, or one that this case does not allow."""
    if outcome not in list(Outcome):
        raise Declined("refused_outcome")
    if outcome == Outcome.DRILL and not escalation.drill:
        raise Declined("refused_real")
    if escalation.category == ABUSE and outcome not in _CLOSES_ABUSE and not escalation.drill:
        raise Declined("refused_abuse")
    if outcome in NEEDS_NOTE and not note.strip():
        raise Declined(f"refused_note_{outcome}")
