"""DIR/safety/screening.yaml: what a school mutes and raises, and how it is told."""

from __future__ import annotations

import shutil
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from bot.content import SECOND_LOOK, SHIPPED
from bot.doctor import check, examine
from bot.domain import Tier
from bot.program import load_program
from tests.program.conftest import SCHOOL_PACK, complaints, school_file


def test_a_school_raises_a_tier_of_a_rule_that_ships_and_lowers_none(lincoln: Path, shipped: Path) -> None:
    school_file(lincoln, "packs/lincoln.yaml", SCHOOL_PACK.replace("tier: crisis", "tier: concern"))
    school_file(lincoln, "screening.yaml", "raised:\n  - rule: lincoln/the-bridge\n    tier: urgent\n")
    assert load_program(lincoln, shipped=shipped).screener.screen("off the bridge").tier is Tier.URGENT
    school_file(lincoln, "screening.yaml", "raised:\n  - rule: lincoln/the-bridge\n    tier: crisis\n")
    assert load_program(lincoln, shipped=shipped).screener.screen("off the bridge").tier is Tier.CRISIS
    school_file(lincoln, "packs/lincoln.yaml", SCHOOL_PACK)
    school_file(lincoln, "screening.yaml", "raised:\n  - rule: lincoln/the-bridge\n    tier: urgent\n")
    [found] = complaints(lincoln, shipped)
    assert found.startswith('lincoln/safety/screening.yaml:2:5: rule "lincoln/the-bridge" is crisis; a school may')


MUTED = """
muted:
  - rule: lincoln/the-bridge
    by: Ms. Rivera
    since: {since}
    until: {until}
    why: the geography class builds one
"""


def test_check_names_who_muted_a_rule_until_when_and_which_mutes_have_ended(lincoln: Path, shipped: Path) -> None:
    school_file(lincoln, "packs/lincoln.yaml", SCHOOL_PACK)
    today = datetime.now(UTC).date()
    for first, told in ((today, "is muted until"), (today - timedelta(days=90), "counts for nothing: take it out")):
        school_file(lincoln, "screening.yaml", MUTED.format(since=first, until=first + timedelta(days=30)))
        (mutes,) = (one for one in examine(lincoln, shipped=shipped) if one.id == "mutes")
        (problem,) = mutes.problems
        assert mutes.warns
        assert problem.line == 3
        assert told in problem.text
        assert "Ms. Rivera" in problem.text
        assert load_program(lincoln, shipped=shipped).mutes[0].rule == "lincoln/the-bridge"


def test_a_mute_longer_than_ninety_days_is_refused_with_its_line(lincoln: Path, shipped: Path) -> None:
    school_file(lincoln, "screening.yaml", MUTED.format(since="2026-09-01", until="2027-06-30"))
    [found] = complaints(lincoln, shipped)
    assert found.startswith("lincoln/safety/screening.yaml:3:5: ")
    assert "by 90 days at most" in found


def test_a_tier_that_wakes_nobody_is_refused_in_plain_words(lincoln: Path, shipped: Path) -> None:
    school_file(lincoln, "screening.yaml", "raised:\n  - rule: en/wish-to-die\n    tier: notice\n")
    found = complaints(lincoln, shipped)
    assert found[0].endswith("screening.yaml:3:5: \"notice\" is not one of 'crisis', 'urgent' or 'concern'")


def test_a_second_look_is_off_until_a_school_turns_it_on_and_then_it_is_named(lincoln: Path, shipped: Path) -> None:
    before = load_program(lincoln, shipped=shipped)
    assert not before.screener.looks_again
    assert before.changed(date(2026, 11, 22)) == []
    shutil.copy(SHIPPED / SECOND_LOOK, shipped / SECOND_LOOK)
    school_file(lincoln, "screening.yaml", "second_look: true\n")
    program = load_program(lincoln, shipped=shipped)
    assert program.screener.looks_again
    (noted,) = program.changed(date(2026, 11, 22))
    (named,) = (one for one in examine(lincoln, shipped=shipped) if one.id == "mutes")
    (problem,) = named.problems
    assert (named.warns, problem.line, problem.text) == (True, 1, noted)
    assert noted.startswith("The second look is on")


def test_a_damaged_second_look_is_refused_in_words_and_does_not_matter_where_it_is_off(
    lincoln: Path, shipped: Path
) -> None:
    damaged = (SHIPPED / SECOND_LOOK).read_bytes()[:5000]
    (shipped / SECOND_LOOK).write_bytes(damaged)
    assert check(lincoln, shipped=shipped) == []
    school_file(lincoln, "screening.yaml", "second_look: true\n")
    [found] = complaints(lincoln, shipped)
    assert found == (
        "shipped/safety/second-look.json: the weights of the second look cannot be read: "
        "the file is damaged or missing "
        "(restore it, or take second_look out of safety/screening.yaml until then)"
    )
    refused = {one.id for one in examine(lincoln, shipped=shipped) if one.problems and not one.warns}
    assert refused == {"second-look"}


def test_second_look_is_yes_or_no(lincoln: Path, shipped: Path) -> None:
    school_file(lincoln, "screening.yaml", "second_look: often\n")
    [found] = complaints(lincoln, shipped)
    assert found.startswith("lincoln/safety/screening.yaml:1:1: ")
