"""Where a pack's phrases stand in a list of words, and what the words around them change. The work has a limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from bot.domain import Finding, Tier
from bot.errors import NearpeerError
from bot.safety.normalize import COMMA, LINE, NO_BREAK, SENTENCE, Token, words_of
from bot.safety.packs import Pack, Rule, slots

STEPS = 400_000
"""How many comparisons one pack may make over one window; texts that people write need under a hundredth."""
_REACH = 5
"""How many words before a finding a denial may stand."""
_NEAR = 12
"""How many words around a finding a joke, a recovery or a death may stand, within the same sentence."""
_BLANK = "\0"
NO_WALL = SENTENCE + 1


class TooMuchWork(NearpeerError):
    """A text needs more comparisons than any real one; it is to be called unscreened."""


@dataclass(slots=True)
class _Node:
    words: dict[str, list[_Node]] = field(default_factory=dict)
    prefixes: dict[str, list[_Node]] = field(default_factory=dict)
    ends: set[int] = field(default_factory=set)

    def after(self, word: str) -> Iterator[_Node]:
        yield from self.words.get(word, ())
        for prefix, nodes in self.prefixes.items():
            if word.startswith(prefix):
                yield from nodes

    def lead(self, word: str, to: _Node) -> None:
        if word.endswith("*"):
            self.prefixes.setdefault(word[:-1], []).append(to)
        else:
            self.words.setdefault(word, []).append(to)


def _merged(nodes: Sequence[_Node]) -> _Node:
    merged = _Node()
    for node in nodes:
        merged.ends |= node.ends
        for word, following in node.words.items():
            merged.words.setdefault(word, []).extend(following)
        for prefix, following in node.prefixes.items():
            merged.prefixes.setdefault(prefix, []).extend(following)
    return merged


class Phrases:
    """Phrases compiled into one machine. `find` gives (number of the owner, first word, word after the last)."""

    def __init__(self, owned: Iterable[tuple[int, str]], spellings: Spellings, gap: int = 0) -> None:
        self._root = _Node()
        self._gap = gap
        self.words: set[str] = set()
        self.prefixes: set[str] = set()
        for owner, phrase in owned:
            self._add(owner, [[spellings.of_phrase(choice) for choice in choices] for choices in slots(phrase)])
        # Hundreds of phrases begin with "i": after the first word they are looked at as one.
        for begins in (self._root.words, self._root.prefixes):
            begins.update({word: [_merged(nodes)] for word, nodes in begins.items()})

    def _add(self, owner: int, places: list[list[tuple[str, ...]]]) -> None:
        standing = [self._root]
        for choices in places:
            reached = _Node()
            for choice in filter(None, dict.fromkeys(choices)):
                self._chain(standing, choice, reached)
            standing = [*standing, reached] if () in choices else [reached]
        for node in standing:
            node.ends.add(owner)

    def _chain(self, standing: list[_Node], choice: tuple[str, ...], reached: _Node) -> None:
        for word in choice:
            (self.prefixes if word.endswith("*") else self.words).add(word.rstrip("*"))
        for place, word in enumerate(choice):
            to = reached if place == len(choice) - 1 else _Node()
            for node in standing:
                node.lead(word, to)
            standing = [to]

    def find(self, found: Sequence[Token], budget: list[int]) -> Iterator[tuple[int, int, int]]:
        """Every place of every phrase; `budget[0]` falls with each comparison. Raises TooMuchWork."""
        for first, token in enumerate(found):
            waiting = [(node, first + 1) for node in self._root.after(token.word)]
            seen: set[tuple[int, int]] = set()
            while waiting:
                node, place = waiting.pop()
                if (id(node), place) in seen:
                    continue
                seen.add((id(node), place))
                for owner in node.ends:
                    yield owner, first, place
                for following in range(place, min(place + self._gap + 1, len(found))):
                    budget[0] -= 1
                    if budget[0] < 0:
                        raise TooMuchWork("steps")
                    if found[following].after == SENTENCE or (
                        following > place and found[following - 1].word == _BLANK
                    ):
                        break
                    waiting += [(child, following + 1) for child in node.after(found[following].word)]


class Spellings:
    """A language's texting spellings: one or two words -> the words that its rules are written in."""

    def __init__(self, table: dict[str, str]) -> None:
        self._phrases: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._table = {words_of(key): words_of(value) for key, value in table.items()}
        self._first = frozenset(key[0] for key in self._table)
        self.words = frozenset(word for key, value in self._table.items() for word in (*key, *value))

    def of_phrase(self, sequence: Sequence[str]) -> tuple[str, ...]:
        """The words of a phrase, folded and respelled; a `*` at a word's end stays."""
        known = self._phrases.get(tuple(sequence))
        if known is None:  # the same words stand in hundreds of phrases
            known = self._phrases[tuple(sequence)] = self._folded(sequence)
        return known

    def _folded(self, sequence: Sequence[str]) -> tuple[str, ...]:
        plain: list[Token] = []
        for word in sequence:
            folded = words_of(word.rstrip("*"))
            plain += [Token(part, 0, 0) for part in folded]
            if word.endswith("*") and folded:
                plain[-1] = replace(plain[-1], word=folded[-1] + "*")
        return tuple(token.word for token in self.of(plain))

    def of(self, found: Sequence[Token]) -> list[Token]:
        """The tokens with texting spellings written out, each in its place."""
        if not self._table:
            return list(found)
        written: list[Token] = []
        place = 0
        while place < len(found):
            length = self._length(found, place) if found[place].word in self._first else 0
            if not length:
                written.append(found[place])
                place += 1
                continue
            first, last = found[place], found[place + length - 1]
            for number, word in enumerate(self._table[tuple(token.word for token in found[place : place + length])]):
                written.append(Token(word, first.start, last.end, first.after if number == 0 else NO_BREAK))
            place += length
        return written

    def _length(self, found: Sequence[Token], place: int) -> int:
        """How many words from here on are one spelling: two, one or none."""
        pair = tuple(token.word for token in found[place : place + 2])
        if len(pair) == 2 and pair in self._table and found[place + 1].after < SENTENCE:
            return 2
        return 1 if (found[place].word,) in self._table else 0


