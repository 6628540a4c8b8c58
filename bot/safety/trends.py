"""What a student's answers tell over weeks: repeats, drops, what is skipped again and again. Pure.

An answer gives a reason to look back, or none: most replies cost nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from statistics import median_high

from bot.domain import Answer, AnswerKind, Signal
from bot.safety.tuning import Dropped, Repeated, Tuning

MOOD, COMPANY, RELATIONSHIP = "mood", "company", "relationship"
LOWEST = 1
"""The lowest step of a mood."""
NOBODY = "nobody"
_GIVEN = (AnswerKind.ANSWER, AnswerKind.LATE)
_USUAL = 4
"""A student's usual mood is that of so many check-ins before."""


def looks_back(answer: Answer, tuning: Tuning, highest: int) -> timedelta | None:
    """How far back the rules look after this answer; None: it gives no reason. `highest`: the top of its scale."""
    rules: list[Repeated | Dropped] = []
    value = _number(answer)
    if answer.topic == MOOD and value is not None and value <= max(highest - tuning.mood_drop.steps, LOWEST):
        rules += [tuning.lowest_mood, tuning.mood_drop]
    if answer.kind in _GIVEN and _is_nobody(answer):
        rules.append(tuning.nobody_again)
    if answer.kind is AnswerKind.SKIPPED and answer.topic in tuning.safety_skipped.topics:
        rules.append(tuning.safety_skipped)
    if answer.topic == RELATIONSHIP and value is not None:
        rules += [tuning.relationship_drop, tuning.relationship_gap]
    return timedelta(days=max(rule.within_days for rule in rules)) if rules else None


def seen(new: Sequence[Answer], before: Sequence[Answer], tuning: Tuning) -> tuple[Signal, ...]:
    """What a person's `new` answers tell beside those `before` them, in order of time."""
    history = (*before, *new)
    given = [answer for answer in new if answer.kind in _GIVEN]
    now = max(answer.at for answer in new)
    signals: list[Signal] = []
    if any(_is_lowest(answer) for answer in given):
        signals += lowest_mood(history, now, tuning)
    if any(answer.topic == MOOD for answer in given):
        signals += mood_drop(history, now, tuning)
    if any(_is_nobody(answer) for answer in given):
        signals += nobody_to_be_with(history, now, tuning)
    if any(answer.topic == RELATIONSHIP for answer in given):
        signals += relationship_drop(history, now, tuning)
    for topic in sorted({answer.topic for answer in new if answer.kind is AnswerKind.SKIPPED}):
        signals += safety_skipped(history, now, topic, tuning)
    return tuple(signals)


def lowest_mood(answers: Iterable[Answer], now: datetime, tuning: Tuning) -> tuple[Signal, ...]:
    """The lowest mood, twice within 14 days as it ships."""
    rule = tuning.lowest_mood
    low = {answer.conversation_id for answer in _recent(answers, MOOD, now, rule.within_days) if _is_lowest(answer)}
    if len(low) < rule.times:
        return ()
    label = f"Lowest mood {_times(rule.times)} within {rule.within_days} days"
    return (Signal(rule.tier, "mood", label),)


def mood_drop(answers: Iterable[Answer], now: datetime, tuning: Tuning) -> tuple[Signal, ...]:
    """A mood that fell by two steps below what was usual and stayed there for two check-ins, as it ships."""
    rule = tuning.mood_drop
    recent = _recent(answers, MOOD, now, rule.within_days)
    moods = [value for answer in recent if (value := _number(answer)) is not None]
    held, before = moods[-rule.times :], moods[: -rule.times][-_USUAL:]
    if len(held) < rule.times or not before or max(held) > median_high(before) - rule.steps:
        return ()
    label = f"Mood {rule.steps} steps lower than usual, {rule.times} check-ins in a row"
    return (Signal(rule.tier, "mood", label),)


