"""P1: what one step of a conversation costs the engine, beside `transitions` and FLOIP's flow-runner. No storage here.

Everybody walks the same five messages: greeting, mood from 1 to 5, a branch, a free text, a confirmation. All students
are in the middle of theirs at once. Ours reads the conversation from JSON and writes it back at each step; the package
`transitions` keeps its objects in memory, as it is used.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.domain import Conversation, ConversationStatus, Reply, Turn
from bot.flows import engine, state
from bot.flows.loaded import parse_flow

STUDENTS = 400
ROUNDS = 7
NOW = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
NOTE = "I had two tests this week and slept badly, but the group project is going fine now."
FLOW = """
flow: weekly
kind: check-in
audience: mentee
languages: [en, es]
placeholders: [name]
steps:
  - id: ready
    choice: {en: "Hi {name}! Time for your weekly check-in. Ready?", es: "Hola, {name}. ¿Empezamos?"}
    topic: start
    sensitivity: none
    answers:
      - {value: ready, label: {en: Ready, es: Empezar}}
      - {value: later, label: {en: Later, es: Luego}}
  - id: mood
    scale: {en: "How are you feeling this week, from 1 (very low) to 5 (great)?", es: "¿Cómo te sientes, de 1 a 5?"}
    topic: mood
    sensitivity: wellbeing
    answers: [{value: 1}, {value: 2}, {value: 3}, {value: 4}, {value: 5}]
  - id: by_mood
    branch:
      - {when: {answer: mood, below: 3}, go: low}
      - {else: high}
  - id: low
    text: {en: "Sorry to hear that. What has been the hardest thing?", es: "¿Qué ha sido lo más difícil?"}
    topic: week
    sensitivity: wellbeing
    then: confirm
  - id: high
    text: {en: "Good to hear! What went well?", es: "¿Qué salió bien?"}
    topic: week
    sensitivity: wellbeing
  - id: confirm
    choice: {en: "Thank you, {name}. Save this?", es: "Gracias, {name}. ¿Lo guardo?"}
    topic: saving
    sensitivity: none
    answers:
      - {value: "yes", label: {en: "Yes", es: "Sí"}}
      - {value: "no", label: {en: "No", es: "No"}}
  - id: bye
    end: {en: "Thank you, your mentor will read this.", es: "Gracias, tu mentor lo leerá."}
