"""Which of a question's offered answers a person typed: label in any language, value, emoji, number or number word.

Built once for each question; what is not exactly one of its names is never guessed. Words are what `plain` gives.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from bot.flows.options import Option
from bot.flows.phrases import NUMBER_WORDS, SKIP_WORDS, YES_NO_WORDS
from bot.flows.wording import plain

_BEFORE_NUMBER = re.compile(r"^(?:number|option|numero|opcion) ")
_LISTS = (re.compile(r"[,;/&+\n]| and | y | e "), re.compile(r"[\s,;/&+]+(?:and |y )?"))


class Labels:
    """The names of all answers of one question."""

    def __init__(self, options: Sequence[Option]) -> None:
        self._options = tuple(options)
        self._named: dict[str, Option] = {}
        self._emoji: dict[str, Option] = {}
        self._values: dict[int, Option] = {}
        self._yes_no: dict[str, Option | None] = {}
        for option in options:
            for name in _names(option):
                self._named.setdefault(name, option)
            if option.emoji:
                self._emoji.setdefault(plain(option.emoji), option)
            if isinstance(option.value, int):
                self._values.setdefault(option.value, option)
        for known in YES_NO_WORDS.values():
            meant = next((option for option in options if not _names(option).isdisjoint(known)), None)
            for word in known:
                self._yes_no.setdefault(word, meant)

    def match(self, words: str) -> Option | None:
        """The answer that plain words name."""
        if not words or not self._options:
            return None
        found = self._named.get(words)
        if found is None and words[0] in self._emoji and len(set(words)) == 1:  # one emoji, several times
            found = self._emoji[words[0]]
        return found or self._by_number(words)

    def match_loosely(self, words: str) -> Option | None:
        """The same, and where "yes", "no" or "not sure" is offered, any of the many words for it."""
        return self.match(words) or self._yes_no.get(words)

    def match_several(self, text: str) -> list[Option]:
        """The answers in a list like "1, 3", "1 3" or "homework and friends"; empty unless every part is one."""
        whole = self.match(plain(text))
        if whole is not None:
            return [whole]
        for pattern in _LISTS:
            parts = [part for part in pattern.split(text.lower()) if part.strip()]
            found = [self.match(plain(part)) for part in parts]
            if found and None not in found:
                return [option for option in self._options if option in found]
        return []

    def offer(self, text: str) -> bool:
        """Whether a text only repeats a label, value or number, or "skip": such words are not the person's own."""
        words = plain(text)
        return words in SKIP_WORDS or self.match(words) is not None

    def _by_number(self, words: str) -> Option | None:
        words = _BEFORE_NUMBER.sub("", words)
        number = NUMBER_WORDS.get(words)
        if number is None:
            # Only our own ten digits: other scripts' are digits to `isdigit` as well.
            if not (words.isascii() and words.isdigit() and len(words) <= 3):
                return None
            number = int(words)
        if self._values:
            return self._values.get(number)
        return self._options[number - 1] if 1 <= number <= len(self._options) else None


def _names(option: Option) -> set[str]:
    labels = [plain(label) for label in option.label.values()]
    emoji = plain(option.emoji)
    # A word among the values may be typed; a number is read by `_by_number`, after all labels had their chance.
    names = {*labels, emoji, *(f"{emoji} {label}" for label in labels)}
    if isinstance(option.value, str):
        names.add(plain(option.value))
    return names - {""}
