"""One turn of a conversation in the making: from a question, or the beginning, to the next question or the end. Pure.

Kinds of steps are told by `type(step) is`: `isinstance` of a pydantic model costs a microsecond each.
"""

from __future__ import annotations

from dataclasses import dataclass
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
from bot.flows.asking import voice_of
from bot.flows.conditions import holds
from bot.flows.definition import BranchStep, EndStep, Flow, Question, SeveralStep, Step
from bot.flows.phrases import phrase
from bot.flows.reading import Reading


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one turn may do. More is a FlowError, for texts that people write a cut."""

    messages: int = 4
    steps: int = 60
    length: int = 3000
    """Letters of one outgoing message."""
    joined: int = 900
    """Up to here texts before a question go out in the question's message."""
    choices: int = 13
    answer: int = 4000
    """Letters of an answer that are kept with it; the message log has the rest."""


BOUNDS = Bounds()


class Walk:
    """One turn in the making: what changes of the conversation stands here until `turn` makes the new one."""

    def __init__(
        self,
        flow: Flow,
        conversation: Conversation,
        now: datetime,
        bounds: Bounds,
        priority: Priority = Priority.REPLY,
    ) -> None:
        self._flow, self._conversation, self._bounds = flow, conversation, bounds
        self._now, self._priority = now if now.tzinfo is UTC else now.astimezone(UTC), priority
        self._language, self._voice = conversation.language, voice_of(flow, conversation.language)
        self._status, self._step, self._tries = conversation.status, conversation.step, conversation.tries
        self._given, self._nudged = conversation.answers, conversation.nudged
        self._due_at, self._lapses_at = conversation.due_at, conversation.lapses_at
        self._texts: list[str] = []
        self._messages: list[Message] = []
        self._answers: list[Answer] = []
        self._signals: tuple[Signal, ...] = ()

    def turn(self) -> Turn:
        return Turn(
            conversations=(self._changed(),),
            messages=tuple(self._messages),
            answers=tuple(self._answers),
            signals=self._signals,
        )

    def _changed(self) -> Conversation:
        before = self._conversation
        return Conversation(  # each by name: `replace` takes longer than all of the walk before it
            id=before.id,
            person_id=before.person_id,
            flow=before.flow,
            flow_hash=before.flow_hash,
            language=before.language,
            status=self._status,
            started_at=before.started_at,
            step=self._step,
            tries=self._tries,
            answers=self._given,
            seen=before.seen,
            values=before.values,
            due_at=self._due_at,
            lapses_at=self._lapses_at,
            nudged=self._nudged,
            match_id=before.match_id,
            occurrence_id=before.occurrence_id,
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
            question = self._flow.question(target or "")
            if question is not None:
                return self.ask(question)
            step = self._flow.by_id.get(target or "")
            if step is None:
                raise FlowError(f'the flow "{self._flow.flow}" has no step "{target or ""}"')
            if type(step) is BranchStep:
                target = self._way_out(step)
                continue
            self.say(self._text(step))
            if type(step) is EndStep:
                return self._finish(ConversationStatus.DONE)
            target = self._flow.onward(step)
        raise FlowError(f'the flow "{self._flow.flow}" goes on for more than {self._bounds.steps} steps')

    def go_on_from(self, question: Question) -> None:
        self.go(self._flow.onward(question))

    def _way_out(self, branch: BranchStep) -> str | None:
        for arm in branch.branch:
            if arm.when is None or holds(arm.when, self._given, self._conversation.seen, self._language):
                return arm.target
        return self._flow.onward(branch)

    def _finish(self, status: ConversationStatus) -> None:
        self.flush()
        self._status, self._step, self._tries = status, "", 0
        self._due_at = self._lapses_at = None

    # --- asking ---

    def ask(self, question: Question) -> None:
        """Ask for the first time, with a new window."""
        self.say(self._text(question))
        if type(question) is SeveralStep:
            self.say(phrase("several", self._language))
        self._status, self._step, self._tries = ConversationStatus.WAITING, question.id, 0
        self._post_question(question)

    def ask_again(self, question: Question, reply: Reply) -> None:
        """The kind second try: what was wrong, and how to answer."""
        self.say(phrase("media" if reply.media else "again", self._language))
        self.say(self._voice.hint(question))
        self._tries += 1
        self._post_question(question)

    def ask_more(self, question: Question, reading: Reading) -> None:
        """One of several was tapped: keep the picks, and raise their marks at once."""
        self._signals += reading.signals
        self._set_answer(question, reading.value)
        picked = [option for option in question.options if option.value in reading.value]
        labels = ", ".join(map(self._voice.label, picked))
        self.say(phrase("more", self._language).format(picked=labels))
        self._post_question(question)

    def nudge(self, question: Question) -> None:
        self.say(phrase("nudge", self._language))
        self.say(self._text(question))
        self._nudged, self._due_at = True, self._lapses_at
        self._post(question)

    def give_up(self, question: Question) -> None:
        picked = self._given.get(question.id)
        if picked:  # picks of several whose Done never came
            self.note(question, AnswerKind.ANSWER, Reply(), Reading(picked))
        self._finish(ConversationStatus.LAPSED)

    def _post_question(self, question: Question) -> None:
        self._lapses_at = self._now + self._flow.window
        nudge = self._flow.nudge if not self._nudged else None
        self._due_at = self._now + nudge if nudge else self._lapses_at
        self._post(question)

    def _post(self, question: Question) -> None:
        offered = self._voice.choices(question, self._given.get(question.id) or ())
        if len(offered) > self._bounds.choices:
            raise FlowError(f'"{question.id}" offers more than {self._bounds.choices} choices')
        self.flush(question, offered)

    # --- keeping ---

    def keep(self, question: Question, reply: Reply, reading: Reading | None) -> None:
        """Keep the answer of the waiting question; one that was twice not understood goes to staff."""
        if reading is None:
            kind = AnswerKind.UNREAD
            picked = self._given.get(question.id)
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
        if reading:
            self._signals += reading.signals

    def _set_answer(self, question: Question, value: Any) -> None:
        self._given = {**self._given, question.id: value}

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
                expires_at=self._lapses_at if question else None,
            )
        )

    def _text(self, step: Step) -> str:
        return self._voice.text(step, self._conversation.values)
