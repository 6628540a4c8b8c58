"""From what was seen to what must happen: findings and signals become a case or a review item. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain import ABUSE, Escalation, EscalationStatus, Finding, Ladder, ReviewKind, Signal, Tier
from bot.safety import ladder as ladders
from bot.safety import news

SAME_CASE = timedelta(hours=24)
"""The same student and category within this time is the same case."""
_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class Case:
    """What an adult must look at, in plain words for staff, without the student's own."""

    tier: Tier
    category: str
    reason: str
    about_adult: int | None = None
    """The adult whom it is about, as a Signal says it: a named one counts before SOME_ADULT."""
    everyone: bool = False
    """All adults of the ladder are told at once."""


@dataclass(frozen=True, slots=True)
class Review:
    """What staff should look at when they next read."""

    kind: ReviewKind
    reason: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one message or event asks for."""

    case: Case | None = None
    reviews: tuple[Review, ...] = ()

    @property
    def crisis(self) -> bool:
        """Whether the crisis card is the only reply."""
        return self.case is not None and self.case.tier is Tier.CRISIS


def judge(findings: Sequence[Finding], signals: Sequence[Signal] = (), unscreened: str = "") -> Verdict:
    """The one case to open or update, if anything climbs, and what staff review. `unscreened`: a Screening's reason."""
    seen = [Signal(finding.tier, finding.category, _plain(finding)) for finding in findings]
    # Abuse before all else of its tier: such a case closes only with a report or a reason.
    ordered = sorted([*signals, *seen], key=lambda signal: (signal.tier.rank, signal.category != ABUSE))
    climbing = [signal for signal in ordered if signal.tier.climbs]
    reviews: list[Review] = []
    if unscreened:
        reviews.append(Review(ReviewKind.UNSCREENED, f"Could not be judged: {unscreened}"))
    for signal in ordered:
        if signal.tier is Tier.UNSCREENED:
            reviews.append(Review(ReviewKind.UNSCREENED, signal.label))
    if not climbing:
        quiet = [signal.label for signal in ordered if signal.tier is Tier.NOTICE]
        return Verdict(None, (*reviews, *([Review(ReviewKind.NOTICE, joined(quiet))] if quiet else [])))
    # A hint of abuse beside something worse as well: whatever else the case is about, its report must not be forgotten.
    is_abuse = any(signal.category == ABUSE and signal.tier.rank <= Tier.URGENT.rank for signal in climbing)
    case = Case(
        climbing[0].tier,
        ABUSE if is_abuse else climbing[0].category,
        joined(signal.label for signal in climbing),
        max((signal.about_adult for signal in climbing if signal.about_adult is not None), default=None),
        any(signal.everyone for signal in climbing),
    )
    return Verdict(case, tuple(reviews))


def merge(escalation: Escalation | None, case: Case, ladder: Ladder, now: datetime) -> ladders.Step | None:
    """A running case of the same person and category, with this added to it; None where a new one must be opened.

    The caller looks up `escalation` by person. The tier only rises; `ladder` is the one for `case.tier`.
    """
    if escalation is None or escalation.status is EscalationStatus.CLOSED or escalation.category != case.category:
        return None
    if now - escalation.opened_at >= SAME_CASE:
        return None
    known = escalation.reason.split("; ")
    updated = replace(escalation, reason=joined([*known, *case.reason.split("; ")]))
    if case.tier.rank < escalation.tier.rank:
        return news.raise_tier(updated, case.tier, ladder, now)
    return news.told_again(updated, now)


def failure(label: str) -> Signal:
    """A rule that raised, a flow that cannot go on: an adult is told (law 2). `label`: plain words for staff."""
    return Signal(Tier.URGENT, "failure", label)


def _plain(finding: Finding) -> str:
    return (
        f"{finding.label} ({'; '.join(finding.modifiers)})".replace("; ", ", ") if finding.modifiers else finding.label
    )


def joined(reasons: Iterable[str]) -> str:
    """Reasons once each, in order, as long as they fit."""
    whole = ""
    for reason in dict.fromkeys(reasons):
        longer = f"{whole}; {reason}" if whole else reason
        if len(longer) > _LONGEST_REASON:
            break
        whole = longer
    return whole
