"""A flow as a picture: Mermaid text. It shows the first language's words, shortened."""

from __future__ import annotations

from bot.flows.asking import text_in
from bot.flows.conditions import Check, When
from bot.flows.definition import BranchStep, EndStep, Flow, Question, Step
from bot.flows.lint import ways_on

_SHORT = 40


def mermaid(flow: Flow) -> str:
    """A flowchart: questions are rounded, branches diamonds, marked answers carry their tier."""
    lines = ["flowchart TD"]
    for step in flow.steps:
        lines.append(f"    {_node(flow, step)}")
    for step in flow.steps:
        lines += [f"    {line}" for line in _arrows(flow, step)]
    return "\n".join(lines) + "\n"


def _node(flow: Flow, step: Step) -> str:
    text = text_in(step.texts, flow.languages)
    words = _quoted(text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…")
    name = _name(step.id)
    if isinstance(step, BranchStep):
        return f'{name}{{"{step.id}"}}'
    if isinstance(step, EndStep):
        return f'{name}[["{words}"]]'
    if not isinstance(step, Question):
        return f'{name}["{words}"]'
    marks = [f"{option.value}: {option.escalate.tier}" for option in step.options if option.escalate]
    own = getattr(step, "escalate", None)
    marks += [own.tier] if own else []
    told = f"<br/>! {_quoted(', '.join(marks))}" if marks else ""
    return f'{name}("{words}<br/>({step.kind}){told}")'


def _arrows(flow: Flow, step: Step) -> list[str]:
    if not isinstance(step, BranchStep):
        return [f"{_name(step.id)} --> {_name(way)}" for way in ways_on(flow, step)]
    lines = [
        f'{_name(step.id)} -->|"{_quoted(_words(arm.when) if arm.when else "else")}"| {_name(arm.target)}'
        for arm in step.branch
    ]
    onward = flow.onward(step)
    if step.branch[-1].otherwise is None and onward:
        lines.append(f'{_name(step.id)} -->|"else"| {_name(onward)}')
    return lines


def _words(when: When) -> str:
    joint = " or " if when.any else " and "
    return joint.join(_check_words(check) for check in when.checks)


def _check_words(check: Check) -> str:
    if check.seen:
        return f"seen {check.seen}"
    if check.language:
        return f"language {check.language}"
    tests = {
        "is": check.is_,
        "in": ", ".join(str(value) for value in check.in_) if check.in_ else None,
        "below": check.below,
        "above": check.above,
    }
    name, value = next(((name, value) for name, value in tests.items() if value is not None), ("", None))
    if value is None:
        return f"{check.answer} {'skipped' if check.skipped else 'answered'}"
    return f"{check.answer} {name} {value:g}" if isinstance(value, float) else f"{check.answer} {name} {value}"


def _name(step: str) -> str:
    # Mermaid reads some words (end, graph ...) as its own.
    return f"s_{step.replace('-', '_')}"


def _quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace("\n", " ")
