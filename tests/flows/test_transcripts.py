"""Plays every tests/transcripts/*.yaml: what they say, what we say, what falls due. The format is in docs/flows.md.

Between every two turns the conversation goes to JSON and back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field

from bot.domain import Conversation, ConversationStatus, Reply, Signal, Turn
from bot.flows import engine
from bot.flows.conditions import holds
from bot.flows.definition import BranchStep, Flow, Question
from bot.flows.loaded import LoadedFlow, load_flow
from bot.flows.loader import read
from bot.flows.notation import Language, Name, Span, Strict
from bot.flows.state import dump, load

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "config/programs/near-peer/flows"
TRANSCRIPTS = sorted((ROOT / "tests/transcripts").glob("*.yaml"))
MONDAY = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)


class Alarm(Strict):
    tier: str
    category: str


class Line(Strict):
    they: str | None = None
    they_tap: str | int | None = None
    they_send: Literal["media"] | None = None
    late_to: Name | None = None
    time: Span | None = None
    we: tuple[str, ...] = ()
    choices: list[str] | None = None
    escalation: Alarm | tuple[Alarm, ...] = ()
    answer: dict[Name, Any] | None = None
    due: Span | Literal["none"] | None = None
    asks: Name | None = None
    status: Literal["waiting", "done", "lapsed"] = "waiting"


class Transcript(Strict):
    flow: str
    language: Language = "en"
    values: dict[str, str] = Field(default_factory=dict)
    seen: tuple[Name, ...] = ()
    turns: list[Line] = Field(min_length=1)


@dataclass
class Played:
    """What a transcript reached."""

    flow: str = ""
    asked: set[str] = field(default_factory=set)
    raised: set[tuple[str, str, str]] = field(default_factory=set)
    ways: set[tuple[str, int]] = field(default_factory=set)
    """(branch, number of the way out of it)."""


@cache
def flow_named(name: str) -> LoadedFlow:
    return load_flow(ROOT / name if "/" in name else SHIPPED / f"{name}.yaml")


def begin(transcript: Transcript, loaded: LoadedFlow) -> Conversation:
    return Conversation(
        id=1,
        person_id=7,
        flow=loaded.name,
        flow_hash=loaded.hash,
        language=transcript.language,
        status=ConversationStatus.QUEUED,
        started_at=MONDAY,
        seen=transcript.seen,
        values=transcript.values,
    )


def happen(loaded: LoadedFlow, conversation: Conversation, line: Line, now: datetime) -> Turn:
    """Let one line of the transcript happen."""
    if line.they is None and line.they_tap is None and line.they_send is None:
        if line.time:
            return engine.lapse(loaded.flow, conversation, now)
        return engine.start(loaded.flow, conversation, now)
    tapped = None if line.they_tap is None else str(line.they_tap)
    reply = Reply(line.they or "", tapped, media=line.they_send is not None)
    if line.late_to:
        return engine.late(loaded.flow, conversation, line.late_to, reply, now)
    return engine.advance(loaded.flow, conversation, reply, now)


def compare(turn: Turn, line: Line, now: datetime, place: str) -> None:
    """Fail where a turn is not what the line says."""
    (after,) = turn.conversations
    said = [message.text for message in turn.messages]
    assert len(said) == len(line.we), f"{place}: we said {said}"
    for text, part in zip(said, line.we, strict=True):
        assert part in text, f"{place}: {part!r} is not in {text!r}"
    if line.choices is not None:
        # The way to an adult stands under every question, and is not written down in each transcript.
        offered = [choice.label for choice in turn.messages[-1].choices if choice.value != "/adult"]
        plain = [got.partition(" ")[2] if got not in line.choices else got for got in offered]
        assert plain == line.choices, f"{place}: offered {offered}"
    expected = line.escalation if isinstance(line.escalation, tuple) else (line.escalation,)
    raised = [(str(signal.tier), signal.category) for signal in turn.signals]
    assert raised == [(alarm.tier, alarm.category) for alarm in expected], f"{place}: escalations"
    if line.answer is not None:
        assert {answer.step: answer.value for answer in turn.answers} == line.answer, f"{place}: answers"
    if line.due is not None:
        due = None if after.due_at is None else after.due_at - now
        assert due == (None if line.due == "none" else line.due), f"{place}: due in {due}"
    if line.asks is not None:
        assert after.step == line.asks, f"{place}: {after.step} is asked"
    assert after.status == line.status, f"{place}: the conversation is {after.status}"


@cache
def play(path: Path) -> Played:
    """Play one transcript to its end."""
    transcript = read(path, Transcript)
    loaded = flow_named(transcript.flow)
    conversation, now = begin(transcript, loaded), MONDAY
    played = Played(loaded.name)
    for number, line in enumerate(transcript.turns, start=1):
        now += line.time or timedelta()
        turn = happen(loaded, conversation, line, now)
        compare(turn, line, now, f"{path.name}, turn {number}")
        (after,) = turn.conversations
        conversation = load(dump(after))
        assert conversation == after
        played.asked.add(conversation.step)
        played.raised.update(marks(turn.signals))
        played.ways.update(ways_taken(loaded.flow, conversation))
    return played


def ways_taken(flow: Flow, conversation: Conversation) -> set[tuple[str, int]]:
    """Which way out each branch has whose answers are all there."""
    taken = set()
    for step in flow.steps:
        if isinstance(step, BranchStep):
            needed = {check.answer for arm in step.branch if arm.when for check in arm.when.checks if check.answer}
            if needed <= conversation.answers.keys():
                known = (conversation.answers, conversation.seen, conversation.language)
                way = next(n for n, arm in enumerate(step.branch) if arm.when is None or holds(arm.when, *known))
                taken.add((step.id, way))
    return taken


def marks(signals: tuple[Signal, ...]) -> set[tuple[str, str, str]]:
    return {(signal.step, str(signal.tier), signal.category) for signal in signals}


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_the_conversation_goes_as_written(path: Path) -> None:
    played = play(path)
    assert played.asked


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_question_mark_and_branch_of_a_shipped_flow_is_in_a_transcript(path: Path) -> None:
    loaded = load_flow(path)
    plays = [play(transcript) for transcript in TRANSCRIPTS]
    asked = {step for played in plays if played.flow == loaded.name for step in played.asked}
    raised = {mark for played in plays if played.flow == loaded.name for mark in played.raised}
    questions = [step for step in loaded.flow.steps if isinstance(step, Question)]
    assert {question.id for question in questions} <= asked
    written = set()
    for question in questions:
        own = getattr(question, "escalate", None)
        for mark in [own, *(option.escalate for option in question.options)]:
            if mark:
                written.add((question.id, mark.tier, mark.category))
    assert written <= raised
    ways = {way for played in plays if played.flow == loaded.name for way in played.ways}
    branches = [step for step in loaded.flow.steps if isinstance(step, BranchStep)]
    assert {(branch.id, number) for branch in branches for number in range(len(branch.branch))} == ways
