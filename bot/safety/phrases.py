"""Phrases of packs made ready for matching: which of them a text can have at all, and where they stand in it.

A phrase is only looked at where the text has the rarest of its words, so that an ordinary text needs no looking. The
work has a limit.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise

from bot.errors import NearpeerError
from bot.safety.normalize import BORDER, SENTENCE, Token

_BLANK = "\0"
_SKIPPED, _WALL = 1, 2
_TOGETHER = 3
"""With a wider gap than this, the words of one choice stand together (see Rule.gap)."""

Places = tuple[tuple[tuple[str, ...], ...], ...]
"""A phrase, respelled: its places in order, the choices of each, the words of each; a word may end in `*`."""


class TooMuchWork(NearpeerError):
    """A text needs more comparisons than any real one; it is to be called unscreened."""


class Stems:
    """The beginnings of words for which phrases ask ("suicid*"), to tell which of them a text has.

    `known`: words of lists and packs. For these it is remembered; never for what people write otherwise.
    """

    def __init__(self, stems: Iterable[str], known: Container[str]) -> None:
        self._stems = frozenset(stems)
        self._lengths = sorted({len(stem) for stem in self._stems})
        self._known = known
        self._of: dict[str, tuple[str, ...]] = {}

    def keys(self, tokens: Iterable[Token]) -> set[str]:
        """The words themselves, and each beginning that one of them has, with its `*`."""
        keys: set[str] = set()
        for token in tokens:
            word = token.word
            if word in keys:
                continue
            keys.add(word)
            stems = self._of.get(word)
            if stems is None:
                stems = tuple(f"{word[:length]}*" for length in self._lengths if word[:length] in self._stems)
                if word in self._known:
                    self._of[word] = stems
            if stems:
                keys.update(stems)
        return keys


class Words:
    """The words of one text as one language spells them, and where each of them stands."""

    def __init__(self, tokens: Sequence[Token], keys: Set[str]) -> None:
        self.tokens = tokens
        self.keys = keys
        """See `Stems.keys`."""
        self._idioms: dict[str, tuple[tuple[int, int], ...]] = {}

    @cached_property
    def _at(self) -> dict[str, list[int]]:
        at: dict[str, list[int]] = {}
        for place, token in enumerate(self.tokens):
            at.setdefault(token.word, []).append(place)
        return at

    @cached_property
    def plain(self) -> list[str]:
        """The words alone."""
        return [token.word for token in self.tokens]

    @cached_property
    def walls(self) -> list[int]:
        """For each word, whether a phrase can go on with it: always (0), not behind a skipped word, or not at all.

        What somebody splits over messages goes on at once: "i want to" / "die"; what only stands in a row does not.
        """
        walls = [_wall(before, token) for before, token in pairwise(self.tokens)]
        return [0, *walls]

    def idiom(self, phrase: Phrase, budget: list[int]) -> tuple[tuple[int, int], ...]:
        """Where an idiom stands; looked for once for all packs that share it."""
        found = self._idioms.get(phrase.text)
        if found is None:
            found = self._idioms[phrase.text] = tuple(phrase.find(self, budget))
        return found

    def without(self, blank: Set[int]) -> Words:
        """The same with some words not to be looked at."""
        tokens = [replace(token, word=_BLANK) if place in blank else token for place, token in enumerate(self.tokens)]
        return Words(tokens, self.keys)

    def starts(self, node: _Node) -> list[int]:
        """Where words stand with which a phrase begins."""
        found = [place for word in self._at.keys() & node.words.keys() for place in self._at[word]]
        for stem in node.prefixes:
            found += [place for word, places in self._at.items() if word.startswith(stem) for place in places]
        return found


@dataclass(slots=True, eq=False)
class _Node:
    words: dict[str, list[_Node]] = field(default_factory=dict)
    prefixes: dict[str, list[_Node]] = field(default_factory=dict)
    ends: bool = False
    inside: bool = False
    """Whether the next word belongs to the same choice."""

    def after(self, word: str) -> Sequence[_Node]:
        found = self.words.get(word, ())
        return [*found, *self.stemmed(word)] if self.prefixes else found

    def stemmed(self, word: str) -> Iterator[_Node]:
        """What follows a word by its beginning."""
        return (node for stem, to in self.prefixes.items() if word.startswith(stem) for node in to)

    def lead(self, word: str, to: _Node) -> None:
        if word.endswith("*"):
            self.prefixes.setdefault(word[:-1], []).append(to)
        else:
            self.words.setdefault(word, []).append(to)


@dataclass(slots=True, eq=False)
class Phrase:
    """One phrase of a pack. Its machine is made when a text first needs it: most phrases never do."""

    pack: int
    """The pack's number; of an idiom, that of the packs which share it."""
    owner: int
    """What it stands for in its pack."""
    gap: int
    text: str
    """What it says, as `written` has it."""
    _machine: _Node | None = None
    _needed: tuple[frozenset[str], ...] | None = None

    def may_stand(self, keys: Set[str]) -> bool:
        """Whether a text of these words (see `Stems.keys`) has one for each place that may not be left out."""
        if self._needed is None:  # as with the machine
            self._needed = tuple(
                frozenset(choice[0] for choice in choices) for choices in _read(self.text) if () not in choices
            )
        for words in self._needed:  # noqa: SIM110  (half the time of `all`)
            if words.isdisjoint(keys):
                return False
        return True

    def find(self, words: Words, budget: list[int]) -> list[tuple[int, int]]:
        """Where it stands: (first word, word after the last), in no order. `budget[0]` falls with each comparison.

        Raises TooMuchWork.
        """
        if self._machine is None:  # two threads may make the same one; either will do
            self._machine = _machine(_read(self.text))
        begun, plain = self._machine, words.plain
        waiting = [(node, first + 1, first) for first in words.starts(begun) for node in begun.after(plain[first])]
        return self._walk(waiting, words, budget)

    def _walk(self, waiting: list[tuple[_Node, int, int]], words: Words, budget: list[int]) -> list[tuple[int, int]]:
        """Go on from each (node, next word, first word). No call for each word: this is most of the work."""
        plain, walls, gap = words.plain, words.walls, self.gap
        inside = 0 if gap > _TOGETHER else gap
        found, seen, left = [], set(), budget[0]
        while waiting:
            step = node, place, first = waiting.pop()
            if step in seen:
                continue
            seen.add(step)
            if node.ends:
                found.append((first, place))
            end = place + 1 + (inside if node.inside else gap)
            left -= end - place
            if left < 0:
                raise TooMuchWork("steps")
            following = place
            for word in plain[place:end]:
                wall = walls[following]
                if wall and (wall == _WALL or following > place):
                    break
                following += 1
                if word in node.words:
                    waiting += [(child, following, first) for child in node.words[word]]
                if node.prefixes:
                    waiting += [(child, following, first) for child in node.stemmed(word)]
        budget[0] = left
        return found


