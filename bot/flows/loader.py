"""YAML that people write -> pydantic models; every problem names file, line, column and what to do about it.

YAML itself is read in syntax.py. Nothing here knows what a flow means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.errors import ContentError, Problem
from bot.flows.complaint import complaint, hint_for

if TYPE_CHECKING:
    from bot.flows.syntax import Syntax, Where

M = TypeVar("M", bound=BaseModel)

LONGEST_FILE = 1_000_000
"""Bytes. A program of a school has some hundred kilobytes at most."""

Keep = Callable[[str, Callable[[], Any]], Any]
"""A text and how to work something out from it -> what it comes to, which may have been kept from another time."""


def anew(_text: str, work_out: Callable[[], Any]) -> Any:
    """Keep nothing."""
    return work_out()


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds, as plain Python values. Where each of them stands is found out when somebody must be told."""

    name: str
    value: Any
    text: str = field(default="", repr=False)

    def place(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Where `path`, or the nearest thing around it, stands."""
        places = _syntax(self.text, self.name).places
        while path and path not in places:
            path = path[:-1]
        return places.get(path, (1, 1))

    def problem(self, path: tuple[str | int, ...], text: str, hint: str = "") -> Problem:
        """A problem of this file at `path`."""
        line, column = self.place(path)
        return Problem(self.name, line, column, text, hint)


def read(path: Path, model: type[M], keep: Keep = anew) -> M:
    """Read one YAML file. Raises ContentError with all problems."""
    return judge(read_document(path, keep), model)


def read_text(text: str, name: str, model: type[M]) -> M:
    """The same for content that is already a string; `name` is what problems call the file."""
    return judge(parse_document(text, name), model)


def read_document(path: Path, keep: Keep = anew) -> Document:
    """Read one YAML file without judging it. Raises ContentError."""
    return parse_document(read_source(path), str(path), keep)


def read_source(path: Path) -> str:
    """The text of a content file. Raises ContentError where there is none, or it is too large or no UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(LONGEST_FILE + 1)
        if len(content) > LONGEST_FILE:
            raise _whole(str(path), f"the file is larger than {LONGEST_FILE:,} bytes", "split it")
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = Problem(str(path), line, 1, "this is not UTF-8 text", 'save the file with encoding "UTF-8"')
        raise ContentError([problem]) from None
    except OSError as error:
        raise _whole(str(path), f"the file cannot be read: {error.strerror}") from None


def parse_document(text: str, name: str, keep: Keep = anew) -> Document:
    """YAML text -> plain values. Raises ContentError. `keep` knows texts that were read before, and were right."""
    return Document(name, keep(text, lambda: _syntax(text, name).value), text)


@lru_cache(maxsize=64)
def _syntax(text: str, name: str) -> Syntax:
    # Imported only where there is YAML to read: a start mostly finds its content read before.
    from bot.flows.syntax import read_yaml

    if len(text) > LONGEST_FILE:
        raise _whole(name, f"the text is longer than {LONGEST_FILE:,} characters", "split it")
    return read_yaml(text, name)


def judge(document: Document, model: type[M]) -> M:
    """Let `model` judge a document. Raises ContentError with every problem, in the order of the file."""
    if not isinstance(document.value, Mapping):
        raise _whole(document.name, "expected keys with values", 'for example "name: Lincoln High"')
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        problems = []
        for item in _relevant(error.errors(include_url=False)):
            path = _path_of(document.value, item["loc"])
            problems.append(document.problem(path, complaint(item), hint_for(item, model)))
        problems.sort(key=lambda problem: (problem.line, problem.column))
        raise ContentError(list(dict.fromkeys(problems))) from None


def _whole(name: str, text: str, hint: str = "") -> ContentError:
    return ContentError([Problem(name, 0, 0, text, hint)])


def _relevant(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without "too short" for a list that pydantic counted only after it had thrown the wrong entries out."""
    deeper = {error["loc"][:length] for error in errors for length in range(len(error["loc"]))}
    return [error for error in errors if error["type"] != "too_short" or error["loc"] not in deeper]


def _path_of(value: Any, location: tuple[str | int, ...]) -> Where:
    """The path of the document that an error of pydantic means.

    pydantic mixes the names of union members into its path, so elements that are not there are skipped, and of all
    readings the one that comes furthest wins.
    """
    best: Where = ()
    rank = (-1, 0)

    def walk(here: Any, at: int, path: Where, last: int) -> None:
        nonlocal best, rank
        if (last, len(path)) > rank:
            best, rank = path, (last, len(path))
        if at == len(location):
            return
        key = location[at]
        in_list = isinstance(here, list) and isinstance(key, int) and key < len(here)
        if in_list or (isinstance(here, dict) and key in here):
            walk(here[key], at + 1, (*path, key), at)
        walk(here, at + 1, path, last)

    walk(value, 0, (), -1)
    return best
