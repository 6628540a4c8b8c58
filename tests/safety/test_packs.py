"""The phrase language, what a pack may say, and that the shipped packs pass their own cases."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bot.domain import Tier
from bot.safety.cases import problems
from bot.safety.matching import CUES
from bot.safety.packs import Modifiers, Pack, slots

from .conftest import SAFETY

LANGUAGES = sorted(path.stem for path in (SAFETY / "packs").glob("*.yaml"))


def pack_of(**changes: Any) -> dict[str, Any]:
    rule = {"id": "wish", "tier": "crisis", "category": "suicide", "label": "Wants to die", "phrases": ["want to die"]}
    return {"pack": "own", "language": "en", "version": 1, "rules": [rule | changes]}


def test_a_phrase_is_places_with_the_words_that_may_stand_there() -> None:
    assert slots("want to (die|be dead|) suicid*") == (
        (("want",),),
        (("to",),),
        (("die",), ("be", "dead"), ()),
        (("suicid*",),),
    )


@pytest.mark.parametrize("phrase", ["(a|b", "a)", "((a|b)|c)", "(a|)", "kill.+", "k*ll", "(a|b)c", "*", "[ab]", "a|b"])
def test_a_phrase_that_is_none_is_refused(phrase: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        slots(phrase)


@pytest.mark.parametrize(
    "change",
    [{"tier": "unscreened"}, {"tier": "panic"}, {"gap": 9}, {"regex": "die"}, {"phrases": []}, {"id": "No Spaces"}],
)
def test_a_rule_says_only_what_rules_may_say(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Pack.model_validate(pack_of(**change))


def test_two_rules_of_one_name_are_refused() -> None:
    written = pack_of()
    written["rules"] *= 2
    with pytest.raises(ValidationError, match="two rules are called 'wish'"):
        Pack.model_validate(written)


def test_a_pack_whose_own_cases_fail_is_told_which_and_where() -> None:
    pack = Pack.model_validate(
        pack_of(match=["I hate it all"], no_match=["I want to die for pizza"]) | {"everyday": ["we want to die"]}
    )
    source = "match:\n  - I hate it all\nno_match:\n  - I want to die for pizza\n"
    failed = problems(pack, {}, "own.yaml", source)
    assert [(problem.file, problem.line) for problem in failed] == [("own.yaml", 2), ("own.yaml", 4), ("own.yaml", 0)]
    assert "nothing fired" in failed[0].text
    assert "should not match" in failed[1].text
    assert "everyday" in failed[2].text


def test_a_case_that_is_only_lowered_is_told_so() -> None:
    written = pack_of(match=["I never want to die"]) | {"modifiers": {"denial": ["never"]}}
    (failed,) = problems(Pack.model_validate(written), {})
    assert "lowered to concern" in failed.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_shipped_pack_passes_its_own_cases(
    language: str, packs: dict[str, Pack], words: dict[str, list[str]]
) -> None:
    assert problems(packs[language], words, f"{language}.yaml") == ()


@pytest.mark.parametrize("language", ["en", "es"])
def test_english_and_spanish_are_complete(language: str, packs: dict[str, Pack]) -> None:
    rules = [rule for pack in packs.values() if pack.language == language for rule in pack.rules]
    crisis = [rule for rule in rules if rule.tier is Tier.CRISIS]
    assert {rule.category for rule in crisis} == {"suicide", "self-harm", "danger", "abuse", "weapon"}
    assert sum(len(rule.match) for rule in crisis) >= 60
    assert all(rule.match for rule in rules)
    assert {rule.tier for rule in rules} == {Tier.CRISIS, Tier.URGENT, Tier.CONCERN, Tier.NOTICE}


@pytest.mark.parametrize("language", ["ar", "zh", "vi", "ht", "pt", "fr"])
def test_small_packs_cover_suicide_abuse_and_weapons(language: str, packs: dict[str, Pack]) -> None:
    assert {rule.category for rule in packs[language].rules} == {"suicide", "abuse", "weapon"}


def test_being_over_never_lowers_abuse(packs: dict[str, Pack]) -> None:
    assert not [rule.id for pack in packs.values() for rule in pack.rules if rule.category == "abuse" and rule.past]


def test_matching_knows_every_list_of_words_around_a_finding() -> None:
    assert tuple(Modifiers.model_fields) == CUES
