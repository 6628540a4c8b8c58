"""Sentences that students split over several messages."""

from __future__ import annotations

import pytest

from bot.domain import Finding, Tier
from bot.safety.screen import Screener
from bot.safety.split import Before, across
from tests.safety.report import corpora


def found(screener: Screener, *texts: str) -> tuple[Finding, ...]:
    """What the last of these messages says only together with those before it."""
    before = [Before(number, text) for number, text in enumerate(texts[:-1], 1)]
    return across(screener, before, texts[-1], screener.screen(texts[-1]))


@pytest.mark.parametrize(
    "texts",
    [
        ("i want to", "kill", "myself"),
        ("I just want to...", "die"),
        ("i really want to…", "die"),
        ("k", "m", "s"),
        ("quiero", "morirme"),
        ("we walked to the river and it was " * 40 + "but i want to", "die"),
        ("i want to", "die " + "because the day was long and " * 40),
    ],
)
def test_a_split_sentence_is_read_as_one(screener: Screener, texts: tuple[str, ...]) -> None:
    findings = found(screener, *texts)
    assert findings, texts
    assert findings[0].tier is Tier.CRISIS


def test_each_part_is_marked_in_its_own_message(screener: Screener) -> None:
    texts = ("ok so i want to", "die", "lol no idea")
    pieces = found(screener, *texts[:2])
    marked = {piece.message_id: texts[piece.message_id - 1 if piece.message_id else 1] for piece in pieces}
    spans = {piece.message_id: marked[piece.message_id][piece.start : piece.end] for piece in pieces}
    assert spans == {None: "die", 1: "want to"}


def test_what_a_message_says_alone_is_not_told_again(screener: Screener) -> None:
    assert found(screener, "i want to", "i want to die") == ()
    assert found(screener, "i want to die", "so bad") == ()
    assert found(screener, "i want to", "die", "please") == ()


def test_a_plan_behind_what_was_told_is_told_as_well(screener: Screener) -> None:
    findings = found(screener, "i want to die. gonna jump", "off the bridge")
    assert [finding.label for finding in findings if finding.message_id is None] == ["Suicide: plan or means"]


def test_only_the_last_three_messages_are_read_together(screener: Screener) -> None:
    assert found(screener, "i want to", "kill", "myself")
    assert found(screener, "i want", "to", "die") != ()
    assert found(screener, "i want", "to", "really", "die") == ()


@pytest.mark.parametrize(
    "texts", [("we won the game", "i want to sleep"), ("i want to", "eat"), ("", "die"), ("i want to", " "), ("ok.",)]
)
def test_ordinary_messages_say_nothing_more_together(screener: Screener, texts: tuple[str, ...]) -> None:
    assert found(screener, *texts) == ()


def test_a_no_before_a_split_sentence_does_not_lower_it(screener: Screener) -> None:
    """It answered another question."""
    findings = found(screener, "no", "i want to", "die")
    assert {finding.tier for finding in findings} == {Tier.CRISIS}


@pytest.mark.parametrize("language", ["en", "es"])
def test_a_plain_statement_is_found_wherever_it_is_split(screener: Screener, language: str) -> None:
    """What is found as one message is found as two: alone in one of them, or across the border."""
    plain = [one for corpus in corpora() if corpus.plain and corpus.language == language for one in corpus.groups]
    statements = [text for group in plain for text in group.messages if screener.screen(text).tier is Tier.CRISIS]
    assert len(statements) >= 60
    missed = [
        (text, cut)
        for text in statements
        for cut in range(1, len(text.split()))
        if Tier.CRISIS not in _tiers_of_two(screener, text.split(), cut)
    ]
    assert missed == []


def _tiers_of_two(screener: Screener, words: list[str], cut: int) -> set[Tier]:
    first, second = " ".join(words[:cut]), " ".join(words[cut:])
    alone = (*screener.screen(first).findings, *screener.screen(second).findings)
    return {finding.tier for finding in (*alone, *found(screener, first, second))}
