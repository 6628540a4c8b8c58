"""The argument DIR of the command words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bot.errors import Refused


def _school(folder: Path) -> Path:
    if not folder.is_dir():
        raise Refused(f"There is no folder {folder}. To make a school's folder: nearpeer init {folder}")
    if not (folder / "nearpeer.toml").exists():
        raise Refused(
            f"{folder} is no school's folder: there is no nearpeer.toml in it. To make one: nearpeer init NEW_FOLDER"
        )
    return folder


Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The school's folder.", callback=_school)]
