"""How a question looks in a person's language: its text, its buttons, and the hint how to answer it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bot.domain import Choice, Conversation
from bot.flows.definition import DateStep, Flow, NumberStep, Option, Question, ScaleStep, SeveralStep
from bot.flows.phrases import phrase
from bot.flows.reading import DONE, SKIP
from bot.flows.wording import fill


def text_in(texts: Mapping[str, str], language: str, languages: Sequence[str]) -> str:
    """The text in the person's language, else in the flow's first, else in any."""
    for wanted in (language, *languages):
        if wanted in texts:
            return texts[wanted]
    return next(iter(texts.values()), "")


def shown(text: str, flow: Flow, conversation: Conversation) -> str:
    """A text with its placeholders filled: declared names only. Raises FlowError."""
    return fill(text, {name: value for name, value in conversation.values.items() if name in flow.placeholders})


def label_of(option: Option, language: str, languages: Sequence[str]) -> str:
    """What a button says, without its emoji."""
    return text_in(option.label, language, languages) or str(option.value)


def choices_for(
    question: Question, language: str, languages: Sequence[str], picked: Sequence[Any] = ()
) -> tuple[Choice, ...]:
    """The buttons of a question; Skip where allowed. Of several, what is picked is left out and Done is added."""
    offered = [
        Choice(f"{option.emoji} {label_of(option, language, languages)}".strip(), "", str(option.value))
        for option in question.options
        if not (isinstance(question, SeveralStep) and option.value in picked)
    ]
    if isinstance(question, SeveralStep) and picked:
        offered.append(Choice(phrase("done", language), "", DONE))
    elif question.skip:
        offered.append(Choice(phrase("skip", language), "", SKIP))
    return tuple(offered)


def how_to_answer(question: Question, language: str, languages: Sequence[str]) -> str:
    """What to tap or type, for a person whose reply was not understood."""
    if question.options:
        lines = [phrase("tap", language)]
        for place, option in enumerate(question.options, start=1):
            label = label_of(option, language, languages)
            number = option.value if isinstance(question, ScaleStep) else place
            lines.append(label if label == str(number) else f"{number}: {label}")
        hint = "\n".join(lines)
    elif isinstance(question, NumberStep):
        hint = phrase("number", language).format(least=f"{question.least:g}", most=f"{question.most:g}")
    else:
        hint = phrase("date" if isinstance(question, DateStep) else "write", language)
    return f"{hint}\n{phrase('may_skip', language)}" if question.skip else hint
