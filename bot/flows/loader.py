"""YAML that people write -> pydantic models; every problem names file, line, column and what to do about it.

The one reader of YAML syntax in the house: YAML 1.2 (yes, no, on and 9:30 stay texts), no anchors, tags or double keys.
It knows nothing of what a flow means.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.errors import ContentError, Problem
from bot.flows.complaint import complaint, hint_for

M = TypeVar("M", bound=BaseModel)

LONGEST_FILE = 1_000_000
"""Bytes. A program of a school has some hundred kilobytes at most."""

_CORE = "tag:yaml.org,2002:"
_PLAIN_TEXT = {_CORE + "str", _CORE + "timestamp"}  # a date stays text; the model says whether it is one
_SCALARS = {_CORE + "int", _CORE + "float", _CORE + "bool", _CORE + "null"}

Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What a file holds, as plain Python values, and where each of them stands."""

    name: str
    value: Any
    places: Mapping[Where, tuple[int, int]] = field(default_factory=dict)
    """(line, column) from 1, by path of keys and indexes. A value under a key stands where its key stands."""

    def place(self, path: tuple[str | int, ...]) -> tuple[int, int]:
        """Where `path`, or the nearest thing around it, stands."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, (1, 1))

    def problem(self, path: tuple[str | int, ...], text: str, hint: str = "") -> Problem:
        """A problem of this file at `path`."""
        line, column = self.place(path)
        return Problem(self.name, line, column, text, hint)


def read(path: Path, model: type[M]) -> M:
    """Read one YAML file. Raises ContentError with all problems."""
    return judge(read_document(path), model)


def read_text(text: str, name: str, model: type[M]) -> M:
    """The same for content that is already a string; `name` is what problems call the file."""
    return judge(parse_document(text, name), model)


def read_document(path: Path) -> Document:
    """Read one YAML file without judging it. Raises ContentError."""
    return parse_document(read_source(path), str(path))


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


@lru_cache(maxsize=64)
def parse_document(text: str, name: str) -> Document:
    """YAML text -> plain values with places. Raises ContentError.

    Remembered: reading YAML is most of what loading a program costs, and a Document is never changed.
    """
    if len(text) > LONGEST_FILE:
        raise _whole(name, f"the text is longer than {LONGEST_FILE:,} characters", "split it")
    yaml = YAML(typ="safe", pure=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what ruamel would warn of (a re-used anchor) is refused below
            node = yaml.compose(text)
            reader = _Reader(yaml, name)
            value = reader.value(node, ()) if node is not None else None
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = f"this is not YAML: {error.problem or 'it cannot be read'}"
        raise ContentError([Problem(name, line, column, reason, "often a missing quote or a wrong indent")]) from None
    except YAMLError:
        raise _whole(name, "this is not YAML", "look for control characters") from None
    except RecursionError:
        raise _whole(name, "this is nested too deeply") from None
    if reader.problems:
        raise ContentError(reader.problems)
    return Document(name, value, reader.places)


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


class _Reader:
    """Walks the nodes of one document; collects places and problems."""

    def __init__(self, yaml: YAML, name: str) -> None:
        self._yaml = yaml
        self._name = name
        self.places: dict[Where, tuple[int, int]] = {}
        self.problems: list[Problem] = []

    def value(self, node: Node, path: Where) -> Any:
        self.places.setdefault(path, _mark(node))
        if node.anchor is not None:
            self._refuse(node, "anchors (&) and aliases (*) are not used here", "write the text out")
        elif isinstance(node, MappingNode) and node.tag == _CORE + "map":
            return self._mapping(node, path)
        elif isinstance(node, SequenceNode) and node.tag == _CORE + "seq":
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        elif isinstance(node, ScalarNode) and node.tag in _PLAIN_TEXT:
            return node.value
        elif isinstance(node, ScalarNode) and node.tag in _SCALARS:
            return self._scalar(node)
        else:
            self._refuse(node, "tags (!) are not used here", "put the text in quotes")
        return None

    def _mapping(self, node: MappingNode, path: Where) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, ScalarNode):
                self._refuse(key_node, "a key must be a single word or number")
                continue
            key = self.value(key_node, (*path, key_node.value))
            if key in result:
                first = self.places[(*path, key)][0]
                self._refuse(key_node, f'the key "{key}" stands here twice', f"first on line {first}")
                continue
            self.places[(*path, key)] = _mark(key_node)
            result[key] = self.value(value_node, (*path, key))
        return result

    def _scalar(self, node: ScalarNode) -> Any:
        try:
            return self._yaml.constructor.construct_object(node)
        except ValueError:
            self._refuse(node, "this number cannot be read")
            return None

    def _refuse(self, node: Node, text: str, hint: str = "") -> None:
        line, column = _mark(node)
        self.problems.append(Problem(self._name, line, column, text, hint))


def _mark(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


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
