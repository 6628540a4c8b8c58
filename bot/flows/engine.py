"""The conversation engine: (flow, conversation, event, now) -> Turn. Pure, synchronous and bounded; it sends nothing.

`now` is aware. Give it in the person's own zone: "tomorrow" is read by its date. Stored moments are UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from bot.domain import (
    Answer,
    AnswerKind,
    Choice,
    Conversation,
    ConversationStatus,
    Message,
    MessageKind,
    Priority,
    Reply,
    Signal,
    Turn,
)
from bot.errors import FlowError
from bot.flows import wording
from bot.flows.asking import choices_for, how_to_answer, label_of, shown, text_in
from bot.flows.conditions import holds
from bot.flows.definition import BranchStep, EndStep, Flow, Question, SeveralStep
from bot.flows.phrases import phrase
from bot.flows.reading import Reading, read_reply


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one turn may do. More is a FlowError, for texts that people write a cut."""

    messages: int = 4
    steps: int = 60
    length: int = 3000
    """Letters of one outgoing message."""
    joined: int = 900
    """Up to here texts before a question go out in the question's message."""
    choices: int = 12
    answer: int = 4000
    """Letters of an answer that are kept with it; the message log has the rest."""


def start(
    flow: Flow,
    conversation: Conversation,
    now: datetime,
    bounds: Bounds | None = None,
    priority: Priority = Priority.CHECK_IN,
) -> Turn:
    """Begin: everything up to the first question. Raises FlowError."""
    walk = _Walk(flow, conversation, now, bounds or Bounds(), priority)
    walk.go(flow.steps[0].id)
    return walk.turn()


def advance(flow: Flow, conversation: Conversation, reply: Reply, now: datetime, bounds: Bounds | None = None) -> Turn:
    """A reply to the waiting question: keep the answer and go on, or ask once more. Raises FlowError."""
    walk = _Walk(flow, conversation, now, bounds or Bounds())
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
    walk = _Walk(flow, conversation, now, Bounds())
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
    walk = _Walk(flow, conversation, now, Bounds(), Priority.REMINDER)
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
    walk = _Walk(flow, conversation, now, bounds or Bounds())
    walk.ask(walk.question(conversation.step))
    return walk.turn()


def is_our_words(flow: Flow, conversation: Conversation, text: str, step: str = "") -> bool:
    """Whether a text only repeats what the question (`step`, or the waiting one) offers; it need not be screened."""
    question = flow.question(step or conversation.step)
    return question is not None and wording.is_our_words(text, question.options)


