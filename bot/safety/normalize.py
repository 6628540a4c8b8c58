"""A text as words that rules can look at, each with its place in the original: case, accents, look-alikes, sentences.

How a disguised or misspelled word is read lives in `spelling`; nothing here knows what a word means.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from anyascii import anyascii

from bot.making import quickly_made

NO_BREAK, COMMA, LINE, BORDER, SENTENCE = range(5)
NEXT_MESSAGE = "\x1e"
"""Stands between two messages that are read as one."""

# Letters of other scripts that look like Latin ones; used only inside words that are otherwise Latin.
_PAIRS = (
    "аa вb гr еe зe іi їi јj кk мm нh оo пn рp сc тt уy хx ѕs ԁd ԛq ԝw һh ьb ոn օo սu հh ցg "
    "αa βb γy εe ηn ιi κk νv οo ρp σo τt υu χx ωw"
)
LOOK_ALIKES = {ord(pair[0]): pair[1] for pair in _PAIRS.split()}
_LONGEST_FOLD = 4  # some signs stand for whole sentences
_EMOJI = {
    "🔫": "gun", "🔪": "knife", "🗡": "knife", "🪒": "razor", "🩸": "blood", "💊": "pills",
    "😂": "lol", "🤣": "lol", "😹": "lol", "💀": "skull",
}  # fmt: skip
_APOSTROPHES = "'’‘ʼ`´‛′"
_SIGNS = "@$!|*"  # stand for letters inside a word; `spelling` reads them
_COMMAS = ",:،、"
_ENDS = ".!?;…。؟।"
_BREAKS = {"\n": LINE, NEXT_MESSAGE: BORDER, **dict.fromkeys(_COMMAS, COMMA), **dict.fromkeys(_ENDS, SENTENCE)}
# A word of plain letters as `_inside` sees it, or a break.
_PIECE = re.compile(
    r"((?:[a-z0-9]|[@$](?=[a-z]))(?:[a-z0-9]|'(?=[a-z0-9])|[@$!|*](?=[a-z0-9*@$]))*)"
    rf"|[{re.escape(''.join(_BREAKS))}]"
)
_OTHER_LETTER = re.compile(r"[^\W\x00-\x7f]")
_RUN, _LONG_RUN = re.compile(r"(.)\1+"), re.compile(r"(.)\1\1+")
_SINGLES = (
    (0x3040, 0x30FF),
    (0x3400, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2FA1F),
    (0x0E00, 0x0EFF),
    (0x1000, 0x109F),
)


@quickly_made
@dataclass(frozen=True, slots=True)
class Token:
    """One word, folded, and where it stood in the original text. `after`: what ended just before it."""

    word: str
    start: int
    end: int
    after: int = NO_BREAK


@lru_cache(maxsize=4096)
def fold(character: str) -> str:
    """One character without case, accent or ornament; empty for what cannot be seen."""
    if character in _APOSTROPHES:
        return "'"
    if character in _EMOJI:
        return f" {_EMOJI[character]} "
    folded = ""
    for part in unicodedata.normalize("NFKC", character):
        # Hangul would fall apart into its strokes.
        bases = part if "가" <= part <= "힣" else unicodedata.normalize("NFKD", part)
        for base in bases:
            kind = unicodedata.category(base)
            if kind in ("Cf", "Mn", "Me") or base == "ـ":
                continue
            folded += _plain(base, kind)
    return folded[:_LONGEST_FOLD]


def _plain(base: str, kind: str) -> str:
    if base.isascii():
        return base.lower()
    if kind.startswith("L") and not unicodedata.name(base, "").startswith("LATIN"):
        return base.casefold()
    if kind.startswith("L") or kind == "So":
        plain = anyascii(base).lower()
        # An emoji's name is not something that the person wrote.
        return plain if kind.startswith("L") or (len(plain) == 1 and plain.isalpha()) else " "
    return base


def script_of(word: str) -> str:
    """The script of a word's first letter that is not Latin, as Unicode calls it, or `LATIN`."""
    for character in word:
        if not character.isascii() and character.isalpha():
            name = unicodedata.name(character, "UNKNOWN").split()[0]
            if name not in ("LATIN", "FEMININE", "MASCULINE"):
                return name
    return "LATIN"


