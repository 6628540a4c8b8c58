"""What a flow may say: its author is told where and how, before a student meets it. Loading, hashing, drawing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.errors import ContentError, Problem
from bot.flows.definition import Flow
from bot.flows.graph import mermaid
from bot.flows.lint import Lint, lint
from bot.flows.loaded import load_flow, parse_flow
from bot.flows.loader import judge, parse_document
from bot.flows.readability import grade

EXAMPLE = Path(__file__).with_name("example.yaml")
HEAD = "flow: small\nkind: check-in\naudience: mentee\nlanguages: [en]\nsteps:\n"
MOOD = "  - {id: mood, yes_no: {en: Good week?}, topic: mood, sensitivity: none}\n"
ASK = "  - {id: m, %s: {en: G?}, topic: m, sensitivity: none, answers: [%s]}\n"
WAY = "  - id: b\n    branch:\n      - %s\n"
BYE = "  - {id: bye, end: {en: Bye.}}\n"


def problems_of(steps: str, head: str = HEAD) -> list[Problem]:
    with pytest.raises(ContentError) as caught:
        parse_flow(head + steps, "small.yaml")
    return caught.value.problems


def linted(steps: str, head: str = HEAD) -> Lint:
    document = parse_document(head + steps, "small.yaml")
    return lint(judge(document, Flow), document)


def test_ten_lines_are_a_flow(tmp_path: Path) -> None:
    guide = (Path(__file__).parents[2] / "docs/flows.md").read_text(encoding="utf-8")
    source = guide.split("```yaml\n", 1)[1].split("```", 1)[0]
    assert len(source.splitlines()) == 9
    (tmp_path / "hello.yaml").write_text(source, encoding="utf-8")
    assert load_flow(tmp_path / "hello.yaml").name == "hello"


@pytest.mark.parametrize(
    ("steps", "line", "text", "hint"),
    [
        ("  - {id: mood, yes_no: {en: Good?}, topic: mood}\n", 6, '"sensitivity" is missing', ""),
        ("  - {id: bye, ende: {en: Bye.}}\n", 6, 'the step "bye" needs one of', 'did you mean "end"'),
        ("  - {id: bye, say: {en: Hi.}, end: {en: Bye.}}\n", 6, "several kinds at once: say, end", ""),
        ("  - {id: bye, end: {en: Bye.}, sensitivty: none}\n", 6, '"sensitivty" is not known here', ""),
        ("  - {id: Bye now, end: {en: Bye.}}\n", 6, '"Bye now" is not a name', ""),
        ("  - {id: m, yes_no: {en: G?}, topic: m, sensitivity: secret}\n", 6, 'sensitivity "secret"', ""),
        (
            ASK % ("yes_no", "{value: maybe}"),
            6,
            'not "maybe"',
            "",
        ),
        (
            ASK % ("scale", "{value: a}, {value: 1}"),
            6,
            "scale",
            "",
        ),
        (
            ASK % ("choice", "{value: a}, {value: b}"),
            6,
            "no label",
            "",
        ),
        (
            ASK % ("scale", "{value: 1}, {value: 1}"),
            6,
            "two answers",
            "",
        ),
        (
            ASK % ("scale", "{value: true}, {value: 1}"),
            6,
            "value",
            "",
        ),
        (
            WAY % "{else: bye}\n      - {when: {seen: x}, go: bye}",
            6,
            "else must stand last",
            "",
        ),
        (WAY % "{when: {answer: m}, go: bye}", 8, "exactly one of is, in", ""),
        (
            WAY % "{when: {answer: m, is: 1, below: 2}, go: bye}",
            8,
            "exactly one of is, in",
            "",
        ),
        (WAY % "{when: {seen: x}}", 8, "a way out of a branch", ""),
        (
            WAY % "{when: {answer: m, bellow: 3}, go: bye}",
            8,
            '"bellow" is not known',
            'did you mean "below"?',
        ),
    ],
)
def test_a_wrong_step_is_named_with_line_and_reason(steps: str, line: int, text: str, hint: str) -> None:
    problem = problems_of(steps)[0]
    assert text in problem.text
    assert hint in problem.text + problem.hint
    assert problem.line == line


def test_a_wrong_head_is_named_with_the_nearest_known_word() -> None:
    found = problems_of(BYE, HEAD.replace("check-in", "checkin").replace("audience", "audiense") + "")
    assert {problem.hint for problem in found} >= {'did you mean "check-in"?', 'did you mean "audience"?'}
    (problem,) = problems_of(BYE, "window: 1 day\n" + HEAD)
    assert "30m, 4h, 3d or 2w" in problem.text
    (problem,) = problems_of(BYE, "nudge: 3d\n" + HEAD)
    assert "nudge must be shorter" in problem.text


@pytest.mark.parametrize(
    ("steps", "text"),
    [
        (MOOD.replace("sensitivity", "then: by, sensitivity") + BYE, 'there is no step "by"'),
        ("  - {id: b, branch: [{when: {seen: x}, go: buy}]}\n" + BYE, 'there is no step "buy"'),
        ("  - {id: b, branch: [{when: {answer: moot, is: yes}, go: bye}]}\n" + BYE, 'no question "moot"'),
        (MOOD + "  - {id: b, branch: [{when: {answer: mood, is: yess}, go: bye}]}\n" + BYE, 'has no answer "yess"'),
        ("  - {id: a, branch: [{else: bye}]}\n" + MOOD + BYE, 'nothing leads to the step "mood"'),
        (BYE + BYE, 'two steps have the id "bye"'),
        (MOOD, 'nothing comes after the step "mood"'),
        ("  - {id: a, say: {en: Hi.}, then: b}\n  - {id: b, say: {en: Hi.}, then: a}\n" + BYE, "without a question"),
        ("  - {id: bye, end: {es: Chao.}}\n", 'the text in "en" is missing'),
        ("  - {id: bye, end: {en: Bye., fr: Salut.}}\n", '"fr" is not among the languages'),
        ('  - {id: bye, end: {en: "Bye {name}."}}\n', "{name} is not declared"),
        ('  - {id: bye, end: {en: "Bye {name.x}."}}\n', "is not a plain placeholder"),
        (
            ASK % ("choice", "{value: a, label: {en: A}}, {value: b, label: {en: %s}}" % ("x" * 76)) + BYE,
            "longer than 75",
        ),
        (ASK % ("scale", ", ".join(f"{{value: {number}}}" for number in range(11))) + BYE, "more than 10 answers"),
        (
            "  - {id: f, yes_no: {en: A?}, topic: t, sensitivity: 'protected:family'}\n  - {id: s, say: {en: Hi.}}\n"
            "  - {id: t, text: {en: Why?}, topic: t, sensitivity: none}\n" + BYE,
            'after the protected question "f"',
        ),
        ("  - {id: a, yes_no: {en: An adult?}, topic: adult, sensitivity: none}\n" + BYE, "asks about an adult"),
    ],
)
def test_the_linter_refuses_what_would_go_wrong_later(steps: str, text: str) -> None:
    found = linted(steps).errors
    assert any(text in problem.text for problem in found), found
    assert all(problem.line >= 6 for problem in found)


def test_a_loop_with_a_question_is_allowed() -> None:
    again = "  - {id: again, branch: [{when: {answer: mood, is: no}, go: mood}]}\n"
    assert linted(MOOD + again + BYE).errors == ()


def test_warnings_do_not_stop_a_flow() -> None:
    long = "Notwithstanding considerable organizational difficulties, participating individuals communicate regularly. "
    steps = MOOD.replace("topic", "skip: false, topic") + f"  - {{id: bye, end: {{en: '{long * 4}'}}}}\n"
    found = linted(steps, "window: 2h\nplaceholders: [name]\n" + HEAD)
    assert found.errors == ()
    told = " ".join(problem.text for problem in found.warnings)
    for part in ("less than 24 hours", "used nowhere", "cannot be skipped", "letters", "reads like grade"):
        assert part in told


def test_reading_levels_tell_easy_from_hard() -> None:
    easy = "We had a good day. We went to the park and had fun with a dog."
    hard = "Institutional accountability necessitates comprehensive documentation regarding every activity."
    hard = f"{hard[:-1]} and participation."
    assert (grade(easy, "en") or 0) < 3
    assert (grade(hard, "en") or 0) > 12
    facil = "Hoy fue un buen día. Fui al parque con mi perro y lo pasé muy bien."
    dificil = (
        "La responsabilidad institucional requiere documentación exhaustiva concerniente a oportunidades "
        "extracurriculares de participación estudiantil."
    )
    assert (grade(facil, "es") or 99) <= 6
    assert (grade(dificil, "es") or 0) > 9
    assert grade("Hi.", "en") is None
    assert grade(easy, "fr") is None


def test_the_hash_is_of_the_content_and_a_stored_flow_comes_back_the_same() -> None:
    loaded = load_flow(EXAMPLE)
    again = parse_flow(loaded.source, "stored")
    assert (again.hash, again.flow) == (loaded.hash, loaded.flow)
    respaced = loaded.source.replace("version: 1", "version:   1  # first")
    assert parse_flow(respaced, "stored").hash == loaded.hash
    changed = loaded.source.replace("Hi {name}.", "Hello {name}.")
    assert parse_flow(changed, "stored").hash != loaded.hash


def test_a_flow_with_an_error_does_not_load(tmp_path: Path) -> None:
    path = tmp_path / "small.yaml"
    path.write_text(HEAD + MOOD, encoding="utf-8")
    with pytest.raises(ContentError, match=r"small.yaml:6:\d+: nothing comes after"):
        load_flow(path)


def test_the_picture_has_every_step_and_every_way() -> None:
    picture = mermaid(load_flow(EXAMPLE).flow)
    assert picture.startswith("flowchart TD\n")
    assert 's_mood("How has your week been so far?<br/>(scale)<br/>! 1: notice")' in picture
    assert 's_low -->|"mood below 2"| s_what_is_hard' in picture
    assert 's_first_time -->|"else"| s_welcome' in picture
    assert 's_did_meet -->|"met is yes and language en"| s_how_long' in picture


@pytest.mark.parametrize(
    "question",
    [
        "In the past few weeks, have you wished you were dead?",
        "Have you ever tried to kill yourself?",
        "Have you had thoughts that you would be better off dead, or of hurting yourself?",
        "Do you sometimes not want to wake up?",
        "Have you thought about suicide?",
        "¿Has deseado estar muerta?",
        "¿Alguna vez trataste de quitarte la vida?",
        "¿Has pensado en hacerte daño?",
    ],
)
def test_l37_a_question_of_a_suicide_screening_is_refused_unless_a_clinician_is_named(question: str) -> None:
    asks = f'  - {{id: risk, yes_no: {{en: "{question}"}}, topic: mood, sensitivity: wellbeing}}\n{BYE}'
    (problem,) = linted(asks).errors
    assert (problem.line, '"risk" asks about suicide' in problem.text) == (6, True)
    assert "clinician" in problem.hint
    assert linted(asks, HEAD.replace("steps:", "clinician: Dr. Chen\nsteps:")).errors == ()


def test_l37_labels_count_as_questions_do_and_what_only_tells_does_not() -> None:
    label = "  - {id: m, choice: {en: Now?}, topic: mood, sensitivity: wellbeing, answers: [%s, %s]}\n"
    ill = label % ("{value: a, label: {en: Fine}}", "{value: b, label: {en: I want to kill myself}}")
    assert [problem.text[:23] for problem in linted(ill + BYE).errors] == ['"m" asks about suicide ']
    tells = '  - {id: told, say: {en: "If you think of hurting yourself, an adult is told."}}\n'
    fine = MOOD.replace("Good week?", "Did you hurt your knee in the game? Was the test dead easy?")
    assert linted(tells + fine + BYE).errors == ()
