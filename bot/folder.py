"""A school's folder and what could be read of it, for whoever judges it. Nothing is judged or stored here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import TypeVar

from bot.content import (
    SHIPPED,
    Parts,
    Texts,
    read_cards,
    read_flows,
    read_packs,
    read_plan,
    read_texts,
)
from bot.errors import Problem
from bot.flows.loaded import LoadedFlow
from bot.flows.loader import Document
from bot.plan import Plan
from bot.roster.rows import RosterPerson, Sheet, read_roster
from bot.roster.sheet import LARGEST_FILE, Bad
from bot.safety.cards import Card
from bot.safety.packs import Pack
from bot.settings_file import read_settings
from config.settings import Settings

ROSTERS = "roster*.csv"
T = TypeVar("T")


class School:
    """A folder and what could be read of it. Each part is read once; its problems belong to the check of that part."""

    def __init__(self, folder: Path, shipped: Path = SHIPPED) -> None:
        self.folder = folder
        self.shipped = shipped
        self.problems: dict[str, list[Problem]] = {}

    @cached_property
    def settings(self) -> Settings | None:
        return self._read("settings", partial(read_settings, self.folder))

    @cached_property
    def root(self) -> Path:
        """Where program.yaml and the flows are."""
        return self.folder / self.settings.program.folder if self.settings else self.folder

    @cached_property
    def plan(self) -> tuple[Plan, Document] | None:
        return self._read("plan", partial(read_plan, self.root))

    @cached_property
    def languages(self) -> tuple[str, ...]:
        return self.plan[0].languages if self.plan else ("en", "es")

    @cached_property
    def flows(self) -> Mapping[str, LoadedFlow] | None:
        return self._read("flows", partial(read_flows, self.root))

    @cached_property
    def packs(self) -> tuple[Pack, ...] | None:
        return self._read("packs", partial(read_packs, self.folder, self.shipped))

    @cached_property
    def cards(self) -> tuple[Card, ...] | None:
        return self._read("cards", partial(read_cards, self.folder, self.shipped))

    @cached_property
    def texts(self) -> Texts | None:
        return self._read("texts", partial(read_texts, self.languages, self.shipped))

    @cached_property
    def rosters(self) -> Mapping[Path, Sheet]:
        """The roster files that lie in the folder; there need not be any."""
        return {path: _sheet(path, self.languages) for path in sorted(self.folder.glob(ROSTERS))}

    @cached_property
    def people(self) -> Mapping[str, RosterPerson]:
        """Everybody in those files, by key."""
        return {person.key: person for sheet in self.rosters.values() for person in sheet.people}

    def _read(self, part: str, reader: Callable[[], T]) -> T | None:
        parts = Parts()
        value = parts.read(reader)
        self.problems[part] = parts.problems
        return value


def _sheet(path: Path, languages: Iterable[str]) -> Sheet:
    try:
        with path.open("rb") as file:
            return read_roster(file.read(LARGEST_FILE + 1), path.name, tuple(languages))
    except OSError as error:
        return Sheet(bad=(Bad(0, "", f"the file cannot be read: {error.strerror}"),))
