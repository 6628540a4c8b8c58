"""Goals are computed from figures, and the page says what the file says: nothing is written by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bench import goals, page
from bench.goals import GOALS
from bench.measure import Case, Figures, ratio
from bench.result import FULL, Claim, Result, Size, kept, row


def test_a_ratio_is_taken_inside_each_round() -> None:
    ours = [{"cpu_us": 10.0}, {"cpu_us": 30.0}, {"cpu_us": 100.0}]
    theirs = [{"cpu_us": 20.0}, {"cpu_us": 60.0}, {"cpu_us": 100.0}]
    assert ratio(ours, theirs) == 0.5


def test_a_claim_holds_up_to_its_limit_and_a_result_when_all_of_them_do() -> None:
    dear, cheap = Claim("CPU", 0.81, 0.8, "x"), Claim("CPU", 0.8, 0.8, "x")
    slow, quick = Claim("rate", 1.9, 2.0, "x", at_least=True), Claim("rate", 2.0, 2.0, "x", at_least=True)
    assert [one.holds for one in (dear, cheap, slow, quick)] == [False, True, False, True]
    assert Result((cheap, quick), {}).holds
    assert not Result((cheap, slow), {}).holds


@pytest.mark.parametrize(("ours", "holds"), [(300.0, True), (330.0, False)])
def test_the_message_goal_follows_from_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, ours: float, holds: bool
) -> None:
    costs = {goals.OURS: ours, goals.PTB: 400.0, goals.AIOGRAM: 1_000.0}

    def measured(cases: Sequence[Case], rounds: int) -> dict[str, list[Figures]]:
        figures = {"per_second": 1_000.0, "p99_us": 900.0}
        return {case.name: [{"cpu_us": costs[case.name], **figures}] * rounds for case in cases}

    monkeypatch.setattr(goals, "interleaved", measured)
    result = goals.message(FULL)
    assert [claim.value for claim in result.claims] == [ours / 400, ours / 1_000]
    assert result.holds is holds
    assert result.figures["cpu_us"] == ours
    assert result.peers[goals.PTB]["cpu_us"] == 400.0


def test_a_quick_run_is_a_share_of_the_full_one() -> None:
    assert Size(1, 0.02).of(1_000) == 20
    assert Size(1, 0.02).of(10, least=3) == 3
    assert FULL.of(1_000) == 1_000


def test_the_page_holds_what_the_file_holds() -> None:
    text = page.FILE.read_text(encoding="utf-8")
    assert page.renewed(text, kept()) == text, "python -m bench.page writes it"


def test_every_kept_result_belongs_to_a_goal_and_says_whether_it_held() -> None:
    results = kept()["goals"]
    assert set(results) <= set(GOALS)
    for name, result in results.items():
        assert result["command"] == f"make bench ONLY={name}"
        assert result["holds"] is all(claim["holds"] for claim in result["claims"])
        assert result["value"] == result["claims"][0]["value"]


def test_a_missed_goal_stands_on_the_page_as_missed() -> None:
    missed = Result((Claim("CPU of a message", 1.234, 0.8, "x"),), {"cpu_us": 493.6}, {"a peer": {"cpu_us": 400.0}})
    machine = kept()["machine"]
    assert machine
    results: dict[str, Any] = {"machine": machine, "goals": {"P2": row("A message", missed, "make bench ONLY=P2")}}
    assert "| P2 | **A message** (" in page.tables(results)
    assert "CPU of a message | 1.23 x | at most 0.8 x | MISSED |" in page.tables(results)
