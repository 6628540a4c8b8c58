"""The page that counselors print has every card and every rule that is in force, with version and cases."""

from __future__ import annotations

from pathlib import Path

from bot.console.desk import templates
from bot.content import read_cards, read_packs
from bot.printed import sheets
from bot.program import create, load_program


def test_every_card_and_rule_is_on_it(tmp_path: Path) -> None:
    create(tmp_path / "lincoln", "near-peer")
    program = load_program(tmp_path / "lincoln")
    found = sheets(program)
    packs, cards = read_packs(program.folder), read_cards(program.folder)
    printed = {(rule.pack, rule.id) for one in found.languages for rule in one.rules}
    assert printed == {(pack.mark, rule.id) for pack in packs for rule in pack.rules}
    phrases = {phrase for one in found.languages for rule in one.rules for phrase in rule.phrases}
    assert phrases == {phrase for pack in packs for rule in pack.rules for phrase in rule.phrases}
    assert [(card.language, card.version) for card in found.cards] == [(card.language, card.version) for card in cards]
    for card in cards:
        (sheet,) = [one for one in found.cards if one.language == card.language]
        said = " ".join(text for _, text in sheet.texts)
        assert all(words in said for words in (card.opening, card.asked, card.mentor, *card.numbers))
    first = [one.language for one in found.languages][:2]
    assert first == ["en", "es"]
    for one in found.languages:
        tiers = [rule.tier.rank for rule in one.rules]
        assert tiers == sorted(tiers), "the most urgent first"


def test_a_rule_of_the_schools_own_is_on_it_as_well(tmp_path: Path) -> None:
    folder = tmp_path / "lincoln"
    create(folder, "near-peer")
    own = folder / "safety" / "packs" / "ours.yaml"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(
        "pack: ours\nlanguage: en\nversion: 1\nrules:\n  - {id: bridge, tier: urgent, category: suicide, "
        "label: The bridge at the mill, phrases: [at the mill bridge tonight]}\n"
    )
    english = sheets(load_program(folder)).languages[0]
    assert "ours, version 1" in english.packs
    page = templates().get_template("words.html").render(
        school="Lincoln High", staff=None, status=(), path="/staff/words", asset=str, cards=(), languages=[english],
        known=[("en", "English")], asked="en", today="Tue, Nov 3",
        notes=["Rule en/wish is muted until 2026-12-01 by Ms. Rivera: a play."],
    )  # fmt: skip
    assert "The bridge at the mill" in page
    assert "at the mill bridge tonight" in page
    assert "Date and signature" in page
    assert "Rule en/wish is muted until 2026-12-01 by Ms. Rivera: a play." in page
