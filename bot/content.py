"""The parts of a school's content, each read and judged by itself: plan, flows, packs, cards, texts.

Whatever is wrong comes out as ContentError with every problem of that part, naming file and line. Stores nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from pydantic import RootModel

from bot.errors import ContentError, Problem
from bot.flows.loaded import LoadedFlow, load_flow
from bot.flows.loader import Document, Keep, anew, judge, read, read_document, read_source
from bot.flows.wording import names_in
from bot.plan import Plan
from bot.safety import changes as school_changes
from bot.safety.cards import Card, Cards, Line, without_english
from bot.safety.cases import problems as failing_cases
from bot.safety.changes import Changes
from bot.safety.compiled import Compiled
from bot.safety.compiling import compile_packs
from bot.safety.packs import Pack, with_base
from bot.safety.screen import Screener
from bot.safety.second_look import SecondLook, Weights
from bot.safety.tuning import Tuning, changed, lowered
from bot.settings_file import settings_problem
from config.settings import FILE, Settings

SHIPPED = Path(__file__).resolve().parent.parent / "config"
"""Where the package's own content is."""
PLAN = "program.yaml"
FLOWS = "flows"
SAFETY = "safety"
SCREENING = "screening.yaml"
RULES = "rules.yaml"
SECOND_LOOK = Path(SAFETY, "second-look.json")
CARDS = "cards.yaml"

T = TypeVar("T")
Words = Mapping[str, frozenset[str]]
Texts = Mapping[str, Mapping[str, str]]


class _Texts(RootModel[dict[str, str]]):
    """The house's own texts in one language."""


