"""Which word a misspelled or starred one is: a list of words is asked, not a table of everything that can go wrong."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

_VOWELS = "aeiou"
_LONG = 6
"""Letters of a word of which one may be missing."""


class Slips:
    """Of several words that may be meant, it is the shortest, and of these the last of the alphabet."""

    def __init__(self, words: Iterable[str]) -> None:
        self._letters: dict[str, list[str]] = {}
        """Words by their letters in the order of the alphabet."""
        self._halves: dict[tuple[int, str], list[str]] = {}
        """Long words by their length and each half, for where the missing letter stood in the other."""
        self._firsts: dict[tuple[int, str], list[str]] = {}
        for word in words:
            length, half = len(word), len(word) // 2
            if length < 3 or not word.isalpha():
                continue
            self._letters.setdefault("".join(sorted(word)), []).append(word)
            self._firsts.setdefault((length, word[0]), []).append(word)
            if length >= _LONG:
                self._halves.setdefault((length, word[:half]), []).append(word)
                self._halves.setdefault((-length, word[half:]), []).append(word)

    def of(self, form: str) -> str:
        """The word behind two neighbors swapped, or in a longer word one letter missing (not the first), or nothing."""
        same = self._letters.get("".join(sorted(form)), ())
        return max((word for word in same if _swaps_two(form, word)), default="") or self._longer(form)

    def _longer(self, form: str) -> str:
        length = len(form) + 1
        if length < _LONG:
            return ""
        half = length // 2
        begin = self._halves.get((length, form[:half]), ())
        end = self._halves.get((-length, form[half - 1 :]), ())
        return max((word for word in (*begin, *end) if _misses_one(form, word)), default="") if begin or end else ""

    def starred(self, form: str) -> str:
        """The word of which stars hide one letter, two neighbors, all vowels or all but the ends, or nothing."""
        firsts = _VOWELS if form[0] == "*" else form[0]
        near = (word for first in firsts for word in self._firsts.get((len(form), first), ()))
        return max((word for word in near if _fits(form, word) and form in _starred(word)), default="")


def _apart(form: str, word: str) -> int:
    """The first place where they are not the same."""
    return next((place for place, (one, other) in enumerate(zip(form, word, strict=False)) if one != other), len(form))


def _swaps_two(form: str, word: str) -> bool:
    """Whether `form` is `word` with two neighbors swapped; they have the same letters."""
    return form[(place := _apart(form, word)) + 2 :] == word[place + 2 :] and form != word


def _misses_one(form: str, word: str) -> bool:
    """Whether `form` is `word` without one letter that is not the first."""
    place = _apart(form, word)
    return place > 0 and word[place + 1 :] == form[place:]


def _fits(form: str, word: str) -> bool:
    for sign, letter in zip(form, word, strict=True):  # noqa: SIM110  (half the time of `all`)
        if sign not in ("*", letter):
            return False
    return True


def _starred(word: str) -> Iterator[str]:
    yield "".join("*" if letter in _VOWELS else letter for letter in word)
    yield word[0] + "*" * (len(word) - 2) + word[-1]
    for place in range(1, len(word)):
        yield word[:place] + "*" + word[place + 1 :]
        if place + 2 < len(word):
            yield word[:place] + "**" + word[place + 2 :]
