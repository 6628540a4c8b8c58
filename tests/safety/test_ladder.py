"""The ladder: nobody is forgotten, whatever adults do or fail to do."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.domain import Escalation, EscalationStatus, Ladder, Page, PageKind, Plan, Rung, Tier
from bot.errors import Refused
from bot.safety import ladder as ladders
from bot.safety import news, plans

MAYA, RIVERA, OKAFOR, LINDQVIST = 1, 11, 12, 13
NOON = datetime(2026, 10, 6, 16, 0, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def ladder_of(tier: Tier = Tier.CRISIS, *rungs: tuple[int, ...]) -> Ladder:
    return ladders.defaults()[tier].ladder(rungs or ((RIVERA,), (OKAFOR,)))


def case(tier: Tier = Tier.CRISIS, category: str = "suicide", ladder: Ladder | None = None) -> Escalation:
    opened, _ = ladders.open_case(7, MAYA, tier, category, "Wants to die", ladder or ladder_of(tier), NOON, 70)
    return opened


def told(pages: tuple[Page, ...], kind: PageKind = PageKind.ALERT) -> list[int]:
    return [page.person_id for page in pages if page.kind is kind]


def test_opening_tells_the_first_rung_and_sets_the_next_time() -> None:
    opened, pages = ladders.open_case(
        7,
        MAYA,
        Tier.CRISIS,
        "suicide",
        "Wants to die",
        ladder_of(Tier.CRISIS, (RIVERA, OKAFOR), (LINDQVIST,)),
        NOON,
        70,
    )
    assert told(pages) == [RIVERA, OKAFOR]
    assert opened.status is EscalationStatus.OPEN
    assert opened.next_action_at == NOON + minutes(5)
    assert opened.message_id == 70


@pytest.mark.parametrize(("tier", "wait"), [(Tier.CRISIS, 5), (Tier.URGENT, 15), (Tier.CONCERN, 240)])
def test_each_tier_waits_its_own_time_before_the_next_adult(tier: Tier, wait: int) -> None:
    assert case(tier).next_action_at == NOON + minutes(wait)


def test_as_it_ships_each_tier_has_the_times_that_the_page_for_schools_names() -> None:
    hour = timedelta(hours=1)
    assert {tier: (one.wait, one.repeat, one.hold, one.grace) for tier, one in ladders.defaults().items()} == {
        Tier.CRISIS: (minutes(5), minutes(10), minutes(30), minutes(10)),
        Tier.URGENT: (minutes(15), minutes(10), 2 * hour, minutes(10)),
        Tier.CONCERN: (4 * hour, 24 * hour, 24 * hour, minutes(10)),
    }


def test_a_rung_without_people_is_left_out() -> None:
    empty_first = Ladder((Rung((), minutes(5)), Rung((OKAFOR,), minutes(5))), minutes(10), minutes(30))
    _, pages = ladders.open_case(7, MAYA, Tier.CRISIS, "suicide", "Wants to die", empty_first, NOON)
    assert told(pages) == [OKAFOR]


def test_a_ladder_without_anybody_never_stops_trying() -> None:
    nobody = Ladder((), timedelta(hours=24), minutes(30))
    opened, pages = ladders.open_case(7, MAYA, Tier.CONCERN, "mood", "Sad", nobody, NOON)
    assert pages == ()
    assert opened.next_action_at == NOON + minutes(10)
    later, _ = ladders.climb(opened, NOON + minutes(10))
    assert later.next_action_at == NOON + minutes(20)


def test_a_due_time_that_has_not_come_changes_nothing() -> None:
    opened = case()
    assert ladders.climb(opened, NOON + minutes(4)) == (opened, ())


def test_silence_tells_the_second_adult_and_then_both_for_ever() -> None:
    second, pages = ladders.climb(case(), NOON + minutes(5))
    assert told(pages) == [OKAFOR]
    assert second.next_action_at == NOON + minutes(15)
    again, pages = ladders.climb(second, NOON + minutes(15))
    assert told(pages) == [RIVERA, OKAFOR]
    assert again.round == second.round + 1
    assert again.next_action_at == NOON + minutes(25)


def test_an_urgent_case_repeats_only_its_last_rung() -> None:
    second, _ = ladders.climb(case(Tier.URGENT), NOON + minutes(15))
    _, pages = ladders.climb(second, NOON + minutes(25))
    assert told(pages) == [OKAFOR]


def test_f63_a_rung_that_reaches_nobody_is_passed_at_once() -> None:
    second, pages = ladders.advance_now(case(), NOON)
    assert told(pages) == [OKAFOR]
    assert second.rung == 1


@pytest.mark.parametrize(("tier", "wait"), [(Tier.CRISIS, 10), (Tier.CONCERN, 10)])
def test_a_ladder_that_reaches_nobody_at_all_waits_and_tries_again(tier: Tier, wait: int) -> None:
    second, _ = ladders.advance_now(case(tier), NOON)
    waiting, pages = ladders.advance_now(second, NOON)
    assert pages == ()
    assert waiting.next_action_at == NOON + minutes(wait)
    later, _ = ladders.advance_now(waiting, NOON + minutes(3))
    assert later.next_action_at == NOON + minutes(wait), "a second failure must not push the next try away"


def test_who_takes_the_case_has_it_and_the_others_learn_who() -> None:
    second, _ = ladders.climb(case(), NOON + minutes(5))
    taken, pages = ladders.acknowledge(second, RIVERA, "Ms. Rivera", NOON + minutes(6))
    assert taken.status is EscalationStatus.ACKNOWLEDGED
    assert taken.acknowledged_by == "Ms. Rivera"
    assert taken.next_action_at == NOON + minutes(36)
    assert told(pages, PageKind.TAKEN) == [OKAFOR]
    assert told(pages) == []


def test_f65_the_second_who_takes_it_is_told_who_has_it() -> None:
    taken, _ = ladders.acknowledge(case(), RIVERA, "Ms. Rivera", NOON)
    with pytest.raises(Refused, match="refused_taken"):
        ladders.acknowledge(taken, OKAFOR, "Mr. Okafor", NOON)


def test_somebody_without_a_chat_can_hold_a_case_but_not_another_one_of_that_kind() -> None:
    taken, _ = ladders.acknowledge(case(), None, "Office (console)", NOON)
    held, _ = ladders.acknowledge(taken, None, "Office (console)", NOON + minutes(5))
    assert held.next_action_at == NOON + minutes(35)
    with pytest.raises(Refused):
        ladders.acknowledge(taken, None, "Somebody else (console)", NOON)
    reopened, pages = ladders.climb(taken, NOON + minutes(30))
    assert reopened.status is EscalationStatus.OPEN, "nobody can be asked, so the ladder begins again"
    assert told(pages) == [RIVERA]


def test_at_expiry_the_holder_is_asked_and_an_answer_keeps_the_case() -> None:
    taken, _ = ladders.acknowledge(case(), RIVERA, "Ms. Rivera", NOON)
    asked, pages = ladders.climb(taken, NOON + minutes(30))
    assert told(pages, PageKind.STILL) == [RIVERA]
    assert asked.asked_at == NOON + minutes(30)
    assert asked.next_action_at == NOON + minutes(40)
    held, _ = ladders.acknowledge(asked, RIVERA, "Ms. Rivera", NOON + minutes(35))
    assert held.asked_at is None
    assert held.next_action_at == NOON + minutes(65)
    assert held.acknowledged_at == NOON, "when it was first taken stays on record"


def test_the_question_is_new_each_time_it_is_asked() -> None:
    taken, _ = ladders.acknowledge(case(), RIVERA, "Ms. Rivera", NOON)
    asked, first = ladders.climb(taken, NOON + minutes(30))
    held, _ = ladders.acknowledge(asked, RIVERA, "Ms. Rivera", NOON + minutes(31))
    _, second = ladders.climb(held, NOON + minutes(61))
    assert first != second


def test_silence_after_the_question_opens_the_case_again_from_the_first_rung() -> None:
    taken, _ = ladders.acknowledge(case(), RIVERA, "Ms. Rivera", NOON)
    asked, _ = ladders.climb(taken, NOON + minutes(30))
    reopened, pages = ladders.climb(asked, NOON + minutes(40))
    assert reopened.status is EscalationStatus.OPEN
    assert reopened.acknowledged_by == ""
    assert reopened.round > taken.round
    assert told(pages) == [RIVERA]
    _, pages = ladders.climb(reopened, NOON + minutes(45))
    assert told(pages) == [OKAFOR]


def test_passing_on_tells_the_next_adult_at_once() -> None:
    taken, _ = ladders.acknowledge(case(), RIVERA, "Ms. Rivera", NOON)
    passed, pages = ladders.pass_on(taken, RIVERA, "Ms. Rivera", NOON + minutes(2))
    assert passed.status is EscalationStatus.OPEN
    assert passed.acknowledged_person_id is None
    assert told(pages) == [OKAFOR]


def test_passing_on_from_the_last_rung_goes_to_everyone_else() -> None:
    second, _ = ladders.climb(case(), NOON + minutes(5))
    taken, _ = ladders.acknowledge(second, OKAFOR, "Mr. Okafor", NOON + minutes(6))
    passed, pages = ladders.pass_on(taken, OKAFOR, "Mr. Okafor", NOON + minutes(7))
    assert told(pages) == [RIVERA]
    assert passed.round > taken.round


def test_passing_on_with_nobody_else_stays_with_who_passes() -> None:
    alone = case(ladder=ladder_of(Tier.CRISIS, (RIVERA,)))
    _, pages = ladders.pass_on(alone, RIVERA, "Ms. Rivera", NOON)
    assert told(pages) == [RIVERA]


def test_another_adult_cannot_pass_on_what_is_not_theirs() -> None:
    taken, _ = ladders.acknowledge(case(), RIVERA, "Ms. Rivera", NOON)
    with pytest.raises(Refused, match="refused_not_yours"):
        ladders.pass_on(taken, OKAFOR, "Mr. Okafor", NOON)


def test_asking_for_help_brings_the_next_adult_and_keeps_the_holder() -> None:
    taken, _ = ladders.acknowledge(case(), RIVERA, "Ms. Rivera", NOON)
    helped, pages = ladders.need_help(taken, RIVERA, "Ms. Rivera", NOON + minutes(3))
    assert helped.status is EscalationStatus.ACKNOWLEDGED
    assert helped.acknowledged_by == "Ms. Rivera"
    assert OKAFOR in told(pages)
    assert helped.next_action_at == taken.next_action_at


def test_asking_for_help_with_an_open_case_takes_it() -> None:
    helped, pages = ladders.need_help(case(), RIVERA, "Ms. Rivera", NOON)
    assert helped.acknowledged_person_id == RIVERA
    assert OKAFOR in told(pages)
    assert RIVERA not in told(pages)


def test_closing_needs_an_outcome_that_exists() -> None:
    with pytest.raises(Refused, match="refused_outcome"):
        ladders.close(case(), RIVERA, "Ms. Rivera", "done", "", NOON)


def test_closing_ends_the_ladder_and_records_who() -> None:
    closed, _ = ladders.close(case(), RIVERA, "Ms. Rivera", "spoke-with-student", " ", NOON + minutes(9))
    assert closed.status is EscalationStatus.CLOSED
    assert closed.next_action_at is None
    assert (closed.closed_by, closed.closed_at) == ("Ms. Rivera", NOON + minutes(9))
    assert ladders.climb(closed, NOON + timedelta(days=3)) == (closed, ())
    assert ladders.advance_now(closed, NOON) == (closed, ())
    with pytest.raises(Refused, match="refused_closed"):
        ladders.acknowledge(closed, OKAFOR, "Mr. Okafor", NOON)


def test_whoever_has_a_case_learns_that_another_adult_closed_it() -> None:
    taken, _ = ladders.acknowledge(case(), RIVERA, "Ms. Rivera", NOON)
    _, pages = ladders.close(taken, OKAFOR, "Mr. Okafor", "spoke-with-student", "", NOON)
    assert told(pages, PageKind.TAKEN) == [RIVERA]
    assert ladders.close(taken, RIVERA, "Ms. Rivera", "spoke-with-student", "", NOON)[1] == ()


@pytest.mark.parametrize("outcome", ["report-made", "not-reportable", "not-a-concern"])
def test_an_outcome_that_must_be_explained_is_refused_without_a_note(outcome: str) -> None:
    with pytest.raises(Refused, match="refused_note"):
        ladders.close(case(category="abuse"), RIVERA, "Ms. Rivera", outcome, "  ", NOON)


@pytest.mark.parametrize("outcome", ["spoke-with-student", "parent-contacted", "handed-to-counselor"])
def test_abuse_closes_only_with_a_report_or_a_reason(outcome: str) -> None:
    abuse = case(category="abuse")
    with pytest.raises(Refused, match="refused_abuse"):
        ladders.close(abuse, RIVERA, "Ms. Rivera", outcome, "We talked.", NOON)
    for fits, note in (("report-made", "Oct 6, state hotline, 4711"), ("not-reportable", "Long ago, and known")):
        closed, _ = ladders.close(abuse, RIVERA, "Ms. Rivera", fits, note, NOON)
        assert closed.outcome == fits


def test_that_nothing_must_be_reported_closes_no_other_case() -> None:
    with pytest.raises(Refused, match="refused_no_abuse"):
        ladders.close(case(), RIVERA, "Ms. Rivera", "not-reportable", "Nothing", NOON)


def test_a_closed_case_can_be_opened_again() -> None:
    closed, _ = ladders.close(case(), RIVERA, "Ms. Rivera", "spoke-with-student", "", NOON)
    again, pages = ladders.reopen(closed, OKAFOR, "Mr. Okafor", NOON + timedelta(days=1))
    assert again.status is EscalationStatus.OPEN
    assert (again.outcome, again.closed_by, again.closed_at) == ("", "", None)
    assert again.round > closed.round
    assert told(pages) == [RIVERA]
    with pytest.raises(Refused):
        ladders.reopen(again, OKAFOR, "Mr. Okafor", NOON)


def test_a_tier_only_rises_and_rising_calls_everybody_again() -> None:
    concern = case(Tier.CONCERN)
    taken, _ = ladders.acknowledge(concern, RIVERA, "Ms. Rivera", NOON)
    assert news.raise_tier(taken, Tier.CONCERN, ladder_of(Tier.CONCERN), NOON) == (taken, ())
    raised, pages = news.raise_tier(taken, Tier.CRISIS, ladder_of(Tier.CRISIS), NOON + minutes(1))
    assert raised.tier is Tier.CRISIS
    assert raised.status is EscalationStatus.OPEN
    assert raised.next_action_at == NOON + minutes(6)
    assert told(pages) == [RIVERA]
    assert news.raise_tier(raised, Tier.URGENT, ladder_of(Tier.URGENT), NOON) == (raised, ())


def test_what_is_new_in_a_held_case_is_told_to_its_holder() -> None:
    taken, _ = ladders.acknowledge(case(), RIVERA, "Ms. Rivera", NOON)
    later, pages = news.told_again(taken, NOON + minutes(5))
    assert told(pages) == [RIVERA]
    assert later.round == taken.round + 1
    assert news.told_again(case(), NOON) == (case(), ())


@pytest.mark.parametrize("tier", [Tier.CRISIS, Tier.URGENT, Tier.CONCERN])
def test_f64_seventy_two_hours_of_silence_leave_no_gap_longer_than_the_interval(tier: Tier) -> None:
    escalation, pages = ladders.open_case(
        7, MAYA, tier, "suicide", "Wants to die", ladder_of(tier, (RIVERA,), (OKAFOR,), (LINDQVIST,)), NOON
    )
    longest = max(ladders.defaults()[tier].wait, ladders.defaults()[tier].repeat)
    last, seen = NOON, {(page.person_id, page.rung, page.round) for page in pages}
    while last < NOON + timedelta(hours=72):
        assert escalation.next_action_at is not None
        now = escalation.next_action_at
        escalation, pages = ladders.climb(escalation, now)
        assert told(pages), "a due time of an open case tells somebody"
        assert now - last <= longest
        keys = {(page.person_id, page.rung, page.round) for page in pages}
        assert not keys & seen, "an alert that looks like an older one would be taken for a repeat"
        seen, last = seen | keys, now


class AnyOrder(RuleBasedStateMachine):
    """Adults, time and failures in any order; the case is never forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOON
        self.escalation = case(Tier.URGENT, ladder=ladder_of(Tier.URGENT, (RIVERA,), (OKAFOR, LINDQVIST)))
        self.highest = self.escalation.tier.rank
        self.keys: set[tuple[PageKind, int, int, int]] = {(PageKind.ALERT, RIVERA, 0, 0)}

    def take(self, step: tuple[Escalation, tuple[Page, ...]]) -> None:
        self.escalation, pages = step
        for page in pages:
            if page.kind is not PageKind.TAKEN:
                key = (page.kind, page.person_id, page.rung, page.round)
                assert key not in self.keys
                self.keys.add(key)

    @rule(wait=st.integers(0, 180))
    def time_passes(self, wait: int) -> None:
        end = self.now + minutes(wait)
        while self.escalation.next_action_at is not None and self.escalation.next_action_at <= end:
            self.now = self.escalation.next_action_at
            before = self.escalation
            self.take(ladders.climb(before, self.now))
            assert self.escalation != before
        self.now = end

    @rule()
    def a_rung_fails(self) -> None:
        self.take(ladders.advance_now(self.escalation, self.now))

    @rule(
        act=st.sampled_from([ladders.acknowledge, ladders.pass_on, ladders.need_help, ladders.reopen]),
        person=st.sampled_from([(RIVERA, "Ms. Rivera"), (OKAFOR, "Mr. Okafor"), (None, "Office")]),
    )
    def an_adult_acts(self, act, person) -> None:  # type: ignore[no-untyped-def]
        with contextlib.suppress(Refused):
            self.take(act(self.escalation, *person, self.now))

    @rule(
        person=st.sampled_from([(RIVERA, "Ms. Rivera"), (OKAFOR, "Mr. Okafor"), (None, "Office")]),
        wanted=st.sampled_from([*Plan, "nonsense"]),
    )
    def an_adult_plans(self, person: tuple[int | None, str], wanted: str) -> None:
        before = self.escalation
        try:
            self.escalation = plans.plan(before, *person, wanted, self.now)
        except Refused:
            return
        assert before.status is EscalationStatus.ACKNOWLEDGED
        assert (before.acknowledged_person_id, before.acknowledged_by) == person
        assert (self.escalation.plan, self.escalation.asked_at) == (wanted, None)

    @precondition(lambda self: self.escalation.status is not EscalationStatus.CLOSED)
    @rule(tier=st.sampled_from([Tier.CRISIS, Tier.URGENT, Tier.CONCERN]))
    def a_new_message(self, tier: Tier) -> None:
        self.take(news.raise_tier(self.escalation, tier, ladder_of(tier, (RIVERA,), (OKAFOR, LINDQVIST)), self.now))

    @precondition(lambda self: self.escalation.status is not EscalationStatus.CLOSED)
    @rule(
        outcome=st.sampled_from(["spoke-with-student", "not-a-concern", "nonsense"]), note=st.sampled_from(["", "Why."])
    )
    def an_adult_closes(self, outcome: str, note: str) -> None:
        try:
            self.take(ladders.close(self.escalation, OKAFOR, "Mr. Okafor", outcome, note, self.now))
        except Refused:
            assert self.escalation.status is not EscalationStatus.CLOSED

    @invariant()
    def no_silent_end(self) -> None:
        closed = self.escalation.status is EscalationStatus.CLOSED
        assert closed == (self.escalation.next_action_at is None)
        assert closed == bool(self.escalation.outcome)
        if self.escalation.next_action_at is not None:
            longest = max(self.escalation.ladder.hold, self.escalation.ladder.repeat, minutes(15))
            assert self.escalation.next_action_at - self.now <= longest

    @invariant()
    def held_means_somebody_holds(self) -> None:
        if self.escalation.status is EscalationStatus.ACKNOWLEDGED:
            assert self.escalation.acknowledged_by
            assert self.escalation.acknowledged_at is not None
        if self.escalation.status is EscalationStatus.OPEN:
            assert self.escalation.acknowledged_person_id is None
            assert self.escalation.asked_at is None

    @invariant()
    def a_plan_is_gone_with_the_hold(self) -> None:
        if self.escalation.status is not EscalationStatus.ACKNOWLEDGED:
            assert self.escalation.plan == ""
        elif self.escalation.plan:
            assert Plan(self.escalation.plan).fits(self.escalation.tier)

    @invariant()
    def the_tier_never_falls(self) -> None:
        assert self.escalation.tier.rank <= self.highest
        self.highest = self.escalation.tier.rank


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
