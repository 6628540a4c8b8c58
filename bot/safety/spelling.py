"""How a disguised, stretched or misspelled word is read: only as a word that packs or word lists have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from bot.safety.normalize import LOOK_ALIKES, SENTENCE, Token, squeeze

_LEET = (
    str.maketrans("0134578@$!|", "oieastbasii"),
    str.maketrans("0134578@$!|", "olraetbasll"),
    str.maketrans("0123456789@$!|", "oizeasgtbgasil"),
)
_SIGNS = frozenset("@$!|*")
_LONGEST_JOIN = 300
_FEWEST_SPACED = 3
# Short words that may be a piece of a run of words written together; any other short word makes nonsense splits.
_SHORT = frozenset(
    [
        "a",
        "i",
        "u",
        "y",
        "o",
        "to",
        "my",
        "me",
        "so",
        "no",
        "do",
        "go",
        "we",
        "he",
        "us",
        "is",
        "be",
        "am",
        "yo",
        "mi",
        "se",
        "ya",
        "te",
        "el",
        "la",
        "de",
        "en",
        "un",
        "lo",
        "que",
        "not",
        "the",
        "die",
        "kms",
    ]
)


class Speller:
    """Reads words against a fixed vocabulary: `trigger` (the packs' own words, and how often each is used) and `known`.

    Of several words that a stretched one may be, it is the one that packs use most: "feeeel" is feel, not fell.
    """

    def __init__(self, trigger: Mapping[str, int], prefixes: Iterable[str], known: Collection[str]) -> None:
        self._trigger = frozenset(word for word in trigger if word.isascii())
        self._known = frozenset(known) | self._trigger
        self._prefixes = frozenset(prefixes)
        self._prefix_lengths = sorted({len(prefix) for prefix in self._prefixes})
        by_use = sorted(self._known, key=lambda word: (word in self._trigger, trigger.get(word, 0), word))
        self._squeezed = {squeeze(word): word for word in by_use}
        self._slips = self._slips_of(self._trigger)
        self._masked = _maskings(self._trigger)
        self._pieces = frozenset(word for word in self._known if len(word) > 3 or word in _SHORT) | {
            word for word in self._trigger if len(word) == 3
        }

    def knows(self, word: str) -> bool:
        """Whether the vocabulary has the word as it stands."""
        return word in self._known or any(word[:length] in self._prefixes for length in self._prefix_lengths)

    def read(self, found: list[Token]) -> list[Token]:
        """The tokens with their words as they were meant; spaced letters are joined."""
        read: list[Token] = []
        meant: dict[str, tuple[str, ...]] = {}
        for token in self._rejoined(found):
            if token.word in self._known:
                read.append(token)
                continue
            words = meant.get(token.word) or meant.setdefault(token.word, self.meant(token.word))
            for place, word in enumerate(words):
                after = token.after if place == 0 else SENTENCE if "!" in token.word and len(words) > 1 else 0
                read.append(Token(word, token.start, token.end, after))
        return read

    def meant(self, word: str) -> tuple[str, ...]:
        """What a folded word stands for: usually itself."""
        if self.knows(word) or word.isdigit():
            return (word,)
        if not word.isascii():
            mapped = word.translate(LOOK_ALIKES)
            return (mapped,) if mapped in self._trigger else (word,)
        if "*" in word:
            return (self._masked.get(word, word.replace("*", "")),)
        plain = self._plain(word)
        if plain:
            return (plain,)
        if not _SIGNS.isdisjoint(word):
            return tuple("".join(sign if sign not in _SIGNS else " " for sign in word).split()) or (word,)
        return self._repaired(word)

    def _plain(self, word: str) -> str:
        """The word behind digits, signs and stretched letters, or nothing."""
        candidates = [word]
        if word[-1:].isalpha() or word[:1].isalpha():
            candidates += [word.translate(table) for table in _LEET if not word.isalpha()]
        for candidate in candidates:
            wanted = self._known if candidate == word else self._trigger
            for form in (candidate, squeeze(candidate, 2), squeeze(candidate)):
                if form in wanted:
                    return form
            again = self._squeezed.get(squeeze(candidate), "")
            if again in wanted and (len(again) > 3 or squeeze(candidate) != candidate):
                return again
        return ""

    def _repaired(self, word: str) -> tuple[str, ...]:
        short = squeeze(word)
        if not short.isalpha():
            return (word,)
        for form in (word, short):
            if form in self._slips:
                return (self._slips[form],)
        if len(word) >= 6:
            for place in range(1, len(word)):
                fewer = word[:place] + word[place + 1 :]
                if fewer in self._trigger or fewer in self._slips:
                    return (self._slips.get(fewer, fewer),)
        return self._split(word) or (squeeze(word, 2),)

    def _slips_of(self, words: Iterable[str]) -> dict[str, str]:
        """Misspelling -> word: two neighbors swapped, or in a longer word one letter missing."""
        slips: dict[str, str] = {}
        for word in sorted(words, key=lambda word: (-len(word), word)):
            if len(word) < 3 or not word.isalpha():
                continue
            for place in range(len(word) - 1):
                slips[word[:place] + word[place + 1] + word[place] + word[place + 2 :]] = word
            if len(word) >= 6:
                slips.update({word[:place] + word[place + 1 :]: word for place in range(1, len(word))})
        return {slip: word for slip, word in slips.items() if slip not in self._known}

    def _split(self, word: str) -> tuple[str, ...]:
        """A run of words written together, as few as possible and one of them a trigger; empty if it is none."""
        if not 5 <= len(word) <= _LONGEST_JOIN:
            return ()
        best: list[tuple[str, ...] | None] = [()]
        for end in range(1, len(word) + 1):
            ways = [
                (*before, word[start:end])
                for start in range(max(0, end - 16), end)
                if (before := best[start]) is not None and word[start:end] in self._pieces
            ]
            best.append(min(ways, key=len, default=None))
        found = best[-1]
        telling = found is not None and any(len(piece) >= 3 and piece in self._trigger for piece in found)
        return found if found is not None and telling and len(found) <= len(word) / 2 else ()

    def _rejoined(self, found: list[Token]) -> list[Token]:
        """Runs of three or more single letters ("k i l l") made one word, if the vocabulary can read it."""
        if sum(len(token.word) == 1 for token in found) < _FEWEST_SPACED:
            return found
        joined: list[Token] = []
        run: list[Token] = []
        for token in [*found, None]:
            if (
                token is not None
                and len(token.word) == 1
                and token.word.isascii()
                and (not run or token.after < SENTENCE)
            ):
                run.append(token)
                continue
            joined += self._joined(run)
            run = []
            if token is not None and len(token.word) == 1 and token.word.isascii():
                run = [token]
            elif token is not None:
                joined.append(token)
        return joined

    def _joined(self, run: list[Token]) -> list[Token]:
        if len(run) > _LONGEST_JOIN:
            return [*self._joined(run[:_LONGEST_JOIN]), *self._joined(run[_LONGEST_JOIN:])]
        meant = self.meant("".join(token.word for token in run)) if len(run) >= _FEWEST_SPACED else ()
        if not meant or not all(self.knows(piece) for piece in meant):
            return run
        first, *others = meant
        end = run[-1].end
        return [replace(run[0], word=first, end=end), *(Token(word, run[0].start, end) for word in others)]


def _maskings(words: Iterable[str]) -> dict[str, str]:
    """Starred word -> word: one letter, two neighbors, all vowels or all but the ends hidden."""
    masked: dict[str, str] = {}
    for word in sorted(words, key=lambda word: (-len(word), word)):
        if len(word) < 3 or not word.isalpha():
            continue
        masked["".join("*" if letter in "aeiou" else letter for letter in word)] = word
        masked[word[0] + "*" * (len(word) - 2) + word[-1]] = word
        for place in range(1, len(word)):
            masked[word[:place] + "*" + word[place + 1 :]] = word
            if place + 2 < len(word):
                masked[word[:place] + "**" + word[place + 2 :]] = word
    return masked
