"""A fresh clone has everything: what is read at run time is tracked, and nothing in it knows this computer."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
# Each name has a bracket, so that it is not in here.
MACHINE = re.compile(r"/wor[k]/main|/wor[k]/shared|/roo[t]/|/home/[a-z]+[/]|/User[s]/|[A-Z]:\\User[s]")

if not (ROOT / ".git").exists():
    pytest.skip("this is no clone, so nothing says which files belong to the project", allow_module_level=True)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project as somebody else gets it: committed files only."""
    folder = tmp_path_factory.mktemp("fresh") / "nearpeer"
    subprocess.run(["git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder)], check=True)
    return folder


def in_clone(clone: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run Python on the clone's files, from a folder that is not the clone."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEARPEER_")}
    return subprocess.run(
        [sys.executable, "-P", *words],
        cwd=clone.parent,
        env=environment | {"PYTHONPATH": str(clone)},
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_module_of_a_fresh_clone_can_be_imported(clone: Path) -> None:
    files = [path.relative_to(clone) for room in ("bot", "storage", "config") for path in (clone / room).rglob("*.py")]
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files]
    names = [name for name in names if not name.endswith("__main__")]
    names = sorted(name for name in names if not name.startswith("storage.migrations"))
    assert len(names) > 80
    asked = in_clone(clone, "-c", f"import importlib\nfor name in {names}: importlib.import_module(name)")
    assert (asked.returncode, asked.stderr) == (0, "")


def test_a_fresh_clone_makes_a_school_and_plays_a_flow(clone: Path) -> None:
    """In one program: most of a start is loading."""
    commands = (
        ("init", "lincoln"),
        ("check", "lincoln"),
        ("roster", "lincoln", "lincoln/roster.csv", "--import"),
        ("play", "mentee-weekly"),
    )
    give = f"""
import sys
from bot import cli
for words in {commands}:
    sys.argv = ["nearpeer", *words]
    try:
        cli.main()
    except SystemExit as ended:
        print("ended", words[0], ended.code or 0)
"""
    given = in_clone(clone, "-c", give, typed="4\nArt class\n1\n1\n1\n")
    assert (given.returncode, given.stderr) == (0, "")
    assert [line for line in given.stdout.splitlines() if line.startswith("ended")] == [
        f"ended {words[0]} 0" for words in commands
    ]
    assert "The conversation ends here" in given.stdout


def test_every_page_of_a_fresh_clone_finds_its_templates_and_static_files(clone: Path) -> None:
    """Each template and each static file that the code names is there."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in clone.glob("bot/**/*.py"))
    code += "\n".join(path.read_text(encoding="utf-8") for path in clone.glob("bot/**/templates/*.html"))
    templates = set(re.findall(r'["\']([a-z_-]+\.html)["\']', code))
    assets = set(re.findall(r'asset\(["\']([\w./-]+)["\']\)', code))
    assert {"chat.html", "base.html", "sign_in.html"} <= templates
    assert "chat.css" in assets
    assert templates <= {path.name for path in clone.glob("bot/**/templates/*.html")}
    assert not [name for name in assets if not (clone / "bot/static" / name).is_file()]


def test_what_ships_is_in_a_fresh_clone(clone: Path) -> None:
    asked = in_clone(clone, "-c", "from bot.content import read_words; print(*read_words())")
    assert {"en", "es"} <= set(asked.stdout.split()), asked.stderr
    for name in ("README.md", "LICENSE", "CHANGELOG.md", "Makefile", "requirements/base.txt", "requirements/dev.txt"):
        assert (clone / name).stat().st_size > 0, f"{name} is empty"
    assert (clone / ".ci/run").stat().st_mode & stat.S_IXUSR
    for record in (clone / "docs/decisions").glob("0*.md"):
        assert record.name in (clone / "docs/decisions/README.md").read_text(), f"{record.name} is not in the list"


def test_nothing_in_a_fresh_clone_knows_this_computer(clone: Path) -> None:
    for path in clone.rglob("*"):
        ours = not {".git", ".cache", "__pycache__"} & set(path.relative_to(clone).parts)
        if path.is_file() and ours and not path.name.endswith(".min.js"):
            found = MACHINE.search(path.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{path.relative_to(clone)} says {found and found[0]}"


def test_requirements_are_pinned_with_hashes(clone: Path) -> None:
    for name in ("base", "dev"):
        text = (clone / f"requirements/{name}.txt").read_text()
        pins = re.findall(r"^[\w.\[\]-]+==\S+(?: ; [^\\\n]+)? \\\n    --hash=sha256:", text, re.MULTILINE)
        named = re.findall(r"^[A-Za-z]\S*", text, re.MULTILINE)
        assert len(pins) == len(named) > 20
