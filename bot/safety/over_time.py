"""What adds up over days: a second concern, or a concern while the mood falls, is urgent. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain import Answer, AnswerKind, Tier
from bot.safety import second_look
from bot.safety.rules import SAME_CASE, Case

WITHIN = timedelta(days=14)
_FALL = 2
"""Steps below the best mood of these days."""


@dataclass(frozen=True, slots=True)
class Concern:
    """An earlier case that a person's own words opened or joined."""

    category: str
    opened_at: datetime


def added_up(case: Case, earlier: Iterable[Concern], moods: Sequence[Answer], now: datetime) -> Case:
    """The case, urgent if it is not the only sign. `earlier`: cases of these days; `moods`: answers of them, any order.

    What joins the running case of its category is the same concern, not a second one.
    """
    if case.tier is not Tier.CONCERN or case.category == second_look.CATEGORY:  # a guess wakes nobody at night
        return case
    reasons = []
    surer = [one for one in earlier if one.category != second_look.CATEGORY]
    others = [one for one in surer if one.category != case.category or now - one.opened_at >= SAME_CASE]
    if any(now - one.opened_at <= WITHIN for one in others):
        reasons.append("a second concern within 14 days")
    if falling(moods, now):
        reasons.append("with a falling mood")
    if not reasons:
        return case
    return replace(case, tier=Tier.URGENT, reason=f"{case.reason}; {'; '.join(reasons)}")


def falling(answers: Iterable[Answer], now: datetime) -> bool:
    """Whether the newest mood of 14 days is two steps below the best of them, or the third in a row that is lower."""
    kept = (AnswerKind.ANSWER, AnswerKind.LATE)
    recent = [one for one in answers if one.topic == "mood" and one.kind in kept and now - WITHIN <= one.at <= now]
    moods = [int(str(one.value)) for one in sorted(recent, key=lambda one: one.at) if str(one.value).isdecimal()]
    if len(moods) < 2:
        return False
    last = moods[-3:]
    return max(moods) - moods[-1] >= _FALL or (len(last) == 3 and last[0] > last[1] > last[2])
