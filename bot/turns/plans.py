"""What an adult who has a case plans: the buttons and words that say so, and what the student reads of it."""

from __future__ import annotations

from bot.domain import ActionKind, Choice, Escalation, Person, Plan, Role, StaffAction
from bot.flows.wording import plain
from bot.safety import plans
from bot.turns.draft import Draft
from bot.turns.telling import WORRIES
from storage import people

PREFIX = f"{ActionKind.PLAN}:"
"""Begins the value of a button that says a plan."""
_WORDS = {
    Plan.NOW: ("now", "ahora"),
    Plan.TODAY: ("today", "hoy"),
    Plan.NEXT_DAY: ("next", "proximo"),
    Plan.HOME: ("home", "casa"),
}


def choices(draft: Draft, adult: Person, escalation: Escalation, code: str) -> tuple[Choice, ...]:
    """Buttons for what this adult may plan beside what they plan already; none for who does not have the case."""
    if escalation.acknowledged_person_id != adult.id:
        return ()
    return tuple(
        Choice(f"{draft.text(adult, f'plan_{one}')} {code}", "", PREFIX + one)
        for one in Plan
        if one.fits(escalation.tier) and one != escalation.plan
    )


def read(draft: Draft, text: str) -> Plan | None:
    """The plan that a text with a case's code says: one of our labels in any language, or `PLAN 4F7K today`.

    Anything else that somebody says of their plans still takes the case.
    """
    words = plain(text).split()
    labels = {plain(texts[f"plan_{one}"]): one for texts in draft.program.texts.values() for one in Plan}
    if words[:1] == ["plan"]:
        return next((one for one, known in _WORDS.items() if not set(known).isdisjoint(words)), None)
    return labels.get(" ".join(words[:-1]))


def act(draft: Draft, escalation: Escalation, action: StaffAction) -> None:
    """Keep what the adult who has the case plans; the same plan again says nothing. Raises Refused for all others."""
    changed = plans.plan(escalation, action.actor_person_id, action.actor, action.plan, draft.now)
    draft.escalations.append(changed)
    if changed != escalation:
        draft.note(action.actor, ActionKind.PLAN, changed, detail=action.plan)
    if changed.plan != escalation.plan:
        _tell_student(draft, changed)


def _tell_student(draft: Draft, escalation: Escalation) -> None:
    """The student reads when, and never of a call home. A mentor who told of somebody else is not whom it is for."""
    student = people.load(draft.connection, escalation.person_id)
    if student is None or student.role.adult or escalation.plan == Plan.HOME:
        return
    if student.role is Role.MENTOR and escalation.category in WORRIES:
        return
    text = draft.text(student, f"seen_plan_{escalation.plan}", adult=escalation.acknowledged_by)
    draft.write(student, text, escalation_id=escalation.id)
