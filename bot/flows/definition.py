"""What a flow may say: pydantic models, unknown keys refused. What is wrong between steps is the linter's business.

A step's kind is the key that holds its text: `say`, `choice`, `scale`, `yes_no`, `several`, `text`, `number`, `date`,
`branch` or `end`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, model_validator

from bot.flows.complaint import did_you_mean
from bot.flows.conditions import When
from bot.flows.labels import Labels
from bot.flows.notation import Language, Name, Placeholder, Sensitivity, Span, Strict, Texts
from bot.flows.options import Mark, NumberMark, Option
from bot.flows.phrases import YES_NO_LABELS

if TYPE_CHECKING:
    from bot.flows.asking import Voice


class Step(Strict):
    kind: ClassVar[str] = ""
    id: Name

    @property
    def texts(self) -> Mapping[str, str]:
        """What the step says, by language; empty for a branch."""
        texts: Mapping[str, str] = getattr(self, self.kind)
        return texts


class SayStep(Step):
    kind: ClassVar[str] = "say"
    say: Texts
    then: Name | None = None


class EndStep(Step):
    kind: ClassVar[str] = "end"
    end: Texts


class Question(Step):
    """A step that waits for an answer."""

    topic: Name
    sensitivity: Sensitivity
    skip: bool = True
    """Taking part is voluntary: every question may be skipped unless its author has a reason."""
    then: Name | None = None

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """The answers that it offers, in the order in which they are shown."""
        return ()

    @cached_property
    def labels(self) -> Labels:
        """What may be typed for each of them."""
        return Labels(self.options)


class _Offering(Question):
    answers: Annotated[tuple[Option, ...], Field(min_length=2)]

    @model_validator(mode="after")
    def _values_differ(self) -> _Offering:
        values = [str(option.value) for option in self.options]
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise ValueError(f'two answers of "{self.id}" have the value "{twice[0]}"')
        return self

    @cached_property
    def options(self) -> tuple[Option, ...]:
        return self.answers


class _Labelled(_Offering):
    @model_validator(mode="after")
    def _have_labels(self) -> _Labelled:
        bare = [str(option.value) for option in self.answers if not option.label]
        if bare:
            raise ValueError(f'the answer "{bare[0]}" of "{self.id}" has no label')
        return self


class ChoiceStep(_Labelled):
    kind: ClassVar[str] = "choice"
    choice: Texts


class SeveralStep(_Labelled):
    """Pick one or more: by taps and a last tap on Done, or typed at once ("1 3")."""

    kind: ClassVar[str] = "several"
    several: Texts


class ScaleStep(_Offering):
    """Whole numbers, shown from the lowest to the highest, so that a typed "2" can mean one thing only."""

    kind: ClassVar[str] = "scale"
    scale: Texts

    @model_validator(mode="after")
    def _are_numbers(self) -> ScaleStep:
        words = [option.value for option in self.answers if not isinstance(option.value, int)]
        if words:
            raise ValueError(f'a scale has whole numbers as values, not "{words[0]}"; for words use choice')
        return self

    @cached_property
    def options(self) -> tuple[Option, ...]:
        numbers = [option for option in self.answers if isinstance(option.value, int)]
        return tuple(sorted(numbers, key=lambda option: int(option.value)))


class YesNoStep(_Offering):
    """Yes, no or not sure. `answers` is needed only to word a label differently or to mark an answer."""

    kind: ClassVar[str] = "yes_no"
    yes_no: Texts
    answers: tuple[Option, ...] = ()

    @model_validator(mode="after")
    def _values_are_known(self) -> YesNoStep:
        for option in self.answers:
            if option.value not in YES_NO_LABELS:
                raise ValueError(f'a yes_no question has the values yes, no and not_sure, not "{option.value}"')
        return self

    @cached_property
    def options(self) -> tuple[Option, ...]:
        own = [option.value for option in self.answers]
        merged = []
        for value, labels in YES_NO_LABELS.items():
            written = [option for option in self.answers if option.value == value] or [Option(value=value)]
            merged += [option.model_copy(update={"label": {**labels, **option.label}}) for option in written]
        return tuple(merged) if len(own) == len(set(own)) else self.answers


class TextStep(Question):
    """Free text. `escalate` tells an adult that something was written; what it says is for screening."""

    kind: ClassVar[str] = "text"
    text: Texts
    escalate: Mark | None = None


class NumberStep(Question):
    kind: ClassVar[str] = "number"
    number: Texts
    least: float = 0
    most: float = 1000
    whole: bool = True
    escalate: NumberMark | None = None


class DateStep(Question):
    """A day. Its value is kept as ISO text (2026-03-14)."""

    kind: ClassVar[str] = "date"
    date: Texts


class Arm(Strict):
    """One way out of a branch: `{when: ..., go: step}`, or last of all `{else: step}`."""

    when: When | None = None
    go: Name | None = None
    otherwise: Name | None = Field(default=None, alias="else")

    @model_validator(mode="after")
    def _is_whole(self) -> Arm:
        if (self.when is None) != (self.go is None) or (self.when is None) == (self.otherwise is None):
            raise ValueError("a way out of a branch is {when: ..., go: step} or {else: step}")
        return self

    @property
    def target(self) -> str:
        """The step that it leads to."""
        return self.go or self.otherwise or ""


class BranchStep(Step):
    kind: ClassVar[str] = "branch"
    branch: Annotated[tuple[Arm, ...], Field(min_length=1)]

    @property
    def texts(self) -> Mapping[str, str]:
        return {}

    @model_validator(mode="after")
    def _else_is_last(self) -> BranchStep:
        if any(arm.otherwise for arm in self.branch[:-1]):
            raise ValueError(f'in the branch "{self.id}" else must stand last')
        return self


_KINDS: tuple[type[Step], ...] = (
    SayStep, ChoiceStep, ScaleStep, YesNoStep, SeveralStep, TextStep, NumberStep, DateStep, BranchStep, EndStep,
)  # fmt: skip
KINDS = tuple(step.kind for step in _KINDS)


def _one_kind(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value  # pydantic says that keys are expected
    found = [kind for kind in KINDS if kind in value]
    if len(found) == 1:
        return value
    name = f'the step "{value["id"]}"' if "id" in value else "a step"
    if found:
        raise ValueError(f"{name} is of several kinds at once: {', '.join(found)}; make several steps of it")
    guesses = [did_you_mean(str(key), KINDS) for key in value if key not in ("id", "then", "topic", "skip")]
    guess = next((f"; {text}" for text in guesses if text), "")
    raise ValueError(f"{name} needs one of {', '.join(KINDS)}{guess}")


def _kind_of(value: Any) -> str | None:
    if isinstance(value, Step):
        return f" {value.kind}"
    return next((f" {kind}" for kind in KINDS if kind in value), None) if isinstance(value, Mapping) else " say"


# The tags begin with a space so that no tag is taken for a key of the file.
AnyStep = Annotated[
    Annotated[SayStep, Tag(" say")]
    | Annotated[ChoiceStep, Tag(" choice")]
    | Annotated[ScaleStep, Tag(" scale")]
    | Annotated[YesNoStep, Tag(" yes_no")]
    | Annotated[SeveralStep, Tag(" several")]
    | Annotated[TextStep, Tag(" text")]
    | Annotated[NumberStep, Tag(" number")]
    | Annotated[DateStep, Tag(" date")]
    | Annotated[BranchStep, Tag(" branch")]
    | Annotated[EndStep, Tag(" end")],
    Discriminator(_kind_of),
    BeforeValidator(_one_kind),
]


class Flow(Strict):
    """A written conversation."""

    flow: Name
    kind: Literal["check-in", "reflection", "first-contact"]
    audience: Literal["mentee", "mentor"]
    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    """The first one is spoken to whom the flow has no texts for."""
    version: int = 1
    window: Span = timedelta(hours=24)
    """How long an answer is waited for; then the conversation lapses."""
    nudge: Span | None = None
    """How long after a question the one nudge goes out; none without it."""
    placeholders: tuple[Placeholder, ...] = ()
    clinician: Annotated[str, Field(max_length=100)] = ""
    """Who follows up on questions about suicide, by name; without one such a question is refused."""
    steps: Annotated[tuple[AnyStep, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _nudges_in_time(self) -> Flow:
        if self.nudge is not None and self.nudge >= self.window:
            raise ValueError("nudge must be shorter than window")
        return self

    @cached_property
    def by_id(self) -> Mapping[str, Step]:
        """The steps by their ids."""
        return {step.id: step for step in self.steps}

    @cached_property
    def _questions(self) -> Mapping[str, Question]:
        return {name: step for name, step in self.by_id.items() if isinstance(step, Question)}

    @cached_property
    def is_sensitive(self) -> bool:
        """Whether it asks anything that somebody may want an adult for."""
        return any(question.sensitivity != "none" for question in self._questions.values())

    @cached_property
    def following(self) -> Mapping[str, str | None]:
        """The step written after each step; None after the last."""
        names = [step.id for step in self.steps]
        return dict(zip(names, [*names[1:], None], strict=True))

    @cached_property
    def voices(self) -> dict[str, Voice]:
        """How it speaks each language, as far as that was needed: `asking.voice_of` fills it."""
        return {}

    def question(self, step: str) -> Question | None:
        """The question of that id, if there is one."""
        return self._questions.get(step)

    def onward(self, step: Step) -> str | None:
        """Where a step leads when no branch decides: `then`, else the next one. None at the end."""
        return getattr(step, "then", None) or self.following[step.id]
