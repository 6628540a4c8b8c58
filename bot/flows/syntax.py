"""The one reader of YAML syntax in the house: YAML 1.2 (yes, no, on and 9:30 stay texts), no anchors, no tags."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from bot.errors import ContentError, Problem

_CORE = "tag:yaml.org,2002:"
_PLAIN_TEXT = {_CORE + "str", _CORE + "timestamp"}  # a date stays text; the model says whether it is one
_SCALARS = {_CORE + "int", _CORE + "float", _CORE + "bool", _CORE + "null"}

Where = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Syntax:
    """The plain values of a text, and where each of them stands."""

    value: Any
    places: Mapping[Where, tuple[int, int]] = field(repr=False)
    """(line, column) from 1, by path of keys and indexes. A value under a key stands where its key stands."""


def read_yaml(text: str, name: str) -> Syntax:
    """YAML text -> plain values with places. Raises ContentError."""
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
        raise ContentError([Problem(name, 0, 0, "this is not YAML", "look for control characters")]) from None
    except RecursionError:
        raise ContentError([Problem(name, 0, 0, "this is nested too deeply")]) from None
    if reader.problems:
        raise ContentError(reader.problems)
    return Syntax(value, reader.places)


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
