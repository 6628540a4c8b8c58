"""What an offered answer is: its value, how it looks, and the mark with which it tells an adult. Nothing of steps."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.domain import Signal, Tier
from bot.flows.notation import Name, Strict, Text, Texts, Value


class Mark(Strict):
    """What tells an adult. `why` is for staff, in plain words, and never quotes the student."""

    tier: Literal["crisis", "urgent", "concern", "notice"]
    category: Name
    why: Text

    def signal(self, step: str) -> Signal:
        """This mark as the engine raises it."""
        return Signal(Tier(self.tier), self.category, self.why, step)


class NumberMark(Mark):
    """A mark on a number: below or above a limit, or (with neither) on any number."""

    below: float | None = None
    above: float | None = None

    def meets(self, number: float) -> bool:
        """Whether `number` raises it."""
        return (self.below is None or number < self.below) and (self.above is None or number > self.above)


class Option(Strict):
    """One answer that a question offers."""

    value: Value
    label: Texts = Field(default_factory=dict)
    emoji: str = ""
    escalate: Mark | None = None
