"""Text in, findings out: which rules saw what, where, and whether the text could be judged at all. Pure, bounded."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from bot.domain import Finding, Tier
from bot.errors import Problem
from bot.safety.matching import CompiledPack, Spellings
from bot.safety.normalize import Token, fold_all, script_of, squeeze, tokens
from bot.safety.packs import Pack
from bot.safety.phrases import Phrase, Phrases, Stems, Words
from bot.safety.spelling import Speller

WINDOW = 4096
OVERLAP = 256
WINDOWS = 64
FOREIGN = "foreign"
"""The word list of other languages' common words: they count against a text's being English or Spanish."""
_FEWEST_WORDS = 4
_KNOWN_SHARE = 0.3
_FINDINGS = 50


@dataclass(frozen=True, slots=True)
class Screening:
    """What screening saw. `unscreened`: why the text could not be judged (as well), or empty."""

    findings: tuple[Finding, ...] = ()
    unscreened: str = ""
    masked: int = 0
    """How many idioms were not looked at."""
    packs: tuple[str, ...] = ()
    windows: int = 0

    @property
    def tier(self) -> Tier | None:
        """The most urgent of what was found; a text that could not be judged is at least unscreened."""
        if self.findings:
            return self.findings[0].tier
        return Tier.UNSCREENED if self.unscreened else None


class Screener:
    """Looks at texts with all packs. Built once (it compiles the packs), then only read: threads may share it.

    `words`: common words by language, to tell what can be judged; the list named `foreign` counts against.
    """

    def __init__(self, packs: Sequence[Pack], words: Mapping[str, Collection[str]]) -> None:
        usual = _usual(packs)
        spellings: dict[tuple[tuple[str, str], ...], Spellings] = {}
        self._packs = [
            CompiledPack(
                number, pack, spellings.setdefault(tuple(pack.spellings.items()), Spellings(pack.spellings)), usual
            )
            for number, pack in enumerate(packs)
        ]
        self._tables = [table for table in spellings.values() if table.first]
        self._phrases = Phrases((phrase for pack in self._packs for phrase in pack.phrases), usual)
        self._marks = tuple(pack.mark for pack in packs)
        self._known = [fold_all(listed) for language, listed in words.items() if language != FOREIGN]
        self._foreign = fold_all(words.get(FOREIGN, ())) - frozenset(word for listed in self._known for word in listed)
        self._common = self._foreign.union(*self._known)
        self._judged: dict[str, tuple[bool, ...]] = {}
        written = sum((pack.cues.often for pack in self._packs), self._phrases.often)
        prefixes = {word[:-1] for word in written if word.endswith("*")}
        trigger = {word: often for word, often in written.items() if not word.endswith("*")}
        for pack in self._packs:
            trigger.update(dict.fromkeys(pack.spellings.words - trigger.keys(), 0))
        self._stems = Stems(prefixes, self._common | trigger.keys())
        self._speller = Speller(trigger, prefixes, self._common)

    def screen(self, text: str) -> Screening:
        """Findings, most urgent first, then by place. Whatever goes wrong is an unscreened text, never an exception."""
        try:
            return self._screened(text)
        except Exception as error:  # the class name only: a message could carry the person's words
            return Screening(unscreened=f"screening failed: {type(error).__name__}", packs=self._marks)

    def _screened(self, text: str) -> Screening:
        if not self._packs:
            return Screening(unscreened="no safety pack is loaded")
        found: dict[tuple[str, str, int], Finding] = {}
        reasons: dict[str, None] = {}
        raw: list[Token] = []
        masked = windows = 0
        for offset, part in _windows(text):
            windows += 1
            window = tokens(part, offset)
            raw += window
            for pack, words, phrases in self._concerned(self._speller.read(window)):
                try:
                    findings, idioms = pack.screen(words, phrases)
                except Exception as error:  # one pack's fault must not hide what the others see
                    reasons[f"screening failed: {type(error).__name__}"] = None
                    continue
                masked += idioms
                for finding in findings:
                    found.setdefault((finding.pack, finding.rule, finding.start), finding)
        if windows == WINDOWS and _end_of_windows() < len(text):
            reasons["the text is too long to read to its end"] = None
        unknown = self._cannot_judge(text, raw)
        if unknown:
            reasons[unknown] = None
        ordered = sorted(
            found.values(), key=lambda finding: (finding.tier.rank, finding.start, finding.pack, finding.rule)
        )
        return Screening(tuple(ordered[:_FINDINGS]), "; ".join(reasons), masked, self._marks, windows)

    def _concerned(self, read: list[Token]) -> Iterator[tuple[CompiledPack, Words, list[Phrase]]]:
        """The packs that may have something to say, the words as their language spells them, and which phrases."""
        plain = Words(read, self._stems.keys(read))
        spelled: dict[Spellings, Words] = {}
        for spellings in self._tables:
            written = spellings.of(read) if not spellings.first.isdisjoint(plain.keys) else read
            if written is not read:
                spelled[spellings] = Words(written, self._stems.keys(written))
        variants: list[tuple[Spellings | None, Words]] = [(None, plain), *spelled.items()]
        for table, words in variants:
            asked: dict[int, list[Phrase]] = {}
            for phrase in self._phrases.candidates(words.keys):
                asked.setdefault(phrase.pack, []).append(phrase)
            for number, phrases in asked.items():
                pack = self._packs[number]
                if (pack.spellings if pack.spellings in spelled else None) is table:
                    yield pack, words, phrases

    def _cannot_judge(self, text: str, raw: Sequence[Token]) -> str:
        for token in raw:
            if not token.word.isascii() and script_of(token.word) != "LATIN" and token.word.translate(_NO_DIGITS):
                return f"a script that no pack covers ({script_of(token.word).capitalize()})"
        counted = [self._lists_of(token.word) for token in raw if self._counts(text, token)]
        if len(counted) < _FEWEST_WORDS:
            return ""
        foreign, *known = map(sum, zip(*counted, strict=True))
        if max(known, default=0) - foreign < _KNOWN_SHARE * len(counted):
            return "mostly words that no word list has: another language, or made up"
        return ""

    def _counts(self, text: str, token: Token) -> bool:
        """Whether a word tells the language: no number, no name, no single sign."""
        if not token.word.isalpha() and any(sign.isdigit() for sign in token.word):
            return False
        if not text[token.start].isupper() or text[token.start : token.end].isupper():
            return True
        return token.word in self._common

    def _lists_of(self, word: str) -> tuple[bool, ...]:
        """Whether a word is a foreign one, and whether each known list has it. Remembered for words of the lists."""
        judged = self._judged.get(word)
        if judged is None:
            judged = (word in self._foreign, *(_is_in(listed, word) for listed in self._known))
            if word in self._common:
                self._judged[word] = judged
        return judged


def _is_in(listed: frozenset[str], word: str) -> bool:
    if len(word) == 1:
        return word in "iayoue"
    return word in listed or squeeze(word, 2) in listed or squeeze(word) in listed


def _usual(packs: Sequence[Pack]) -> Counter[str]:
    """How common words are, by the packs' own cases: what is rare is looked for first. Nothing depends on it."""
    texts = [text for pack in packs for rule in pack.rules for text in (*rule.match, *rule.no_match)]
    texts += [text for pack in packs for text in pack.everyday]
    return Counter(_LETTERS.findall("\n".join(texts).lower().replace("'", "")))


