"""The conversation engine: (flow, conversation, event, now) -> Turn. Pure, synchronous and bounded; it sends nothing.

`now` is aware. Give it in the person's own zone: "tomorrow" is read by its date. Stored moments are UTC.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.domain import AnswerKind, Conversation, ConversationStatus, Priority, Reply, Turn
from bot.errors import FlowError
from bot.flows.definition import Flow
from bot.flows.phrases import phrase
from bot.flows.reading import read_reply
from bot.flows.walk import BOUNDS, Bounds, Walk


def start(
    flow: Flow,
    conversation: Conversation,
    now: datetime,
    bounds: Bounds | None = None,
    priority: Priority = Priority.CHECK_IN,
    before: str = "",
) -> Turn:
    """Begin: everything up to the first question. `before`: what is said first of all. Raises FlowError."""
    walk = Walk(flow, conversation, now, bounds or BOUNDS, priority)
    if before:
        walk.say(before)
    walk.go(flow.steps[0].id)
    return walk.turn()


def advance(flow: Flow, conversation: Conversation, reply: Reply, now: datetime, bounds: Bounds | None = None) -> Turn:
    """A reply to the waiting question: keep the answer and go on, or ask once more. Raises FlowError."""
    walk = Walk(flow, conversation, now, bounds or BOUNDS)
    question = walk.waiting()
    picked = conversation.answers.get(question.id) or ()
    reading = read_reply(question, reply, now.date(), picked)
    if reading is None and conversation.tries == 0:
        walk.ask_again(question, reply)
    elif reading is not None and reading.more:
        walk.ask_more(question, reading)
    else:
        walk.keep(question, reply, reading)
        walk.go_on_from(question)
    return walk.turn()


def late(flow: Flow, conversation: Conversation, step: str, reply: Reply, now: datetime) -> Turn:
    """An answer to a question that is no longer open: kept, its marks raised, the conversation unchanged."""
    question = flow.question(step)
    if question is None:
        raise FlowError(f'the flow "{flow.flow}" has no question "{step}"')
    walk = Walk(flow, conversation, now, BOUNDS)
    reading = read_reply(question, reply, now.date())
    walk.note(question, AnswerKind.LATE, reply, reading)
    walk.say(phrase("late", conversation.language))
    walk.flush()
    return replace(walk.turn(), conversations=(conversation,))


def lapse(flow: Flow, conversation: Conversation, now: datetime) -> Turn:
    """The due time has come: the one nudge, or the end of waiting. A due time that no longer holds changes nothing."""
    due = conversation.due_at
    if conversation.status is not ConversationStatus.WAITING or due is None or now < due:
        return Turn(conversations=(conversation,))
    walk = Walk(flow, conversation, now, BOUNDS, Priority.REMINDER)
    question = walk.waiting()
    if not conversation.nudged and conversation.lapses_at is not None and now < conversation.lapses_at:
        walk.nudge(question)
    else:
        walk.give_up(question)
    return walk.turn()


def resume(flow: Flow, conversation: Conversation, now: datetime, bounds: Bounds | None = None) -> Turn:
    """Ask the waiting question again, with a new window: after a suspension, or in another language."""
    if conversation.status.ended:
        return Turn(conversations=(conversation,))
    walk = Walk(flow, conversation, now, bounds or BOUNDS)
    walk.ask(walk.question(conversation.step))
    return walk.turn()


def is_our_words(flow: Flow, conversation: Conversation, text: str, step: str = "") -> bool:
    """Whether a text only repeats what the question (`step`, or the waiting one) offers; it need not be screened."""
    question = flow.question(step or conversation.step)
    return question is not None and question.labels.offer(text)
