"""What is wrong with a flow before a student meets it: errors, with which it may not run, and warnings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from bot.errors import Problem
from bot.flows.complaint import did_you_mean
from bot.flows.definition import BranchStep, EndStep, Flow, Question, Step, TextStep
from bot.flows.instruments import asks_about_suicide
from bot.flows.loader import Document
from bot.flows.notation import MINIMUM_WINDOW
from bot.flows.readability import grade
from bot.flows.wording import names_in

LONGEST_LABEL = 75
"""Slack takes no longer button."""
MOST_ANSWERS = 10
LONG_TEXT = 300
HIGHEST_GRADE = 6.0

Where = tuple[str | int, ...]
Found = tuple[Where, str, str]
"""Where in the file, what is wrong, what to do."""


@dataclass(frozen=True, slots=True)
class Lint:
    """What was found, in the order of the file."""

    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def lint(flow: Flow, document: Document | None = None) -> Lint:
    """Judge a flow. With the document that it came from, problems name file, line and column."""
    place = document or Document(flow.flow, None)
    return Lint(errors(flow, place), _problems(flow, place, _WARNINGS))


def errors(flow: Flow, document: Document) -> tuple[Problem, ...]:
    """What keeps a flow from being used."""
    return _problems(flow, document, _ERRORS)


def ways_on(flow: Flow, step: Step) -> list[str]:
    """The steps that can come directly after a step."""
    if isinstance(step, EndStep):
        return []
    ways = [arm.target for arm in step.branch] if isinstance(step, BranchStep) else []
    if not isinstance(step, BranchStep) or step.branch[-1].otherwise is None:
        ways.append(flow.onward(step) or "")
    return [way for way in dict.fromkeys(ways) if way]


def _problems(flow: Flow, place: Document, rules: Iterable[Callable[[Flow], Iterator[Found]]]) -> tuple[Problem, ...]:
    found = [place.problem(*finding) if place.text else Problem(place.name, 0, 0, *finding[1:])
             for rule in rules for finding in rule(flow)]  # fmt: skip
    return tuple(sorted(found, key=lambda problem: (problem.line, problem.column)))


# --- errors ---


def _double_ids(flow: Flow) -> Iterator[Found]:
    seen: set[str] = set()
    for index, step in enumerate(flow.steps):
        if step.id in seen:
            yield ("steps", index, "id"), f'two steps have the id "{step.id}"', ""
        seen.add(step.id)


def _unknown_targets(flow: Flow) -> Iterator[Found]:
    for index, step in enumerate(flow.steps):
        named: list[tuple[Where, str]] = []
        if isinstance(step, BranchStep):
            named = [(("branch", at, "go" if arm.go else "else"), arm.target) for at, arm in enumerate(step.branch)]
        elif getattr(step, "then", None):
            named = [(("then",), flow.onward(step) or "")]
        for where, target in named:
            if target not in flow.by_id:
                yield ("steps", index, *where), f'there is no step "{target}"', did_you_mean(target, flow.by_id)


def _unknown_answers(flow: Flow) -> Iterator[Found]:
    for index, step in enumerate(flow.steps):
        if not isinstance(step, BranchStep):
            continue
        for at, arm in enumerate(step.branch):
            for check in arm.when.checks if arm.when else ():
                where = ("steps", index, "branch", at)
                question = flow.question(check.answer) if check.answer else None
                if check.answer and question is None:
                    questions = [name for name in flow.by_id if flow.question(name)]
                    yield where, f'there is no question "{check.answer}"', did_you_mean(check.answer, questions)
                elif question is not None and question.options:
                    values = {str(option.value) for option in question.options}
                    asked = [check.is_] if check.is_ is not None else list(check.in_ or ())
                    for value in asked:
                        if str(value) not in values:
                            text = f'the question "{question.id}" has no answer "{value}"'
                            yield where, text, did_you_mean(str(value), values)
                if check.language and check.language not in flow.languages:
                    yield where, f'"{check.language}" is not among the languages of this flow', ""


def _unreachable_steps(flow: Flow) -> Iterator[Found]:
    reached: set[str] = set()
    ahead = [flow.steps[0].id]
    while ahead:
        name = ahead.pop()
        if name not in reached and name in flow.by_id:
            reached.add(name)
            ahead += ways_on(flow, flow.by_id[name])
    for index, step in enumerate(flow.steps):
        if step.id not in reached:
            yield ("steps", index), f'nothing leads to the step "{step.id}"', "take it out, or go to it from a branch"


def _dead_ends(flow: Flow) -> Iterator[Found]:
    for index, step in enumerate(flow.steps):
        falls_off = not isinstance(step, BranchStep) or step.branch[-1].otherwise is None
        if not isinstance(step, EndStep) and falls_off and flow.onward(step) is None:
            yield ("steps", index), f'nothing comes after the step "{step.id}"', "write an end step"


def _loops_without_question(flow: Flow) -> Iterator[Found]:
    for index, step in enumerate(flow.steps):
        if isinstance(step, Question):
            continue
        seen: set[str] = set()
        ahead = ways_on(flow, step)
        while ahead:
            name = ahead.pop()
            if name not in seen and name in flow.by_id and not flow.question(name):
                seen.add(name)
                ahead += ways_on(flow, flow.by_id[name])
        if step.id in seen:
            yield ("steps", index), f'the step "{step.id}" comes round again without a question', "it would never stop"


def _missing_languages(flow: Flow) -> Iterator[Found]:
    for where, texts, _ in _texts(flow):
        for language in flow.languages:
            if language not in texts:
                yield where, f'the text in "{language}" is missing', "every text stands in every language of the flow"
        for language in texts:
            if language not in flow.languages:
                yield (*where, language), f'"{language}" is not among the languages of this flow', ""


def _wrong_placeholders(flow: Flow) -> Iterator[Found]:
    for where, texts, fillable in _texts(flow):
        for language, text in texts.items():
            try:
                names = names_in(text)
            except ValueError as error:
                yield (*where, language), str(error), "write a single { as {{"
                continue
            for name in names:
                if not fillable:
                    yield (*where, language), f"a label has no placeholders: {{{name}}}", ""
                elif name not in flow.placeholders:
                    hint = did_you_mean(name, flow.placeholders) or f"add {name} to placeholders"
                    yield (*where, language), f"the placeholder {{{name}}} is not declared", hint


def _unused_placeholders(flow: Flow) -> Iterator[Found]:
    used: set[str] = set()
    for _, texts, _ in _texts(flow):
        for text in texts.values():
            try:
                used.update(names_in(text))
            except ValueError:
                return  # told by _wrong_placeholders
    for index, name in enumerate(flow.placeholders):
        if name not in used:
            yield ("placeholders", index), f"the placeholder {name} is used nowhere", ""


def _wrong_answers(flow: Flow) -> Iterator[Found]:
    for index, step in enumerate(flow.steps):
        options = getattr(step, "answers", ())
        if len(options) > MOST_ANSWERS:
            yield ("steps", index, "answers"), f"more than {MOST_ANSWERS} answers", "make two questions of it"
        for at, option in enumerate(options):
            for language, label in option.label.items():
                if len(f"{option.emoji} {label}".strip()) > LONGEST_LABEL:
                    text = f"the label is longer than {LONGEST_LABEL} letters"
                    yield ("steps", index, "answers", at, "label", language), text, ""


def _untagged_text_after_protected(flow: Flow) -> Iterator[Found]:
    places = {step.id: index for index, step in enumerate(flow.steps)}
    for step in flow.steps:
        if not isinstance(step, Question) or not step.sensitivity.startswith("protected:"):
            continue
        for after in _next_questions(flow, step):
            if isinstance(after, TextStep) and not after.sensitivity.startswith("protected:"):
                text = f'a written answer after the protected question "{step.id}" is protected too'
                yield ("steps", places[after.id]), text, f"write sensitivity: {step.sensitivity}"


def _next_questions(flow: Flow, step: Step) -> list[Question]:
    found: dict[str, Question] = {}
    seen: set[str] = set()
    ahead = ways_on(flow, step)
    while ahead:
        name = ahead.pop()
        if name in seen or name not in flow.by_id:
            continue
        seen.add(name)
        question = flow.question(name)
        if question is not None:
            found[name] = question
        else:
            ahead += ways_on(flow, flow.by_id[name])
    return list(found.values())


def _adult_question_without_mark(flow: Flow) -> Iterator[Found]:
    for index, step in enumerate(flow.steps):
        if isinstance(step, Question) and step.topic == "adult":
            marks = [option.escalate for option in step.options] + [getattr(step, "escalate", None)]
            if not any(mark and mark.tier != "notice" for mark in marks):
                text = f'"{step.id}" asks about an adult, but no answer tells one'
                yield ("steps", index), text, "put escalate with tier concern or urgent to the answer that asks for one"


def _screens_for_suicide(flow: Flow) -> Iterator[Found]:
    for index, name in asks_about_suicide(flow) if not flow.clinician.strip() else ():
        text = f'"{name}" asks about suicide or self-harm: that belongs to a clinic, with trained people who follow up'
        yield ("steps", index), text, "take it out; or write at clinician: who of yours follows up on each answer"


# --- warnings ---


def _long_texts(flow: Flow) -> Iterator[Found]:
    for where, texts, _ in _texts(flow):
        for language, text in texts.items():
            if len(text) > LONG_TEXT:
                yield (
                    (*where, language),
                    f"this text has {len(text)} letters",
                    f"up to {LONG_TEXT} are read on a phone",
                )


def _hard_texts(flow: Flow) -> Iterator[Found]:
    for where, texts, _ in _texts(flow):
        for language, text in texts.items():
            level = grade(text, language)
            if level is not None and level > HIGHEST_GRADE:
                hint = "shorter sentences and words help"
                yield (*where, language), f"this reads like grade {level:g}, above {HIGHEST_GRADE:g}", hint


def _no_skip(flow: Flow) -> Iterator[Found]:
    for index, step in enumerate(flow.steps):
        if isinstance(step, Question) and not step.skip:
            yield ("steps", index, "skip"), f'"{step.id}" cannot be skipped', "taking part is voluntary"


def _short_window(flow: Flow) -> Iterator[Found]:
    if flow.window < MINIMUM_WINDOW:
        yield ("window",), "an answer is waited for less than 24 hours", "some students see their phone once a day"


def _texts(flow: Flow) -> Iterator[tuple[Where, Mapping[str, str], bool]]:
    """Every text: where it stands, by language, and whether placeholders may stand in it."""
    for index, step in enumerate(flow.steps):
        if step.texts:
            yield ("steps", index, step.kind), step.texts, True
        for at, option in enumerate(getattr(step, "answers", ())):
            if option.label:
                yield ("steps", index, "answers", at, "label"), option.label, False


_ERRORS = (
    _double_ids, _unknown_targets, _unknown_answers, _unreachable_steps, _dead_ends, _loops_without_question,
    _missing_languages, _wrong_placeholders, _wrong_answers, _untagged_text_after_protected,
    _adult_question_without_mark, _screens_for_suicide,
)  # fmt: skip
_WARNINGS = (_long_texts, _hard_texts, _no_skip, _short_window, _unused_placeholders)
