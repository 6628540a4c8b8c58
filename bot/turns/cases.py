"""Escalations: opening, merging, climbing, and what adults do with them. The ladder itself is bot.safety.ladder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.domain import (
    SMS,
    ActionKind,
    Address,
    Choice,
    Escalation,
    EscalationStatus,
    Ladder,
    MessageKind,
    Page,
    PageKind,
    Person,
    Priority,
    Role,
    Rung,
    StaffAction,
    Tier,
)
from bot.errors import Refused
from bot.safety import ladder as ladders
from bot.safety.rules import SAME_CASE, Case, merge
from bot.turns.draft import Draft, initials
from storage import conversations, escalations, hold, people

OUTCOMES = tuple(ladders.OUTCOMES)
NOTE = "note:"
"""Step of the message that asks an adult for a note: `note:<outcome>:<escalation id>`."""
_TO_TAKE = ("alert", "alert_again", "alert_with")


def open_or_join(draft: Draft, person: Person, case: Case) -> None:
    """A case for this person: added to the running one of its category, whose tier only rises, or a new one."""
    ladder = ladder_for(draft, person, case.tier)
    running = escalations.running(draft.connection, person.id, case.category, draft.now - SAME_CASE)
    step = merge(running, case, ladder, draft.now)
    action = "updated"
    if step is None:
        message_id = draft.received.id if draft.received else None
        step = ladders.open_case(
            draft.new_id(), person.id, case.tier, case.category, case.reason, ladder, draft.now, message_id
        )
        action = "opened"
    escalation, pages = step
    key = "alert_update" if action == "updated" and escalation.status is EscalationStatus.ACKNOWLEDGED else "alert"
    if case.everyone:
        (escalation, pages), key = ladders.tell_everyone(escalation, draft.now), "alert_with"
    draft.escalations.append(escalation)
    draft.note("Nearpeer", action, escalation, detail=f"{escalation.tier}: {case.reason}")
    send_pages(draft, escalation, pages, key)


def ladder_for(draft: Draft, person: Person, tier: Tier) -> Ladder:
    """The program's ladder for a tier, with the words for roles replaced by people. The last rung is never empty."""
    plan = draft.program.ladders[tier]
    adults = people.adults(draft.connection)
    by_key = {one.key: one for one in adults}
    advisors = [match.advisor for match in people.matches(draft.connection, [person.id]) if match.advisor is not None]
    rungs = []
    for rung in plan.rungs:
        named: list[int] = []
        for word in rung.who:
            if word == "advisor":
                named += advisors or [one.id for one in adults if one.role is Role.ADVISOR]
            elif word == "coordinator":
                named += [one.id for one in adults if one.role is Role.COORDINATOR]
            elif word in by_key:
                named.append(by_key[word].id)
        if named:
            rungs.append(Rung(tuple(dict.fromkeys(named)), rung.wait))
    # The safety contact stands at the end; without one (the roster lost them) every adult does: never nobody.
    contact = by_key.get(draft.program.safety_contact)
    last = (contact.id,) if contact else tuple(one.id for one in adults)
    if not any(set(last) <= set(rung.people) for rung in rungs):
        rungs.append(Rung(last, plan.repeat))
    return Ladder(rungs=tuple(rungs), repeat=plan.repeat, hold=plan.hold, grace=plan.grace)


def climb(draft: Draft, escalation: Escalation) -> None:
    """Its due time has come: tell the next adults, ask the holder, or re-open."""
    changed, pages = ladders.climb(escalation, draft.now)
    draft.escalations.append(changed)
    if changed.status is EscalationStatus.OPEN and escalation.status is EscalationStatus.ACKNOWLEDGED:
        draft.note("Nearpeer", "re-opened", changed, detail=f"no answer from {escalation.acknowledged_by}")
    else:
        draft.note("Nearpeer", "climbed", changed, detail=f"rung {changed.rung + 1}, round {changed.round + 1}")
    send_pages(draft, changed, pages)