class _Walk:
    """One turn in the making."""

    def __init__(
        self,
        flow: Flow,
        conversation: Conversation,
        now: datetime,
        bounds: Bounds,
        priority: Priority = Priority.REPLY,
    ) -> None:
        self._flow, self._conversation, self._bounds = flow, conversation, bounds
        self._now, self._priority = now.astimezone(UTC), priority
        self._language = conversation.language
        self._texts: list[str] = []
        self._messages: list[Message] = []
        self._answers: list[Answer] = []
        self._signals: list[Signal] = []

    def turn(self) -> Turn:
        return Turn(
            conversations=(self._conversation,),
            messages=tuple(self._messages),
            answers=tuple(self._answers),
            signals=tuple(self._signals),
        )

    def waiting(self) -> Question:
        if self._conversation.status is not ConversationStatus.WAITING:
            raise FlowError(f"the conversation is {self._conversation.status}, not waiting")
        return self.question(self._conversation.step)

    def question(self, step: str) -> Question:
        question = self._flow.question(step)
        if question is None:
            raise FlowError(f'the flow "{self._flow.flow}" has no question "{step}"')
        return question

    # --- walking ---

    def go(self, target: str | None) -> None:
        """Walk from a step to the next question, or to the end."""
        for _ in range(self._bounds.steps):
            step = self._flow.by_id.get(target or "")
            if step is None:
                raise FlowError(f'the flow "{self._flow.flow}" has no step "{target or ""}"')
            if isinstance(step, Question):
                return self.ask(step)
            if isinstance(step, BranchStep):
                target = self._way_out(step)
                continue
            self.say(self._text(step.texts))
            if isinstance(step, EndStep):
                return self._finish(ConversationStatus.DONE)
            target = self._flow.onward(step)
        raise FlowError(f'the flow "{self._flow.flow}" goes on for more than {self._bounds.steps} steps')

    def go_on_from(self, question: Question) -> None:
        self.go(self._flow.onward(question))

    def _way_out(self, branch: BranchStep) -> str | None:
        for arm in branch.branch:
            if arm.when is None or holds(arm.when, self._conversation):
                return arm.target
        return self._flow.onward(branch)

    def _finish(self, status: ConversationStatus) -> None:
        self.flush()
        self._change(status=status, step="", tries=0, due_at=None, lapses_at=None)

    # --- asking ---

    def ask(self, question: Question) -> None:
        """Ask for the first time, with a new window."""
        self.say(self._text(question.texts))
        if isinstance(question, SeveralStep):
            self.say(phrase("several", self._language))
        self._change(status=ConversationStatus.WAITING, step=question.id, tries=0)
        self._post_question(question)

    def ask_again(self, question: Question, reply: Reply) -> None:
        """The kind second try: what was wrong, and how to answer."""
        self.say(phrase("media" if reply.media else "again", self._language))
        self.say(how_to_answer(question, self._language, self._flow.languages))
        self._change(tries=self._conversation.tries + 1)
        self._post_question(question)

    def ask_more(self, question: Question, reading: Reading) -> None:
        """One of several was tapped: keep the picks, and raise their marks at once."""
        self._signals += reading.signals
        self._set_answer(question, reading.value)
        picked = [option for option in question.options if option.value in reading.value]
        labels = ", ".join(label_of(option, self._language, self._flow.languages) for option in picked)
        self.say(phrase("more", self._language).format(picked=labels))
        self._post_question(question)

    def nudge(self, question: Question) -> None:
        self.say(phrase("nudge", self._language))
        self.say(self._text(question.texts))
        self._change(nudged=True, due_at=self._conversation.lapses_at)
        self._post(question)

    def give_up(self, question: Question) -> None:
        picked = self._conversation.answers.get(question.id)
        if picked:  # picks of several whose Done never came
            self.note(question, AnswerKind.ANSWER, Reply(), Reading(picked))
        self._finish(ConversationStatus.LAPSED)

    def _post_question(self, question: Question) -> None:
        lapses = self._now + self._flow.window
        nudge = self._flow.nudge if not self._conversation.nudged else None
        self._change(lapses_at=lapses, due_at=self._now + nudge if nudge else lapses)
        self._post(question)

    def _post(self, question: Question) -> None:
        picked = self._conversation.answers.get(question.id) or ()
        offered = choices_for(question, self._language, self._flow.languages, picked)
        if len(offered) > self._bounds.choices:
            raise FlowError(f'"{question.id}" offers more than {self._bounds.choices} choices')
        self.flush(question, offered)

    # --- keeping ---

    def keep(self, question: Question, reply: Reply, reading: Reading | None) -> None:
        """Keep the answer of the waiting question; one that was twice not understood goes to staff."""
        if reading is None:
            kind = AnswerKind.UNREAD
            picked = self._conversation.answers.get(question.id)
            reading = Reading(picked) if picked else None
            self.say(phrase("unread", self._language))
        else:
            kind = AnswerKind.SKIPPED if reading.skipped else AnswerKind.ANSWER
        self.note(question, kind, reply, reading)
        self._set_answer(question, self._answers[-1].value)

    def note(self, question: Question, kind: AnswerKind, reply: Reply, reading: Reading | None) -> None:
        value = reading.value if reading else None
        text = reply.text[: self._bounds.answer]
        self._answers.append(
            Answer(
                conversation_id=self._conversation.id,
                person_id=self._conversation.person_id,
                flow=self._conversation.flow,
                flow_hash=self._conversation.flow_hash,
                step=question.id,
                kind=kind,
                at=self._now,
                topic=question.topic,
                sensitivity=question.sensitivity,
                value=value[: self._bounds.answer] if isinstance(value, str) else value,
                text=text,
            )
        )
        self._signals += reading.signals if reading else ()

    def _set_answer(self, question: Question, value: Any) -> None:
        self._change(answers={**self._conversation.answers, question.id: value})

    # --- messages ---

    def say(self, text: str) -> None:
        """Say something; it goes out with what follows, as long as both are short."""
        if self._texts and len("\n\n".join([*self._texts, text])) > self._bounds.joined:
            self.flush()
        self._texts.append(text)

    def flush(self, question: Question | None = None, offered: tuple[Choice, ...] = ()) -> None:
        """Make one message of the texts so far; with a question, of the question."""
        text = "\n\n".join(self._texts)
        self._texts = []
        if not text:
            return
        if len(text) > self._bounds.length:
            raise FlowError(f'a message of "{self._flow.flow}" is longer than {self._bounds.length} letters')
        if len(self._messages) == self._bounds.messages:
            raise FlowError(f'the flow "{self._flow.flow}" sends more than {self._bounds.messages} messages in a row')
        self._messages.append(
            Message(
                id=0,
                person_id=self._conversation.person_id,
                kind=MessageKind.QUESTION if question else MessageKind.SAY,
                priority=self._priority,
                text=text,
                dedupe_key="",
                choices=offered,
                step=question.id if question else "",
                conversation_id=self._conversation.id,
                expires_at=self._conversation.lapses_at if question else None,
            )
        )

    def _text(self, texts: Mapping[str, str]) -> str:
        return shown(text_in(texts, self._language, self._flow.languages), self._flow, self._conversation)

    def _change(self, **changes: Any) -> None:
        self._conversation = replace(self._conversation, **changes)