def nobody_to_be_with(answers: Iterable[Answer], now: datetime, tuning: Tuning) -> tuple[Signal, ...]:
    """Said to have nobody to be with: once, or for the third time within 21 days as it ships."""
    again = tuning.nobody_again
    times = sum(map(_is_nobody, _recent(answers, COMPANY, now, again.within_days)))
    if not times:
        return ()
    if times >= again.times:
        label = f"Nobody to be with, {_times(again.times)} within {again.within_days} days"
        return (Signal(again.tier, "isolation", label),)
    return (Signal(tuning.nobody.tier, "isolation", "Nobody to be with"),)


def safety_skipped(answers: Iterable[Answer], now: datetime, topic: str, tuning: Tuning) -> tuple[Signal, ...]:
    """The same question that asks how safe a student is, skipped twice in a row as it ships."""
    rule = tuning.safety_skipped
    in_a_row = 0
    for answer in _within(answers, topic, now, rule.within_days):
        in_a_row = in_a_row + 1 if answer.kind is AnswerKind.SKIPPED else 0
    if topic not in rule.topics or not in_a_row or in_a_row % rule.times:
        return ()
    about = "having an adult to talk with" if topic == "adult" else f'"{topic}"'
    return (Signal(rule.tier, "skipped", f"Skipped the question about {about} {_times(rule.times)} in a row"),)


def relationship_drop(answers: Iterable[Answer], now: datetime, tuning: Tuning) -> tuple[Signal, ...]:
    """How the match is going, fallen by four since last time as it ships."""
    rule = tuning.relationship_drop
    said = _ratings(answers, now, rule)
    if len(said) < 2 or said[-2] - said[-1] < rule.steps:
        return ()
    return (Signal(rule.tier, RELATIONSHIP, f"Rates the match {rule.steps} or more lower than last time"),)


def relationship_gap(
    answers: Iterable[Answer], others: Iterable[Answer], now: datetime, tuning: Tuning
) -> tuple[Signal, ...]:
    """How the match is going, four apart from what the other one of it says, as it ships. `others`: their answers."""
    rule = tuning.relationship_gap
    ours, theirs = _ratings(answers, now, rule), _ratings(others, now, rule)
    if not ours or not theirs or abs(ours[-1] - theirs[-1]) < rule.steps:
        return ()
    label = f"Mentor and mentee rate their match {rule.steps} or more apart"
    return (Signal(rule.tier, RELATIONSHIP, label),)


def _is_lowest(answer: Answer) -> bool:
    value = _number(answer)
    return answer.topic == MOOD and value is not None and value <= LOWEST


def _is_nobody(answer: Answer) -> bool:
    return answer.topic == COMPANY and str(answer.value) == NOBODY


def fell_silent(missed: int, school_days: int, tuning: Tuning) -> tuple[Signal, ...]:
    """Three check-ins missed in a row, or 14 school days without a word, as it ships."""
    if missed >= tuning.missed_check_ins.times:
        label = f"Has not answered the last {missed} check-ins"
        return (Signal(tuning.missed_check_ins.tier, "silence", label),)
    if school_days >= tuning.silent.school_days:
        return (Signal(tuning.silent.tier, "silence", f"No word for {school_days} school days"),)
    return ()


def _ratings(answers: Iterable[Answer], now: datetime, rule: Dropped) -> list[float]:
    recent = _recent(answers, RELATIONSHIP, now, rule.within_days)
    return [value for answer in recent if (value := _number(answer)) is not None]


def _recent(answers: Iterable[Answer], topic: str, now: datetime, days: int) -> list[Answer]:
    return [answer for answer in _within(answers, topic, now, days) if answer.kind in _GIVEN]


def _within(answers: Iterable[Answer], topic: str, now: datetime, days: int) -> list[Answer]:
    since = now - timedelta(days=days)
    found = [answer for answer in answers if answer.topic == topic and since <= answer.at <= now]
    return sorted(found, key=lambda answer: answer.at)


def _number(answer: Answer) -> float | None:
    if answer.kind not in _GIVEN:
        return None
    try:
        return float(str(answer.value))
    except ValueError:
        return None


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")