def unheard(draft: Draft, escalation: Escalation, alert: conversations.Sent) -> None:
    """An alert reached nobody. When all who were told with it are silent, others are told now, not at their time."""
    assert alert.rung is not None
    assert alert.round is not None
    if not escalations.rung_is_silent(draft.connection, escalation.id, alert.rung, alert.round):
        return
    if escalation.status is EscalationStatus.ACKNOWLEDGED:
        _unheard_while_held(draft, escalation, alert)
    elif (escalation.rung, escalation.round) == (alert.rung, alert.round):
        _nobody_reached(draft, ladders.advance_now(escalation, draft.now), alert.rung)


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
    changed, pages = ladders.help_unheard(escalation, draft.now)
    if pages:
        _nobody_reached(draft, (changed, pages), escalation.rung, "alert_help")
        return
    holder = people.load(draft.connection, escalation.acknowledged_person_id or 0)
    if holder is not None:
        code = code_for(draft, escalation, holder)
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
    if adult is None or student is None:
        return
    holds = adult.id == escalation.acknowledged_person_id
    kind = PageKind.STILL if holds and escalation.asked_at is not None else PageKind.ALERT
    key = "alert_update" if holds else "alert_help" if taken_at is not None else "alert"
    page = Page(kind, adult.id, alert.rung, alert.round)
    _send_page(draft, escalation, page, adult, student, key, everywhere=True)


def _nobody_reached(draft: Draft, step: ladders.Step, rung: int, key: str = "alert") -> None:
    changed, pages = step
    draft.escalations.append(changed)
    draft.note("Nearpeer", "nobody reached", changed, detail=f"rung {rung + 1}")
    send_pages(draft, changed, pages, key)


def send_pages(draft: Draft, escalation: Escalation, pages: Iterable[Page], key: str = "alert") -> None:
    """Make messages of the ladder's wishes. `key`: the text of an alert."""
    student = people.load(draft.connection, escalation.person_id)
    for page in pages:
        adult = people.load(draft.connection, page.person_id)
        if adult is not None and student is not None:
            _send_page(draft, escalation, page, adult, student, key)


def _send_page(
    draft: Draft,
    escalation: Escalation,
    page: Page,
    adult: Person,
    student: Person,
    key: str,
    *,
    everywhere: bool = False,
) -> None:
    code = code_for(draft, escalation, adult)
    if page.kind is PageKind.STILL:
        key = "still_with_it"
    elif page.kind is PageKind.TAKEN:
        key = "closed_by_other" if escalation.status is EscalationStatus.CLOSED else "taken_by_other"
    elif key == "alert" and _minutes(draft, escalation, page) > 0:
        key = "alert_again"
    values = {
        "tier": draft.text(adult, f"tier_{escalation.tier}"),
        "initials": initials(student),
        "program": draft.program.school,
        "reason": escalation.reason,
        "code": code,
        "link": link_to(draft, escalation),
        "minutes": str(_minutes(draft, escalation, page)),
        "adult": escalation.closed_by or escalation.acknowledged_by,
    }
    restored = hold.happened_since(draft.connection, escalation.opened_at)
    first = adult.addresses[:1] or (None,)
    if page.kind is PageKind.TAKEN:
        text = _words(draft, adult, first[0], key, restored, values)
        draft.write(adult, text, kind=MessageKind.STAFF, escalation_id=escalation.id)
        return
    # Crisis goes to every address of an adult, one row each; the rest to the first that works (decisions.md 5).
    everywhere = everywhere or escalation.tier is Tier.CRISIS
    for address in (adult.addresses if everywhere else first) or first:
        where = f"{address.platform}/{address.account}/{address.chat}" if address else f"nowhere/{adult.id}"
        draft.write(
            adult,
            _words(draft, adult, address, key, restored, values),
            kind=MessageKind.ALERT,
            priority=Priority.ALERT,
            choices=buttons(draft, adult, escalation, code, still=page.kind is PageKind.STILL),
            key=f"{page.kind}:{escalation.id}:{page.rung}:{page.round}:{where}",
            address=address,
            escalation_id=escalation.id,
            rung=page.rung,
            round=page.round,
        )


