"""Escalations: opening, merging, climbing, and what adults do with them. The ladder itself is bot.safety.ladder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.domain import (
    ABUSE,
    ActionKind,
    Escalation,
    EscalationStatus,
    MessageKind,
    Page,
    PageKind,
    Person,
    PersonStatus,
    StaffAction,
)
from bot.errors import Declined
from bot.safety import ladder as ladders
from bot.safety import news as incoming
from bot.safety import plans as planning
from bot.safety.rules import SAME_CASE, Case, merge
from bot.turns import afterwards, bundles, closing, drills, older_alerts, pages, plans, reports, telling
from bot.turns.draft import Draft
from bot.turns.rungs import standing
from storage import conversations, escalations, people

NO_CASE = "refused_no_case"
NOTE = "note:"
"""Step of the message that asks an adult for a note: `note:<outcome>:<escalation id>`."""
SOON = timedelta(minutes=30)
"""So long a line is the note that was asked for, though something was told in between."""


def open_or_join(draft: Draft, person: Person, case: Case) -> Escalation:
    """A case for this person: added to the running one of its category, whose tier only rises, or a new one."""
    known = running(draft, person, case.category)
    # What comes in makes no case less urgent: its ladder is the one of the higher tier.
    urgent = min(case.tier, known.tier, key=lambda tier: tier.rank) if known is not None else case.tier
    who = standing(draft, person, replace(case, tier=urgent), _left_out_before(draft, person, case, known))
    step, action = merge(known, case, who.ladder, draft.now), "updated"
    if step is None:
        message_id = draft.received.id if draft.received else None
        opened, wanted = ladders.open_case(
            draft.new_id(),
            person.id,
            case.tier,
            case.category,
            case.reason,
            who.ladder,
            draft.now,
            message_id,
            waits_until=bundles.waits_until(draft, person, case, who.left_out),
        )
        step, action = (replace(opened, left_out=who.left_out, policy=_policy(draft)), wanted), "opened"
    elif known is not None and who.left_out != known.left_out:
        # By now it is about an adult: whoever it is has it no longer, and hears no more of it.
        step = incoming.narrow(step[0], who.ladder, who.left_out, draft.now)
        _stop_alerts(draft, known)
    escalation, wanted = reports.clocked(draft, step[0]), step[1]
    key = "alert_update" if action == "updated" and escalation.status is EscalationStatus.ACKNOWLEDGED else "alert"
    if case.everyone and not (known is not None and incoming.everyone_knows(known, escalation, draft.now)):
        (escalation, wanted), key = incoming.tell_everyone(escalation, draft.now), "alert_with"
    draft.note("Nearpeer", action, escalation, detail=f"{escalation.tier}: {case.reason}")
    return tell(draft, (escalation, wanted), key)


def _left_out_before(draft: Draft, person: Person, case: Case, known: Escalation | None) -> tuple[int, ...]:
    """Who was left out until now. What a mentor tells may be about whom their own words about abuse have named."""
    named = running(draft, person, ABUSE) if case.category in telling.WORRIES else None
    return tuple(dict.fromkeys(id_ for one in (known, named) if one is not None for id_ in one.left_out))


def _policy(draft: Draft) -> str:
    """The hash of what decides who is told; it is kept, so that staff can read later what held for a case."""
    text = draft.program.policy
    hash_ = hashlib.sha256(text.encode()).hexdigest()
    conversations.define(draft.batch, hash_, "ladder", draft.program.name, text, draft.now)
    return hash_


def running(draft: Draft, person: Person, category: str) -> Escalation | None:
    """The person's case of this category to which more is added: of this turn, or stored and not a day old.

    Strangers' cases all stand in one adult's name: what a stranger writes is added to what the same chat began.
    """
    drafted = [one for one in draft.escalations if (one.person_id, one.category) == (person.id, category)]
    if drafted:
        return drafted[-1]
    chat = draft.received.address if draft.received is not None and draft.is_from_stranger else None
    return escalations.running(draft.connection, person.id, category, draft.now - SAME_CASE, chat)


def first_told(draft: Draft, escalation: Escalation) -> str:
    """The name of the adult who is told first; empty where there is nobody to tell."""
    told = [one for rung in escalation.ladder.rungs for one in rung.people]
    adult = people.load(draft.connection, told[0]) if told else None
    return adult.name if adult is not None else ""


def climb(draft: Draft, escalation: Escalation) -> None:
    """Its due time has come: tell the next adults, ask the holder, or re-open; with what else of its student is due."""
    if escalation.drill:
        return drills.climb(draft, escalation)
    step = ladders.climb(escalation, draft.now)
    if step[0] == escalation:
        return
    steps = [step]
    if escalation.status is EscalationStatus.OPEN:
        steps += [ladders.climb(one, draft.now) for one in bundles.due_with(draft, escalation)]
    for changed, _ in steps:
        if changed.status is EscalationStatus.OPEN and escalation.status is EscalationStatus.ACKNOWLEDGED:
            draft.note("Nearpeer", "re-opened", changed, detail=f"no answer from {escalation.acknowledged_by}")
        else:
            draft.note("Nearpeer", "climbed", changed, detail=f"rung {changed.rung + 1}, round {changed.round + 1}")
    _tell_together(draft, steps)


def tell_news(draft: Draft, escalation: Escalation) -> None:
    """Whoever has the case reads of what has come in since they were last told."""
    changed, wanted = incoming.news_due(escalation, draft.now)
    if changed != escalation:
        tell(draft, (changed, wanted), "alert_update")


def _tell_together(draft: Draft, steps: Sequence[ladders.Step], key: str = "alert") -> None:
    for escalation, wanted, also in bundles.joined(steps):
        tell(draft, (escalation, wanted), key, also)


def unheard(draft: Draft, escalation: Escalation, alert: conversations.Sent) -> None:
    """An alert reached nobody. When all who were told with it are silent, others are told now, not at their time."""
    assert alert.rung is not None
    assert alert.round is not None
    if escalation.drill:
        return  # that is what it is to find out
    if not escalations.rung_is_silent(draft.connection, escalation.id, alert.rung, alert.round):
        return
    if escalation.status is EscalationStatus.ACKNOWLEDGED:
        _unheard_while_held(draft, escalation, alert)
    elif (escalation.rung, escalation.round) == (alert.rung, alert.round):
        together = [ladders.advance_now(one, draft.now) for one in bundles.told_with(draft, escalation)]
        step = ladders.advance_now(escalation, draft.now)
        draft.note("Nearpeer", "nobody reached", step[0], detail=f"rung {alert.rung + 1}")
        _tell_together(draft, [step, *together])


def _unheard_while_held(draft: Draft, escalation: Escalation, alert: conversations.Sent) -> None:
    """What was told since somebody took the case: news to themselves, or that they want help."""
    assert escalation.acknowledged_at is not None
    assert alert.rung is not None
    if alert.rung != escalation.rung or alert.created_at < escalation.acknowledged_at:
        return
    if alert.person_id == escalation.acknowledged_person_id:
        if alert.round == escalation.round:
            _nobody_reached(draft, ladders.reopen_now(escalation, draft.now), alert.rung)
        return
    changed, wanted = ladders.help_unheard(escalation, draft.now)
    if wanted:
        _nobody_reached(draft, (changed, wanted), escalation.rung, "alert_help")
        return
    holder = people.load(draft.connection, escalation.acknowledged_person_id or 0)
    if holder is not None:
        code = pages.code_for(draft, escalation, holder)
        draft.write(
            holder, draft.text(holder, "help_unheard", code=code), kind=MessageKind.STAFF, escalation_id=escalation.id
        )


def late(draft: Draft, escalation: Escalation, alert: conversations.Sent) -> None:
    """An alert has not left for its address in minutes: the adult is told at all others. A repeat of it does nothing.

    The platform may be down for an hour, its token revoked, or its settings taken away: here nobody need know which.
    """
    assert alert.rung is not None
    assert alert.round is not None
    taken_at = escalation.acknowledged_at
    if escalation.status is EscalationStatus.CLOSED or (taken_at is not None and alert.created_at < taken_at):
        return
    adult = people.load(draft.connection, alert.person_id or 0)
    student = people.load(draft.connection, escalation.person_id)
    if adult is None or adult.status is PersonStatus.STOPPED or student is None or adult.id in escalation.left_out:
        return
    holds = adult.id == escalation.acknowledged_person_id
    kind = PageKind.STILL if holds and escalation.asked_at is not None else PageKind.ALERT
    key = "alert_update" if holds else "alert_help" if taken_at is not None else "alert"
    page = Page(kind, adult.id, alert.rung, alert.round)
    also = bundles.told_with(draft, escalation) if escalation.status is EscalationStatus.OPEN else ()
    pages.send_one(draft, escalation, page, adult, student, key, also, everywhere=True)


def _nobody_reached(draft: Draft, step: ladders.Step, rung: int, key: str = "alert") -> None:
    draft.note("Nearpeer", "nobody reached", step[0], detail=f"rung {rung + 1}")
    tell(draft, step, key)


def tell(draft: Draft, step: ladders.Step, key: str = "alert", also: Sequence[Escalation] = ()) -> Escalation:
    """Send what a step of the ladder wants. Where all whom it would wake have left, it goes on at once (F69)."""
    escalation, wanted = step
    draft.escalations.append(escalation)
    while not pages.send(draft, escalation, wanted, key, also):
        draft.note("Nearpeer", "nobody reached", escalation, detail=f"rung {escalation.rung + 1}: no longer here")
        holder = escalation.acknowledged_person_id
        climb_on = ladders.advance_now
        if escalation.status is EscalationStatus.ACKNOWLEDGED:
            asked_holder = all(page.person_id == holder for page in wanted)
            # Nobody has it then: those who are told next do not read of news in a case that they never had.
            climb_on, key = (ladders.reopen_now, "alert") if asked_holder else (ladders.help_unheard, key)
        escalation, wanted = climb_on(escalation, draft.now)
        if not wanted and climb_on is ladders.advance_now:
            # All who are left on its ladder have left: those who are here now stand in for them.
            escalation, wanted = _from_anew(draft, escalation)
        draft.escalations.append(escalation)
    return escalation


def _from_anew(draft: Draft, escalation: Escalation) -> ladders.Step:
    student = people.load(draft.connection, escalation.person_id)
    if student is None:
        return escalation, ()
    who = standing(draft, student, Case(escalation.tier, escalation.category, ""), escalation.left_out)
    if not who.ladder.rungs:
        return escalation, ()
    return ladders.reopen_now(replace(escalation, ladder=who.ladder, left_out=who.left_out), draft.now)


def act(draft: Draft, action: StaffAction) -> None:
    """What an adult does with a case, from chat, page or command line. Raises Refused with words for them."""
    escalation = escalations.load(draft.connection, action.object_id, lock=True)
    if escalation is None or action.actor_person_id in escalation.left_out:
        raise Declined(NO_CASE)  # to whom it is about as well: they must not learn that it does
    if escalation.drill:
        return drills.act(draft, escalation, action)
    if action.kind is ActionKind.PLAN:
        return plans.act(draft, escalation, action)
    adult_id = action.actor_person_id
    name = action.actor
    if action.kind is ActionKind.TAKE:
        changed, wanted = ladders.acknowledge(escalation, adult_id, name, draft.now)
        _taken(draft, escalation, changed)
    elif action.kind is ActionKind.PASS_ON:
        changed, wanted = ladders.pass_on(escalation, adult_id, name, draft.now)
    elif action.kind is ActionKind.NEED_HELP:
        changed, wanted = ladders.need_help(escalation, adult_id, name, draft.now)
        _taken(draft, escalation, changed)
    elif action.kind is ActionKind.CLOSE:
        changed, wanted = ladders.close(escalation, adult_id, name, action.outcome, action.note, draft.now)
        closing.guard(draft, action)
        changed = afterwards.planned(draft, changed)
        _stop_alerts(draft, escalation)
        older_alerts.settle(draft, changed)
    else:
        changed, wanted = ladders.reopen(escalation, adult_id, name, draft.now)
        changed = reports.clocked(draft, changed)
    draft.note(name, action.kind, changed, detail=action.outcome)
    changed = tell(draft, (changed, wanted), "alert_help" if action.kind is ActionKind.NEED_HELP else "alert")
    if action.kind is ActionKind.TAKE and planning.fits(changed, action.plan):
        plans.act(draft, changed, action)  # after the taking, which no plan holds up that does not fit by now


def _taken(draft: Draft, before: Escalation, after: Escalation) -> None:
    """Alerts on their way stop, and the student reads who has seen it."""
    if before.status is EscalationStatus.OPEN:  # of a case that is held, what is on its way came later and is meant
        _stop_alerts(draft, before)
        older_alerts.settle(draft, after)
    student = people.load(draft.connection, after.person_id)
    if student is not None and not student.role.adult and before.acknowledged_by != after.acknowledged_by:
        text = draft.text(student, "seen", adult=after.acknowledged_by)
        key = f"seen:{after.id}:{after.round}:{after.acknowledged_by}"
        draft.write(student, text, key=key, escalation_id=after.id)


def _stop_alerts(draft: Draft, escalation: Escalation) -> None:
    if not escalations.beside(draft.connection, escalation):  # the same message may be all that tells of those
        draft.cancel_alerts_of.append(escalation.id)


def asked_for_note(draft: Draft, adult: Person) -> tuple[str, int] | None:
    """(outcome, escalation id) when what we asked this adult last was a note, and a line is meant for it."""
    newest = conversations.newest_sent(draft.connection, adult.id, asks=True)
    if newest is None or not newest.step.startswith(NOTE):
        return None
    # It closes the case: a "thank you" for what was told hours later must not.
    if draft.now - newest.created_at > SOON and not conversations.is_last(draft.connection, newest):
        return None
    _, outcome, escalation_id = newest.step.split(":")
    return outcome, int(escalation_id)
