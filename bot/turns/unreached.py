"""A message to a student will never arrive: staff see it, and whoever has an open case is missed a little less."""

from __future__ import annotations

from dataclasses import replace

from bot.domain import Escalation, EscalationStatus, Person, ReviewKind
from bot.safety import news
from bot.safety.rules import Case, joined
from bot.safety.tuning import raised
from bot.turns import cases
from bot.turns.draft import Draft
from bot.turns.rungs import standing
from storage import escalations


def told(draft: Draft, student: Person, code: str) -> None:
    """Each open case of theirs rises one tier, once. `code`: why the message did not arrive."""
    draft.review(ReviewKind.UNREACHABLE, f"A message could not be delivered ({code})", student)
    reason = draft.staff_text("reason_unreachable")
    for known in escalations.not_closed(draft.connection, student.id):
        case = escalations.load(draft.connection, known.id, lock=True)
        if case is not None and not case.drill and reason not in case.reason.split("; "):
            _rise(draft, student, case, reason)


def _rise(draft: Draft, student: Person, case: Escalation, reason: str) -> None:
    if case.status is EscalationStatus.CLOSED:
        return
    tier = raised(case.tier, draft.program.tuning.unreachable.by)
    updated = replace(case, reason=joined([reason, *case.reason.split("; ")]))
    if tier.rank < case.tier.rank:
        who = standing(draft, student, Case(tier, case.category, reason), case.left_out)
        changed, wanted = news.raise_tier(replace(updated, left_out=who.left_out), tier, who.ladder, draft.now)
        key = "alert"
    else:
        changed, wanted = news.told_again(updated, draft.now)
        key = "alert_update"
    draft.note("Nearpeer", "updated", changed, detail=f"{changed.tier}: {reason}")
    cases.tell(draft, (changed, wanted), key)
