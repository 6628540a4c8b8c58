"""Text in, findings out: which rules saw what, where, and whether the text could be judged at all. Pure, bounded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.domain import Finding, Tier
from bot.safety.compiled import FOREIGN, Compiled
from bot.safety.matching import MASK, CompiledPack, Ruling, Spellings
from bot.safety.normalize import Token, script_of, squeeze, tokens
from bot.safety.phrases import Phrase, Phrases, Stems, Words
from bot.safety.second_look import Look, SecondLook
from bot.safety.spelling import Speller

WINDOW = 4096
OVERLAP = 256
WINDOWS = 64
_FEWEST_WORDS = 4
_KNOWN_SHARE = 0.3
_FINDINGS = 50


@dataclass(frozen=True, slots=True)
class NotCounted:
    """What was seen and led to nothing: where it stands, and why. `rule`: which one was not heeded, if it was one."""

    why: str
    start: int
    end: int
    pack: str
    rule: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Screening:
    """What screening saw. `unscreened`: why the text could not be judged (as well), or empty."""

    findings: tuple[Finding, ...] = ()
    unscreened: str = ""
    not_counted: tuple[NotCounted, ...] = ()
    packs: tuple[str, ...] = ()
    windows: int = 0
    second_look: Look | None = None
    """Set where a school asks for one, and the rules found nothing that alerts."""

    @property
    def tier(self) -> Tier | None:
        """The most urgent of what was found; a text that could not be judged is at least unscreened."""
        if self.findings:
            return self.findings[0].tier
        return Tier.UNSCREENED if self.unscreened else None


class Screener:
    """Looks at texts with all packs. Built once, then only read: threads may share it."""

    def __init__(self, made: Compiled, second_look: SecondLook | None = None) -> None:
        self._second_look = second_look
        spellings = [Spellings(table) for table in made.spellings]
        sets = [frozenset(words.split()) for words in made.sets]
        cues = [
            Phrases([Phrase(0, owner, 0, text) for owner, text in one["phrases"]], one["rarest"], sets)
            for one in made.cues
        ]
        self._packs = [
            CompiledPack(
                one["mark"],
                [Ruling(name, Tier(tier), *rest) for name, tier, *rest in one["rules"]],
                spellings[one["spellings"]],
                cues[one["cues"]],
            )
            for one in made.packs
        ]
        self._tables = [table for table in spellings if table.first]
        self._shared = made.shared
        self._phrases = Phrases([Phrase(*one) for one in made.phrases], made.rarest, sets)
        self._marks = tuple(pack.mark for pack in self._packs)
        trigger, prefixes = made.trigger.split(), made.prefixes.split()
        self._languages = [1 << number for number, name in enumerate(made.lists) if name != FOREIGN]
        self._foreign = next((1 << number for number, name in enumerate(made.lists) if name == FOREIGN), 0)
        self._lists = _by_word(made.lists, trigger)
        self._judged: dict[str, tuple[bool, ...]] = {}
        self._stems = Stems(prefixes, self._lists)
        self._speller = Speller(self._lists, trigger, prefixes, made.doubled)

    @property
    def looks_again(self) -> bool:
        """Whether a school wants a second look."""
        return self._second_look is not None

    def screen(self, text: str) -> Screening:
        """Findings, most urgent first, then by place. Whatever goes wrong is an unscreened text, never an exception."""
        screening = self.by_rules(text)
        return screening if self._second_look is None else _looked_again(self._second_look, text, screening)

    def by_rules(self, text: str) -> Screening:
        """The same without a second look."""
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
        idioms: dict[tuple[int, int], str] = {}
        windows = 0
        for offset, part in _windows(text):
            windows += 1
            window = tokens(part, offset)
            raw += window
            for pack, words, phrases in self._concerned(self._speller.read(window)):
                try:
                    findings, masked = pack.screen(words, phrases)
                except Exception as error:  # one pack's fault must not hide what the others see
                    reasons[f"screening failed: {type(error).__name__}"] = None
                    continue
                for span in masked:  # packs of one language share their idioms: named by the first of them
                    idioms[span] = min(idioms.get(span, pack.mark), pack.mark)
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
        unheeded = tuple(NotCounted("idiom", *span, idioms[span]) for span in sorted(idioms)[:_FINDINGS])
        return Screening(tuple(ordered[:_FINDINGS]), "; ".join(reasons), unheeded, self._marks, windows)

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
            idioms: list[Phrase] = []
            for phrase in self._phrases.candidates(words.keys):
                if phrase.owner == MASK:
                    idioms.append(phrase)
                else:
                    asked.setdefault(phrase.pack, []).append(phrase)
            for phrase in idioms:  # where no rule may stand, an idiom has nothing to hide
                for number in self._shared[phrase.pack]:
                    if number in asked:
                        asked[number].append(phrase)
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
        return self._lists.get(token.word, 0) > 0

    def _lists_of(self, word: str) -> tuple[bool, ...]:
        """Whether a word is a foreign one, and whether each known list has it. Remembered for words of the lists."""
        judged = self._judged.get(word)
        if judged is None:
            listed = self._lists.get(word, 0)
            if len(word) == 1:
                judged = (listed & self._foreign > 0, *(word in "iayoue" for _ in self._languages))
            else:
                stretched = listed | self._lists.get(squeeze(word, 2), 0) | self._lists.get(squeeze(word), 0)
                judged = (listed & self._foreign > 0, *(stretched & language > 0 for language in self._languages))
            if listed:
                self._judged[word] = judged
        return judged


def _looked_again(second_look: SecondLook, text: str, screening: Screening) -> Screening:
    """With a second look where the text could be judged and no rule found what alerts: it can only add a concern."""
    if screening.unscreened or (screening.tier and screening.tier.climbs):
        return screening
    try:
        look = second_look.look(text)
    except Exception as error:  # what the rules found stays; an adult sees that the rest could not be judged
        return replace(screening, unscreened=f"the second look failed: {type(error).__name__}")
    if look is None:
        return screening
    return replace(screening, findings=(*look.findings, *screening.findings), second_look=look)


def _by_word(lists: Mapping[str, str], trigger: Iterable[str]) -> dict[str, int]:
    """Every word that can be meant, and as bits which lists have it: none for a word that only phrases have."""
    found = {word: 0 for word in trigger if word.isascii()}
    for number, listed in enumerate(lists.values()):
        for word in listed.split():
            found[word] = found.get(word, 0) | 1 << number
    return found


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
