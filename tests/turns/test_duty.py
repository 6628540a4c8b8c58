"""On duty: a rung names whoever is on duty; where nobody is, the safety contact hears at once, and is warned before."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.school import leave
from bot.turns import ahead
from bot.turns.draft import Draft
from storage.database import Database
from tests.school import MAYA, OKAFOR, PLAN, RIVERA, House, house, on_sqlite, tiny_program
from tests.turns.test_ladder import alerts

ON_DUTY = PLAN.replace("tell: [advisor]", "tell: [on-duty]")
"""The little school's story begins on Monday, October 5, at noon."""


def school(database: Database, folder: Path, duty: str) -> House:
    return house(database, tiny_program(folder, plan=ON_DUTY + duty))


async def test_whoever_is_on_duty_is_told(database: Database, tmp_path: Path) -> None:
    made = school(database, tmp_path, "duty: {start: 2026-09-28, weeks: [rivera, okafor]}\n")
    await made.says(MAYA, "I want to die")
    assert (alerts(made, OKAFOR), alerts(made, RIVERA)) == (1, 0)


async def test_f70_where_nobody_is_on_duty_the_safety_contact_hears_at_once(database: Database, tmp_path: Path) -> None:
    duty = "duty: {start: 2026-09-28, weeks: [rivera], instead: [{first: 2026-10-05, who: []}]}\n"
    # Whoever stands on the next rung is another adult: it is not they who are meant.
    plan = ON_DUTY.replace("tell: [coordinator]", "tell: [rivera]")
    made = house(database, tiny_program(tmp_path, plan=plan + duty))
    await made.says(MAYA, "I want to die")
    assert (alerts(made, OKAFOR), alerts(made, RIVERA)) == (1, 0)


@on_sqlite
async def test_f70_the_safety_contact_reads_once_a_day_of_gaps_in_the_next_two_weeks(
    database: Database, tmp_path: Path
) -> None:
    duty = "duty: {start: 2026-10-05, weeks: [rivera], instead: [{first: 2026-10-20, last: 2026-10-21, who: []}]}\n"
    made = school(database, tmp_path, duty)
    await made.pass_time(hours=11)
    assert made.phone(OKAFOR) == []
    await made.pass_time(days=1)
    assert ["2026-10-20 00:00 - 2026-10-20" in text for text in made.phone(OKAFOR)] == [True]
    made = made.restarted()
    await made.settle()
    assert len(made.phone(OKAFOR)) == 1
    for _ in range(3):
        await made.pass_time(days=1)
    assert len(made.phone(OKAFOR)) == 4


@on_sqlite
async def test_nobody_is_rung_at_night_for_what_can_wait(database: Database, tmp_path: Path) -> None:
    duty = "duty: {start: 2026-10-05, weeks: [rivera], instead: [{first: 2026-10-20, who: []}]}\n"
    made = school(database, tmp_path, duty)
    await made.pass_time(hours=11)
    for hours, told in ((4, 0), (4, 0), (2, 1)):  # 03:00, 07:00, 09:00
        await made.pass_time(hours=hours)
        assert len(made.phone(OKAFOR)) == told


@on_sqlite
async def test_where_the_safety_contact_has_left_all_others_read_of_gaps(database: Database, tmp_path: Path) -> None:
    duty = "duty: {start: 2026-10-05, weeks: [rivera], instead: [{first: 2026-10-12, who: []}]}\n"
    made = school(database, tmp_path, duty)
    leave(made.database, made.clock, "okafor")
    await made.pass_time(days=1)
    assert ("2026-10-12 00:00" in "".join(made.phone(RIVERA)), made.phone(OKAFOR)) == (True, [])


@on_sqlite
async def test_law_2_that_gaps_cannot_be_looked_for_is_told_and_check_ins_go_on(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = house(database, tiny_program(tmp_path))

    def look(_draft: Draft) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ahead, "look", look)
    await made.pass_time(days=1, hours=4)
    assert made.case().reason == made.text("reason_unseen")
    assert "How is your week, Maya?" in made.newest(MAYA).text


@on_sqlite
async def test_the_safety_contact_comes_last_also_where_no_rung_names_them(database: Database, tmp_path: Path) -> None:
    plan = PLAN.replace("tell: [coordinator]", "tell: [rivera]")
    made = house(database, tiny_program(tmp_path, plan=plan))
    await made.says(MAYA, "I want to die")
    await made.pass_time(minutes=9)
    assert alerts(made, OKAFOR) == 0
    await made.pass_time(minutes=1)
    assert alerts(made, OKAFOR) == 1
    await made.pass_time(hours=1)
    assert alerts(made, OKAFOR) == 7


@pytest.mark.parametrize("word", ["rivera", "okafor"])
def test_a_rung_for_whoever_is_on_duty_needs_a_duty(tmp_path: Path, word: str) -> None:
    tiny_program(tmp_path / "with", plan=f"{ON_DUTY}duty: {{start: 2026-09-28, weeks: [{word}]}}\n")
    with pytest.raises(Exception, match="there is no duty in this plan"):
        tiny_program(tmp_path / "without", plan=ON_DUTY)
