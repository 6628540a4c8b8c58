"""What mentees and mentors write, in the order of decisions.md 3: button, command, open question, unsolicited.

Screening runs first, on everything that is not our own words, and consumes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from bot.domain import (
    Conversation,
    ConversationStatus,
    Escalation,
    Inbound,
    InboundKind,
    MessageKind,
    Person,
    Priority,
    Reply,
    ReviewKind,
    Role,
    Signal,
    Tier,
)
from bot.errors import FlowError
from bot.flows import engine, state
from bot.flows.commands import read_command
from bot.safety import rules
from bot.safety.screen import Screening
from bot.turns import cases, contact, followups, prompts, recent, telling
from bot.turns.around import around
from bot.turns.commands import ADULT_REQUESTED, adult_choice, adult_when, applies, obey
from bot.turns.draft import Draft
from bot.turns.trends import looked_back
from storage import conversations

QUIET = timedelta(minutes=10)
"""Unsolicited messages get one reply in this time, however many they are."""
AT_ONCE = timedelta(seconds=2)
"""What is handled so soon after it was sent was overtaken by no change of it: nobody need look."""


@dataclass
class Reading:
    """One student's message on its way through the order of reading."""

    draft: Draft
    person: Person
    inbound: Inbound
    our_words: bool = False
    """The text is a label or number that we offered, or a bare command: nothing to screen."""


def read(draft: Draft, person: Person, inbound: Inbound, screening: Screening) -> None:
    """Do what a student's message asks for, and open a case if an adult must know: in the same turn."""
    reading = Reading(draft, person, inbound)
    try:
        _route(reading)
    except FlowError:
        # Law 2: a flow that cannot go on is told. The conversation ends; the person's words are in the log.
        prompts.stop(draft, person)
        draft.signals.append(rules.failure(draft.staff_text("reason_failure")))
    unscreened = ""
    if reading.our_words:
        if draft.received is not None and draft.received.kind is InboundKind.TEXT:
            draft.received = replace(draft.received, kind=InboundKind.OURS)
    else:
        unscreened = draft.seen(recent.across(draft, person, reading.inbound, screening)).unscreened
    conclude(draft, person, unscreened)


def conclude(draft: Draft, person: Person, unscreened: str = "") -> None:
    """Judge what the turn has found so far; open or update the case, tell the student."""
    if person.role is Role.MENTOR and draft.signals:
        telling.guard_load(draft, person)
    if any(signal.category == contact.REPORTED for signal in draft.signals):
        contact.rest(draft, person)
    verdict = rules.judge(draft.findings, tuple(draft.signals), unscreened)
    for review in verdict.reviews:
        draft.review(review.kind, review.reason, person)
    if verdict.case is None:
        return
    case = verdict.case
    if not telling.is_report(draft, person, case):
        case = recent.added_up(draft, person, case)
    if verdict.crisis and not telling.is_report(draft, person, case):
        _suspend(draft, person)
    answered = bool(draft.messages)
    opened = cases.open_or_join(draft, person, case)
    if draft.received is not None:  # else time brought it: a card about nothing would only frighten
        _tell(draft, person, case, opened, answered=answered)
    telling.bind(draft, opened)


def _tell(draft: Draft, person: Person, case: rules.Case, opened: Escalation, *, answered: bool) -> None:
    when = adult_when(draft, person) if case.category == ADULT_REQUESTED else ()
    if telling.is_report(draft, person, case):
        telling.advise(draft, person, case, opened)
    elif case.tier in (Tier.CRISIS, Tier.URGENT):
        asked = case.category == ADULT_REQUESTED and not draft.findings
        adult = around(draft.connection, draft.program, [person.id]).advisor_name(person)
        if opened.left_out:  # never the one whom it may be about
            adult = cases.first_told(draft, opened)
        wrote_in = [finding.pack.partition("@")[0].partition("-")[0] for finding in draft.findings]
        card = draft.program.card(person.language, adult, asked=asked, also=wrote_in)
        closed = draft.program.closed_text("closed_card", person.language, draft.now)
        asks = draft.text(person, "adult_when") if when else ""
        draft.write(
            person,
            "\n\n".join(part for part in (card, closed, asks) if part),
            kind=MessageKind.CARD,
            priority=Priority.ALERT,
            choices=(*telling.beside(draft, person, case), *when),
            first=True,
            escalation_id=opened.id,
        )
    elif not answered:
        draft.say(person, "adult_soon", when)


