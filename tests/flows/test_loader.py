"""Content files: what is refused, and that the author is told where and what to do."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Discriminator, Tag

from bot.errors import ContentError, Problem
from bot.flows.loader import LONGEST_FILE, read, read_text


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Weekly(Strict):
    every: Literal["week", "month"]
    days: list[str]


class Once(Strict):
    when: str


Rule = Annotated[
    Annotated[Weekly, Tag("every")] | Annotated[Once, Tag("when")],
    Discriminator(lambda value: "every" if "every" in value else "when"),
]


class Program(Strict):
    name: str
    size: int = 0
    rules: list[Rule] = []
    texts: dict[str, str] = {}


def problems_of(text: str) -> list[Problem]:
    with pytest.raises(ContentError) as caught:
        read_text(text, "program.yaml", Program)
    return caught.value.problems


def test_a_good_file_becomes_a_model(tmp_path: Path) -> None:
    path = tmp_path / "program.yaml"
    path.write_text("\ufeffname: Lincoln\nsize: 12\ntexts: {en: yes, es: 9:30}\n", encoding="utf-8")
    assert read(path, Program) == Program(name="Lincoln", size=12, texts={"en": "yes", "es": "9:30"})


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_known_one() -> None:
    (problem,) = problems_of("name: Lincoln\nsize: 1\nrulez: []\n")
    assert (problem.line, problem.column) == (3, 1)
    assert str(problem) == 'program.yaml:3:1: "rulez" is not known here (did you mean "rules"?)'


def test_a_wrong_word_in_a_list_of_unions_is_named_where_it_stands() -> None:
    first, second = problems_of("name: x\nrules:\n  - every: weak\n    days: [Mon]\n  - when: now\n    wen: me\n")
    assert (first.line, first.column, first.hint) == (3, 5, 'did you mean "week"?')
    assert (second.line, second.column) == (6, 5)
    assert second.hint == 'did you mean "when"?'


def test_every_problem_of_a_file_is_told_at_once_in_its_order() -> None:
    found = problems_of("size: many\nrules:\n  - every: week\ntexts: hello\n")
    assert [problem.line for problem in found] == [1, 1, 3, 4]
    assert {problem.text for problem in found} == {
        '"name" is missing',
        '"days" is missing',
        "size: a whole number is expected here",
        "texts: keys with values are expected here",
    }


def test_a_key_that_stands_twice_is_refused() -> None:
    (problem,) = problems_of("name: a\nsize: 1\nname: b\n")
    assert problem.line == 3
    assert problem.hint == "first on line 1"


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("name: &a x\ntexts: {en: *a}\n", 1, "anchors"),
        ("name: !!python/name:os.system x\n", 1, "tags"),
        ("name: x\nsize: [1\n", 3, "not YAML"),
        ("name: x\n\tsize: 1\n", 2, "not YAML"),
        ("name: \x07\n", 0, "not YAML"),
        ("name: x\n---\nname: y\n", 2, "not YAML"),
        ("- a\n", 0, "expected keys"),
        ("", 0, "expected keys"),
        ("[" * 600, 0, "too deeply"),
        ("name: x\nsize: " + "9" * 5000 + "\n", 2, "number"),
        ("name: " + "x" * LONGEST_FILE, 0, "longer than"),
    ],
)
def test_what_is_no_plain_yaml_is_refused_with_a_reason(text: str, line: int, part: str) -> None:
    problem = problems_of(text)[0]
    assert problem.line == line
    assert part in problem.text


def test_a_file_in_another_encoding_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "program.yaml"
    path.write_bytes(b"size: 1\nname: Mu\xf1oz\n")
    with pytest.raises(ContentError, match=r"program.yaml:2:1: this is not UTF-8"):
        read(path, Program)


def test_a_missing_or_too_large_file_is_a_problem_and_no_crash(tmp_path: Path) -> None:
    with pytest.raises(ContentError, match="cannot be read"):
        read(tmp_path / "none.yaml", Program)
    (tmp_path / "big.yaml").write_bytes(b"#" * (LONGEST_FILE + 1))
    with pytest.raises(ContentError, match="larger than"):
        read(tmp_path / "big.yaml", Program)
