"""A package of content small enough to read: one flow for each student, one pack, one card, two texts."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.content import SHIPPED
from bot.errors import ContentError
from bot.program import create, load_program

FILES = {
    "nearpeer.toml": """
[school]
name = "Lincoln High"
zone = "America/New_York"

[safety]
safety_contact = "okafor"
""",
    "programs/tiny/program.yaml": """
program: tiny
languages: [en, es]
first_contact: mentee-weekly
schedules:
  - name: mentee-check-in
    audience: mentee
    flow: mentee-weekly
    weekly: {days: [tue, Jueves], at: "15:30"}
    catch_up: 24h
  - name: session-reminder
    audience: mentor
    session: {before_start: 60m}
  - name: mentor-reflection
    audience: mentor
    flow: mentor-reflection
    session: {after_end: 15m}
ladder:
  crisis:
    rungs:
      - {tell: [advisor], wait: 3m}
      - {tell: [coordinator, rivera]}
bypass: okafor
""",
    "programs/tiny/roster.csv": """key,name,role,mentors,advisor,meets
maya,Maya Torres,mentee,leo,rivera,Wed 15:00 45m
leo,Leo Kim,mentor,,,
rivera,Ms. Rivera,advisor,,,
okafor,Mr. Okafor,coordinator,,,
""",
    "safety/rules.yaml": (SHIPPED / "safety/rules.yaml").read_text(encoding="utf-8"),
    "safety/packs/en.yaml": """
pack: en
language: en
version: 1
rules:
  - id: wish-to-die
    tier: crisis
    category: suicide
    label: Wish to be dead
    phrases: [want to die]
    negation: false
    match: [i want to die]
""",
    "safety/cards.yaml": """
cards:
  - country: us
    language: en
    version: 1
    numbers: ["988", "911"]
    opening: You are not alone with this.
    asked: You asked for an adult.
    mentor: Stay with them now. Do not promise to keep it secret. Go to an adult together.
    text: "Call or text 988. In danger now, call 911. At school: {place}, or find {adult}."
""",
    "safety/words/en.txt": "# common words\ni\nwant\nto\ndie\nthe\n",
    "texts/en.yaml": 'resumed: Welcome back.\nsession_reminder: "Hi {name}, you meet {partner} at {time}."\n',
    "texts/es.yaml": 'resumed: Hola de nuevo.\nsession_reminder: "Hola, {name}: {partner}, {time}."\n',
}
FLOW = """
flow: {name}
kind: {kind}
audience: {audience}
languages: [en, es]
placeholders: [name]
steps:
  - id: mood
    yes_no: {{en: "Good week, {{name}}?", es: "¿Buena semana, {{name}}?"}}
    topic: mood
    sensitivity: none
  - id: bye
    end: {{en: "Thanks.", es: "Gracias."}}
"""
FLOWS = {"mentee-weekly": ("check-in", "mentee"), "mentor-reflection": ("reflection", "mentor")}
SCHOOL_PACK = """
pack: lincoln
language: en
version: 1
rules:
  - id: the-bridge
    tier: crisis
    category: suicide
    label: Speaks of the bridge
    phrases: [off the bridge]
    match: ["off the bridge"]
"""
Change = Callable[..., None]


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("NEARPEER_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """The package's content."""
    flows = {
        f"programs/tiny/flows/{name}.yaml": FLOW.format(name=name, kind=kind, audience=audience)
        for name, (kind, audience) in FLOWS.items()
    }
    for name, text in (FILES | flows).items():
        path = tmp_path / "shipped" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path / "shipped"


@pytest.fixture
def lincoln(tmp_path: Path, shipped: Path) -> Path:
    """The folder of Lincoln High, just made."""
    create(tmp_path / "lincoln", "tiny", shipped=shipped)
    return tmp_path / "lincoln"


@pytest.fixture
def change(lincoln: Path) -> Change:
    """Replace a text in one of the folder's files; the text must be there."""

    def change(file: str, old: str, new: str) -> None:
        path = lincoln / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return change


def school_file(lincoln: Path, name: str, text: str) -> None:
    """A file of the school's own safety content."""
    path = lincoln / "safety" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def complaints(lincoln: Path, shipped: Path) -> list[str]:
    """What is wrong with the folder: each problem with its place in it."""
    with pytest.raises(ContentError) as caught:
        load_program(lincoln, shipped=shipped)
    return [str(problem).removeprefix(f"{lincoln.parent}/") for problem in caught.value.problems]
