"""From what was seen to a case: the most urgent wins, running cases are updated, and a failure to judge is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain import Escalation, EscalationStatus, Finding, PageKind, ReviewKind, Signal, Tier
from bot.safety import ladder as ladders
from bot.safety import rules

MAYA, RIVERA, OKAFOR = 1, 11, 12
NOON = datetime(2026, 10, 6, 16, 0, tzinfo=UTC)


def finding(tier: Tier, category: str, label: str, **more: object) -> Finding:
    return Finding(tier, category, f"{category}-rule", "en@1", label, 0, 5, **more)  # type: ignore[arg-type]


def running(tier: Tier = Tier.CONCERN, category: str = "mood") -> Escalation:
    opened, _ = ladders.open_case(7, MAYA, tier, category, "Sad for long", ladder(tier), NOON)
    return opened


def ladder(tier: Tier):  # type: ignore[no-untyped-def]
    return ladders.defaults()[tier].ladder([(RIVERA,), (OKAFOR,)])


def test_the_most_urgent_finding_names_the_case_and_all_give_reasons() -> None:
    verdict = rules.judge(
        [finding(Tier.URGENT, "bullying", "Is bullied")], [Signal(Tier.CRISIS, "suicide", "Marked on an answer")]
    )
    assert verdict.case == rules.Case(Tier.CRISIS, "suicide", "Marked on an answer; Is bullied")
    assert verdict.crisis


def test_abuse_names_the_case_among_equals_because_it_closes_only_with_a_report() -> None:
    verdict = rules.judge(
        [finding(Tier.CRISIS, "suicide", "Wants to die"), finding(Tier.CRISIS, "abuse", "Is hit at home")]
    )
    assert verdict.case is not None
    assert verdict.case.category == "abuse"


def test_a_hint_of_abuse_beside_something_worse_closes_only_with_a_report_too() -> None:
    verdict = rules.judge(
        [finding(Tier.CRISIS, "suicide", "Wants to die"), finding(Tier.URGENT, "abuse", "May hint at abuse")]
    )
    assert verdict.case == rules.Case(Tier.CRISIS, "abuse", "Wants to die; May hint at abuse")


def test_abuse_that_was_lowered_leaves_a_case_its_name() -> None:
    denied = finding(Tier.CONCERN, "abuse", "Is hit at home", modifiers=("denial: crisis -> concern",))
    verdict = rules.judge([finding(Tier.CRISIS, "suicide", "Wants to die"), denied])
    assert verdict.case is not None
    assert verdict.case.category == "suicide"


def test_a_reason_tells_what_lowered_a_finding() -> None:
    verdict = rules.judge([finding(Tier.CONCERN, "suicide", "Wants to die", modifiers=("denial: crisis -> concern",))])
    assert verdict.case == rules.Case(Tier.CONCERN, "suicide", "Wants to die (denial: crisis -> concern)")


def test_notices_alone_become_one_review_item_and_no_case() -> None:
    verdict = rules.judge([finding(Tier.NOTICE, "mood", "Tired")], [Signal(Tier.NOTICE, "mood", "Lowest mood chosen")])
    assert verdict.case is None
    assert verdict.reviews == (rules.Review(ReviewKind.NOTICE, "Lowest mood chosen; Tired"),)


def test_an_unscreened_text_is_reviewed_even_beside_a_case() -> None:
    verdict = rules.judge([finding(Tier.CRISIS, "suicide", "Wants to die")], unscreened="a script that no pack covers")
    assert verdict.case is not None
    assert [review.kind for review in verdict.reviews] == [ReviewKind.UNSCREENED]


def test_nothing_seen_asks_for_nothing() -> None:
    assert rules.judge([]) == rules.Verdict()


def test_a_failure_to_judge_opens_a_case() -> None:
    verdict = rules.judge([], [rules.failure("A rule could not be applied")])
    assert verdict.case == rules.Case(Tier.URGENT, "failure", "A rule could not be applied")


def test_the_same_category_within_a_day_updates_the_case_and_raises_its_tier() -> None:
    step = rules.merge(
        running(), rules.Case(Tier.URGENT, "mood", "Worse"), ladder(Tier.URGENT), NOON + timedelta(hours=23)
    )
    assert step is not None
    merged, pages = step
    assert merged.id == 7
    assert merged.tier is Tier.URGENT
    assert merged.reason == "Sad for long; Worse"
    assert [page.person_id for page in pages] == [RIVERA]


def test_a_lower_tier_is_noted_and_changes_nothing_else() -> None:
    before = running(Tier.CRISIS)
    step = rules.merge(before, rules.Case(Tier.CONCERN, "mood", "Sad"), ladder(Tier.CONCERN), NOON)
    assert step is not None
    merged, pages = step
    assert (merged.tier, merged.next_action_at, pages) == (Tier.CRISIS, before.next_action_at, ())


def test_a_second_message_in_a_held_case_reaches_its_holder() -> None:
    held, _ = ladders.acknowledge(running(), RIVERA, "Ms. Rivera", NOON)
    step = rules.merge(held, rules.Case(Tier.CONCERN, "mood", "Sad again"), ladder(Tier.CONCERN), NOON)
    assert step is not None
    assert [(page.kind, page.person_id) for page in step[1]] == [(PageKind.ALERT, RIVERA)]
    assert step[0].status is EscalationStatus.ACKNOWLEDGED


def test_another_category_a_closed_case_or_an_old_one_is_a_new_case() -> None:
    new = rules.Case(Tier.CONCERN, "mood", "Sad")
    closed, _ = ladders.close(running(), RIVERA, "Ms. Rivera", "spoke-with-student", "", NOON)
    assert rules.merge(None, new, ladder(Tier.CONCERN), NOON) is None
    assert rules.merge(closed, new, ladder(Tier.CONCERN), NOON) is None
    assert rules.merge(running(category="bullying"), new, ladder(Tier.CONCERN), NOON) is None
    assert rules.merge(running(), new, ladder(Tier.CONCERN), NOON + timedelta(hours=24)) is None


def test_a_reason_grows_no_longer_than_a_screen() -> None:
    step = rules.merge(
        running(),
        rules.Case(Tier.CONCERN, "mood", "; ".join(f"Reason {n}" for n in range(200))),
        ladder(Tier.CONCERN),
        NOON,
    )
    assert step is not None
    assert len(step[0].reason) <= 500