"""

Step = Callable[[bytes], None]


def messages(students: int) -> list[list[bytes]]:
    """The inbound JSON of every student, one list per step of the conversation."""
    return [
        [
            json.dumps({"message": {"from": {"id": student, "first_name": "Maya"}, "text": text(student)}}).encode()
            for student in range(students)
        ]
        for text in (
            lambda _: "/checkin",
            lambda _: "ready",
            lambda student: str(student % 5 + 1),
            lambda _: NOTE,
            lambda _: "yes",
        )
    ]


def ours() -> Step:
    """A step of ours: state from JSON, the engine, state to JSON."""
    loaded = parse_flow(FLOW, "weekly")
    states: dict[int, str] = {}

    def step(raw: bytes) -> None:
        message = json.loads(raw)["message"]
        student, text = message["from"]["id"], message["text"]
        if text == "/checkin":
            turn = engine.start(loaded.flow, _new(student, loaded.hash, message["from"]["first_name"]), NOW)
        else:
            turn = engine.advance(loaded.flow, state.load(states[student]), Reply(text), NOW)
        states[student] = state.dump(turn.conversations[0])
        _went_on(turn, ended=text == "yes")

    return step


def _new(student: int, flow_hash: str, name: str) -> Conversation:
    return Conversation(
        id=student,
        person_id=student,
        flow="weekly",
        flow_hash=flow_hash,
        language="en",
        status=ConversationStatus.QUEUED,
        started_at=NOW,
        values={"name": name, "school": "Lincoln High"},
    )


def _went_on(turn: Turn, *, ended: bool) -> None:
    wanted = ConversationStatus.DONE if ended else ConversationStatus.WAITING
    if len(turn.messages) != 1 or turn.conversations[0].status is not wanted or turn.conversations[0].tries:
        raise AssertionError("the conversation did not go on")


class _Walker:
    """What `transitions` moves through its states: one object per student."""

    def __init__(self, name: str) -> None:
        self.name, self.mood, self.note, self.said = name, 0, "", ""

    def is_low(self, text: str) -> bool:
        return int(text) <= 2

    def greet(self, text: str) -> None:
        self.said = f"Hi {self.name}! Time for your weekly check-in. Ready?"

    def ask(self, text: str) -> None:
        self.said = "How are you feeling this week, from 1 (very low) to 5 (great)?"

    def take_mood(self, text: str) -> None:
        self.mood = int(text)
        low = "Sorry to hear that. What has been the hardest thing?"
        self.said = low if self.mood <= 2 else "Good to hear! What went well?"

    def take_note(self, text: str) -> None:
        self.note = text
        self.said = f"Thank you, {self.name}. Save this?"

    def thank(self, text: str) -> None:
        self.said = "Thank you, your mentor will read this."


_PATHS = (
    ("idle", "ready", "greet", None),
    ("ready", "mood", "ask", None),
    ("mood", "low", "take_mood", "is_low"),
    ("mood", "high", "take_mood", None),
    ("low", "confirm", "take_note", None),
    ("high", "confirm", "take_note", None),
    ("confirm", "done", "thank", None),
)


def transitions() -> Step:
    """A step of the `transitions` package: the same conversation as a state machine with callbacks, in memory."""
    from transitions import Machine

    machine = Machine(
        None,
        states=["idle", "ready", "mood", "low", "high", "confirm", "done"],
        transitions=[
            {"trigger": "answer", "source": source, "dest": dest, "after": after, "conditions": condition}
            for source, dest, after, condition in _PATHS
        ],
        initial="idle",
        auto_transitions=False,
    )
    walkers: dict[int, Any] = {}

    def step(raw: bytes) -> None:
        message = json.loads(raw)["message"]
        student, text = message["from"]["id"], message["text"]
        walker = walkers.get(student)
        if walker is None:
            walker = walkers[student] = _Walker(message["from"]["first_name"])
            machine.add_model(walker)
        walker.answer(text)
        if (walker.state == "done") != (text == "yes") or not walker.said:
            raise AssertionError("the conversation did not go on")

    return step


def floip(students: int) -> float | None:
    """CPU microseconds of a step of FLOIP's flow-runner, or None where node or the package is not installed."""
    node = shutil.which("node")
    if node is None:
        return None
    script = Path(__file__).with_name("floip.js")
    ran = subprocess.run([node, str(script), str(students)], capture_output=True, text=True, check=False)
    if ran.returncode == 3:  # its way to say that the package is missing
        return None
    if ran.returncode:
        raise RuntimeError(f"floip.js failed: {ran.stderr[-300:]}")
    return float(json.loads(ran.stdout)["cpu_us"])


def cpu_per_step(make: Callable[[], Step], students: int) -> float:
    """CPU microseconds per message over whole conversations, after a short warming up."""
    _walk(make(), messages(40))
    rounds, step = messages(students), make()
    gc.collect()
    began = time.process_time()
    steps = _walk(step, rounds)
    return (time.process_time() - began) / steps * 1e6


def _walk(step: Step, rounds: Sequence[Sequence[bytes]]) -> int:
    for row in rounds:
        for raw in row:
            step(raw)
    return sum(map(len, rounds))


def measure(rounds: int = ROUNDS, students: int = STUDENTS) -> dict[str, Any]:
    """P1's figures: medians over interleaved rounds; ratios are taken inside one round. None: not measured here."""
    seen = [(cpu_per_step(ours, students), cpu_per_step(transitions, students), floip(students)) for _ in range(rounds)]
    runner = [(own, other) for own, _, other in seen if other is not None]
    return {
        "cpu_us": statistics.median(own for own, _, _ in seen),
        "transitions_cpu_us": statistics.median(peer for _, peer, _ in seen),
        "floip_cpu_us": statistics.median(other for _, other in runner) if runner else None,
        "of_transitions": statistics.median(own / peer for own, peer, _ in seen),
        "of_floip": statistics.median(own / other for own, other in runner) if runner else None,
        "rounds": rounds,
        "students": students,
    }


def main() -> None:
    """Print P1."""
    figures = measure(int(os.environ.get("ROUNDS", ROUNDS)))
    print(f"an engine step (state from JSON, advance, state to JSON): {figures['cpu_us']:.1f} us CPU")
    print(f"transitions, in memory: {figures['transitions_cpu_us']:.1f} us; ratio {figures['of_transitions']:.2f} x")
    if figures["floip_cpu_us"] is None:
        print("FLOIP flow-runner: not measured here (needs node and NODE_PATH with @floip/flow-runner)")
    else:
        print(f"FLOIP flow-runner: {figures['floip_cpu_us']:.0f} us; ratio {figures['of_floip']:.3f} x")


if __name__ == "__main__":
    main()