def _words(
    draft: Draft, adult: Person, address: Address | None, key: str, restored: bool, values: Mapping[str, str]
) -> str:
    lines = [draft.text(adult, "restored")] if restored else []
    lines.append(draft.adult_text(adult, address, key, **values))
    if address is not None and address.platform == SMS and key in _TO_TAKE:
        lines.append(draft.text(adult, "reply_to_take", **values))
    return "\n".join(lines)


def _minutes(draft: Draft, escalation: Escalation, page: Page) -> int:
    if page.kind is PageKind.STILL:
        return int(escalation.ladder.grace.total_seconds() // 60)
    return int((draft.now - escalation.opened_at).total_seconds() // 60)


def code_for(draft: Draft, escalation: Escalation, adult: Person) -> str:
    """The adult's code for this case, made at the first alert."""
    made = [one.code for one in draft.codes if (one.escalation_id, one.person_id) == (escalation.id, adult.id)]
    known = escalations.code_of(draft.connection, escalation.id, adult.id)
    return made[0] if made else known or draft.new_code(escalation.id, adult.id)


def buttons(
    draft: Draft, adult: Person, escalation: Escalation, code: str, *, still: bool = False
) -> tuple[Choice, ...]:
    """What an adult can do with a case; each label carries the code, so that it works typed as well."""
    keys = [("label_pass", ActionKind.PASS_ON), ("label_help", ActionKind.NEED_HELP)]
    if escalation.acknowledged_person_id == adult.id:
        keys.insert(0, ("label_close", ActionKind.CLOSE))
        if still:
            keys.insert(0, ("label_still", ActionKind.TAKE))
    else:
        keys.insert(0, ("label_take", ActionKind.TAKE))
    return tuple(Choice(draft.text(adult, key, code=code), "", action) for key, action in keys)


def link_to(draft: Draft, escalation: Escalation) -> str:
    """Where staff read the case after signing in."""
    return f"{draft.program.base_url}/staff/escalations/{escalation.id}"


def act(draft: Draft, action: StaffAction) -> None:
    """What an adult does with a case, from chat, page or command line. Raises Refused with words for them."""
    escalation = escalations.load(draft.connection, action.object_id, lock=True)
    if escalation is None:
        raise Refused("This case does not exist.")
    adult_id = action.actor_person_id
    name = action.actor
    if action.kind is ActionKind.TAKE:
        changed, pages = ladders.acknowledge(escalation, adult_id, name, draft.now)
        _taken(draft, escalation, changed)
    elif action.kind is ActionKind.PASS_ON:
        changed, pages = ladders.pass_on(escalation, adult_id, name, draft.now)
    elif action.kind is ActionKind.NEED_HELP:
        changed, pages = ladders.need_help(escalation, adult_id, name, draft.now)
        _taken(draft, escalation, changed)
    elif action.kind is ActionKind.CLOSE:
        changed, pages = ladders.close(escalation, adult_id, name, action.outcome, action.note, draft.now)
        draft.cancel_alerts_of.append(changed.id)
    else:
        changed, pages = ladders.reopen(escalation, adult_id, name, draft.now)
    draft.escalations.append(changed)
    draft.note(name, action.kind, changed, detail=action.outcome)
    send_pages(draft, changed, pages, "alert_help" if action.kind is ActionKind.NEED_HELP else "alert")


def _taken(draft: Draft, before: Escalation, after: Escalation) -> None:
    """Alerts on their way stop, and the student reads who has seen it."""
    if before.status is EscalationStatus.OPEN:  # of a case that is held, what is on its way came later and is meant
        draft.cancel_alerts_of.append(after.id)
    student = people.load(draft.connection, after.person_id)
    if student is not None and not student.role.adult and before.acknowledged_by != after.acknowledged_by:
        text = draft.text(student, "seen", adult=after.acknowledged_by)
        draft.write(student, text, key=f"seen:{after.id}:{after.round}:{after.acknowledged_by}")


def asked_for_note(draft: Draft, adult: Person) -> tuple[str, int] | None:
    """(outcome, escalation id) when our newest message asked this adult for a note."""
    newest = conversations.newest_sent(draft.connection, adult.id)
    if newest is None or not newest.step.startswith(NOTE):
        return None
    _, outcome, escalation_id = newest.step.split(":")
    return outcome, int(escalation_id)
