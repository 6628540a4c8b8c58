"""Where a pack's phrases stand in a list of words, and what the words around them change. The work has a limit."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import NamedTuple

from bot.domain import Finding, Tier
from bot.safety.normalize import COMMA, LINE, NO_BREAK, SENTENCE, Token
from bot.safety.phrases import Phrase, Phrases, Words

STEPS = 400_000
"""How many comparisons one pack may make over one window; texts that people write need under a hundredth."""
_REACH = 5
"""How many words before a finding a denial may stand."""
_NEAR = 12
"""How many words around a finding a joke, a recovery or a death may stand, within the same sentence."""
MASK = -1
"""Owner of a phrase that is no rule's but a mask."""
CUES = (
    "denial", "not_denial", "denied", "ended", "stops", "hyperbole", "jokes", "turns", "sincerity", "first_person",
    "friend", "other", "postvention", "recovery", "present",
)  # fmt: skip
"""The lists of words around a finding, as bot/safety/packs.py explains them."""
NO_WALL = SENTENCE + 1
_SUICIDE = "suicide"
_JOKE = "joke"


class Ruling(NamedTuple):
    """What a rule says of its findings, as bot/safety/packs.py explains it."""

    id: str
    tier: Tier
    category: str
    label: str
    negation: bool
    hyperbole: bool
    past: bool
    about: str


class Spellings:
    """A language's texting spellings: one or two words -> the words that its rules are written in; all folded."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = {tuple(key.split(" ")): tuple(value.split()) for key, value in table.items()}
        self.first = frozenset(key[0] for key in self._table)
        """A text without one of these words stays as it is."""
        self.words = frozenset(word for key, value in self._table.items() for word in (*key, *value))

    def of(self, found: Sequence[Token]) -> Sequence[Token]:
        """The tokens with texting spellings written out, each in its place; the same ones where there are none."""
        lengths = {
            place: length
            for place, token in enumerate(found)
            if token.word in self.first and (length := self._length(found, place))
        }
        if not lengths:
            return found
        written: list[Token] = []
        place = 0
        while place < len(found):
            length = lengths.get(place, 0)
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
    """A pack made ready for matching. `cues` are the phrases of its modifiers, whose owners are places in CUES."""

    def __init__(self, mark: str, rules: Sequence[Ruling], spellings: Spellings, cues: Phrases) -> None:
        self.mark = mark
        self.spellings = spellings
        self.cues = cues
        self._rules = rules

    def screen(self, words: Words, phrases: Iterable[Phrase]) -> tuple[list[Finding], list[tuple[int, int]]]:
        """Findings in the words of one window, and the idioms that hid something there. Raises TooMuchWork.

        `phrases`: those of this pack that may stand in it.
        """
        budget = [STEPS]
        masks: list[Phrase] = []
        rules: list[Phrase] = []
        for phrase in phrases:
            (masks if phrase.owner == MASK else rules).append(phrase)
        hits = self._hits(rules, words, budget)
        if not hits:  # an idiom can only take hits away: most texts need no looking for one
            return [], []
        masked = {span for mask in masks for span in words.idiom(mask, budget)}
        if masked:
            blank = {place for first, last in masked for place in range(first, last)}
            hits = self._hits(rules, words.without(blank), budget)
        idioms = [_span(words.tokens, first, last) for first, last in masked]
        if not hits:
            return [], idioms
        around = self._around(words, budget)
        ordered = sorted(hits.items())
        return [self._finding(number, first, last, words.tokens, around) for (number, first), last in ordered], idioms

    @staticmethod
    def _hits(rules: Iterable[Phrase], words: Words, budget: list[int]) -> dict[tuple[int, int], int]:
        """Where rules' phrases stand: (rule, first word) -> word after the last, of the longest."""
        hits: dict[tuple[int, int], int] = {}
        for phrase in rules:
            for first, last in phrase.find(words, budget):
                hits[phrase.owner, first] = max(last, hits.get((phrase.owner, first), 0))
        return hits

    def _around(self, words: Words, budget: list[int]) -> Surroundings:
        cues: dict[str, set[int]] = {name: set() for name in CUES}
        for cue in self.cues.candidates(words.keys):
            for first, last in cue.find(words, budget):
                cues[CUES[cue.owner]].update(range(first, last))
        return Surroundings(words.tokens, cues)

    def _finding(self, number: int, first: int, last: int, found: Sequence[Token], around: Surroundings) -> Finding:
        rule = self._rules[number]
        about = rule.about or around.about(first, last)
        tier, modifiers = _lowered(rule, around.modifiers(rule, about, first, last))
        if about != "self":
            modifiers = (*modifiers, f"about a {about}" if about == "friend" else "about somebody else")
        start, end = _span(found, first, last)
        return Finding(tier, rule.category, rule.id, self.mark, rule.label, start, end, about, modifiers)


