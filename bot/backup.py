"""`nearpeer backup` and `nearpeer restore`: a school as one file, made while it runs, and put back so that it holds.

The file is a zip of the database and of what people wrote into the school's folder, with a checksum for each.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile

from bot import starts
from bot.clock import Clock
from bot.errors import Outage, Refused
from bot.failpoints import failpoint
from bot.instance import instance_lock
from bot.program import Program, load_program
from config.settings import FILE
from storage import backup as copies
from storage import hold
from storage.database import Database

DATABASE, DUMP, SUMS = "nearpeer.db", "nearpeer.dump", "checksums.json"
FOLDER = "backups"
_SUFFIXES = {".toml", ".yaml", ".yml", ".csv"}
_CHUNK = 1 << 20
_LONGEST = 24 * 3600


@dataclass(frozen=True, slots=True)
class Kept:
    """A backup that was made and verified."""

    path: Path
    size: int
    files: int


@dataclass(frozen=True, slots=True)
class Restored:
    """What restoring did."""

    replaced: Path | None
    """Where the database lies that was in its place."""
    unpacked: int
    """How many of the school's own files were written."""


def back_up(program: Program, clock: Clock, to: Path | None = None) -> Kept:
    """Copy a school, running or not, into one file, and open that file again to prove it. Raises Refused.

    `to`: a folder, or the name of a file that is not there yet.
    """
    final = _place(program, clock.wall(), to)
    _tidy(final.parent, clock.wall())
    with tempfile.TemporaryDirectory(prefix="nearpeer-", suffix=".part", dir=final.parent) as aside:
        part, copy = Path(aside) / "backup.zip", Path(aside) / "copy"
        copy.mkdir()
        with _new_file(part) as archive:
            files = _write(program, archive, copy)
        failpoint("backup.copied")
        verify(part, copy)
        failpoint("backup.verified")
        if final.exists():
            raise Refused(f"{final} is there already. Give another name: --to")
        os.replace(part, final)
    _note(program, clock)
    return Kept(final, final.stat().st_size, files)


def _note(program: Program, clock: Clock) -> None:
    """Tell the database of the backup. It is made, whatever comes of this: at worst Health asks for one too soon."""
    database = Database(program.settings.storage.url)
    try:
        with contextlib.suppress(Outage):
            copies.note_backup(database, clock.wall())
    finally:
        database.close()


def restore(folder: Path, file: Path, clock: Clock) -> Restored:
    """Put a backup back. Raises Refused while the school runs, and for what is no whole backup.

    A school that is there keeps its own files and gets the database; a new folder gets everything. At its next start
    the school holds.
    """
    unpacked = 0 if (folder / FILE).exists() else _unpack(file, folder)
    program = load_program(folder)
    with instance_lock(folder, program.settings.storage):
        return Restored(_put_back(program, file, clock), unpacked)


def _put_back(program: Program, file: Path, clock: Clock) -> Path | None:
    target = program.settings.storage.file
    if target is None:
        raise Refused("This school is on PostgreSQL: put its backup back with pg_restore, see docs/backup.md.")
    with tempfile.TemporaryDirectory(dir=target.parent) as aside:
        restored = verify(file, Path(aside))
        if restored.name != DATABASE:
            raise Refused(f"{file} holds a PostgreSQL database, and this school is on SQLite: see docs/backup.md.")
        known = starts.file_of(program)
        starts.write(known, max(starts.read(known), _starts(restored) + 1))
        replaced = target.with_name(f"{target.name}.replaced-{clock.wall():%Y%m%d-%H%M%S}") if target.exists() else None
        for ending in ("-wal", "-shm", ""):
            old = target.with_name(target.name + ending)
            if replaced is not None and old.exists():
                os.replace(old, replaced.with_name(replaced.name + ending))
        os.chmod(restored, 0o600)
        os.replace(restored, target)
    return replaced


def _unpack(file: Path, folder: Path) -> int:
    if folder.exists() and any(folder.iterdir()):
        raise Refused(f"{folder} is not empty.")
    with tempfile.TemporaryDirectory() as aside:
        verify(file, Path(aside))
    with ZipFile(file) as archive:
        names = [name for name in archive.namelist() if name not in (DATABASE, DUMP, SUMS)]
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.write_bytes(archive.read(name))
    return len(names)


