"""A rule that somebody muted: no case, and yet nothing is lost from sight."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from bot.safety.changes import Mute
from storage import tables
from tests.school import MAYA, House

MUTE = Mute(
    rule="en/wish-to-die", by="Ms. Rivera", since=date(2026, 10, 1), until=date(2026, 10, 5), why="a play in class"
)


async def test_a_muted_crisis_is_no_case_and_staff_see_it_on_the_review_list(house: House) -> None:
    muted = house.restarted(replace(house.program, mutes=(MUTE,)))
    await muted.says(MAYA, "I want to die")
    assert muted.rows(tables.escalation) == []
    (notice,) = muted.rows(tables.review_item, kind="notice")
    assert notice.reason == "Wish to be dead (a muted rule)"
    (explanation,) = muted.rows(tables.explanation)
    (unheeded,) = explanation.record["not_counted"]
    assert unheeded["why"] == "muted by Ms. Rivera until 2026-10-05: a play in class"


async def test_other_rules_and_other_days_are_not_muted(house: House) -> None:
    muted = house.restarted(replace(house.program, mutes=(MUTE,)))
    await muted.says(MAYA, "they hit me")
    assert muted.case().category == "bullying"
    await muted.jump(hours=30)
    await muted.says(MAYA, "I want to die")
    assert [row.category for row in muted.rows(tables.escalation)] == ["bullying", "suicide"]