_LETTERS = re.compile(r"\w+")
_NO_DIGITS = {ord(digit): None for digit in "0123456789"}


def _windows(text: str) -> Iterator[tuple[int, str]]:
    """Overlapping parts of a text, so that a phrase on a border is seen whole in one of them."""
    for number in range(WINDOWS):
        start = number * (WINDOW - OVERLAP)
        if start and start + OVERLAP >= len(text):
            return
        yield start, text[start : start + WINDOW]


def _end_of_windows() -> int:
    return (WINDOWS - 1) * (WINDOW - OVERLAP) + WINDOW


def problems(pack: Pack, words: Mapping[str, Collection[str]], file: str = "", source: str = "") -> tuple[Problem, ...]:
    """Which of a pack's own cases fail; a pack with any is refused. `source`, the file's text, gives the lines."""
    screener = Screener([pack], words)
    found: list[Problem] = []
    for rule in pack.rules:
        for text in rule.match:
            fired = {finding.tier for finding in screener.screen(text).findings if finding.rule == rule.id}
            if rule.tier not in fired:
                seen = f"it was lowered to {min(fired)}" if fired else "nothing fired"
                found.append(
                    _problem(file, source, text, f"rule {rule.id}: {text!r} should match at {rule.tier}, but {seen}")
                )
        for text in rule.no_match:
            if any(finding.rule == rule.id and finding.tier is rule.tier for finding in screener.screen(text).findings):
                found.append(_problem(file, source, text, f"rule {rule.id}: {text!r} should not match at {rule.tier}"))
    for text in pack.everyday:
        for finding in screener.screen(text).findings:
            if finding.tier.climbs:
                found.append(_problem(file, source, text, f"everyday text {text!r} sets off rule {finding.rule}"))
    return tuple(found)


def _problem(file: str, source: str, text: str, complaint: str) -> Problem:
    line = next((number for number, written in enumerate(source.splitlines(), 1) if text in written), 0)
    return Problem(file, line, 1 if line else 0, complaint, "change the phrases, or the case")
