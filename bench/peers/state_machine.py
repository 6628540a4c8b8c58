"""The `transitions` library: an engine only, without platform or storage.

`python -m bench.peers.state_machine STUDENTS`
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from transitions import Machine

from bench import conversation as texts
from bench.measure import converse, report


class Student:
    """One conversation, as the library wants it: its state is an attribute, its triggers become methods."""

    answer: Any

    def __init__(self, name: str) -> None:
        self.name, self.mood, self.note = name, 0, ""
        self.said: list[str] = []

    def is_low(self, text: str) -> bool:
        return int(text) <= 2

    def greet(self, _text: str) -> None:
        self.said.append(texts.GREETING.format(name=self.name))

    def ask_mood(self, _text: str) -> None:
        self.said.append(texts.ASK_MOOD)

    def take_mood(self, text: str) -> None:
        self.mood = int(text)
        self.said.append(texts.ASK_LOW if self.mood <= 2 else texts.ASK_HIGH)

    def take_note(self, text: str) -> None:
        self.note = text
        self.said.append(texts.ASK_CONFIRM.format(mood=self.mood, note=text))

    def thank(self, _text: str) -> None:
        self.said.append(texts.THANKS)


STATES = ("idle", "ready", "mood", "low", "high", "confirm", "done")
STEPS = (
    ("idle", "ready", None, "greet"),
    ("ready", "mood", None, "ask_mood"),
    ("mood", "low", "is_low", "take_mood"),
    ("mood", "high", None, "take_mood"),
    ("low", "confirm", None, "take_note"),
    ("high", "confirm", None, "take_note"),
    ("confirm", "done", None, "thank"),
)


async def main(students: int) -> None:
    machine = Machine(None, states=list(STATES), initial="idle", auto_transitions=False)
    for source, goal, condition, after in STEPS:
        machine.add_transition("answer", source, goal, conditions=condition, after=after)
    known: dict[int, Student] = {}

    async def take(raw: bytes) -> None:
        message = json.loads(raw)["message"]
        student = known.get(message["from"]["id"])
        if student is None:
            student = known[message["from"]["id"]] = Student(message["from"]["first_name"])
            machine.add_model(student)
        student.answer(message["text"])

    report(await converse(take, lambda: sum(len(one.said) for one in known.values()), students))


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
