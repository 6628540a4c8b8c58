"""`nearpeer screen`: one line in, one line out, whatever the line."""

from __future__ import annotations

import json

import pytest

from bot.safety.filter import screen_lines
from bot.safety.screen import Screener


def screened(screener: Screener, *lines: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in screen_lines(lines, screener)]


def test_each_line_is_answered_in_order(screener: Screener) -> None:
    texts = ["I want to die", "we won the game", "kids make fun of me", "привет"]
    answers = screened(screener, *(json.dumps({"text": text}) + "\n" for text in texts))
    assert [answer["tier"] for answer in answers] == ["crisis", "none", "urgent", "unscreened"]


def test_the_tier_comes_first_and_the_reasons_hold_no_words_of_the_text(screener: Screener) -> None:
    (line,) = screen_lines([json.dumps({"text": "honestly Zanzibar I want to die"})], screener)
    assert line.startswith('{"tier": "crisis"')
    assert "\n" not in line
    assert "Zanzibar" not in line
    reason = json.loads(line)["reasons"][0]
    assert (reason["rule"], reason["pack"], reason["start"], reason["end"]) == ("suicide-wish", "en@3", 20, 31)


def test_a_verdict_says_what_about_whom_by_which_packs_and_why(screener: Screener) -> None:
    (answer,) = screened(screener, json.dumps({"text": "my friend said she wants to die"}))
    assert list(answer) == ["tier", "category", "about", "unscreened", "packs", "reasons", "not_counted"]
    assert (answer["tier"], answer["category"], answer["about"]) == ("crisis", "suicide", "friend")
    reason = answer["reasons"][0]  # type: ignore[index]
    assert reason["pack"] in answer["packs"]  # type: ignore[operator]
    assert all("@" in pack for pack in answer["packs"])  # type: ignore[attr-defined]
    assert (reason["label"], reason["tier"], reason["about"]) == ("Suicide: wish to be dead", "crisis", "friend")
    assert reason["modifiers"] == ["about a friend"]


def test_a_quiet_signal_in_a_text_that_cannot_be_judged_is_unscreened(screener: Screener) -> None:
    (answer,) = screened(screener, json.dumps({"text": "overwhelmed привет"}))
    assert answer["tier"] == "unscreened"
    assert answer["reasons"]


@pytest.mark.parametrize("line", ["", "{", "null", "[]", '{"text": 5}', '{"words": "hi"}', "[" * 100_000])
def test_a_bad_line_is_told_and_the_next_one_is_answered(screener: Screener, line: str) -> None:
    bad, good = screened(screener, line, '{"text": "I want to die"}')
    assert "error" in bad
    assert bad["tier"] == "unscreened"
    assert good["tier"] == "crisis"


def test_an_idiom_that_was_not_looked_at_is_told_with_its_place(screener: Screener) -> None:
    (answer,) = screened(screener, json.dumps({"text": "I overdosed on candy"}))
    assert answer["tier"] == "none"
    (idiom,) = answer["not_counted"]  # type: ignore[misc]
    assert (idiom["why"], idiom["pack"][:2]) == ("idiom", "en")
    assert "I overdosed on candy"[idiom["start"] : idiom["end"]] == "overdosed on candy"
