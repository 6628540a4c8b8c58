"""Things said near each other, acts that are said not to happen, jokes, and messages that only stand in a row."""

from __future__ import annotations

import pytest

from bot.domain import Tier
from bot.safety.compiling import compile_packs
from bot.safety.matching import MASK
from bot.safety.packs import Pack
from bot.safety.screen import Screener

from .test_split import found

RULE = {"id": "near", "tier": "crisis", "category": "suicide", "label": "Means and intention", "gap": 6}


def of_one_rule(*phrases: str) -> Screener:
    pack = {"pack": "one", "language": "en", "version": 1, "rules": [RULE | {"phrases": phrases}]}
    return Screener(compile_packs([Pack.model_validate(pack)], {"en": ["have", "the", "and", "do", "want"]}))


def test_with_a_wide_gap_the_words_of_one_choice_stand_together() -> None:
    screener = of_one_rule("(pills) (be here)")
    assert screener.screen("i have pills and do not want to be here").tier is Tier.CRISIS
    assert not screener.screen("the pills be not here").findings


@pytest.mark.parametrize(
    "text",
    [
        "i want to kill myself tonight with my moms pills",
        "i have pills and i want to die",
        "my dad keeps a gun in the closet and i dont want to be here anymore",
        "tengo pastillas y quiero morirme",
    ],
)
def test_an_intention_beside_means_is_labelled_as_a_plan(screener: Screener, text: str) -> None:
    findings = [finding for finding in screener.screen(text).findings if "plan or means" in finding.label]
    assert findings, text
    assert findings[0].tier is Tier.CRISIS


@pytest.mark.parametrize(
    "text", ["my mom doesn't hit me", "my dad never hits me", "nobody hits me at home", "my uncle never touched me"]
)
def test_what_somebody_else_does_not_do_is_a_concern_at_most(screener: Screener, text: str) -> None:
    tier = screener.screen(text).tier
    assert tier is None or tier.rank >= Tier.CONCERN.rank


@pytest.mark.parametrize(
    "text",
    [
        "he never hits me anymore",
        "my mom doesn't hit me but my dad does",
        "my dad doesn't hit me when im good",
        "my dad doesnt hit me. he locks me in the closet",
    ],
)
def test_what_he_did_or_does_at_other_times_stays_a_crisis(screener: Screener, text: str) -> None:
    assert screener.screen(text).tier is Tier.CRISIS


@pytest.mark.parametrize(
    ("text", "tier"),
    [
        ("i want to die lol", Tier.URGENT),
        ("kms lol this homework", Tier.CONCERN),
        ("me quiero morir jaja", Tier.URGENT),
        ("i want to die lol i hate myself", Tier.CRISIS),
        (
            "practice was good, sometimes i think about stepping in front of the bus, but im excited for the game",
            Tier.CRISIS,
        ),
    ],
)
def test_a_joke_lowers_suicide_by_one_step_and_a_trivial_cause_by_two(
    screener: Screener, text: str, tier: Tier
) -> None:
    assert screener.screen(text).tier is tier


@pytest.mark.parametrize(
    "texts",
    [
        ("got a list of people to invite", "never wanna do that again"),
        ("gun safety at scouts", "the class was long"),
        ("hes ok lol", "this is my week"),
        ("me quemé la lengua con el café", "me fue bien"),
    ],
)
def test_messages_that_only_stand_in_a_row_say_nothing_together(screener: Screener, texts: tuple[str, ...]) -> None:
    assert found(screener, *texts) == ()


def test_an_idiom_that_packs_share_is_kept_once(packs: dict[str, Pack]) -> None:
    made = compile_packs(list(packs.values()), {})
    idioms = [(group, text) for group, owner, _, text in made.phrases if owner == MASK]
    assert len(idioms) == len(set(idioms)) < sum(len(pack.masks) for pack in packs.values()) / 3