def tokens(text: str, offset: int = 0) -> list[Token]:
    """The words of a text in order. `offset` is added to every place."""
    found: list[Token] = []
    after, since_break = SENTENCE, 0
    for word, start, end, ended in _pieces_of(text):
        if word:
            plain = word if word.isascii() else _latin(word)
            found.append(Token(plain, start + offset, end + offset, after))
            after, since_break = NO_BREAK, since_break + 1
        # "I. Want. To. Die." is one sentence: a full stop after a single word ends nothing.
        if ended in (COMMA, LINE, BORDER) or (ended == SENTENCE and since_break > 1):
            after = max(after, ended)
        if ended > COMMA:
            since_break = 0
    return found


def _pieces_of(text: str) -> Iterator[tuple[str, int, int, int]]:
    """Words and the breaks after them: (word or empty, start, end, break)."""
    if text.isascii():
        return _plain_pieces(text.lower().replace("`", "'"))
    folded = list(map(fold, text))
    plain = "".join(folded)
    # Where each character became one and all words are of plain letters, one pattern finds what `_pieces` looks for.
    if len(plain) == len(text) and _OTHER_LETTER.search(plain) is None and max(map(len, folded)) == 1:
        return _plain_pieces(plain)
    return _pieces([(character, index) for index, characters in enumerate(folded) for character in characters])


def _plain_pieces(plain: str) -> Iterator[tuple[str, int, int, int]]:
    last = -1
    for piece in _PIECE.finditer(plain):
        start, end = piece.span()
        word = piece[1]
        if word:
            yield word.replace("'", ""), start, end, NO_BREAK
            last = end
        elif plain[start] != "." or start != last or not plain[end : end + 1].isalnum():  # else as in "k.m.s"
            yield "", start, start, _BREAKS[plain[start]]


def _pieces(characters: list[tuple[str, int]]) -> Iterator[tuple[str, int, int, int]]:
    """The same for any text, character by character."""
    word, start, end = "", 0, 0
    for place, (character, index) in enumerate(characters):
        inside = _inside(characters, place, bool(word))
        if inside == "joined":
            continue
        if inside == "word":
            if word and _single(character) | _single(word[-1]):
                yield word, start, end, NO_BREAK
                word = ""
            start = start if word else index
            word, end = word + character, index + 1
            continue
        if word:
            yield word, start, end, NO_BREAK
            word = ""
        if character in ("\n", NEXT_MESSAGE):
            yield "", index, index, _BREAKS[character]
        elif character in _COMMAS:
            yield "", index, index, COMMA
        elif character in _ENDS and inside == "end":
            yield "", index, index, SENTENCE
    if word:
        yield word, start, end, NO_BREAK


def _inside(characters: list[tuple[str, int]], place: int, in_word: bool) -> str:
    """What a character is where it stands: word, joined (an apostrophe inside a word), end or gap."""
    character = characters[place][0]
    if character.isalnum():
        return "word"
    following = characters[place + 1][0] if place + 1 < len(characters) else " "
    if character == "'":
        return "joined" if in_word and following.isalnum() else "gap"
    if character in _SIGNS:
        letter_follows = following.isalpha() or (in_word and (following in "*@$" or following.isdigit()))
        if letter_follows and (in_word or character in "@$"):
            return "word"
    if character == "." and in_word and following.isalnum():
        return "gap"  # "k.m.s", "www.school.org"
    return "end"


def _single(character: str) -> bool:
    """Whether a script writes no spaces: each of its letters is a word of its own."""
    code = ord(character)
    return code >= 0x0E00 and any(low <= code <= high for low, high in _SINGLES)


def _latin(word: str) -> str:
    if not any("a" <= character <= "z" for character in word):
        return word
    mapped = word.translate(LOOK_ALIKES)
    return mapped if mapped.isascii() else word


def squeeze(word: str, longest: int = 1) -> str:
    """The word with every run of one letter cut to `longest`, 1 or 2."""
    return (_RUN if longest == 1 else _LONG_RUN).sub(r"\1" * longest, word)


@lru_cache(maxsize=65536)
def words_of(text: str) -> tuple[str, ...]:
    """The folded words of a phrase or a word list, without their places. Remembered: never for what people write."""
    return tuple(token.word for token in tokens(text))


def fold_all(words: Iterable[str]) -> frozenset[str]:
    """A word list, folded as texts are."""
    return frozenset(
        folded
        for word in words
        for folded in ((word.lower(),) if word.isascii() and word.isalnum() else words_of(word))
    )