class CompiledPack:
    """A pack made ready for matching: built once, used for every message."""

    def __init__(self, pack: Pack) -> None:
        self.pack = pack
        self._spellings = Spellings(pack.spellings)
        gaps = sorted({rule.gap for rule in pack.rules})
        self._rules = [
            Phrases(
                (
                    (number, phrase)
                    for number, rule in enumerate(pack.rules)
                    if rule.gap == gap
                    for phrase in rule.phrases
                ),
                self._spellings,
                gap,
            )
            for gap in gaps
        ]
        self._masks = Phrases(((0, mask) for mask in pack.masks), self._spellings)
        lists = tuple(type(pack.modifiers).model_fields)
        self._cue_names = lists
        self._cues = Phrases(
            ((number, phrase) for number, name in enumerate(lists) for phrase in getattr(pack.modifiers, name)),
            self._spellings,
        )

    @property
    def words(self) -> frozenset[str]:
        """Every word that a phrase, mask, cue or spelling of this pack is written with."""
        trees = (*self._rules, self._masks, self._cues)
        return frozenset(word for tree in trees for word in tree.words) | self._spellings.words

    @property
    def prefixes(self) -> frozenset[str]:
        return frozenset(prefix for tree in (*self._rules, self._masks, self._cues) for prefix in tree.prefixes)

    def screen(self, read: Sequence[Token]) -> tuple[list[Finding], int]:
        """Findings in the words of one window, and how many idioms were not looked at. Raises TooMuchWork."""
        budget = [STEPS]
        found = self._spellings.of(read)
        masked = sorted({(first, last) for _, first, last in self._masks.find(found, budget)})
        looked_at = list(found)
        for first, last in masked:
            for place in range(first, last):
                looked_at[place] = replace(found[place], word=_BLANK)
        hits: dict[tuple[int, int], int] = {}
        for tree in self._rules:
            for number, first, last in tree.find(looked_at, budget):
                hits[number, first] = max(last, hits.get((number, first), 0))
        if not hits:
            return [], len(masked)
        around = self._marks(found, budget)
        return [
            self._finding(number, first, last, found, around) for (number, first), last in sorted(hits.items())
        ], len(masked)

    def _marks(self, found: Sequence[Token], budget: list[int]) -> Surroundings:
        cues: dict[str, set[int]] = {name: set() for name in self._cue_names}
        for number, first, last in self._cues.find(found, budget):
            cues[self._cue_names[number]].update(range(first, last))
        return Surroundings(found, cues)

    def _finding(self, number: int, first: int, last: int, found: Sequence[Token], around: Surroundings) -> Finding:
        rule = self.pack.rules[number]
        about = rule.about or around.about(first, last)
        tier, modifiers = _lowered(rule, around.modifiers(rule, about, first, last))
        if about != "self":
            modifiers = (*modifiers, f"about a {about}" if about == "friend" else "about somebody else")
        start, end = found[first].start, max(token.end for token in found[first:last])
        return Finding(tier, rule.category, rule.id, self.pack.mark, rule.label, start, end, about, modifiers)


