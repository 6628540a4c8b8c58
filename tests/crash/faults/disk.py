"""A school whose disk is a few megabytes of memory: a real process with mounts of its own, filled from outside."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.crash.outside import ROOT, School

_RUN = """
mount -t tmpfs -o size="$1" tmpfs "$2" && cp -a "$3/." "$2" && { [ -z "$4" ] || mount -o "remount,$4" "$2"; } &&
exec "$5" -m bot run "$2"
"""
_UNSHARE = ("unshare", "--mount") if os.geteuid() == 0 else ("unshare", "--mount", "--map-root-user")


def namespaces() -> bool:
    """Whether this computer lets us have a disk of our own."""
    with contextlib.suppress(OSError):
        words = [*_UNSHARE, "sh", "-c", "mount -t tmpfs tmpfs /mnt"]
        return subprocess.run(words, check=False, capture_output=True).returncode == 0
    return False


@dataclass
class SmallDisk:
    """A school on it. `place`: its folder, as it is to be seen from outside."""

    process: subprocess.Popen[bytes]
    folder: Path

    @property
    def place(self) -> Path:
        return Path(f"/proc/{self.process.pid}/root{self.folder}")

    def fill(self) -> None:
        """Not one byte is left."""
        with contextlib.suppress(OSError), (self.place / "films").open("wb", buffering=0) as file:
            while True:
                file.write(b"\\0" * 4_096)
        with contextlib.suppress(OSError), (self.place / "films").open("ab", buffering=0) as file:
            while True:
                file.write(b"\\0")

    def copied_to(self, folder: Path) -> Path:
        """A copy of the database as it is now: SQLite opens nothing by a path through another process."""
        folder.mkdir(exist_ok=True)
        for name in ("nearpeer.db-wal", "nearpeer.db"):
            (folder / name).write_bytes((self.place / name).read_bytes())
        return folder / "nearpeer.db"

    def tidy(self) -> None:
        """Somebody deletes the films."""
        (self.place / "films").unlink()


@contextmanager
def small_disk(
    school: School, folder: Path, *, size: str = "12m", remount: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[SmallDisk]:
    """Run a school from a small disk. `remount`: what it is remounted as before the start, such as ro."""
    folder.mkdir()
    words = [*_UNSHARE, "sh", "-c", _RUN, "run", size, str(folder), str(school.folder), remount, sys.executable]
    with school.log.open("ab") as log:
        process = subprocess.Popen(words, cwd=ROOT, env=os.environ | (environment or {}), stdout=log, stderr=log)
    try:
        yield SmallDisk(process, folder)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)
