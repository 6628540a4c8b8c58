"""P1: what one step of a conversation costs the engine, beside the `transitions` library and FLOIP's flow-runner.

Ours reads the conversation from JSON and writes it back at each step, as between two turns; `transitions` keeps its
objects in memory, as it is used. No storage here.

    python -m bench.engine
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.measure import PEERS_PYTHON, Case, converse, interleaved, median, ratio, report
from bot.domain import Conversation, ConversationStatus, Reply
from bot.flows import engine, state
from bot.flows.loaded import parse_flow

STUDENTS = 1000
ROUNDS = 7
PEERS_MODULES = PEERS_PYTHON.parent.parent / "node_modules"
"""Where Node looks for FLOIP's flow-runner, unless NODE_PATH says another folder."""
NOW = datetime(2026, 3, 2, 16, 0, tzinfo=UTC)
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


async def walk(students: int) -> None:
    """One measured process of ours."""
    loaded = parse_flow(FLOW, "weekly")
    states: dict[int, str] = {}
    said = 0

    def begun(student: int, name: str) -> Conversation:
        return Conversation(
            id=student,
            person_id=student,
            flow=loaded.name,
            flow_hash=loaded.hash,
            language="en",
            status=ConversationStatus.QUEUED,
            started_at=NOW,
            values={"name": name, "school": "Lincoln High"},
        )

    async def take(raw: bytes) -> None:
        nonlocal said
        message = json.loads(raw)["message"]
        student, text = message["from"]["id"], message["text"]
        known = states.get(student)
        if known is None:
            turn = engine.start(loaded.flow, begun(student, message["from"]["first_name"]), NOW)
        else:
            turn = engine.advance(loaded.flow, state.load(known), Reply(text), NOW)
        states[student] = state.dump(turn.conversations[0])
        said += len(turn.messages)

    figures = await converse(take, lambda: said, students)
    if any(state.load(one).status is not ConversationStatus.DONE for one in states.values()):
        raise RuntimeError("a conversation did not come to its end")
    report(figures)


def floip(students: int) -> float | None:
    """CPU microseconds of a step of FLOIP's flow-runner, or None where node or the package is not installed."""
    node = shutil.which("node")
    if node is None:
        return None
    script = Path(__file__).with_name("floip.js")
    environment = {"NODE_PATH": str(PEERS_MODULES), **os.environ}
    ran = subprocess.run(
        [node, str(script), str(students)], env=environment, capture_output=True, text=True, check=False
    )
    if ran.returncode == 3:  # its way to say that the package is missing
        return None
    if ran.returncode:
        raise RuntimeError(f"floip.js failed: {ran.stderr[-300:]}")
    return float(json.loads(ran.stdout)["cpu_us"])


def measure(rounds: int = ROUNDS, students: int = STUDENTS) -> dict[str, Any]:
    """P1's figures: medians over interleaved rounds, ratios taken inside a round. None: not measured here."""
    cases = [
        Case("engine", "bench.engine", (str(students),)),
        Case("transitions", "bench.peers.state_machine", (str(students),), peer=True),
    ]
    runner: list[float | None] = []
    found: dict[str, list[dict[str, Any]]] = {case.name: [] for case in cases}
    for _ in range(rounds):
        for name, figures in interleaved(cases, 1).items():
            found[name] += figures
        runner.append(floip(students))
    ours, peer = found["engine"], found["transitions"]
    floips = [(one["cpu_us"], other) for one, other in zip(ours, runner, strict=True) if other is not None]
    return {
        "cpu_us": median(ours, "cpu_us"),
        "transitions_cpu_us": median(peer, "cpu_us"),
        "of_transitions": ratio(ours, peer),
        "floip_cpu_us": statistics.median(other for _, other in floips) if floips else None,
        "of_floip": statistics.median(own / other for own, other in floips) if floips else None,
        "rounds": rounds,
        "students": students,
    }


def main() -> None:
    """Print P1."""
    figures = measure(int(os.environ.get("ROUNDS", ROUNDS)))
    print(f"an engine step (state from JSON, advance, state to JSON): {figures['cpu_us']:.1f} us CPU")
    print(f"transitions, in memory: {figures['transitions_cpu_us']:.1f} us; ratio {figures['of_transitions']:.2f} x")
    if figures["floip_cpu_us"] is None:
        print("FLOIP flow-runner: not measured here (needs node and @floip/flow-runner: docs/performance.md)")
    else:
        print(f"FLOIP flow-runner: {figures['floip_cpu_us']:.0f} us; ratio {figures['of_floip']:.3f} x")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        asyncio.run(walk(int(sys.argv[1])))
    else:
        main()
