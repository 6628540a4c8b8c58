"""A school's nearpeer.toml, read, and what is wrong in it told by the line where it stands."""

from __future__ import annotations

import re
from pathlib import Path

from bot.errors import ContentError, Problem
from config.settings import FILE, Settings, SettingsError, load_settings


def read_settings(folder: Path) -> Settings:
    """The settings of a school's folder. Raises ContentError."""
    try:
        return load_settings(folder)
    except SettingsError as error:
        raise ContentError([settings_problem(folder / FILE, key, text) for key, text in error.problems]) from None


def settings_problem(path: Path, key: str, text: str) -> Problem:
    """A problem of one setting, at the line where it stands (or its section, or the whole file)."""
    return Problem(str(path), line := _line_of(path, key), 1 if line else 0, f"{key} {text}".strip())


def _line_of(path: Path, key: str) -> int:
    """The line of `section.key` in a TOML file as people write it, else that of the section, else 0."""
    section, _, name = key.partition(".")
    here, found = "", 0
    try:
        lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError:
        return 0
    for number, line in enumerate(lines, start=1):
        if header := re.match(r"\s*\[\s*([\w-]+)\s*\]", line):
            here = header[1]
            found = number if here == section else found
        elif here == section and name and re.match(rf"\s*{re.escape(name)}\s*=", line):
            return number
    return found
