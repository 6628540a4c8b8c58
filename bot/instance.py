"""What is settled before a school's program is loaded: its settings, and that nobody else runs it."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Collection, Iterator
from pathlib import Path

from bot.errors import Refused
from bot.roles import ALL, Role
from bot.settings_file import read_settings
from config.settings import FILE, Settings, Storage


@contextlib.contextmanager
def alone(folder: Path, roles: Collection[Role] = ALL) -> Iterator[Settings]:
    """Be the only one that runs this school, or a share of it; gives its settings. Raises Refused or ContentError."""
    settings = read_settings(folder)
    if set(roles) != ALL and settings.storage.file is not None:
        raise Refused(
            f"--role splits a school's work over several programs, and SQLite is a file for one program alone. Leave "
            f"--role out, or move to PostgreSQL: storage.url in {folder / FILE}, see docs/scale.md."
        )
    with instance_lock(folder, settings.storage):
        yield settings


@contextlib.contextmanager
def instance_lock(folder: Path, storage: Storage) -> Iterator[None]:
    """Be the only running Nearpeer of this school. Raises Refused when another one runs.

    The lock lies beside the SQLite file, wherever that is: it is what two instances must not share.
    Windows has no flock: there Nearpeer runs under WSL.
    """
    if storage.file is None:  # several may share a PostgreSQL database: leases keep them apart
        yield
        return
    path = storage.file.with_suffix(".lock")
    try:
        file = path.open("w")
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}. Nearpeer keeps people's words there.") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            text = f"Nearpeer is already running for {folder}. Two would send everything twice: stop the other."
            raise Refused(text) from None
        yield
