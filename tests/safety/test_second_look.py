"""The second look: off unless asked for, adds a concern and nothing else, and its file can be made again."""

from __future__ import annotations

import json
import statistics
import time
from pathlib import Path

import pytest
from pydantic import ValidationError

from bot.content import read_packs, read_second_look, read_words
from bot.domain import Tier
from bot.safety.compiling import compile_packs
from bot.safety.explanation import explanation
from bot.safety.screen import Screener
from bot.safety.second_look import CATEGORY, READ, Look, SecondLook, Weights

from .train_second_look import FILE, LABEL, messages, report, trained, written

SIDEWAYS = "the harbor is calling louder every day"
FILLER = {f"~{number:05}": 1 for number in range(1000)}
MADE = Weights(version=3, bias=-50, threshold=100, weights={"calling": 500, "the harbor": 200, "~_fun": -900} | FILLER)


@pytest.fixture(scope="module")
def twice() -> Screener:
    """All packs that ship, and a second look that finds one sentence."""
    return Screener(compile_packs(read_packs(Path()), read_words()), SecondLook(MADE))


@pytest.fixture(scope="module")
def retrained() -> Weights:
    return trained(messages())


def test_as_shipped_there_is_no_second_look(screener: Screener) -> None:
    assert not screener.looks_again
    screening = screener.screen(SIDEWAYS)
    assert (screening.tier, screening.second_look) == (None, None)
    assert "second_look" not in explanation(screening)


def test_it_adds_a_concern_with_its_score_and_top_words(twice: Screener) -> None:
    record = explanation(twice.screen(SIDEWAYS))
    assert (record["tier"], record["category"]) == ("concern", CATEGORY)
    (reason,) = record["reasons"]
    assert (reason["pack"], reason["label"]) == ("second-look@3", "Reads like messages that adults should see")
    look = record["second_look"]
    # (500 + 200) / sqrt(7 words) - 50
    assert (look["version"], look["score"], look["threshold"]) == (3, 215, 100)
    assert [SIDEWAYS[word["start"] : word["end"]] for word in look["words"][:2]] == ["calling", "harbor"]
    assert [word["score"] for word in look["words"][:2]] == [189, 76]
    assert "harbor" not in json.dumps(record), "places, and no words of the text"


def test_below_the_threshold_it_says_so_and_adds_nothing(twice: Screener) -> None:
    screening = twice.screen("calling my aunt was fun, such fun, we had fun")
    assert screening.tier is None
    assert screening.second_look is not None
    assert screening.second_look.score < screening.second_look.threshold


@pytest.mark.parametrize(
    "text",
    [
        "I want to die, the harbor is calling",
        "the harbor is calling, kids make fun of me",
        "i feel so alone, the harbor is calling",
    ],
)
def test_what_a_rule_found_is_neither_raised_nor_lowered_nor_looked_at_again(
    screener: Screener, twice: Screener, text: str
) -> None:
    assert screener.screen(text).findings
    assert twice.screen(text) == screener.screen(text)


def test_a_notice_stays_beside_what_it_adds(screener: Screener, twice: Screener) -> None:
    text = f"overwhelmed. {SIDEWAYS}"
    (notice,) = screener.screen(text).findings
    assert notice.tier is Tier.NOTICE
    added, kept = twice.screen(text).findings
    assert (added.tier, added.category, kept) == (Tier.CONCERN, CATEGORY, notice)


@pytest.mark.parametrize("text", ["calling", "calling you", "", "🙂 🙂 🙂"])
def test_fewer_than_three_words_say_too_little(twice: Screener, text: str) -> None:
    assert twice.screen(text).second_look is None


def test_a_text_that_could_not_be_judged_stays_unscreened(twice: Screener) -> None:
    screening = twice.screen("привет calling calling calling")
    assert (screening.tier, screening.second_look) == (Tier.UNSCREENED, None)


def test_small_talk_around_a_sentence_does_not_hide_it(twice: Screener) -> None:
    talk = "we had pizza and then a movie at my cousins place " * 8
    look = twice.screen(talk + SIDEWAYS).second_look
    assert look is not None
    assert look.findings


def test_case_accents_and_stretched_letters_change_nothing(twice: Screener) -> None:
    looks = [twice.screen(text).second_look for text in ("i hear calling now", "I HEAR CÁLLING now")]
    assert looks[0] is not None
    assert looks[1] is not None
    assert looks[0].score == looks[1].score


def test_when_it_fails_what_the_rules_found_stays_and_an_adult_sees_it(
    twice: Screener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: SecondLook, text: str) -> Look | None:
        raise RuntimeError(text)

    monkeypatch.setattr(SecondLook, "look", broken)
    screening = twice.screen(f"overwhelmed. {SIDEWAYS}")
    assert [finding.tier for finding in screening.findings] == [Tier.NOTICE]
    assert screening.unscreened == "the second look failed: RuntimeError"


def test_training_again_gives_the_very_same_file(retrained: Weights) -> None:
    assert written(retrained) == FILE.read_text("utf-8"), "run make second-look and commit what it writes"


def test_the_file_is_small_and_its_lines_can_be_read() -> None:
    assert FILE.stat().st_size < 1_000_000
    assert max(map(len, FILE.read_text("utf-8").splitlines())) < 250


def test_of_our_own_ordinary_messages_ten_of_a_thousand_are_flagged_at_most(retrained: Weights) -> None:
    held = [one for one in messages() if one.held_out]
    flagged = {True: 0, False: 0}
    for one in held:
        look = SecondLook(retrained).look(one.text)
        flagged[one.fires] += look is not None and bool(look.findings)
    ordinary = sum(not one.fires for one in held)
    assert ordinary > 300
    assert flagged[False] * 1000 <= 10 * ordinary
    assert flagged[True] * 100 >= 15 * (len(held) - ordinary), "and yet it finds something, oblique messages among them"


def test_the_report_holds_totals_and_no_message(retrained: Weights) -> None:
    labelled = messages()
    text = "\n".join(report(retrained, labelled))
    assert text.startswith(LABEL)
    assert not [one.text for one in labelled if one.text in text]


def test_it_takes_a_few_thousand_look_ups_for_the_longest_text() -> None:
    """3 ms a message on the slowest computer that we know, ten times that before this fails anywhere."""
    second_look = read_second_look()
    text = " ".join(one.text for one in messages())[:4096]
    spent = []
    for _ in range(5):
        began = time.thread_time()
        second_look.look(text)
        spent.append(time.thread_time() - began)
    assert statistics.median(spent) < 0.03
    look = second_look.look(text)
    assert look is not None
    assert max(word.end for word in look.words) <= READ


@pytest.mark.parametrize(
    "damage",
    [
        {"weights": {}},
        {"version": 0},
        {"threshold": "high"},
        {"bias": 1.5},
        {"weights": FILLER | {"calling": 10**9}},
        {"more": 1},
    ],
)
def test_a_damaged_file_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Weights.model_validate(MADE.model_dump() | damage)
