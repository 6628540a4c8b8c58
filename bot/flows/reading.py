"""What a reply to a question means: a value, a skip, one pick of several, or nothing that can be read. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from bot.domain import Reply, Signal
from bot.flows.definition import DateStep, NumberStep, Question, SeveralStep, TextStep
from bot.flows.options import Option
from bot.flows.phrases import DONE_WORDS, SKIP_WORDS
from bot.flows.wording import plain, read_date, read_number
from bot.making import quickly_made

SKIP = "__skip__"
DONE = "__done__"


@quickly_made
@dataclass(frozen=True, slots=True)
class Reading:
    """A reply that was understood. `more`: it is one pick of several, and the question stays open."""

    value: Any = field(default=None, repr=False)
    signals: tuple[Signal, ...] = ()
    skipped: bool = False
    more: bool = False


def read_reply(question: Question, reply: Reply, today: date, picked: Sequence[Any] = ()) -> Reading | None:
    """What a reply means, or None. `picked`: values already picked of several. `today`: in the person's own zone."""
    if type(question) is SeveralStep:
        return _read_several(question, reply, picked)
    if question.skip or question.options:  # else no word means anything but itself, and it may be a long text
        words = plain(reply.text)
        if _skips(question, reply, words):
            return Reading(skipped=True)
        option = _pressed(question, reply) or question.labels.match_loosely(words)
        if option is not None:
            return Reading(option.value, (option.escalate.signal(question.id),) if option.escalate else ())
    if reply.media or not reply.text.strip():
        return None
    if type(question) is TextStep:
        marks = (question.escalate.signal(question.id),) if question.escalate else ()
        return Reading(reply.text.strip(), marks)
    if type(question) is NumberStep:
        return _read_number(question, reply.text)
    if type(question) is DateStep:
        day = read_date(reply.text, today)
        return Reading(day.isoformat()) if day else None
    return None


def _read_several(question: SeveralStep, reply: Reply, picked: Sequence[Any]) -> Reading | None:
    words = plain(reply.text)
    ends = reply.choice == DONE or words in DONE_WORDS
    if ends or _skips(question, reply, words):
        if picked:
            return Reading(list(picked))
        return Reading(skipped=True) if question.skip else None
    pressed = _pressed(question, reply)
    new = [pressed] if pressed else question.labels.match_several(reply.text)
    if not new:
        return None
    chosen = {*picked, *(option.value for option in new)}
    values = [option.value for option in question.options if option.value in chosen]
    fresh = [option.escalate for option in new if option.escalate and option.value not in picked]
    signals = tuple(mark.signal(question.id) for mark in fresh)
    return Reading(values, signals, more=pressed is not None and len(values) < len(question.options))


def _read_number(question: NumberStep, text: str) -> Reading | None:
    number = read_number(text)
    if number is None or not question.least <= number <= question.most:
        return None
    if question.whole and not number.is_integer():
        return None
    mark = question.escalate
    marks = (mark.signal(question.id),) if mark and mark.meets(number) else ()
    return Reading(int(number) if number.is_integer() else number, marks)


def _skips(question: Question, reply: Reply, words: str) -> bool:
    return question.skip and (reply.choice == SKIP or (reply.choice is None and words in SKIP_WORDS))


def _pressed(question: Question, reply: Reply) -> Option | None:
    if reply.choice is None:
        return None
    return next((option for option in question.options if str(option.value) == reply.choice), None)
