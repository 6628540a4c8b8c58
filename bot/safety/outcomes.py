"""What came of a case: the outcomes that there are, and which a case may close with. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain import Escalation
from bot.errors import Refused

ABUSE = "abuse"
DRILL = "drill"
"""The outcome of drills, and of nothing else."""
OUTCOMES: Mapping[str, str] = {
    "spoke-with-student": "Spoke with the student",
    "parent-contacted": "Contacted a parent",
    "report-made": "Made a report myself",
    "handed-to-counselor": "Handed to the counselor",
    "not-a-concern": "Not a concern",
    DRILL: "Drill",
}
NEEDS_NOTE: Mapping[str, str] = {
    "report-made": "Write the date, the agency and the reference of your report.",
    "not-a-concern": "Write why this is not a concern.",
}
_CLOSES_ABUSE = ("report-made", "not-a-concern")


def judge(escalation: Escalation, outcome: str, note: str) -> None:
    """Raise Refused for an unknown outcome, one without a note that it needs, or one that this case does not allow."""
    if outcome not in OUTCOMES:
        raise Refused("Choose what came of it: " + ", ".join(OUTCOMES.values()) + ".")
    if outcome == DRILL and not escalation.drill:
        raise Refused("This is no drill but a real case. Choose what came of it.")
    if escalation.category == ABUSE and outcome not in _CLOSES_ABUSE and not escalation.drill:
        raise Refused(
            "A case of possible abuse closes only with a report that you made, or with why it is not a concern."
        )
    if outcome in NEEDS_NOTE and not note.strip():
        raise Refused(NEEDS_NOTE[outcome])