class Parts:
    """Reads one part after the other and keeps what is wrong, so that an author sees all of it at once."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def read(self, reader: Callable[[], T]) -> T | None:
        """What `reader` gives, or None, with its problems kept."""
        try:
            return reader()
        except ContentError as error:
            self.problems.extend(error.problems)
            return None

    def judge(self) -> None:
        """Raise ContentError if anything was wrong."""
        if self.problems:
            raise ContentError(list(dict.fromkeys(self.problems)))


def read_plan(root: Path, keep: Keep = anew) -> tuple[Plan, Document]:
    """program.yaml, and where everything stands in it. Raises ContentError."""
    document = read_document(root / PLAN, keep)
    return judge(document, Plan), document


def read_flows(root: Path, keep: Keep = anew) -> Mapping[str, LoadedFlow]:
    """Every flow of a program, by name. Raises ContentError with the problems of all files."""
    parts = Parts()
    flows: dict[str, LoadedFlow] = {}
    for path in sorted((root / FLOWS).glob("*.yaml")):
        loaded = parts.read(partial(load_flow, path, keep))
        if loaded is not None and loaded.name != path.stem:
            text = f'the flow is called "{loaded.name}", so its file must be {loaded.name}.yaml'
            parts.problems.append(Problem(str(path), 1, 1, text))
        elif loaded is not None:
            flows[loaded.name] = loaded
    parts.judge()
    return flows


def read_packs(folder: Path, shipped: Path = SHIPPED) -> tuple[Pack, ...]:
    """The safety packs of the package, then the school's own, which add to them: the most urgent finding counts.

    Raises ContentError, also for a school's pack that fails its own cases or takes the name of one that ships.
    """
    parts = Parts()
    own, theirs = _pack_files(shipped), _pack_files(folder)
    alone = [(path, pack) for path in own if (pack := parts.read(partial(read, path, Pack)))]
    bases = [pack for _, pack in alone]
    packs = [pack for path, one in alone if (pack := _with_base(parts, path, one, bases))]
    names = {pack.pack for pack in packs}
    words = read_words(shipped) if theirs else {}
    for path in theirs:
        read_alone = parts.read(partial(read, path, Pack))
        pack = _with_base(parts, path, read_alone, bases) if read_alone else None
        if pack is None:
            continue
        if pack.pack in names:
            text = f'there is a pack "{pack.pack}" already; a school adds packs and replaces none'
            parts.problems.append(Problem(str(path), 1, 1, text, f'call it "{pack.pack}-school"'))
        names.add(pack.pack)
        parts.problems.extend(failing_cases(pack, words, str(path), read_source(path)))
        packs.append(pack)
    if not own:
        parts.problems.append(Problem(str(shipped / SAFETY / "packs"), 0, 0, "there is no safety pack here"))
    parts.judge()
    return _changed(folder, packs)


def _changed(folder: Path, packs: Sequence[Pack]) -> tuple[Pack, ...]:
    """The packs with the tiers that the school raises. Raises ContentError for what it may not change."""
    changes, path = read_changes(folder), folder / SAFETY / SCREENING
    problems = [
        read_document(path).problem(("raised", place), text, hint)
        for place, text, hint in school_changes.not_raised(packs, changes)
    ]
    if problems:
        raise ContentError(problems)
    return school_changes.raised(packs, changes) if changes.raised else tuple(packs)


def read_changes(folder: Path, keep: Keep = anew) -> Changes:
    """What the school changes about rules, mutes above all. Raises ContentError."""
    path = folder / SAFETY / SCREENING
    return read(path, Changes, keep) if path.exists() else Changes()


def _with_base(parts: Parts, path: Path, pack: Pack, bases: Sequence[Pack]) -> Pack | None:
    try:
        return with_base(pack, bases)
    except ValueError as error:
        known = ", ".join(base.pack for base in bases if base.base is None)
        parts.problems.append(Problem(str(path), 1, 1, str(error), f"bases are {known}" if known else ""))
        return None


def read_draft(path: Path, packs: Sequence[Pack]) -> Pack:
    """A pack that is not in use yet. Raises ContentError, also where it fails its own cases."""
    parts = Parts()
    alone = parts.read(partial(read, path, Pack))
    pack = _with_base(parts, path, alone, packs) if alone else None
    if pack is not None:
        parts.problems.extend(failing_cases(pack, read_words(), str(path), read_source(path)))
    parts.judge()
    assert pack is not None
    return pack


def read_screener(folder: Path, shipped: Path = SHIPPED, keep: Keep = anew) -> Screener:
    """All safety packs and word lists, ready to look at texts with, and a second look if the school wants it.

    Raises ContentError as `read_packs` does.
    """
    paths = [*_pack_files(shipped), *(shipped / SAFETY / "words").glob("*.txt"), *_pack_files(folder)]
    paths += (folder / SAFETY).glob(SCREENING)
    made_from = "\n".join(f"{sha256(read_source(path).encode()).hexdigest()} {path}" for path in sorted(paths))

    def made_ready() -> Any:
        return vars(compile_packs(read_packs(folder, shipped), read_words(shipped)))

    made = Compiled(**keep(made_from, made_ready))
    return Screener(made, read_second_look(shipped) if read_changes(folder, keep).second_look else None)


def read_second_look(shipped: Path = SHIPPED) -> SecondLook:
    """The scorer that ships. Raises ContentError for a file that is damaged."""
    path = shipped / SECOND_LOOK
    try:
        return SecondLook(Weights.model_validate_json(path.read_bytes()))
    except (OSError, ValueError) as error:
        text = "the weights of the second look cannot be read: the file is damaged or missing"
        hint = f"restore it, or take second_look out of {SAFETY}/{SCREENING} until then"
        raise ContentError([Problem(str(path), 0, 0, text, hint)]) from error


def told_mutes(folder: Path, packs: Sequence[Pack], today: date) -> Iterator[Problem]:
    """Each mute of a school in a sentence, with its line, those of rules that are not there, and a second look."""
    path = folder / SAFETY / SCREENING
    if path.exists():
        changes, document = read_changes(folder), read_document(path)
        for place, text, hint in school_changes.not_muted(packs, changes):
            yield document.problem(("muted", place), text, hint)
        for place, mute in enumerate(changes.muted):
            yield document.problem(("muted", place), mute.told(today))
        if changes.second_look:
            yield document.problem(("second_look",), school_changes.SECOND_LOOK_IS_ON)


def _pack_files(place: Path) -> list[Path]:
    return sorted((place / SAFETY / "packs").glob("*.yaml"))


def read_words(shipped: Path = SHIPPED) -> Words:
    """Common words by language: one word a line, lines with # are comments."""
    lists = sorted((shipped / SAFETY / "words").glob("*.txt"))
    return {
        path.stem: frozenset(
            word for line in path.read_text(encoding="utf-8").splitlines() if (word := line.strip()) and word[0] != "#"
        )
        for path in lists
    }


