"""How a flow speaks one language: its texts, its buttons, and the hint how to answer a question. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain import Choice
from bot.flows.definition import DateStep, Flow, NumberStep, Question, ScaleStep, SeveralStep, Step
from bot.flows.options import Option
from bot.flows.phrases import phrase
from bot.flows.reading import DONE, SKIP
from bot.flows.wording import fill

ADULT = "adult"
"""The topic of the question whether somebody wants an adult, and the command that asks for one at any time."""


def text_in(texts: Mapping[str, str], languages: Sequence[str]) -> str:
    """The text in the first of the languages that has one, else in any."""
    for wanted in languages:
        if wanted in texts:
            return texts[wanted]
    return next(iter(texts.values()), "")


def voice_of(flow: Flow, language: str) -> Voice:
    """A flow in a language; made at the first asking, then kept with the flow."""
    voice = flow.voices.get(language)
    if voice is None:
        voice = flow.voices[language] = Voice(flow, language)
    return voice


class Voice:
    """One flow in one language; where it has no text in that, in the flow's first, else in any."""

    def __init__(self, flow: Flow, language: str) -> None:
        self._language = language
        self._order = (language, *flow.languages)
        self._placeholders = flow.placeholders
        self._texts = {step.id: text_in(step.texts, self._order) for step in flow.steps}
        self._choices = {step.id: self._offered(step) for step in flow.steps if isinstance(step, Question)}

    def text(self, step: Step, values: Mapping[str, str]) -> str:
        """What a step says, with its placeholders filled: declared names only. Raises FlowError."""
        text = self._texts[step.id]
        if "{" not in text and "}" not in text:
            return text
        return fill(text, {name: values[name] for name in self._placeholders if name in values})

    def label(self, option: Option) -> str:
        """What a button says, without its emoji."""
        return text_in(option.label, self._order) or str(option.value)

    def choices(self, question: Question, picked: Sequence[Any] = ()) -> tuple[Choice, ...]:
        """The buttons of a question, Skip and the way to an adult; of several those not picked yet, and Done."""
        if picked and type(question) is SeveralStep:
            return self._offered(question, picked)
        return self._choices[question.id]

    def hint(self, question: Question) -> str:
        """What to tap or type, for a person whose reply was not understood."""
        if question.options:
            lines = [phrase("tap", self._language)]
            for place, option in enumerate(question.options, start=1):
                label = self.label(option)
                number = option.value if type(question) is ScaleStep else place
                lines.append(label if label == str(number) else f"{number}: {label}")
            hint = "\n".join(lines)
        elif type(question) is NumberStep:
            hint = phrase("number", self._language).format(least=f"{question.least:g}", most=f"{question.most:g}")
        else:
            hint = phrase("date" if type(question) is DateStep else "write", self._language)
        return f"{hint}\n{phrase('may_skip', self._language)}" if question.skip else hint

    def _offered(self, question: Question, picked: Sequence[Any] = ()) -> tuple[Choice, ...]:
        offered = [
            Choice(f"{option.emoji} {self.label(option)}".strip(), "", str(option.value))
            for option in question.options
            if option.value not in picked
        ]
        if picked:
            offered.append(Choice(phrase("done", self._language), "", DONE))
        elif question.skip:
            offered.append(Choice(phrase("skip", self._language), "", SKIP))
        if question.topic != ADULT:
            offered.append(Choice(phrase("adult", self._language), "", f"/{ADULT}"))
        return tuple(offered)
