"""What packs and word lists come to once they are made ready: plain values, which JSON can say. How: compiling.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FOREIGN = "foreign"
"""The word list of other languages' common words: they count against a text's being English or Spanish."""


@dataclass(frozen=True)
class Compiled:
    """Everything that a Screener knows, as JSON can say it: `Compiled(**json.loads(json.dumps(vars(compiled))))`."""

    packs: Sequence[Mapping[str, Any]]
    """`mark`, `rules` (as Ruling has them), and the numbers of its `spellings` and its `cues`."""
    spellings: Sequence[Mapping[str, str]]
    """Texting spelling -> words, both folded; once for all packs of a language."""
    phrases: Sequence[tuple[int, int, int, str]]
    """Pack, owner, gap, and the phrase as `written` has it. An idiom has a number of `shared` instead of a pack."""
    shared: Sequence[Sequence[int]]
    """Packs that have the same idioms, by number: those with one base share nearly all of them."""
    rarest: Mapping[str, Sequence[tuple[int, int]]]
    cues: Sequence[Mapping[str, Any]]
    """`phrases` (owner and text) and `rarest`; once for all packs that have the same."""
    sets: Sequence[str]
    """The word sets that indexes name by number. The first is empty: nothing else is needed."""
    trigger: str
    """The words of all phrases and spellings."""
    prefixes: str
    """The beginnings of words that phrases ask for."""
    doubled: Mapping[str, str]
    """Word without doubled letters -> the word that it most likely is, where one with doubled letters may be meant."""
    lists: Mapping[str, str]
    """Common words by language, folded."""
