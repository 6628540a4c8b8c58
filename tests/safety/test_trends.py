"""What answers tell over weeks: repeats, drops and skips, each just before and just at its number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain import Answer, AnswerKind, Tier
from bot.flows.loader import read
from bot.safety import trends
from bot.safety.tuning import Tuning

from .conftest import SAFETY

MAYA = 1
NOON = datetime(2026, 10, 6, 16, 0, tzinfo=UTC)
TUNING = read(SAFETY / "rules.yaml", Tuning)


def answer(value: object, days_ago: float, topic: str, kind: AnswerKind = AnswerKind.ANSWER) -> Answer:
    number = int(days_ago * 100)
    return Answer(
        number, MAYA, "mentee-weekly", "h", "q", kind, NOON - timedelta(days=days_ago), topic=topic, value=value
    )


def moods(*values: int) -> list[Answer]:
    """One a week, the newest today."""
    return [answer(value, 7 * ago, "mood") for ago, value in enumerate(reversed(values))][::-1]


def skipped(days_ago: float, topic: str = "adult") -> Answer:
    return answer(None, days_ago, topic, AnswerKind.SKIPPED)


def told(new: Answer, *before: Answer) -> list[tuple[Tier, str]]:
    return [(signal.tier, signal.category) for signal in trends.seen([new], before, TUNING)]


def test_as_it_ships_each_rule_has_the_tier_and_the_numbers_that_the_page_for_schools_names() -> None:
    shipped = TUNING.model_dump(mode="json", by_alias=True)
    assert {name: [*rule.values()] for name, rule in shipped.items()} == {
        "lowest_mood": ["concern", 2, 14],
        "mood_drop": ["concern", 2, 56, 2],
        "nobody": ["concern"],
        "nobody_again": ["urgent", 3, 21],
        "adult_now": ["urgent"],
        "adult_today": ["urgent"],
        "adult_this_week": ["concern"],
        "safety_skipped": ["notice", 2, 56, ["adult", "company"]],
        "mentor_reported": ["urgent"],
        "relationship_drop": ["notice", 4, 120],
        "relationship_gap": ["notice", 4, 45],
        "missed_check_ins": ["notice", 3],
        "silent": ["notice", 14],
        "unreachable": [1],
        "nobody_talked": [1, 24, 48],
        "closings": [10, 10],
    }


def test_the_lowest_mood_twice_in_two_weeks_is_a_concern() -> None:
    assert told(answer("1", 0, "mood"), answer(1, 13, "mood")) == [(Tier.CONCERN, "mood")]
    assert told(answer(1, 0, "mood"), answer(1, 15, "mood")) == []
    assert told(answer(1, 0, "mood"), answer(1, 7, "school")) == []
    assert told(answer(1, 0, "mood"), answer(2, 7, "mood")) == []
    assert told(answer(1, 0, "mood"), answer(None, 7, "mood", AnswerKind.SKIPPED)) == []


def test_nobody_to_be_with_is_a_concern_and_the_third_time_in_three_weeks_urgent() -> None:
    new = answer("nobody", 0, "company")
    assert told(new) == [(Tier.CONCERN, "isolation")]
    assert told(new, answer("nobody", 20, "company"), answer("nobody", 7, "company")) == [(Tier.URGENT, "isolation")]
    assert told(new, answer("nobody", 22, "company"), answer("nobody", 7, "company")) == [(Tier.CONCERN, "isolation")]
    assert told(answer("friends", 0, "company"), new) == []


@pytest.mark.parametrize(
    ("said", "drops"),
    [
        ((4, 2, 2), True),
        ((5, 3, 2), True),
        ((4, 4, 5, 2, 2), True),
        ((4, 3, 2, 2), True),
        ((4, 2), False),
        ((4, 2, 3), False),
        ((4, 3, 3), False),
        ((2, 2, 2), False),
        ((2, 2), False),
        ((2, 4, 4), False),
    ],
)
def test_a_mood_two_steps_lower_is_told_when_it_is_held_twice(said: tuple[int, ...], drops: bool) -> None:
    *before, new = moods(*said)
    assert told(new, *before) == ([(Tier.CONCERN, "mood")] if drops else [])


def test_a_question_about_safety_skipped_twice_in_a_row_is_a_notice_and_is_not_told_at_each_further_one() -> None:
    assert told(skipped(0)) == []
    assert told(skipped(0), skipped(7)) == [(Tier.NOTICE, "skipped")]
    assert told(skipped(0), skipped(14), skipped(7)) == []
    assert told(skipped(0), skipped(14), answer("no", 7, "adult")) == []
    assert told(skipped(0, "week"), skipped(7, "week")) == []
    assert told(skipped(0, "company"), skipped(7, "adult")) == []


def test_a_match_that_is_rated_four_lower_than_last_time_is_a_notice() -> None:
    assert told(answer(4, 0, "relationship"), answer(8, 30, "relationship")) == [(Tier.NOTICE, "relationship")]
    assert told(answer(5, 0, "relationship"), answer(8, 30, "relationship")) == []
    assert told(answer(4, 0, "relationship"), answer(8, 60, "relationship"), answer(6, 30, "relationship")) == []


def test_mentor_and_mentee_who_rate_their_match_four_apart_are_a_notice() -> None:
    def gap(ours: int, theirs: int, days_ago: float = 3) -> list[Tier]:
        others = [answer(theirs, days_ago, "relationship")]
        signals = trends.relationship_gap([answer(ours, 0, "relationship")], others, NOON, TUNING)
        return [signal.tier for signal in signals]

    assert gap(9, 5) == gap(5, 9) == [Tier.NOTICE]
    assert gap(9, 6) == []
    assert gap(9, 5, days_ago=46) == []


def test_only_an_answer_that_gives_a_reason_looks_back_at_all() -> None:
    """The usual reply must cost no look into the past."""

    def days(one: Answer, highest: int = 5) -> int:
        span = trends.looks_back(one, TUNING, highest)
        return span.days if span else 0

    assert [days(answer(value, 0, "mood")) for value in (5, 4, 3, 2, 1)] == [0, 0, 56, 56, 56]
    assert days(answer(7, 0, "mood"), highest=10) == 56
    assert days(answer("most_days", 0, "company")) == 0
    assert days(answer("nobody", 0, "company")) == 21
    assert (days(skipped(0)), days(skipped(0, "week"))) == (56, 0)
    assert days(answer("It was fine", 0, "week")) == 0
