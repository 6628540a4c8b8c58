"""That the shipped packs have depth: phrases are counted as they are written, one line each, per topic and language."""

from __future__ import annotations

from collections import Counter

import pytest

from bot.domain import Tier
from bot.safety.packs import Pack

CRISIS = {
    "suicide": ("suicid*", "oblique-*", "oblicuo-deseo", "oblicuo-plan", "friend-in-crisis", "amistad-*"),
    "self-harm": ("self-harm*", "autolesion", "harm-to-oneself", "oblicuo-autolesion"),
    "abuse at home": ("abuse-physical", "abuso-fisico", "harm-at-home", "oblicuo-maltrato"),
    "grooming and sexual harm": ("abuse-sexual", "abuso-sexual", "harm-sexual", "oblicuo-sexual"),
    "weapon and threat": ("weapon", "arma", "harm-weapon", "oblicuo-arma"),
}
OTHERS = {
    "bullying": ("bullying", "acoso", "daily-bullying", "diario-acoso"),
    "relationship violence": ("violence", "violencia", "daily-relationship", "diario-pareja"),
    "running away": ("runaway", "fuga", "daily-runaway", "diario-fuga"),
    "homelessness and hunger": ("basic-needs", "necesidades", "daily-needs", "diario-necesidades"),
    "substances and overdose": ("substances", "sustancias", "daily-substances", "diario-sustancias"),
    "eating disorder": ("eating", "alimentacion", "daily-eating", "diario-comer"),
    "hopelessness, sadness and grief": ("low-mood", "animo", "loss-*", "perdida-*", "daily-mood", "diario-animo"),
    "isolation and school avoidance": (
        *("isolation", "soledad", "school-avoidance", "evita-escuela", "daily-isolation", "diario-aislamiento"),
    ),
}


def phrases_of(packs: dict[str, Pack], language: str, names: tuple[str, ...]) -> int:
    """Distinct written phrases of the rules with these names; a name may end in `*`."""
    rules = [rule for pack in packs.values() if pack.language == language for rule in pack.rules]
    wanted = [rule for rule in rules if any(_is(rule.id, name) for name in names)]
    return len({phrase for rule in wanted for phrase in rule.phrases})


def _is(rule: str, name: str) -> bool:
    return rule.startswith(name[:-1]) if name.endswith("*") else rule == name


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("topic", CRISIS)
def test_each_crisis_topic_has_twenty_five_phrases(packs: dict[str, Pack], language: str, topic: str) -> None:
    assert phrases_of(packs, language, CRISIS[topic]) >= 25


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("topic", OTHERS)
def test_each_other_topic_is_there_in_both_languages(packs: dict[str, Pack], language: str, topic: str) -> None:
    assert phrases_of(packs, language, OTHERS[topic]) >= 10


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_language_has_three_hundred_phrases_and_more(packs: dict[str, Pack], language: str) -> None:
    assert phrases_of(packs, language, ("*",)) >= 300


@pytest.mark.parametrize("language", ["en", "es"])
def test_plan_and_means_are_said_in_the_label(packs: dict[str, Pack], language: str) -> None:
    rules = [rule for pack in packs.values() if pack.language == language for rule in pack.rules]
    counted = Counter(
        "plan or means" in rule.label.lower() or "preparation" in rule.label.lower()
        for rule in rules
        if rule.category == "suicide" and rule.tier is Tier.CRISIS
    )
    assert counted[True] >= 2
