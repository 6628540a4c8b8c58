"""What a school's content came to is kept between two starts; and whatever is wrong with it, it is worked out anew."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from bot import kept, program
from bot.domain import Tier
from bot.errors import ContentError
from bot.flows import loader
from bot.kept import FILE, Kept
from bot.program import Program, create, load_program


@pytest.fixture
def read_anew(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files whose YAML is read."""
    names: list[str] = []
    truly = loader._syntax.__wrapped__

    def read(text: str, name: str) -> object:
        names.append(Path(name).name)
        return truly(text, name)

    monkeypatch.setattr(loader, "_syntax", read)
    return names


def the_same(one: Program, other: Program) -> bool:
    texts = ("i want to die", "maya says hello", "k*ll myself", "quiero morir", "see you at lunch then")
    hashes = [{name: flow.hash for name, flow in program.flows.items()} for program in (one, other)]
    return (
        hashes[0] == hashes[1]
        and [one.screener.screen(text) for text in texts] == [other.screener.screen(text) for text in texts]
        and (one.texts, one.cards, one.schedules, one.ladders)
        == (other.texts, other.cards, other.schedules, other.ladders)
    )


def test_a_second_start_reads_no_yaml_and_knows_the_same(lincoln: Path, shipped: Path, read_anew: list[str]) -> None:
    first = load_program(lincoln, shipped=shipped)
    assert {"program.yaml", "mentee-weekly.yaml", "en.yaml", "cards.yaml"} <= set(read_anew)
    read_anew.clear()
    second = load_program(lincoln, shipped=shipped)
    assert read_anew == []
    assert the_same(first, second)
    assert second.screener.screen("i want to die").tier is Tier.CRISIS


def test_what_has_changed_is_read_and_the_rest_is_not(lincoln: Path, shipped: Path, read_anew: list[str]) -> None:
    load_program(lincoln, shipped=shipped)
    before = (lincoln / FILE).read_bytes()
    plan = lincoln / "program.yaml"
    plan.write_text(plan.read_text().replace("60m", "45m"))
    read_anew.clear()
    assert load_program(lincoln, shipped=shipped)
    assert read_anew == ["program.yaml"]
    plan.write_text(plan.read_text().replace("45m", "60m"))
    load_program(lincoln, shipped=shipped)
    assert (lincoln / FILE).read_bytes() == before, "what is no longer asked for is not kept"


def test_a_changed_pack_is_looked_at_again(lincoln: Path, shipped: Path) -> None:
    load_program(lincoln, shipped=shipped)
    pack = shipped / "safety/packs/en.yaml"
    pack.write_text(pack.read_text().replace("want to die", "want to vanish"))
    assert load_program(lincoln, shipped=shipped).screener.screen("i want to vanish").tier is Tier.CRISIS


def test_a_word_list_that_has_grown_is_read(lincoln: Path, shipped: Path) -> None:
    text = "blorp snarfle wibble grommet fnord"
    assert load_program(lincoln, shipped=shipped).screener.screen(text).unscreened
    words = shipped / "safety/words/en.txt"
    words.parent.mkdir(parents=True, exist_ok=True)
    words.write_text((words.read_text() if words.exists() else "") + "\n" + text.replace(" ", "\n") + "\n")
    assert not load_program(lincoln, shipped=shipped).screener.screen(text).unscreened


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-1],
        lambda content: content.replace(b"die", b"dye", 1),
        lambda content: content[1:],
        lambda content: b"",
        lambda content: b"[]\n[]",
        lambda content: b"\xff\xfe" + content,
    ],
    ids=["cut", "one letter", "seal", "empty", "another file", "no text"],
)
def test_a_damaged_file_is_not_believed(
    lincoln: Path, shipped: Path, read_anew: list[str], damage: Callable[[bytes], bytes]
) -> None:
    first = load_program(lincoln, shipped=shipped)
    path = lincoln / FILE
    whole = path.read_bytes()
    assert b"die" in whole
    path.write_bytes(damage(whole))
    read_anew.clear()
    assert the_same(load_program(lincoln, shipped=shipped), first)
    assert "en.yaml" in read_anew
    assert path.read_bytes() == whole


