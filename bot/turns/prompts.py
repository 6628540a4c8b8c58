"""Conversations with a person: the waiting one, starting, queueing, resuming, ending. The engine is bot.flows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from bot.domain import Conversation, ConversationStatus, Person, PersonStatus, Priority, Turn
from bot.errors import Declined, FlowError
from bot.flows import engine, state
from bot.flows.loaded import LoadedFlow, parse_flow
from bot.turns import contact
from bot.turns.around import around
from bot.turns.draft import Draft
from storage import conversations


def waiting(draft: Draft, person: Person) -> Conversation | None:
    """The conversation that waits for this person's answer."""
    stored = draft.waiting(person)
    return None if stored is None else state.load(stored)


def flow_of(draft: Draft, conversation: Conversation) -> LoadedFlow:
    """The flow version that a conversation began with, also after its file has changed."""
    current = draft.program.flows.get(conversation.flow)
    if current is not None and current.hash == conversation.flow_hash:
        return current
    body = conversations.definition(draft.connection, conversation.flow_hash)
    if body is None:
        raise FlowError(f"flow {conversation.flow}, version {conversation.flow_hash[:8]}, is not stored")
    return parse_flow(body, conversation.flow)


def start(
    draft: Draft,
    person: Person,
    flow: LoadedFlow,
    *,
    priority: Priority = Priority.CHECK_IN,
    match_id: int | None = None,
    occurrence_id: int | None = None,
) -> None:
    """Begin a flow with a person. While another conversation waits, the new one queues behind it."""
    conversations.define(draft.batch, flow.hash, "flow", flow.name, flow.source, draft.now)
    finished = conversations.finished_by(draft.past(person), person.id)
    names = flow.flow.placeholders
    # Names of the people around: no turn changes them.
    values = around(draft.batch.past, draft.program, [person.id], names).values(person, match_id, names)
    conversation = new_conversation(
        draft, person, flow, finished, values, match_id=match_id, occurrence_id=occurrence_id
    )
    open_one = waiting(draft, person)
    if open_one is not None and open_one.flow == conversation.flow:
        # The same check-in is still open from last time: the new one takes its place.
        draft.conversations.append(replace(open_one, status=ConversationStatus.LAPSED, due_at=None))
    elif open_one is not None:
        draft.conversations.append(conversation)
        return
    before = draft.program.before_flow(flow, person.language, draft.now)
    draft.take(person, engine.start(flow.flow, conversation, draft.local_now(person), priority=priority, before=before))


def new_conversation(
    draft: Draft,
    person: Person,
    flow: LoadedFlow,
    seen: tuple[str, ...],
    values: Mapping[str, str],
    *,
    match_id: int | None,
    occurrence_id: int | None,
) -> Conversation:
    """A conversation that has not begun."""
    return Conversation(
        id=draft.new_id(),
        person_id=person.id,
        flow=flow.name,
        flow_hash=flow.hash,
        language=person.language,
        status=ConversationStatus.QUEUED,
        started_at=draft.now,
        seen=seen,
        values=values,
        match_id=match_id,
        occurrence_id=occurrence_id,
    )


def apply(draft: Draft, person: Person, turn: Turn) -> None:
    """Take over what the engine wants; when the conversation has ended, the next in line begins."""
    draft.take(person, turn)
    if not turn.conversations[-1].status.ended:
        return
    for stored in conversations.queue(draft.past(person), person.id):
        conversation = replace(state.load(stored), language=person.language)
        flow = flow_of(draft, conversation)
        if draft.now < conversation.started_at + flow.flow.window:
            before = draft.program.before_flow(flow, person.language, draft.now)
            now = draft.local_now(person)
            draft.take(person, engine.start(flow.flow, conversation, now, priority=Priority.CHECK_IN, before=before))
            return
        # It waited in line for as long as it would have waited for an answer: its time is over.
        draft.conversations.append(replace(conversation, status=ConversationStatus.LAPSED))


def ask_again(draft: Draft, person: Person, conversation: Conversation) -> None:
    """The waiting question once more, in the person's language."""
    conversation = replace(conversation, language=person.language)
    draft.take(person, engine.resume(flow_of(draft, conversation).flow, conversation, draft.local_now(person)))


def stop(draft: Draft, person: Person) -> None:
    """The waiting conversation ends here."""
    open_one = waiting(draft, person)
    if open_one is not None:
        draft.conversations.append(replace(open_one, status=ConversationStatus.STOPPED, due_at=None))


def stop_all(draft: Draft, person: Person) -> None:
    """The person wants no more: the waiting conversation ends, and those in line behind it are never begun."""
    stop(draft, person)
    for stored in conversations.queue(draft.past(person), person.id):
        draft.conversations.append(replace(state.load(stored), status=ConversationStatus.STOPPED))


def resume(draft: Draft, person: Person, actor: str) -> None:
    """An adult lets scheduled prompts go on; a conversation that was suspended asks its question again.

    Raises Refused for somebody who wants no prompts.
    """
    if person.status is PersonStatus.STOPPED:
        raise Declined("refused_stopped", name=person.name)
    contact.go_on(draft, person)
    active = replace(person, status=PersonStatus.ACTIVE, paused_until=None)
    draft.people.append(active)
    draft.note(actor, "resumed check-ins", person_id=person.id)
    draft.say(active, "resumed_by_adult")
    stored = conversations.suspended(draft.connection, person.id)
    if stored is not None and waiting(draft, person) is None:
        ask_again(draft, active, state.load(stored))


def is_paused_by_crisis(person: Person) -> bool:
    """Paused without an end: only an adult resumes."""
    return person.status is PersonStatus.PAUSED and person.paused_until is None


def pause_for_crisis(draft: Draft, person: Person) -> None:
    """After a crisis scheduled prompts wait until an adult resumes them; who stopped them stays stopped."""
    person = next((one for one in reversed(draft.people) if one.id == person.id), person)
    if person.status is not PersonStatus.STOPPED:
        draft.people.append(replace(person, status=PersonStatus.PAUSED, paused_until=None))
    draft.cancel_prompts_of.append(person.id)
    draft.note("Nearpeer", "paused check-ins", person_id=person.id, detail="crisis")
