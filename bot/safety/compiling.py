"""Makes packs and word lists ready for screening, once. Nothing is screened here, and no file is read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from bot.safety.compiled import FOREIGN, Compiled
from bot.safety.matching import CUES, MASK, Ruling, Spellings
from bot.safety.normalize import Token, fold_all, squeeze, words_of
from bot.safety.packs import Modifiers, Pack, slots
from bot.safety.phrases import Places, written

_LETTERS = re.compile(r"\w+")

Index = dict[str, list[tuple[int, int]]]
"""Word -> phrases (by number) that may stand where it does, each with the number of the word set that it needs too."""


def compile_packs(packs: Sequence[Pack], words: Mapping[str, Collection[str]]) -> Compiled:
    """Make packs and word lists ready. `words`: common words by language; the list named `foreign` counts against."""
    making = _Making(_usual(packs), _users(packs))
    entries = [making.pack(number, pack) for number, pack in enumerate(packs)]
    lists = {language: fold_all(listed) for language, listed in words.items()}
    known = frozenset(chain.from_iterable(listed for language, listed in lists.items() if language != FOREIGN))
    lists[FOREIGN] = lists.get(FOREIGN, frozenset()) - known
    prefixes = {word[:-1] for word in making.often if word.endswith("*")}
    trigger = {word: often for word, often in making.often.items() if not word.endswith("*")}
    for table in making.spellings.values():
        trigger.update(dict.fromkeys(table.words - trigger.keys(), 0))
    return Compiled(
        packs=entries,
        spellings=[_folded(dict(table)) for table in making.spellings],
        phrases=making.phrases,
        shared=list(making.shared),
        rarest=making.rarest,
        cues=list(making.cues.values()),
        sets=list(making.sets),
        trigger=" ".join(sorted(trigger)),
        prefixes=" ".join(sorted(prefixes)),
        doubled=_doubled(trigger, known | lists[FOREIGN]),
        lists={language: " ".join(sorted(listed)) for language, listed in lists.items()},
    )


Table = tuple[tuple[str, str], ...]
Idiom = tuple[Table, str]
"""A mask, and the spellings in which it is read."""


class _Making:
    """What the packs share: spellings, cues and word sets, each kept once."""

    def __init__(self, usual: Mapping[str, int], users: Mapping[Idiom, tuple[int, ...]]) -> None:
        self._usual = usual
        self._users = users
        self.shared: dict[tuple[int, ...], int] = {}
        self._respelled: dict[tuple[Spellings, tuple[str, ...]], tuple[str, ...]] = {}
        self.spellings: dict[Table, Spellings] = {}
        self.cues: dict[tuple[int, tuple[tuple[str, ...], ...]], dict[str, Any]] = {}
        self._cues_often: dict[int, Counter[str]] = {}
        self.sets: dict[str, int] = {"": 0}
        self.phrases: list[tuple[int, int, int, str]] = []
        self.rarest: Index = {}
        self.often: Counter[str] = Counter()
        """The words of all phrases, some ending in `*`, and how many phrases have each."""

    def pack(self, number: int, pack: Pack) -> dict[str, Any]:
        """One pack's entry; its phrases are added to those of all."""
        table = self.spellings.setdefault(tuple(pack.spellings.items()), Spellings(_folded(pack.spellings)))
        for mask in dict.fromkeys(pack.masks):
            users = self._users[tuple(pack.spellings.items()), mask]
            if number == users[0]:
                places = self._places(mask, table)
                self._count(places, self.often)
                self._ask(self.rarest, len(self.phrases), places)
                group = self.shared.setdefault(users, len(self.shared))
                self.phrases.append((group, MASK, 0, written(places)))
        for owner, rule in enumerate(pack.rules):
            for text in rule.phrases:
                places = self._places(text, table)
                self._count(places, self.often)
                self._ask(self.rarest, len(self.phrases), places)
                self.phrases.append((number, owner, rule.gap, written(places)))
        return {
            "mark": pack.mark,
            "rules": [[getattr(rule, name) for name in Ruling._fields] for rule in pack.rules],
            "spellings": list(self.spellings.values()).index(table),
            "cues": self._cues(pack.modifiers, table),
        }

    def _cues(self, modifiers: Modifiers, table: Spellings) -> int:
        of_table = list(self.spellings.values()).index(table)
        key = (of_table, tuple(getattr(modifiers, name) for name in CUES))
        made = self.cues.get(key)
        if made is None:
            made = self.cues[key] = {"phrases": [], "rarest": {}}
            often = self._cues_often[id(made)] = Counter()
            for owner, texts in enumerate(key[1]):
                for text in texts:
                    places = self._places(text, table)
                    self._count(places, often)
                    self._ask(made["rarest"], len(made["phrases"]), places)
                    made["phrases"].append((owner, written(places)))
        self.often += self._cues_often[id(made)]  # for each pack that has them: how often tells what is likely meant
        return list(self.cues).index(key)

    def _places(self, text: str, table: Spellings) -> Places:
        return tuple(tuple(self._choice(choice, table) for choice in choices) for choices in slots(text))

    def _choice(self, choice: tuple[str, ...], table: Spellings) -> tuple[str, ...]:
        known = self._respelled.get((table, choice))
        if known is None:  # the same words stand in hundreds of phrases
            known = self._respelled[table, choice] = _respelled(choice, table)
        return known

    def _count(self, places: Places, often: Counter[str]) -> None:
        often.update(set(chain(*chain(*places))))

    def _ask(self, index: Index, number: int, places: Places) -> None:
        rarest, next_rarest = _rarest(places, self._usual)
        also = self.sets.setdefault(" ".join(sorted(next_rarest)), len(self.sets))
        for word in sorted(rarest):
            index.setdefault(word, []).append((number, also))