def _wall(before: Token, token: Token) -> int:
    if token.after == SENTENCE:
        return _WALL
    return _SKIPPED if before.word == _BLANK or BORDER in (before.after, token.after) else 0


def _machine(places: Places) -> _Node:
    root = _Node()
    standing = [root]
    for choices in places:
        reached = _Node()
        for choice in filter(None, dict.fromkeys(choices)):
            _chain(standing, choice, reached)
        standing = [*standing, reached] if () in choices else [reached]
    for node in standing:
        node.ends = True
    return root


def _chain(standing: list[_Node], choice: tuple[str, ...], reached: _Node) -> None:
    for place, word in enumerate(choice):
        to = reached if place == len(choice) - 1 else _Node(inside=True)
        for node in standing:
            node.lead(word, to)
        standing = [to]


class Phrases:
    """Tells which of many phrases a text may have.

    `rarest`: for a word, the phrases that may stand where it does, and of which word set each needs a word as well;
    an empty set asks for nothing.
    """

    def __init__(
        self,
        phrases: Sequence[Phrase],
        rarest: Mapping[str, Sequence[tuple[int, int]]],
        sets: Sequence[frozenset[str]],
    ) -> None:
        self.all = phrases
        self._asked_by = {
            word: [(sets[also], phrases[phrase]) for phrase, also in may_stand] for word, may_stand in rarest.items()
        }

    def candidates(self, keys: Set[str]) -> set[Phrase]:
        """Of these words (see `Stems.keys`) a text may make these phrases, and no others."""
        likely = {
            phrase
            for key in keys & self._asked_by.keys()
            for also, phrase in self._asked_by[key]
            if not also or not also.isdisjoint(keys)
        }
        return {phrase for phrase in likely if phrase.may_stand(keys)} if likely else likely


def written(places: Places) -> str:
    """A phrase's places as one text: a line each, choices apart by tabs, their words by spaces; no word has these."""
    return "\n".join("\t".join(" ".join(choice) for choice in choices) for choices in places)


def _read(text: str) -> Places:
    return tuple(
        tuple(tuple(choice.split(" ")) if choice else () for choice in choices.split("\t"))
        for choices in text.split("\n")
    )