def read_cards(folder: Path, shipped: Path = SHIPPED, keep: Keep = anew) -> tuple[Card, ...]:
    """The crisis cards of the package; a school may add languages, and word its own with the same numbers.

    Raises ContentError.
    """
    path, usual = folder / SAFETY / CARDS, shipped / SAFETY / CARDS
    cards = {(card.country, card.language): card for card in read(usual, Cards, keep).cards}
    problems = []
    for card in read(path, Cards, keep).cards if path.exists() else ():
        known = cards.get((card.country, card.language))
        lost = [number for number in known.numbers if number not in card.text] if known else []
        if lost:
            text = f"the card for {card.country}, {card.language} leaves out {', '.join(lost)}"
            problems.append(Problem(str(path), 0, 0, text))
        cards[card.country, card.language] = card
    for country in without_english([*cards.values()]):
        where = path if path.exists() else usual
        text = f"there is no English card for {country}, which the other languages fall back to"
        problems.append(Problem(str(where), 0, 0, text))
    if problems:
        raise ContentError(problems)
    return tuple(cards.values())


def read_lines(folder: Path, shipped: Path = SHIPPED, keep: Keep = anew) -> tuple[Line, ...]:
    """The numbers in one sentence per language; a school's own replace those that ship. Raises ContentError."""
    paths = [place / SAFETY / CARDS for place in (shipped, folder)]
    lines = [line for path in paths if path.exists() for line in read(path, Cards, keep).lines]
    return tuple({(line.country, line.language): line for line in lines}.values())


def read_tuning(folder: Path, shipped: Path = SHIPPED, keep: Keep = anew) -> Tuning:
    """The rules beyond words, as the package has them and the school's own file changes them. Raises ContentError.

    A school may raise a tier and tune the numbers; it may not make a rule less urgent.
    """
    document = read_document(shipped / SAFETY / RULES, keep)
    usual = judge(document, Tuning)
    path = folder / SAFETY / RULES
    if not path.exists():
        return usual
    written = read_document(path, keep)
    if not isinstance(written.value, Mapping):
        return judge(written, Tuning)  # which says what is expected instead
    own = judge(replace(written, value=changed(document.value, written.value)), Tuning)
    problems = [
        written.problem((name, key), f"{name}: a school may raise how urgent a rule is, not lower it")
        for name, key in lowered(usual, own)
    ]
    if problems:
        raise ContentError(problems)
    return own


def uncovered_country(settings: Settings, cards: tuple[Card, ...], folder: Path) -> list[Problem]:
    """Whether there is a crisis card for the school's country at all."""
    known = sorted({card.country for card in cards})
    if settings.school.country in known:
        return []
    text = f'has no crisis card ("{settings.school.country}"); there are cards for {", ".join(known)}'
    return [settings_problem(folder / FILE, "school.country", text)]


def read_texts(languages: tuple[str, ...], shipped: Path = SHIPPED, keep: Keep = anew) -> Texts:
    """The house's own texts in each language. Raises ContentError for a language, key or placeholder that one lacks."""
    parts = Parts()
    texts: dict[str, Mapping[str, str]] = {}
    for language in languages:
        found = parts.read(partial(read, _texts_path(shipped, language), _Texts, keep))
        if found is not None:
            texts[language] = MappingProxyType(found.root)
    every = {key: text for one in reversed(texts.values()) for key, text in one.items()}
    for language, one in texts.items():
        for key, text in every.items():
            complaint = _text_complaint(key, one.get(key), text)
            if complaint:
                parts.problems.append(Problem(str(_texts_path(shipped, language)), 0, 0, complaint))
    parts.judge()
    return MappingProxyType(texts)


def _text_complaint(key: str, text: str | None, elsewhere: str) -> str:
    if text is None:
        return f'the text "{key}" is missing'
    try:
        fits = set(names_in(text)) == set(names_in(elsewhere))
    except ValueError as error:
        return f'the text "{key}": {error}'
    return "" if fits else f'the text "{key}" has other placeholders than in another language'


def _texts_path(shipped: Path, language: str) -> Path:
    return shipped / "texts" / f"{language}.yaml"