def test_nothing_that_another_version_kept_is_believed(
    lincoln: Path, shipped: Path, tmp_path: Path, read_anew: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    load_program(lincoln, shipped=shipped)
    changed = shutil.copy(kept._MAKERS[0], tmp_path)
    Path(changed).write_text(Path(changed).read_text() + "\n# a phrase is looked for in another way\n")
    monkeypatch.setattr(kept, "_MAKERS", (Path(changed), *kept._MAKERS[1:]))
    read_anew.clear()
    load_program(lincoln, shipped=shipped)
    assert "program.yaml" in read_anew


def test_all_that_reads_content_is_among_the_makers() -> None:
    names = {path.name for path in kept._MAKERS}
    assert {"compiling.py", "normalize.py", "packs.py", "phrases.py", "loader.py", "syntax.py", "content.py"} <= names


def test_where_nothing_can_be_written_everything_is_read_each_time(
    lincoln: Path, shipped: Path, read_anew: list[str]
) -> None:
    (lincoln / ".cache").write_text("a file stands where the folder would be")
    first = load_program(lincoln, shipped=shipped)
    read_anew.clear()
    assert the_same(load_program(lincoln, shipped=shipped), first)
    assert "program.yaml" in read_anew


def test_what_is_wrong_is_told_with_its_line_and_not_kept(lincoln: Path, shipped: Path) -> None:
    flow = lincoln / "flows/mentee-weekly.yaml"
    right = flow.read_text()
    load_program(lincoln, shipped=shipped)
    flow.write_text(right.replace("audience: mentee", "audeince: mentee"))
    for _ in range(2):
        with pytest.raises(ContentError) as refused:
            load_program(lincoln, shipped=shipped)
        wrong = [problem for problem in refused.value.problems if "audeince" in problem.text]
        assert [problem.line for problem in wrong] == [
            number for number, line in enumerate(flow.read_text().splitlines(), 1) if "audeince" in line
        ]
    flow.write_text(right)
    assert load_program(lincoln, shipped=shipped)


def test_a_value_that_json_cannot_say_is_read_each_time(tmp_path: Path) -> None:
    values = [{"a": {1: "one"}}, {"a": float("inf")}, {"a": [1, 2.5, None, True, "x"]}]
    worked_out: list[object] = []

    def work_out(value: object) -> object:
        worked_out.append(value)
        return value

    for _ in range(2):
        asked = Kept(tmp_path)
        assert [asked.find(str(value), partial(work_out, value)) for value in values] == values
        asked.save()
    assert worked_out == [*values, *values[:2]]


def test_a_second_start_does_without_the_reader_of_yaml(lincoln: Path, shipped: Path) -> None:
    load_program(lincoln, shipped=shipped)
    code = (
        "import sys; from pathlib import Path; from bot.program import load_program\n"
        "load_program(Path(sys.argv[1]), shipped=Path(sys.argv[2])); print('ruamel.yaml' in sys.modules)"
    )
    command = [sys.executable, "-c", code, str(lincoln), str(shipped)]
    seen = subprocess.run(command, capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": "."})
    assert seen.stdout.strip() == "False"


def test_a_second_school_of_the_same_program_does_not_work_out_what_ships(
    tmp_path: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch, read_anew: list[str]
) -> None:
    """Also after a school that wrote a flow of its own: that one nobody else finds."""
    shared = tmp_path / "program" / FILE
    shared.parent.parent.mkdir()
    monkeypatch.setattr(kept, "SHARED", shared)
    monkeypatch.setattr(program, "SHIPPED", shipped)
    for name in ("own", "first", "second", "third"):
        create(tmp_path / name, "tiny", shipped=shipped)
    flow = tmp_path / "own/flows/mentee-weekly.yaml"
    flow.write_text(flow.read_text().replace("Good week", "A violet week"))
    (tmp_path / "third/safety").mkdir()
    load_program(tmp_path / "own", shipped=shipped)
    assert b"wish-to-die" in shared.read_bytes()
    first = load_program(tmp_path / "first", shipped=shipped)
    assert b"Good week" in shared.read_bytes()
    assert b"violet" not in shared.read_bytes()
    read_anew.clear()
    assert the_same(load_program(tmp_path / "second", shipped=shipped), first)
    assert read_anew == []
    load_program(tmp_path / "third", shipped=shipped)
    assert "en.yaml" in read_anew, "a school that may add something keeps its own"
    assert b"violet" in (tmp_path / "own" / FILE).read_bytes()