def _suspend(draft: Draft, person: Person) -> None:
    """In a crisis the card is the only reply, and the conversation waits until an adult resumes it."""
    draft.messages.clear()
    open_one = prompts.waiting(draft, person)
    if open_one is not None and all(one.id != open_one.id for one in draft.conversations):
        draft.conversations.append(open_one)
    draft.conversations[:] = [_suspended(one) for one in draft.conversations]
    prompts.pause_for_crisis(draft, person)


def _suspended(conversation: Conversation) -> Conversation:
    if conversation.status.ended:
        return conversation
    return replace(conversation, status=ConversationStatus.SUSPENDED, due_at=None)


def _route(reading: Reading) -> None:
    draft, person, inbound = reading.draft, reading.person, reading.inbound
    if inbound.kind is InboundKind.BUTTON:
        return _pressed(reading)
    if inbound.kind is InboundKind.EDIT:
        first = conversations.received_as(draft.past(person), person.id, inbound.address, inbound.provider_id)
        if first is not None:
            return _changed(reading, first)
        # What it said before never reached us: it is what they write now.
        inbound = reading.inbound = replace(inbound, kind=InboundKind.TEXT)
    elif (later := _overtaken(draft, person, inbound)) is not None:
        return _changed(reading, later)
    if inbound.kind is InboundKind.MEDIA:
        draft.review(ReviewKind.MEDIA, f"Sent something that is not text: {inbound.media or 'a file'}", person)
    command = read_command(inbound.text) if inbound.kind is InboundKind.TEXT else None
    is_label = not inbound.text.lstrip().startswith("/")
    if command is not None and applies(draft, person, command, is_label=is_label):
        # Behind a slashed command people write why, and that is read like any text.
        reading.our_words = is_label or inbound.text.strip()[1:].isalpha()
        return obey(draft, person, command)
    waiting = prompts.waiting(draft, person)
    named = _replied_to(draft, person, inbound)
    if named is not None and named.step and named.person_id == person.id and not _asks(named, waiting):
        return _late(draft, person, named, Reply(text=inbound.text))
    if _told(reading, waiting):
        return None
    if waiting is not None:
        return _answer(reading, waiting, Reply(text=inbound.text, media=inbound.kind is InboundKind.MEDIA))
    if followups.is_answer(draft, person, inbound.text):
        return
    _unsolicited(reading)


def _told(reading: Reading, waiting: Conversation | None) -> bool:
    """Whether a mentor's text belongs to what they tell an adult of; a reply that a flow knows is not looked at."""
    draft, person, inbound = reading.draft, reading.person, reading.inbound
    if person.role is not Role.MENTOR or inbound.kind is not InboundKind.TEXT:
        return False
    if waiting is not None and engine.is_our_words(prompts.flow_of(draft, waiting).flow, waiting, inbound.text):
        return False
    newest = conversations.newest_sent(draft.past(person), person.id, asks=True)
    if newest is None:
        return False
    value = telling.typed(newest, inbound.text)
    if value:
        reading.our_words = True
        telling.pressed(draft, person, value)
        return True
    return telling.line(draft, person, newest)


def _overtaken(draft: Draft, person: Person, inbound: Inbound) -> int | None:
    """What a late message said after a change, when that came first and was taken for it: the later state stays."""
    if inbound.sent_at is None or not inbound.provider_id or draft.now - inbound.sent_at < AT_ONCE:
        return None
    return conversations.received_as(draft.past(person), person.id, inbound.address, inbound.provider_id)