def verify(file: Path, aside: Path) -> Path:
    """Read a backup through, compare every checksum and open its database in the folder `aside`; gives that copy."""
    try:
        with ZipFile(file) as archive:
            sums = json.loads(archive.read(SUMS))
            # A name without a checksum, or one that is there twice, is none of ours: it is neither read nor unpacked.
            if sorted(archive.namelist()) != sorted([*sums["files"], SUMS]):
                raise Refused(f"{file} is damaged: its list of files does not fit.")
            database = DATABASE if DATABASE in sums["files"] else DUMP
            for name, wanted in sums["files"].items():
                if _safe(name) is None or _read_through(archive, name, aside if name == database else None) != wanted:
                    raise Refused(f"{file} is damaged: {name} is not what was backed up.")
    except (BadZipFile, zlib.error, KeyError, ValueError, TypeError, AttributeError, EOFError, zipfile.LargeZipFile):
        raise Refused(f"{file} is no backup of Nearpeer, or it is damaged.") from None
    if database == DATABASE:
        copies.verify_sqlite(aside / DATABASE, sums.get("rows"))
    return aside / database


def _place(program: Program, wall: datetime, to: Path | None) -> Path:
    name = f"nearpeer-{wall.astimezone(program.zone):%Y%m%d-%H%M%S}.zip"
    final = to or program.folder / FOLDER
    if final.is_dir() or final.suffix != ".zip":
        final = final / name
    if final.exists():
        raise Refused(f"{final} is there already. Give another name: --to")
    final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return final


def _tidy(folder: Path, wall: datetime) -> None:
    """Remove what a backup left that was killed on the way: it holds people's words, and no backup takes so long."""
    for left in folder.glob("nearpeer-*.part"):
        if wall.timestamp() - left.stat().st_mtime > _LONGEST:
            shutil.rmtree(left)


@contextlib.contextmanager
def _new_file(part: Path) -> Iterator[ZipFile]:
    """A zip that only its owner may read, and that is on the disk when it is closed."""
    with os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "w+b") as file:
        with ZipFile(file, "w", ZIP_DEFLATED) as archive:
            yield archive
        file.flush()
        os.fsync(file.fileno())


def _write(program: Program, archive: ZipFile, aside: Path) -> int:
    source, rows = program.settings.storage.file, None
    if source is None:
        copy = aside / DUMP
        copies.copy_postgresql(program.settings.storage.url, copy)
    else:
        copy = aside / DATABASE
        rows = copies.copy_sqlite(source, copy)
    files = {copy.name: copy} | {str(path.relative_to(program.folder)): path for path in _written(program.folder)}
    sums = {}
    for name, path in files.items():
        archive.write(path, name)
        with path.open("rb") as file:
            sums[name] = hashlib.file_digest(file, "sha256").hexdigest()
    archive.writestr(SUMS, json.dumps({"files": sums, "rows": rows}, indent=1))
    copy.unlink()  # what is verified is read from the backup itself
    return len(files)


def _written(folder: Path) -> Iterator[Path]:
    """What people wrote: settings, program, flows, packs, roster. Not what programs keep there."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.is_file() and path.suffix in _SUFFIXES and not hidden and parts[0] != FOLDER:
            yield path


def _safe(name: str) -> Path | None:
    path = Path(name)
    return None if path.is_absolute() or ".." in path.parts else path


def _read_through(archive: ZipFile, name: str, keep: Path | None) -> str:
    digest = hashlib.sha256()
    with archive.open(name) as packed, contextlib.ExitStack() as stack:
        out = stack.enter_context((keep / name).open("wb")) if keep else None
        while chunk := packed.read(_CHUNK):
            digest.update(chunk)
            if out is not None:
                out.write(chunk)
    return digest.hexdigest()


def _starts(file: Path) -> int:
    database = Database(f"sqlite:///{file}")
    try:
        with database.read() as connection:
            return hold.starts(connection)
    finally:
        database.close()
