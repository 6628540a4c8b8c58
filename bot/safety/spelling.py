"""How a disguised, stretched or misspelled word is read: only as a word that packs or word lists have."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from functools import cached_property

from bot.safety.normalize import LOOK_ALIKES, SENTENCE, Token, squeeze
from bot.safety.slips import Slips

_LEET = (
    str.maketrans("0134578@$!|", "oieastbasii"),
    str.maketrans("0134578@$!|", "olraetbasll"),
    str.maketrans("0123456789@$!|", "oizeasgtbgasil"),
)
_SIGNS = frozenset("@$!|*")
_LONGEST_JOIN = 300
_FEWEST_SPACED = 3
# Short words that may be a piece of a run of words written together; most others make nonsense splits.
_SHORT = frozenset(
    (
        *("a", "i", "u", "y", "o", "to", "my", "me", "so", "no", "do", "go", "we", "he", "us", "is", "be", "am"),
        *("yo", "mi", "se", "ya", "te", "el", "la", "de", "en", "un", "lo", "que", "not", "the", "die", "kms"),
    )
)


class Speller:
    """Reads words against a fixed vocabulary: `known`, of which `trigger` are the packs' own, and their `prefixes`.

    `doubled`: word without doubled letters -> the word with some that it most likely is ("fel" is feel, not fell).
    """

    def __init__(
        self, known: Collection[str], trigger: Iterable[str], prefixes: Iterable[str], doubled: Mapping[str, str]
    ) -> None:
        self._known = known
        self._trigger = frozenset(word for word in trigger if word.isascii())
        self._prefixes = frozenset(prefixes)
        self._prefix_lengths = sorted({len(prefix) for prefix in self._prefixes})
        self._doubled = doubled
        self._longest = max(map(len, self._trigger), default=0)
        self._few = {word for word in _SHORT if word in known} | {word for word in self._trigger if len(word) == 3}
        """Words of one to three letters that may be a piece of a run of words written together."""

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
            return (self._slips.starred(word) or word.replace("*", ""),)
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
            short = squeeze(candidate)
            again = self._doubled.get(short, short)
            if again in wanted and (len(again) > 3 or short != candidate):
                return again
        return ""

    def _repaired(self, word: str) -> tuple[str, ...]:
        short = squeeze(word)
        if not short.isalpha():
            return (word,)
        for form in (word, short):
            if meant := self._slip(form):
                return (meant,)
        if 6 <= len(word) <= self._longest + 1:
            for place in range(1, len(word)):
                fewer = word[:place] + word[place + 1 :]
                if meant := self._slip(fewer) or (fewer if fewer in self._trigger else ""):
                    return (meant,)
        return self._split(word) or (squeeze(word, 2),)

    def _slip(self, form: str) -> str:
        """The word of which this is a misspelling, or nothing; a word of the vocabulary is none."""
        return "" if len(form) > self._longest or form in self._known else self._slips.of(form)

    @cached_property
    def _slips(self) -> Slips:
        return Slips(self._trigger)  # made when a text first needs it; two threads may make the same one

    def _split(self, word: str) -> tuple[str, ...]:
        """A run of words written together, as few as possible and one of them a trigger; empty if it is none."""
        if not 5 <= len(word) <= _LONGEST_JOIN:
            return ()
        best: list[tuple[str, ...] | None] = [()]
        for end in range(1, len(word) + 1):
            ways = [
                (*before, word[start:end])
                for start in range(max(0, end - 16), end)
                if (before := best[start]) is not None
                and word[start:end] in (self._known if end - start > 3 else self._few)
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