def _replied_to(draft: Draft, person: Person, inbound: Inbound) -> conversations.Sent | None:
    if inbound.reply_to is not None:
        return conversations.sent(draft.past(person), inbound.reply_to)
    if inbound.replies_to:
        return conversations.sent_as(draft.past(person), person.id, inbound.address, inbound.replies_to)
    return None


def _changed(reading: Reading, first: int) -> None:
    """What came first stays, and what it counted for; what it says as well is kept beside it, and screened."""
    draft, person = reading.draft, reading.person
    if draft.received is not None:
        draft.received = replace(draft.received, kind=InboundKind.EDIT, replaces=first)
    draft.review(ReviewKind.UNSOLICITED, "Changed what they had written", person)


def _pressed(reading: Reading) -> None:
    draft, person, inbound = reading.draft, reading.person, reading.inbound
    found = draft.pressed(person, inbound.token)
    if found is None:
        # A button that is not ours for this person: whatever it says is kept, screened and shown like any text.
        return _unsolicited(reading)
    reading.our_words = True
    choice, message = found
    if choice.value.startswith(f"{telling.TELL} "):
        return telling.pressed(draft, person, choice.value)
    command = read_command(choice.value) if choice.value.startswith("/") else None
    if command is not None:
        return obey(draft, person, command)
    reply = Reply(text=choice.label, choice=choice.value)
    waiting = prompts.waiting(draft, person)
    if waiting is not None and _asks(message, waiting):
        return _answer(reading, waiting, reply)
    _late(draft, person, message, reply)


def _asks(message: conversations.Sent, waiting: Conversation | None) -> bool:
    return waiting is not None and (message.conversation_id, message.step) == (waiting.id, waiting.step)


def _answer(reading: Reading, waiting: Conversation, reply: Reply) -> None:
    draft, person = reading.draft, reading.person
    flow = prompts.flow_of(draft, waiting).flow
    if reply.choice is None and not reply.media:
        reading.our_words = engine.is_our_words(flow, waiting, reply.text)
    turn = engine.advance(flow, waiting, reply, draft.local_now(person))
    draft.belongs_to(waiting, ours=reading.our_words)
    prompts.apply(draft, person, turn)
    for answer in turn.answers:
        if answer.kind == "unread":
            draft.review(ReviewKind.UNREADABLE, f"Not understood twice: {answer.flow}, {answer.step}", person)
            question = flow.question(answer.step)
            if question is not None and any(option.escalate for option in question.options):
                # Perhaps it asked for an adult: what cannot be judged is told (law 2).
                reason = f"{draft.staff_text('reason_unread')} ({answer.flow}, {answer.step})"
                draft.signals.append(Signal(Tier.CONCERN, "unread", reason))
    draft.signals.extend(looked_back(draft, person, flow, turn.answers))


def _late(draft: Draft, person: Person, message: conversations.Sent, reply: Reply) -> None:
    """An answer to a question that is no longer open: kept with that question; the open one stays open."""
    stored = conversations.state(draft.connection, message.conversation_id) if message.conversation_id else None
    if stored is None or not message.step:
        draft.say(person, "late_gone")
        return
    conversation = state.load(stored)
    turn = engine.late(
        prompts.flow_of(draft, conversation).flow, conversation, message.step, reply, draft.local_now(person)
    )
    draft.belongs_to(replace(conversation, step=message.step))
    draft.take(person, replace(turn, conversations=()))


def _unsolicited(reading: Reading) -> None:
    draft, person = reading.draft, reading.person
    is_media = reading.inbound.kind is InboundKind.MEDIA
    if not is_media:
        draft.review(ReviewKind.UNSOLICITED, "Wrote without being asked", person)
    key = "media" if is_media else "unsolicited"
    bucket = int(draft.now.timestamp() // QUIET.total_seconds())
    choices = (adult_choice(draft, person),)
    draft.write(person, draft.text(person, key), key=f"{key}:{person.id}:{bucket}", choices=choices)
