"""What comes in about a case that runs already: who is told of it, and what is told together. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain import Escalation, EscalationStatus, Ladder, Page, PageKind, Tier
from bot.errors import Declined
from bot.safety.ladder import Step, pages_to, released, reopen_now, repeat_of, tell_rung, told_up_to

BUNDLE = timedelta(minutes=1)
"""What is told of one student within this time after the first is told together."""


def raise_tier(escalation: Escalation, tier: Tier, ladder: Ladder, now: datetime) -> Step:
    """A more urgent tier: its ladder begins at once, even if somebody holds the case. A lower tier changes nothing."""
    if tier.rank >= escalation.tier.rank:
        return escalation, ()
    if escalation.status is EscalationStatus.CLOSED:
        raise Declined("refused_closed", adult=escalation.closed_by)
    rungs = tuple(rung for rung in ladder.rungs if rung.people)
    raised = replace(released(escalation), tier=tier, ladder=replace(ladder, rungs=rungs), round=escalation.round + 1)
    return tell_rung(raised, 0, now)


def narrow(escalation: Escalation, ladder: Ladder, left_out: tuple[int, ...], now: datetime) -> Step:
    """It may be about these adults: the ladder is one without them, and none of them has it any longer."""
    narrowed = replace(escalation, ladder=ladder, left_out=left_out, rung=0, round=escalation.round + 1, told_at=now)
    holder = narrowed.acknowledged_person_id
    if narrowed.status is EscalationStatus.OPEN or holder in left_out or not ladder.rungs:
        return tell_rung(released(narrowed), 0, now)
    return narrowed, pages_to(PageKind.ALERT, (holder, *ladder.rungs[0].people), narrowed)


def told_again(escalation: Escalation, now: datetime) -> Step:
    """Something new in a running case: who holds it is told; while nobody does, the ladder is climbing anyway.

    The first news comes at once; what follows it within a minute is told together (F72).
    """
    if escalation.status is not EscalationStatus.ACKNOWLEDGED:
        return escalation, ()
    holder, told = escalation.acknowledged_person_id, escalation.told_at
    if holder is None:
        return reopen_now(escalation, now)
    if told is not None and now - told < BUNDLE:
        return replace(escalation, news_at=told + BUNDLE), ()
    return _tell_news(escalation, holder, now)


def news_due(escalation: Escalation, now: datetime) -> Step:
    """Its holder is told of what has come in. A due time that no longer holds changes nothing."""
    holder = escalation.acknowledged_person_id
    if escalation.news_at is None or now < escalation.news_at or holder is None:
        return escalation, ()
    return _tell_news(escalation, holder, now)


def _tell_news(escalation: Escalation, holder: int, now: datetime) -> Step:
    told = replace(escalation, round=escalation.round + 1, told_at=now, news_at=None)
    return told, (Page(PageKind.ALERT, holder, told.rung, told.round),)


def everyone_knows(before: Escalation, after: Escalation, now: datetime) -> bool:
    """Whether all adults were told of just this within a minute: pressing once more says nothing new to anybody."""
    same = (before.reason, before.tier, before.left_out) == (after.reason, after.tier, after.left_out)
    at_the_last = before.rung >= len(before.ladder.rungs) - 1
    return same and at_the_last and before.told_at is not None and now - before.told_at < BUNDLE


def tell_everyone(escalation: Escalation, now: datetime) -> Step:
    """All adults of the ladder at once: somebody waits beside the student. Whoever has the case keeps it."""
    last = max(len(escalation.ladder.rungs) - 1, 0)
    told = replace(escalation, rung=last, round=escalation.round + 1, told_at=now)
    if told.status is EscalationStatus.OPEN:
        told = replace(told, next_action_at=now + repeat_of(told.ladder))
    return told, pages_to(PageKind.ALERT, told_up_to(told, last), told)
