"""What time brings: occurrences, due times of conversations and cases, the end of a pause, news of failed sends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain import (
    DeliveryNews,
    Due,
    DueKind,
    Escalation,
    MessageKind,
    News,
    Occurrence,
    Person,
    PersonStatus,
    Priority,
)
from bot.errors import FlowError
from bot.flows import engine, state
from bot.planning.due import decide, fit_hour, local_day, newest_only, within_cap
from bot.program import Program
from bot.safety import rules
from bot.turns import cases, followups, lost, prompts, reports, silences, unreached
from bot.turns.around import around
from bot.turns.draft import Draft
from bot.turns.students import conclude
from storage import conversations, escalations, occurrences, people

FOR_NOW = ("no_listener", "no_address", "not_delivered", "refused", "unlinked", "unreadable")
"""Codes of failures that say nothing about the next message to the same address."""
PUNCTUAL = timedelta(minutes=5)
"""Later than this it was not on time: the machine was off, or the time was held."""
_OF_CASES: Mapping[DueKind, Callable[[Draft, Escalation], None]] = {
    DueKind.ESCALATION: cases.climb,
    DueKind.NEWS: cases.tell_news,
    DueKind.REPORT: reports.remind,
}


def come(draft: Draft, due: Due) -> None:
    """A due time has come. What no longer holds does nothing."""
    if due.kind in _OF_CASES:
        escalation = escalations.load(draft.connection, due.id, lock=True)
        if escalation is not None:
            _OF_CASES[due.kind](draft, escalation)
    elif due.kind is DueKind.CONVERSATION:
        _conversation(draft, due.id)
    elif due.kind is DueKind.OCCURRENCE:
        occurrence = occurrences.occurrence(draft.connection, due.id, lock=True)
        if occurrence is not None:
            _occurrence(draft, occurrence)
    elif due.kind is DueKind.FOLLOW_UP:
        followups.ask(draft, due.id)
    elif due.kind is DueKind.SILENCE:
        silences.come(draft, due.id)
    elif due.kind in (DueKind.LOST_WORDS, DueKind.LOST_PRESS):
        lost.tell(draft, due)
    else:
        _pause_is_over(draft, due.id)


def news(draft: Draft, told: DeliveryNews) -> None:
    """A message will never arrive: the ladder goes on at once, staff see that a student cannot be reached."""
    message = conversations.sent(draft.connection, told.message_id)
    if message is None:
        return
    if told.news is News.LATE:
        return _late(draft, message)
    if told.code not in FOR_NOW:
        draft.unreachable.append(message.address)
    if message.escalation_id is not None and message.rung is not None and message.round is not None:
        escalation = escalations.load(draft.connection, message.escalation_id, lock=True)
        if escalation is not None:
            cases.unheard(draft, escalation, message)
        return
    person = people.load(draft.connection, message.person_id, lock=True) if message.person_id is not None else None
    if person is not None and not person.role.adult:
        unreached.told(draft, person, told.code)


def _late(draft: Draft, alert: conversations.Sent) -> None:
    if alert.escalation_id is not None:
        escalation = escalations.load(draft.connection, alert.escalation_id, lock=True)
        if escalation is not None:
            cases.late(draft, escalation, alert)


def _conversation(draft: Draft, conversation_id: int) -> None:
    stored = conversations.state(draft.connection, conversation_id)
    conversation = state.load(stored) if stored is not None else None
    person = people.load(draft.connection, conversation.person_id, lock=True) if conversation is not None else None
    if conversation is None or person is None:
        return
    try:
        turn = engine.lapse(prompts.flow_of(draft, conversation).flow, conversation, draft.local_now(person))
        if turn.conversations != (conversation,):
            prompts.apply(draft, person, turn)
    except FlowError:
        prompts.stop(draft, person)
        _cannot_go_on(draft, person)


def _cannot_go_on(draft: Draft, person: Person) -> None:
    """Law 2: what cannot be judged or go on is told."""
    draft.signals.append(rules.failure(draft.staff_text("reason_failure")))
    conclude(draft, person)


def _occurrence(draft: Draft, occurrence: Occurrence) -> None:
    person = people.load(draft.connection, occurrence.person_id, lock=True)
    verdict = decide(occurrence, draft.now)
    if person is None or verdict == "later":
        return
    fit = fit_moment(draft.program, occurrence, person, draft.now)
    if verdict == "fire" and draft.now < fit <= occurrence.expires_at:
        draft.occurrence_held = (occurrence.id, fit)
        return
    draft.occurrence_done = (occurrence.id, _fate(draft, occurrence, person, "missed" if draft.now < fit else verdict))
    if draft.occurrence_done[1] != "fired":
        draft.note("Nearpeer", draft.occurrence_done[1], person_id=person.id, detail=occurrence.schedule)
        return
    if not occurrence.flow:
        _remind(draft, person, occurrence)
        return
    try:
        flow = draft.program.flows[occurrence.flow]
        prompts.start(draft, person, flow, match_id=occurrence.match_id, occurrence_id=occurrence.id)
    except (FlowError, KeyError):
        _cannot_go_on(draft, person)


def fit_moment(program: Program, occurrence: Occurrence, person: Person, now: datetime) -> datetime:
    """When this may go out: now, or, for a question that comes late in the night, in the morning."""
    is_late = now - occurrence.due_at > PUNCTUAL
    if not occurrence.flow or not is_late or occurrence.schedule in program.any_hour:
        return now
    return fit_hour(now, program.zone_of(person))


def _fate(draft: Draft, occurrence: Occurrence, person: Person, verdict: str) -> str:
    """fired, missed or cancelled: too late, not the newest, over the day's cap, or the person wants none."""
    if verdict == "missed":
        return "missed"
    if person.status is not PersonStatus.ACTIVE or not person.addresses:
        return "cancelled"
    due = occurrences.due_of(draft.connection, [person.id], draft.now)
    together = [one for one in due if one.schedule == occurrence.schedule]
    if occurrence not in newest_only(together)[0]:
        return "missed"
    begin, end = local_day(draft.now, draft.program.zone)
    fired = occurrences.fired_between(draft.connection, [person.id], begin, end)
    return "fired" if within_cap(occurrence, fired, draft.program.cap) else "missed"


def _remind(draft: Draft, person: Person, occurrence: Occurrence) -> None:
    values = {
        "name": person.first_name,
        "partner": around(draft.connection, draft.program, [person.id]).partner_names(person, occurrence.match_id),
        "time": draft.program.local_time(occurrence.expires_at, person),
    }
    draft.write(
        person,
        draft.text(person, "session_reminder", **values),
        kind=MessageKind.REMINDER,
        priority=Priority.REMINDER,
        expires_at=occurrence.expires_at,
    )


def _pause_is_over(draft: Draft, person_id: int) -> None:
    person = people.load(draft.connection, person_id, lock=True)
    if person is None or person.status is not PersonStatus.PAUSED:
        return
    if person.paused_until is None or draft.now < person.paused_until:
        return
    draft.people.append(replace(person, status=PersonStatus.ACTIVE, paused_until=None))
    draft.note("Nearpeer", "pause over", person_id=person.id)