def _lowered(rule: Rule, modifiers: tuple[str, ...]) -> tuple[Tier, tuple[str, ...]]:
    if not modifiers:
        return rule.tier, ()
    lower = Tier.CONCERN if rule.tier is Tier.CRISIS else Tier.NOTICE
    return lower, tuple(f"{modifier}: {rule.tier} -> {lower}" for modifier in modifiers)


class Surroundings:
    """What stands around a place in a text: sentences and the places of cue words."""

    def __init__(self, found: Sequence[Token], cues: dict[str, set[int]]) -> None:
        self._found = found
        self._cues = cues

    def modifiers(self, rule: Rule, about: str, first: int, last: int) -> tuple[str, ...]:
        """Names of the modifiers that lower a finding of this rule at this place."""
        names = []
        if rule.negation and self._denied(first):
            names.append("denial")
        joking = rule.hyperbole and self._near("hyperbole", first, last, SENTENCE)
        if joking and not self._near("sincerity", first, last, NO_WALL):
            names.append("hyperbole")
        if about != "self" and rule.past and self._near("postvention", first, last, SENTENCE):
            names.append("postvention")
        over = about == "self" and rule.past and self._near("recovery", first, last, SENTENCE)
        if over and not self._near("present", first, last, NO_WALL):
            names.append("recovery")
        return tuple(names)

    def about(self, first: int, last: int) -> str:
        """self, friend or other: by the words of the finding, else by the nearest person before it in the sentence."""
        inside = range(first, last)
        if any(place in self._cues["first_person"] for place in inside):
            return "self"
        if first in self._cues["friend"]:
            return "friend"
        about = "other" if any(place in self._cues["other"] for place in inside) else ""
        for place in range(first - 1, self._begin(first, LINE) - 1, -1):
            if place in self._cues["friend"]:
                return "friend"  # also behind a pronoun: "my friend says she wants to die"
            if place in self._cues["first_person"]:
                return about or "self"
            if place in self._cues["other"]:
                about = "other"
        return about or "self"

    def _denied(self, first: int) -> bool:
        if first in self._cues["stops"]:
            return False  # the finding brings its own subject: "I'm not okay, I want to die"
        for place in range(first - 1, max(self._begin(first, COMMA), first - _REACH) - 1, -1):
            if place in self._cues["not_denial"]:
                continue
            if place in self._cues["denial"]:
                return True
            if place in self._cues["stops"]:
                return False
        return False

    def _near(self, name: str, first: int, last: int, wall: int) -> bool:
        """Whether a cue stands near; a break of `wall` or more ends the looking."""
        cues = self._cues[name]
        if not cues:
            return False
        low, high = first, last
        while low > 0 and first - low < _NEAR and self._found[low].after < wall:
            low -= 1
        while high < len(self._found) and high - last < _NEAR and self._found[high].after < wall:
            high += 1
        return any(place in cues for place in range(low, high) if not first <= place < last)

    def _begin(self, place: int, wall: int) -> int:
        """Where the clause or sentence of a word begins: after the last break of `wall` or more."""
        while place > 0 and self._found[place].after < wall:
            place -= 1
        return place
