"""What a school's content came to when it was last read, so that a start need not work it out again: DIR/.cache.

What only ships is kept beside the program as well, for the next school: the packs take seconds. Nothing depends on it.
It holds nobody's words, it may be deleted at any time, and where it is missing, damaged, of another version or not
to be written, everything is worked out anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import unicodedata
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

FILE = ".cache/content.json"
SHARED = Path(__file__).resolve().parent.parent / FILE

_ROOM = Path(__file__).parent
# Whose work is kept. After a change of any of them nothing kept is trusted: a rule lost that way could be a lost alert.
_MAKERS = (*sorted((_ROOM / "safety").glob("*.py")), *sorted((_ROOM / "flows").glob("*.py")), _ROOM / "content.py")
_PARTS = ("anyascii", "ruamel.yaml")


class Kept:
    """The kept values of one folder; each is found by all that it was made from.

    `share`: where the content is that ships, for a folder that adds nothing to its safety; else None.
    """

    def __init__(self, folder: Path, *, share: Path | None = None) -> None:
        self._path = folder / FILE
        self._share = share
        self._before = _read(self._path)
        if share is not None and not self._before:
            self._before = _read(SHARED)
        self._now: dict[str, Any] = {}
        self._made_from: dict[str, str] = {}

    def find(self, made_from: str, work_out: Callable[[], Any]) -> Any:
        """What `made_from` came to, or else what `work_out` gives: plain values, as JSON has them.

        `made_from`: the text of a file, or a line for each of several: a hash of its text, and its path.
        """
        key = _key(made_from)
        if key not in self._now:
            self._now[key] = self._before[key] if key in self._before else work_out()
            self._made_from[key] = made_from
        return self._now[key]

    def save(self) -> None:
        """Keep what was asked for this time and nothing else. Does nothing where it cannot be written."""
        plain = {key: one for key, one in self._now.items() if key in self._before or _is_plain(one)}
        if plain.keys() == self._before.keys():
            return
        _write(self._path, plain)
        if self._share is not None:
            self._save_for_others(plain, self._share)

    def _save_for_others(self, plain: dict[str, Any], shipped: Path) -> None:
        """What is made from files that ship, and of what a school has written nothing."""
        ships = {_key(path.read_text(encoding="utf-8")) for path in shipped.rglob("*.yaml")}
        ships |= {
            key
            for key, made_from in self._made_from.items()
            if all(line.partition(" ")[2].startswith(f"{shipped}{os.sep}") for line in made_from.splitlines())
        }
        if ships & (plain.keys() - self._before.keys()):
            known = _read(SHARED) | plain
            _write(SHARED, {key: one for key, one in known.items() if key in ships})


def _key(made_from: str) -> str:
    return hashlib.sha256(made_from.encode()).hexdigest()


def _write(path: Path, kept: dict[str, Any]) -> None:
    body = json.dumps(kept, separators=(",", ":")).encode()
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        aside = path.with_name(f"{path.name}.{os.getpid()}")
        aside.write_bytes(_seal(body) + b"\n" + body)
        aside.replace(path)


def _read(path: Path) -> dict[str, Any]:
    try:
        seal, _, body = path.read_bytes().partition(b"\n")
        if seal != _seal(body):
            return {}
    except OSError:
        return {}
    text = body.decode()
    del body  # it is large, and what is read of it is larger
    found: dict[str, Any] = json.loads(text)
    return found


def _seal(body: bytes) -> bytes:
    """Says that these bytes were written whole, by this version of Nearpeer and of all that it reads content with."""
    seal = hashlib.sha256(f"{sys.version} {unicodedata.unidata_version} {[version(part) for part in _PARTS]}".encode())
    for path in _MAKERS:
        seal.update(path.read_bytes())
    seal.update(body)
    return seal.hexdigest().encode()


def _is_plain(value: Any) -> bool:
    """Whether JSON gives the value back as it was: no number as a key, nothing that is not finite."""
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_plain(one) for key, one in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and abs(value) < 1e300)