def _users(packs: Sequence[Pack]) -> dict[Idiom, tuple[int, ...]]:
    """The packs that have an idiom: it is looked for once for all of them."""
    users: dict[Idiom, tuple[int, ...]] = {}
    for number, pack in enumerate(packs):
        table = tuple(pack.spellings.items())
        for mask in dict.fromkeys(pack.masks):
            users[table, mask] = (*users.get((table, mask), ()), number)
    return users


def _folded(table: Mapping[str, str]) -> dict[str, str]:
    return {" ".join(words_of(key)): " ".join(words_of(value)) for key, value in table.items()}


def _respelled(choice: Sequence[str], table: Spellings) -> tuple[str, ...]:
    """The words of a phrase, folded and with texting spellings written out; a `*` at a word's end stays."""
    plain: list[str] = []
    for word in choice:
        folded = words_of(word.rstrip("*"))
        plain += folded
        if word.endswith("*") and folded:
            plain[-1] += "*"
    return tuple(token.word for token in table.of([Token(word, 0, 0) for word in plain]))


def _rarest(places: Places, usual: Mapping[str, int]) -> tuple[frozenset[str], frozenset[str]]:
    """Words of which a text must have one if a phrase is to stand in it: of its least common place, and of the next."""
    rarest = sorted(
        (
            frozenset(min(choice, key=lambda word: (usual.get(word, 0), word)) for choice in choices)
            for choices in places
            if () not in choices  # else it may be left out
        ),
        key=lambda words: sum(usual.get(word, 0) for word in words),
    )
    if not rarest:  # words that fold to nothing can make a phrase of which every place may be left out
        return frozenset(chain(*chain(*places))), frozenset()
    return rarest[0], rarest[1] if len(rarest) > 1 else frozenset()


def _usual(packs: Sequence[Pack]) -> Counter[str]:
    """How common words are, by the packs' own cases: what is rare is looked for first. Nothing depends on it."""
    texts = [text for pack in packs for rule in pack.rules for text in (*rule.match, *rule.no_match)]
    texts += [text for pack in packs for text in pack.everyday]
    return Counter(_LETTERS.findall("\n".join(texts).lower().replace("'", "")))


def _doubled(trigger: Mapping[str, int], common: Iterable[str]) -> dict[str, str]:
    """Of several words that a stretched one may be, it is the one that packs use most: "feeeel" is feel, not fell."""
    own = {word for word in trigger if word.isascii()}
    by_use = sorted(own.union(common), key=lambda word: (word in own, trigger.get(word, 0), word))
    squeezed = {squeeze(word): word for word in by_use}
    return {short: word for short, word in squeezed.items() if short != word}
