"""What came of a case: how each outcome is called, and which a case may close with. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain import ABUSE, Escalation, Outcome
from bot.errors import Refused

OUTCOMES: Mapping[str, str] = {
    Outcome.SPOKE: "Spoke with the student",
    Outcome.PARENT: "Contacted a parent",
    Outcome.REPORTED: "Made a report myself",
    Outcome.HANDED_ON: "Handed to the counselor",
    Outcome.FALSE_ALARM: "Not a concern",
    Outcome.DRILL: "Drill",
}
NEEDS_NOTE: Mapping[str, str] = {
    Outcome.REPORTED: "Write the date, the agency and the reference of your report.",
    Outcome.FALSE_ALARM: "Write why this is not a concern.",
}
_CLOSES_ABUSE = (Outcome.REPORTED, Outcome.FALSE_ALARM)


def judge(escalation: Escalation, outcome: str, note: str) -> None:
    """Raise Refused for an unknown outcome, one without a note that it needs, or one that this case does not allow."""
    if outcome not in OUTCOMES:
        raise Refused("Choose what came of it: " + ", ".join(OUTCOMES.values()) + ".")
    if outcome == Outcome.DRILL and not escalation.drill:
        raise Refused("This is no drill but a real case. Choose what came of it.")
    if escalation.category == ABUSE and outcome not in _CLOSES_ABUSE and not escalation.drill:
        raise Refused(
            "A case of possible abuse closes only with a report that you made, or with why it is not a concern."
        )
    if outcome in NEEDS_NOTE and not note.strip():
        raise Refused(NEEDS_NOTE[outcome])