def _span(found: Sequence[Token], first: int, last: int) -> tuple[int, int]:
    """Where these words stand in the original text."""
    return found[first].start, max(token.end for token in found[first:last])


def _lowered(rule: Ruling, modifiers: tuple[str, ...]) -> tuple[Tier, tuple[str, ...]]:
    if not modifiers:
        return rule.tier, ()
    lower = Tier.CONCERN if rule.tier is Tier.CRISIS else Tier.NOTICE
    if rule.tier is Tier.CRISIS and rule.category == _SUICIDE and modifiers == (_JOKE,):
        lower = Tier.URGENT  # a joke is how many say it first
    return lower, tuple(f"{modifier}: {rule.tier} -> {lower}" for modifier in modifiers)


class Surroundings:
    """What stands around a place in a text: sentences and the places of cue words."""

    def __init__(self, found: Sequence[Token], cues: dict[str, set[int]]) -> None:
        self._found = found
        self._cues = cues
        self._ordered = {name: sorted(places) for name, places in cues.items()}
        self._begins = {wall: self._begins_by(wall) for wall in (COMMA, LINE)}

    def modifiers(self, rule: Ruling, about: str, first: int, last: int) -> tuple[str, ...]:
        """Names of the modifiers that lower a finding of this rule at this place."""
        names = []
        if (rule.negation and self._denied(first)) or self._not_done(first, last):
            names.append("denial")
        if rule.hyperbole and not self._near("sincerity", first, last, NO_WALL):
            if self._near("hyperbole", first, last, SENTENCE, self._cues["turns"]):
                names.append("hyperbole")
            elif self._near("jokes", first, last, SENTENCE):
                names.append(_JOKE)
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
        begin = self._begins[LINE][first]
        friend, myself = self._last("friend", begin, first), self._last("first_person", begin, first)
        if friend >= max(myself, 0):
            return "friend"  # also behind a pronoun: "my friend says she wants to die"
        other = any(place in self._cues["other"] for place in inside) or self._last("other", begin, first) > myself
        return "other" if other else "self"

    def _last(self, name: str, begin: int, end: int) -> int:
        """The last place of a cue from `begin` on and before `end`, or -1."""
        places = self._ordered[name]
        following = bisect_left(places, end)
        return places[following - 1] if following and places[following - 1] >= begin else -1

    def _denied(self, first: int) -> bool:
        if first in self._cues["stops"]:
            return False  # the finding brings its own subject: "I'm not okay, I want to die"
        for place in range(first - 1, max(self._begins[COMMA][first], first - _REACH) - 1, -1):
            if place in self._cues["not_denial"]:
                continue
            if place in self._cues["denial"]:
                return True
            if place in self._cues["stops"]:
                return False
        return False

    def _not_done(self, first: int, last: int) -> bool:
        """Whether the finding is an act that is said not to happen, and nothing says that it did or still may."""
        if self._cues["denied"].isdisjoint(range(first, last)):
            return False
        behind = range(last, min(last + _REACH, len(self._found)))
        ends = next((place for place in behind if self._found[place].after == SENTENCE), behind.stop)
        return self._cues["ended"].isdisjoint(range(last - 1, ends))

    def _near(self, name: str, first: int, last: int, wall: int, ends: Set[int] = frozenset()) -> bool:
        """Whether a cue stands near; a break of `wall` or more ends the looking, and so does a place of `ends`."""
        cues = self._cues[name]
        if not cues:
            return False
        low, high = first, last
        while low > 0 and first - low < _NEAR and self._found[low].after < wall and low not in ends:
            low -= 1
        while high < len(self._found) and high - last < _NEAR and self._found[high].after < wall and high not in ends:
            high += 1
        return any(place in cues for place in range(low, high) if not first <= place < last)

    def _begins_by(self, wall: int) -> list[int]:
        """For each word, where its clause or sentence begins: after the last break of `wall` or more."""
        begins: list[int] = []
        for place, token in enumerate(self._found):
            begins.append(begins[-1] if place and token.after < wall else place)
        return begins
