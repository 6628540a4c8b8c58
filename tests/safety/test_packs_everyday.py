"""What all shipped packs together leave alone: everyday texts, and idioms that share a strong word with a crisis."""

from __future__ import annotations

import pytest

from bot.domain import Tier
from bot.safety.packs import Pack, with_base
from bot.safety.screen import Screener

TRAPS = """
we had a suicide prevention assembly and learned about suicide in health class
coach made us run suicides
I cannot live without iced coffee
coach is gonna kill us if we lose
my mom is going to kill me when she sees my report card
i want to kill my brother he ate my leftovers
cut myself shaving this morning
she cut herself on the fence at recess
I burned my hand on the straightener
we jumped off the roof into the pool
going to end it with my boyfriend, he is boring
I will die if I have to present
drowning myself in homework
i overdosed on candy at halloween
friends like that make life worth living
I will be gone next week for vacation
we always run into traffic on the way to school
I relapsed on boba lol
me mato estudiando para el examen
mi mamá me va a matar si repruebo
mi papá me va a matar cuando vea mi boleta
mi novia me cortó ayer
me cortó mi novio por whatsapp
se corta la llamada
se me cortó el internet
no puedo vivir sin mi celular
casi me mato en la bici
voy a matar a mi hermano se comió mi pizza
"""


def test_the_packs_together_leave_everyday_texts_alone(packs: dict[str, Pack], screener: Screener) -> None:
    everyday = [text for pack in packs.values() for text in pack.everyday]
    assert len(everyday) >= 300
    alarmed = [
        (text, finding.pack, finding.rule)
        for text in everyday
        for finding in screener.screen(text).findings
        if finding.tier.climbs
    ]
    assert alarmed == []


@pytest.mark.parametrize("text", TRAPS.strip().splitlines())
def test_another_sense_of_a_strong_word_is_no_crisis(screener: Screener, text: str) -> None:
    assert screener.screen(text).tier is not Tier.CRISIS


@pytest.mark.parametrize(
    "text",
    [
        "I can't live without him, I want to die",
        "I want to end it with my dad's gun",
        "jump off the bridge into the river",
        "my dad is going to kill me, I'm hiding",
        "me corto con una navaja cuando estoy sola",
        "mi amiga se corta",
        "I cut myself again on purpose",
    ],
)
def test_the_same_word_in_earnest_stays_a_crisis(screener: Screener, text: str) -> None:
    assert screener.screen(text).tier is Tier.CRISIS


def test_a_pack_with_a_base_reads_as_its_base_does_and_adds_its_own() -> None:
    rule = {"id": "wish", "tier": "crisis", "category": "suicide", "label": "Wants to die", "phrases": ["want to die"]}
    common = {"language": "en", "version": 1, "rules": [rule]}
    base = Pack.model_validate(
        common | {"pack": "one", "spellings": {"wanna": "want to"}, "masks": ["want to die for"]}
    )
    added = Pack.model_validate(common | {"pack": "two", "base": "one", "modifiers": {"hyperbole": ["lol"]}})
    read = with_base(added, [base, added])
    assert (read.spellings, read.masks, read.modifiers.hyperbole) == (
        {"wanna": "want to"},
        ("want to die for",),
        ("lol",),
    )
    assert read.rules == added.rules


def test_a_base_that_is_not_there_or_has_a_base_itself_is_refused() -> None:
    rule = {"id": "wish", "tier": "crisis", "category": "suicide", "label": "Wants to die", "phrases": ["want to die"]}
    pack = Pack.model_validate({"pack": "two", "base": "one", "language": "en", "version": 1, "rules": [rule]})
    chained = pack.model_copy(update={"pack": "one", "base": "zero"})
    for packs in ([pack], [pack, chained]):
        with pytest.raises(ValueError, match='no pack "one"'):
            with_base(pack, packs)
