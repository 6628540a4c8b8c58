"""A school that wants a second look: what no rule finds is told as a concern, and the record says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from bot.content import SAFETY, SCREENING, SHIPPED, read_screener
from storage import tables
from tests.school import MAYA, House, on_sqlite

SIDEWAYS = "nothing feels like anything anymore"
"""One of our own sentences, kept from training."""


@on_sqlite
async def test_as_it_ships_no_second_look_opens_a_case(house: House) -> None:
    await house.says(MAYA, SIDEWAYS)
    assert house.rows(tables.escalation) == []


@on_sqlite
async def test_a_second_look_opens_a_concern_and_its_score_stands_beside_the_message(
    house: House, tmp_path: Path
) -> None:
    (tmp_path / SAFETY).mkdir()
    (tmp_path / SAFETY / SCREENING).write_text("second_look: true\n", encoding="utf-8")
    twice = read_screener(tmp_path, SHIPPED)
    assert twice.by_rules(SIDEWAYS).tier is None, "a rule finds it now: this test needs another sentence"
    wanting = house.restarted(replace(house.program, screener=twice))
    await wanting.says(MAYA, SIDEWAYS)
    case = wanting.case()
    assert (case.tier, case.category) == ("concern", "second-look")
    (explanation,) = wanting.rows(tables.explanation)
    look = explanation.record["second_look"]
    assert look["score"] >= look["threshold"]
    assert len(look["words"]) == 3
