"""A flow together with its source and content hash: what is stored, and what conversations name."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from bot.errors import ContentError
from bot.flows.definition import Flow
from bot.flows.lint import errors
from bot.flows.loader import Document, Keep, anew, judge, parse_document, read_source


@dataclass(frozen=True, slots=True)
class LoadedFlow:
    """`hash` is of the content: comments, order of keys and spacing do not change it."""

    name: str
    hash: str
    flow: Flow = field(repr=False)
    source: str = field(repr=False)


def load_flow(path: Path, keep: Keep = anew) -> LoadedFlow:
    """Read a flow from a file and lint it. Raises ContentError with every error; warnings are for `check`."""
    source = read_source(path)
    document = parse_document(source, str(path), keep)
    flow = judge(document, Flow)
    if wrong := errors(flow, document):
        raise ContentError(list(wrong))
    return LoadedFlow(flow.flow, _hash(document), flow, source)


@lru_cache(maxsize=64)
def parse_flow(source: str, name: str) -> LoadedFlow:
    """A flow from its stored text; `name` is what problems call it.

    It is not linted: a conversation ends on the version that it began with, even where the linter became stricter.
    The last ones are remembered, because reading YAML takes longer than a turn.
    """
    document = parse_document(source, name)
    flow = judge(document, Flow)
    return LoadedFlow(flow.flow, _hash(document), flow, source)


def _hash(document: Document) -> str:
    return hashlib.sha256(json.dumps(document.value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
