"""Plain statements with one word disguised: how many are still seen, as totals. Our own statements, so no measure."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from bot.safety.screen import Screener

from .report import corpora, tier_of

LEET = str.maketrans("aeiost", "431057")
LOOK_ALIKE = str.maketrans("aeiocpxy", "аеіосрху")
TRIES = 3
"""How often each statement is disguised, each time in another place."""


def one_letter(word: str, table: dict[int, int], random: Random) -> str:
    """The word with one of its letters exchanged; the word itself if it has none of them."""
    places = [place for place, letter in enumerate(word) if ord(letter) in table]
    if not places:
        return word
    place = random.choice(places)
    return word[:place] + word[place].translate(table) + word[place + 1 :]


def stretched(word: str, random: Random) -> str:
    """One letter said longer: "diiie"."""
    place = random.randrange(1, len(word))
    return word[:place] + word[place] * 3 + word[place:]


def parted(word: str, random: Random) -> str:
    """A sign that nobody sees inside the word."""
    place = random.randrange(1, len(word))
    return word[:place] + "\u200b" + word[place:]


def swapped(word: str, random: Random) -> str:
    """Two neighbors in the wrong order."""
    place = random.randrange(1, len(word) - 1)
    return word[:place] + word[place + 1] + word[place] + word[place + 2 :]


DISGUISES: dict[str, tuple[Callable[[str, Random], str], float]] = {
    "leet": (lambda word, random: one_letter(word, LEET, random), 0.90),
    "look-alike": (lambda word, random: one_letter(word, LOOK_ALIKE, random), 0.90),
    "stretched": (stretched, 0.90),
    "zero-width": (parted, 0.90),
    "swapped": (swapped, 0.55),
}


def disguised(text: str, disguise: Callable[[str, Random], str], random: Random) -> str:
    """The text with one of its words of four letters and more disguised."""
    words = text.split()
    place = random.choice([place for place, word in enumerate(words) if len(word) >= 4] or [len(words) - 1])
    words[place] = disguise(words[place], random)
    return " ".join(words)


@pytest.mark.parametrize("name", DISGUISES)
def test_a_plain_statement_with_a_disguised_word_is_mostly_seen(screener: Screener, name: str) -> None:
    disguise, wanted = DISGUISES[name]
    random = Random(20261122)
    plain = [text for corpus in corpora() if corpus.plain for group in corpus.groups for text in group.messages]
    texts = [disguised(text, disguise, random) for text in plain for _ in range(TRIES)]
    changed = [text for text in texts if text not in plain]
    seen = sum(tier_of(screener, text) is not None for text in changed)
    assert len(changed) >= 250
    assert seen / len(changed) >= wanted, f"{seen} of {len(changed)}"
