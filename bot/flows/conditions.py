"""Conditions of branches: what they may say, and whether they hold for a conversation. Declarative: no expressions."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Any, ClassVar

from pydantic import Field, model_validator

from bot.flows.notation import Language, Name, Strict, Value


class Check(Strict):
    """One condition: on an answer, on a flow that the person finished before, or on the language."""

    answer: Name | None = None
    is_: Value | None = Field(default=None, alias="is")
    in_: tuple[Value, ...] | None = Field(default=None, alias="in")
    below: float | None = None
    above: float | None = None
    skipped: bool | None = None
    seen: Name | None = None
    language: Language | None = None

    _subjects: ClassVar[tuple[str, ...]] = ("answer", "seen", "language")
    _tests: ClassVar[tuple[str, ...]] = ("is_", "in_", "below", "above", "skipped")

    @model_validator(mode="after")
    def _is_one_condition(self) -> Check:
        subjects = [name for name in self._subjects if getattr(self, name) is not None]
        tests = [name for name in self._tests if getattr(self, name) is not None]
        if len(subjects) != 1:
            raise ValueError(f"a condition is about exactly one of {', '.join(self._subjects)}")
        if (subjects == ["answer"]) != (len(tests) == 1) or len(tests) > 1:
            raise ValueError("a condition on an answer has exactly one of is, in, below, above, skipped; others none")
        return self


class When(Check):
    """A condition, or all or any of a list of them; no deeper."""

    all: tuple[Check, ...] | None = Field(default=None, min_length=1)
    any: tuple[Check, ...] | None = Field(default=None, min_length=1)

    _subjects: ClassVar[tuple[str, ...]] = ("answer", "seen", "language", "all", "any")

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """The single conditions in it."""
        return self.all or self.any or (self,)


def holds(when: When, answers: Mapping[str, Any], seen: Collection[str], language: str) -> bool:
    """Whether a condition, or all or any of its list, is true of a conversation."""
    wanted = when.any is not None
    for check in when.checks:
        if _holds(check, answers, seen, language) is wanted:
            return wanted
    return not wanted


def _holds(check: Check, answers: Mapping[str, Any], seen: Collection[str], language: str) -> bool:
    if check.seen is not None:
        return check.seen in seen
    if check.language is not None:
        return check.language == language
    given = answers.get(check.answer or "")
    if check.skipped is not None:
        return (given is None) == check.skipped
    if isinstance(given, list):
        return any(_meets(check, value) for value in given if value is not None)
    return given is not None and _meets(check, given)


def _meets(check: Check, value: Any) -> bool:
    if check.is_ is not None:
        return str(value) == str(check.is_)
    if check.in_ is not None:
        return str(value) in {str(known) for known in check.in_}
    if not isinstance(value, int | float):
        return False
    return (check.below is None or value < check.below) and (check.above is None or value > check.above)
