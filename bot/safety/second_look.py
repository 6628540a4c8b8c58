"""The optional second look: whether a text reads like messages that adults should see, by weights of words and letters.

Linear, bounded, and all in one plain file that tests/safety/train_second_look.py writes. Nothing is learned here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import sqrt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bot.domain import Finding, Tier
from bot.safety.normalize import Token, squeeze, tokens

CATEGORY = "second-look"
LABEL = "Reads like messages that adults should see"
READ = 1000
"""Characters that are read: a second look never takes longer than for these."""
FEWEST_WORDS = 3
"""What is shorter says too little to be judged by weights."""
_STRETCH, _STEP = 20, 10
"""Words that are judged together, so that much small talk does not hide a sentence in it."""
_TOP = 3
_LONGEST_WORD = 24
_LEAST, _MOST = 3, 5

Weight = Annotated[int, Field(strict=True, ge=-100_000, le=100_000)]


class Weights(BaseModel):
    """The file config/safety/second-look.json: whole numbers in hundredths."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    version: Annotated[int, Field(strict=True, ge=1)]
    bias: Weight
    threshold: Weight
    """The score from which on an adult is told."""
    weights: Annotated[dict[str, Weight], Field(min_length=1000)]
    """By feature, as `features_of` and `pair` name them."""


@dataclass(frozen=True, slots=True)
class TopWord:
    """A word that the score rests on: where it stands, and how much it adds."""

    start: int
    end: int
    score: int


@dataclass(frozen=True, slots=True)
class Look:
    """What a second look came to."""

    version: int
    score: int
    threshold: int
    words: tuple[TopWord, ...]

    @property
    def findings(self) -> tuple[Finding, ...]:
        """A concern, at the word that speaks loudest, or nothing."""
        if self.score < self.threshold:
            return ()
        top, mark = self.words[0], f"{CATEGORY}@{self.version}"
        return (Finding(Tier.CONCERN, CATEGORY, CATEGORY, mark, LABEL, top.start, top.end),)


class SecondLook:
    """Scores texts. Built once, then only read: threads may share it."""

    def __init__(self, weights: Weights) -> None:
        self._made = weights
        self._weights = weights.weights

    def look(self, text: str) -> Look | None:
        """The score of the stretch that reads worst, or None where there are too few words."""
        read = tokens(text[:READ])
        if len(read) < FEWEST_WORDS:
            return None
        shares = list(self._shares(read))
        sums = [0, *accumulate(shares)]
        stretches = [(first, min(first + _STRETCH, len(read))) for first in range(0, max(len(read) - _STEP, 1), _STEP)]
        first, last = max(stretches, key=lambda ends: (sums[ends[1]] - sums[ends[0]]) / sqrt(ends[1] - ends[0]))
        # Divided by the root of their number, many words do not outweigh a few.
        root = sqrt(last - first)
        top = sorted(range(first, last), key=lambda place: -shares[place])[:_TOP]
        words = tuple(TopWord(read[place].start, read[place].end, round(shares[place] / root)) for place in top)
        score = self._made.bias + round((sums[last] - sums[first]) / root)
        return Look(self._made.version, score, self._made.threshold, words)

    def _shares(self, read: Sequence[Token]) -> Iterator[int]:
        """What each word adds, together with the one before it."""
        weight = self._weights.get
        known: dict[str, int] = {}
        before = ""
        for token in read:
            word = plain(token)
            if word not in known:
                known[word] = sum(weight(feature, 0) for feature in features_of(word))
            yield known[word] + weight(pair(before, word), 0)
            before = word


def plain(token: Token) -> str:
    """A token as features are made of it: cut, and no letter more than twice in a row."""
    return squeeze(token.word[:_LONGEST_WORD], 2)


def pair(before: str, word: str) -> str:
    """The feature of two words in a row; the first word of a text follows nothing."""
    return f"{before} {word}"


def features_of(word: str) -> Iterator[str]:
    """A word, and three to five letters of it in a row, its borders counted."""
    yield word
    bordered = f"_{word}_"
    for length in range(_LEAST, _MOST + 1):
        for start in range(len(bordered) - length + 1):
            yield f"~{bordered[start : start + length]}"
