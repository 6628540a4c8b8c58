"""Looking back over a student's weeks, where an answer gives a reason to. What the weeks tell is bot.safety.trends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.domain import Answer, Person, Signal
from bot.flows.definition import Flow
from bot.safety import trends
from bot.turns.draft import Draft
from storage import conversations, people


def looked_back(draft: Draft, person: Person, flow: Flow, answers: Sequence[Answer]) -> Sequence[Signal]:
    """What these new answers tell beside those of the last weeks; most give no reason to look, and cost nothing."""
    tuning = draft.program.tuning
    spans = [trends.looks_back(answer, tuning, _highest(flow, answer)) for answer in answers]
    longest = max((span for span in spans if span is not None), default=None)
    if longest is None:
        return ()
    before = conversations.answers_since(draft.past(person), person.id, draft.now - longest)
    signals = trends.seen(answers, before, tuning)
    if any(answer.topic == trends.RELATIONSHIP for answer in answers):
        signals += _apart(draft, person, answers)
    return signals


def _apart(draft: Draft, person: Person, answers: Sequence[Answer]) -> tuple[Signal, ...]:
    """What the other one of the match says of it. Whoever has several matches does not say of which one they speak."""
    own = people.matches(draft.connection, [person.id])
    others = [*own[0].mentees, *own[0].mentors] if len(own) == 1 else []
    tuning, since = draft.program.tuning, draft.now - timedelta(days=draft.program.tuning.relationship_gap.within_days)
    signals: list[Signal] = []
    for other in others:
        if other != person.id and len(people.matches(draft.connection, [other])) == 1:
            theirs = conversations.answers_since(draft.connection, other, since)
            signals += trends.relationship_gap(answers, theirs, draft.now, tuning)
    return tuple(signals[:1])


def _highest(flow: Flow, answer: Answer) -> int:
    """The top step of the question's scale; 0 for a question without one."""
    question = flow.question(answer.step)
    steps = [option.value for option in question.options] if question is not None else []
    return max((step for step in steps if isinstance(step, int)), default=0)
