"""Our own corpus: that it is large enough, that its report can be made, and that no plain statement is missed."""

from __future__ import annotations

import pytest

from bot.domain import Tier
from bot.safety.screen import Screener

from .report import LABEL, corpora, count, lines, tier_of

CORPORA = corpora()


def test_the_corpus_has_its_size_in_both_languages() -> None:
    counted = {"fire": 0, "quiet": 0}
    for corpus in CORPORA:
        for group in corpus.groups:
            counted["fire" if group.tier else "quiet"] += len(group.messages)
    assert counted["fire"] >= 600
    assert counted["quiet"] >= 1200
    assert {corpus.language for corpus in CORPORA if not corpus.plain} == {"en", "es"}


def test_no_message_stands_in_the_corpus_twice() -> None:
    texts = [text for corpus in CORPORA for group in corpus.groups for text in group.messages]
    assert sorted({text for text in texts if texts.count(text) > 1}) == []


@pytest.mark.parametrize("language", ["en", "es"])
def test_no_plain_statement_is_missed(screener: Screener, language: str) -> None:
    plain = [group for corpus in CORPORA if corpus.plain and corpus.language == language for group in corpus.groups]
    texts = [(group.tier, text) for group in plain for text in group.messages]
    assert len(texts) >= 60
    assert [text for tier, text in texts if tier_of(screener, text) is not tier] == []


def test_the_report_says_what_it_is_and_holds_no_message(screener: Screener) -> None:
    counts = list(count(screener, CORPORA))
    report = "\n".join(lines(counts))
    assert report.startswith(LABEL)
    texts = [text for corpus in CORPORA for group in corpus.groups for text in group.messages]
    assert sum(one.messages for one in counts) == len(texts)
    assert [text for text in texts if len(text) > 9 and text in report] == []
    assert {one.tier for one in counts} == {Tier.CRISIS, Tier.URGENT, Tier.CONCERN, None}
