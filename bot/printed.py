"""A school's cards and safety packs as sheets for the page that counselors print, read from the files as they are."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from bot.console.words import CardSheet, LanguageSheet, RuleSheet, Sheets
from bot.content import read_cards, read_packs
from bot.program import Program
from bot.safety.cards import Card
from bot.safety.packs import Modifiers, Pack, Rule

_LANGUAGES = {
    "ar": "Arabic", "en": "English", "es": "Spanish", "fr": "French", "ht": "Haitian Creole", "mul": "More languages",
    "pt": "Portuguese", "vi": "Vietnamese", "zh": "Chinese",
}  # fmt: skip
_FIRST = ("en", "es")
_ADULT = "[the student's advisor]"
_MODIFIERS = {
    "denial": "Words before a phrase that may deny it",
    "not_denial": "Words with which a denial denies nothing",
    "denied": "What somebody else does not do",
    "ended": "Words behind it by which it was done all the same",
    "stops": "Words over which a denial does not reach",
    "hyperbole": "Causes that nobody dies of",
    "jokes": "Words of a joke, which lower suicide by one step only",
    "turns": "Words behind which something else begins",
    "sincerity": "Words that take a joke back",
    "first_person": "Words by which it is about themselves",
    "friend": "Words by which it is about a friend",
    "other": "Words by which it is about somebody else",
    "postvention": "Words by which somebody has died already",
    "recovery": "Words by which it is over",
    "present": "Words by which it is not over",
}


def sheets(program: Program) -> Sheets:
    """What is in force after the next start. Raises ContentError for files that cannot be read."""
    packs = defaultdict(list)
    for pack in read_packs(program.folder):
        packs[pack.language].append(pack)
    order = sorted(packs, key=lambda language: (language not in _FIRST, language))
    cards = [card for card in read_cards(program.folder) if card.country == program.country]
    return Sheets(
        tuple(_card(program, card) for card in cards), tuple(_language(language, packs[language]) for language in order)
    )


def _card(program: Program, card: Card) -> CardSheet:
    place = program.place(card.language)
    texts = (
        ("After words that sound like danger", card.render(place, _ADULT)),
        ("After asking for an adult", card.render(place, _ADULT, asked=True)),
        ("To a mentor who tells of somebody else", card.render(place, _ADULT, mentor=True)),
    )
    return CardSheet(card.language, _LANGUAGES.get(card.language, card.language), card.country, card.version, texts)


def _language(language: str, packs: Sequence[Pack]) -> LanguageSheet:
    rules = [_rule(pack, rule) for pack in packs for rule in pack.rules]
    masks = dict.fromkeys(mask for pack in packs for mask in pack.masks)
    everyday = dict.fromkeys(text for pack in packs for text in pack.everyday)
    return LanguageSheet(
        language,
        _LANGUAGES.get(language, language),
        tuple(f"{pack.pack}, version {pack.version}" for pack in packs),
        tuple(sorted(rules, key=lambda one: (one.tier.rank, one.category, one.label))),
        tuple(masks),
        tuple(_modifiers([pack.modifiers for pack in packs])),
        tuple(everyday),
    )


def _rule(pack: Pack, rule: Rule) -> RuleSheet:
    traits = [
        "a denial before it lowers it" if rule.negation else "counts as well behind a denial",
        *(["joking words around it lower it"] if rule.hyperbole else []),
        *(["being over lowers it"] if rule.past else []),
        *([f"always about a {rule.about}"] if rule.about else []),
        *([f"up to {rule.gap} other words may stand in between"] if rule.gap else []),
    ]
    return RuleSheet(
        rule.id,
        pack.mark,
        rule.tier,
        rule.category.replace("-", " "),
        rule.label,
        rule.phrases,
        traits,
        rule.match,
        rule.no_match,
    )


def _modifiers(several: Sequence[Modifiers]) -> Iterator[tuple[str, Sequence[str]]]:
    for name, meaning in _MODIFIERS.items():
        phrases = tuple(dict.fromkeys(phrase for one in several for phrase in getattr(one, name)))
        if phrases:
            yield meaning, phrases
