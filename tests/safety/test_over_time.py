"""What adds up over days."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.domain import Answer, AnswerKind, Tier
from bot.safety.over_time import Concern, added_up, falling
from bot.safety.rules import Case
from bot.safety.second_look import CATEGORY

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
LONELY = Case(Tier.CONCERN, "isolation", "Left out")


def ago(category: str, **span: float) -> Concern:
    return Concern(category, NOW - timedelta(**span))


def moods(*values: int, topic: str = "mood", kind: AnswerKind = AnswerKind.ANSWER) -> list[Answer]:
    """One a day, the last one now."""
    return [
        Answer(1, 1, "f", "h", "mood", kind, NOW - timedelta(days=len(values) - number), topic=topic, value=value)
        for number, value in enumerate(values, 1)
    ]


@pytest.mark.parametrize(
    ("earlier", "tier"),
    [
        ([], Tier.CONCERN),
        ([ago("isolation", days=3)], Tier.URGENT),
        ([ago("isolation", days=14)], Tier.URGENT),
        ([ago("isolation", days=15)], Tier.CONCERN),
        ([ago("hopelessness", minutes=2)], Tier.URGENT),
        ([ago("isolation", hours=23)], Tier.CONCERN),
        ([ago("isolation", hours=24)], Tier.URGENT),
    ],
)
def test_two_concerns_within_fourteen_days_are_urgent_and_one_twice_a_day_is_one(
    earlier: list[Concern], tier: Tier
) -> None:
    case = added_up(LONELY, earlier, [], NOW)
    assert case.tier is tier
    assert ("a second concern within 14 days" in case.reason) is (tier is Tier.URGENT)


@pytest.mark.parametrize(
    ("answers", "is_falling"),
    [
        (moods(), False),
        (moods(1), False),
        (moods(4, 3), False),
        (moods(4, 2), True),
        (moods(2, 4), False),
        (moods(4, 3, 2), True),
        (moods(3, 4, 3), False),
        (moods(5, 3, 5), False),
        (moods(3, 2, 1), True),
        (moods(2, 3, 2, 3, 2), False),
        (moods(4, 2, topic="week"), False),
        (moods(4, 2, kind=AnswerKind.SKIPPED), False),
        (moods(5, *[3] * 15), False),
    ],
)
def test_a_concern_while_the_mood_falls_is_urgent(answers: list[Answer], is_falling: bool) -> None:
    assert falling(answers, NOW) is is_falling
    case = added_up(LONELY, [], answers, NOW)
    assert (case.tier is Tier.URGENT) is is_falling
    assert ("with a falling mood" in case.reason) is is_falling


def test_what_is_urgent_anyway_stays_as_it_is() -> None:
    crisis = Case(Tier.CRISIS, "suicide", "Wish to be dead")
    assert added_up(crisis, [ago("isolation", days=1)], moods(5, 1), NOW) is crisis


def test_a_second_look_never_makes_a_case_urgent_and_is_no_second_concern() -> None:
    guess = Case(Tier.CONCERN, CATEGORY, "Reads like messages that adults should see")
    assert added_up(guess, [ago("isolation", days=3)], moods(5, 5, 2), NOW) == guess
    assert added_up(LONELY, [ago(CATEGORY, days=3)], [], NOW).tier is Tier.CONCERN
