"""What cannot be judged is never nothing: whatever a student sends, an adult sees that it could not be screened."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.safety.compiling import compile_packs
from bot.safety.screen import WINDOW, Screener
from storage import tables
from tests.school import CANARY, MAYA, PACK, House, tiny_program


def kinds(house: House) -> list[str]:
    return sorted(item.kind for item in house.rows(tables.review_item))


@pytest.mark.parametrize(
    "text",
    [
        "я больше не могу так жить",  # a script that no pack covers
        "nie chce mi sie juz tutaj dalej meczyc",  # a language that no pack covers
        "zxq wvu tsr qpo nml kji",  # no language at all
    ],
)
async def test_a_language_that_no_pack_covers_is_seen_by_an_adult_with_its_words(house: House, text: str) -> None:
    await house.says(MAYA, text)
    (item,) = house.rows(tables.review_item, kind="unscreened")
    (log,) = house.rows(tables.message, direction="in")
    assert (item.person_id, item.message_id, log.text) == (MAYA, log.id, text)
    (explanation,) = house.rows(tables.explanation)
    assert (explanation.record["tier"], explanation.message_id) == ("unscreened", log.id)


async def test_an_answer_that_cannot_be_judged_is_kept_and_seen(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.says(MAYA, "мне очень плохо и одиноко")
    assert [row.text for row in house.rows(tables.answer, step="words")] == ["мне очень плохо и одиноко"]
    assert kinds(house) == ["unscreened"]


@pytest.mark.parametrize("sent", ["voice", "photo", "sticker", "video", "document"])
async def test_what_is_no_text_is_seen_by_an_adult(house: House, sent: str) -> None:
    await house.offer({"chat": str(MAYA), "text": "", "kind": "media", "media": sent})
    await house.settle()
    (item,) = house.rows(tables.review_item)
    assert (item.kind, item.person_id) == ("media", MAYA)
    assert sent in item.reason


async def test_without_any_pack_everything_is_unscreened(house: House) -> None:
    bare = house.restarted(replace(house.program, screener=Screener(compile_packs([], {}))))
    await bare.says(MAYA, "all is fine")
    assert "unscreened" in kinds(bare)


async def test_one_packs_fault_hides_nothing_that_the_others_see(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError(CANARY)

    pack = house.program.screener._packs[0]
    monkeypatch.setattr(pack, "screen", broken)
    await house.says(MAYA, f"I want to die {CANARY}")
    (item,) = house.rows(tables.review_item, kind="unscreened")
    assert "ZeroDivisionError" in item.reason


async def test_the_end_of_a_text_that_is_too_long_is_seen_by_an_adult(house: House) -> None:
    await house.says(MAYA, "it was fine and nice " * (WINDOW * 64 // 20))
    assert "unscreened" in kinds(house)


async def test_a_stranger_who_cannot_be_judged_is_seen(house: House) -> None:
    await house.offer({"chat": "4711", "text": "мне очень плохо"})
    await house.settle()
    assert kinds(house) == ["stranger"]
    (log,) = house.rows(tables.message, direction="in")
    assert (log.person_id, log.text) == (None, "мне очень плохо")


async def test_a_figure_of_speech_that_hid_a_rule_is_kept_with_its_place(house: House, tmp_path: Path) -> None:
    """It wakes nobody, and whoever asks later why it did not finds the reason."""
    pack = PACK.replace("rules:", "masks: [want to die laughing]\nrules:")
    masked = house.restarted(replace(house.program, screener=tiny_program(tmp_path, pack=pack).screener))
    await masked.says(MAYA, "I want to die laughing")
    assert masked.rows(tables.escalation) == []
    (explanation,) = masked.rows(tables.explanation)
    (unheeded,) = explanation.record["not_counted"]
    assert (explanation.record["tier"], unheeded["why"], unheeded["start"], unheeded["end"]) == ("none", "idiom", 2, 22)
