"""Writes config/safety/second-look.json from our own sentences, the same each time, and says how it did: totals only.

make second-look
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from math import sqrt
from pathlib import Path
from random import Random

from bot.content import SECOND_LOOK, SHIPPED, read_packs
from bot.safety.normalize import tokens
from bot.safety.second_look import FEWEST_WORDS, SecondLook, Weights, features_of, pair, plain

from .report import CORPUS, corpora, shipped, tier_of

FILE = SHIPPED / SECOND_LOOK
VERSION = 1
LABEL = "Our own sentences, not a measure of quality."
_OWN = Path(__file__).resolve().parent / "second_look"
_FLAGGED = 10  # of 1,000 ordinary held-out messages, at most
_ROUNDS, _RATE, _KEEP = 12, 0.5, 0.8
_SEEN_IN = 2  # messages that a feature must stand in
_MOST = 16_000  # features
_A_LINE = 8


@dataclass(frozen=True)
class Labelled:
    """A message, and whether an adult must see it."""

    text: str
    fires: bool

    @property
    def held_out(self) -> bool:
        """Whether it is kept from training: about three of ten, by the text alone."""
        return sha256(self.text.encode()).digest()[0] % 10 < 3


def messages() -> list[Labelled]:
    """The corpus and the sentences beside it, of three words or more."""
    texts = {
        text: group.tier is not None
        for corpus in (*corpora(CORPUS), *corpora(_OWN))
        for group in corpus.groups
        for text in group.messages
    }
    return [Labelled(text, fires) for text, fires in sorted(texts.items()) if len(tokens(text)) >= FEWEST_WORDS]


def features(text: str) -> list[str]:
    """All features of a text, as often as they stand in it."""
    words = [plain(token) for token in tokens(text)]
    return [*(one for word in words for one in features_of(word)), *(pair(*two) for two in pairwise(["", *words]))]


def trained(labelled: Sequence[Labelled]) -> Weights:
    """Weights from what is not held out, the threshold from what is.

    Only additions, products and square roots: they come out alike on every computer, as `exp` does not.
    """
    learned = [one for one in labelled if not one.held_out]
    found = [features(one.text) for one in learned]
    seen = Counter(feature for features in found for feature in sorted(set(features)))
    names = sorted(feature for feature, often in seen.items() if often >= _SEEN_IN)
    bias, weights = _descended(
        {name: number for number, name in enumerate(names)},
        found,
        [one.fires for one in learned],
        [len(tokens(one.text)) for one in learned],
    )
    heaviest = sorted(zip(names, weights, strict=True), key=lambda one: (-abs(one[1]), one[0]))[:_MOST]
    kept = {name: whole for name, weight in sorted(heaviest) if (whole := round(weight * 100))}
    made = Weights(version=VERSION, bias=round(bias * 100), threshold=0, weights=kept)
    quiet = sorted((_score(made, one) for one in labelled if one.held_out and not one.fires), reverse=True)
    return made.model_copy(update={"threshold": quiet[len(quiet) * _FLAGGED // 1000] + 1})


def _descended(
    numbers: dict[str, int], found: Sequence[Sequence[str]], fires: Sequence[bool], words: Sequence[int]
) -> tuple[float, list[float]]:
    """Bias and weights by stochastic gradient descent, the mean of all rounds."""
    rows = [
        ([numbers[one] for one in features if one in numbers], 1 / sqrt(length), 1 if fire else -1)
        for features, length, fire in zip(found, words, fires, strict=True)
    ]
    weights, mean = [0.0] * len(numbers), [0.0] * len(numbers)
    bias, mean_bias, order = 0.0, 0.0, Random(5)
    for number in range(_ROUNDS):
        order.shuffle(rows)
        rate = _RATE / (1 + number)
        for row, share, sign in rows:
            margin = sign * (bias + share * sum([weights[one] for one in row]))
            step = rate * sign * (1 - margin / sqrt(1 + margin * margin)) / 2
            bias += step * 0.1
            for one in row:
                weights[one] += step * share
        weights = [weight * _KEEP for weight in weights]
        mean = [old + weight / _ROUNDS for old, weight in zip(mean, weights, strict=True)]
        mean_bias += bias / _ROUNDS
    return mean_bias, mean


def pack_cases(labelled: Sequence[Labelled]) -> list[Labelled]:
    """The packs' own cases in English and Spanish: neither weights nor threshold come from them."""
    known = {one.text for one in labelled}
    found: dict[str, bool] = {}
    for pack in read_packs(Path()):
        if pack.language in ("en", "es"):
            found |= dict.fromkeys(pack.everyday, False)
            for rule in pack.rules:
                found |= dict.fromkeys(rule.no_match, False)
                found |= dict.fromkeys(rule.match if rule.tier.climbs else (), True)
    return [Labelled(text, fires) for text, fires in found.items() if text not in known]


def _score(made: Weights, one: Labelled) -> int:
    look = SecondLook(made).look(one.text)
    return made.bias if look is None else look.score  # too few words: nothing that an adult is told of


def written(made: Weights) -> str:
    """The file: a few weights a line, in order."""
    entries = [f"{json.dumps(name, ensure_ascii=False)}: {weight}" for name, weight in sorted(made.weights.items())]
    lines = [", ".join(entries[start : start + _A_LINE]) for start in range(0, len(entries), _A_LINE)]
    head = "".join(f'"{name}": {getattr(made, name)},\n' for name in ("version", "bias", "threshold"))
    return f'{{\n{head}"weights": {{\n' + ",\n".join(lines) + "\n}\n}\n"


def report(made: Weights, labelled: Sequence[Labelled]) -> Iterator[str]:
    """Totals over what was held out."""
    screener = shipped()
    yield LABEL
    yield f"{len(made.weights):,} weights, {len(written(made).encode()):,} bytes, threshold {made.threshold}"
    held, cases = [one for one in labelled if one.held_out], pack_cases(labelled)
    for title, of, fires in (
        ("held out, must fire", held, True),
        ("held out, must not fire", held, False),
        ("cases of the packs, must fire", cases, True),
        ("cases of the packs, must not fire", cases, False),
    ):
        chosen = [one for one in of if one.fires is fires]
        flagged = [one for one in chosen if _score(made, one) >= made.threshold]
        quiet = [one for one in chosen if tier_of(screener, one.text) is None]
        added = [one for one in flagged if one in quiet]
        yield (
            f"{title}: {len(flagged)} of {len(chosen)} score enough;"
            f" of {len(quiet)} that no rule finds, {len(added)} become a concern"
        )


if __name__ == "__main__":
    labelled = messages()
    made = trained(labelled)
    FILE.write_text(written(made), encoding="utf-8")
    sys.stdout.write("\n".join([*report(made, labelled), ""]))
