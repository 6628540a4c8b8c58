"""Several cases of one student at once: the first is told at once, what follows within a minute in one message (F72).

Each stays a case of its own, with its own code, until somebody has it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.domain import Escalation, Page, PageKind, Person, Tier
from bot.safety.ladder import Step
from bot.safety.news import BUNDLE
from bot.safety.rules import Case
from bot.turns.draft import Draft
from storage import escalations

Joint = tuple[Escalation, tuple[Page, ...], tuple[Escalation, ...]]
"""A case, its pages, and the cases that those pages tell of as well."""


def waits_until(draft: Draft, person: Person, case: Case, left_out: Sequence[int]) -> datetime | None:
    """When a new case is told together with others; None: now, as the first of its student or more urgent than they."""
    if case.everyone or draft.is_from_stranger:  # other strangers' cases stand in the same name
        return None
    told = escalations.told_lately(
        draft.connection,
        person.id,
        draft.now - BUNDLE,
        [tier for tier in Tier if tier.rank <= case.tier.rank],
        left_out,
    )
    return told + BUNDLE if told is not None else None


def joined(steps: Sequence[Step]) -> Sequence[Joint]:
    """The same steps, with one page to each adult: the most urgent case's, which tells of the others."""
    ordered = sorted(steps, key=lambda step: (step[0].tier.rank, step[0].id))
    joints: list[Joint] = []
    for number, (escalation, pages) in enumerate(ordered):
        before = {page.person_id for _, others in ordered[:number] for page in others}
        own = tuple(page for page in pages if page.kind is not PageKind.ALERT or page.person_id not in before)
        told = {page.person_id for page in own}
        also = tuple(case for case, others in ordered[number + 1 :] if told & {page.person_id for page in others})
        joints.append((escalation, own, also))
    return joints


def told_with(draft: Draft, escalation: Escalation) -> Sequence[Escalation]:
    """Other open cases of the student that were told in the same message."""
    return [
        one
        for one in escalations.beside(draft.connection, escalation)
        if one.told_at is not None and one.told_at == escalation.told_at
    ]


def due_with(draft: Draft, escalation: Escalation) -> Sequence[Escalation]:
    """Other open cases of the student whose next adult is to be told now as well."""
    return [
        one
        for one in escalations.beside(draft.connection, escalation)
        if one.next_action_at is not None and one.next_action_at <= draft.now
    ]
