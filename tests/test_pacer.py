"""The pace of an account and the line of claimed messages, by moments that a test hands in."""

from __future__ import annotations

import itertools
import math

import pytest

from bot.pacer import CATCH_UP, LONGEST_DELAY, LONGEST_HOLD, Line, Pacer, Place, bounded

GAP = 1 / 29.7


def leave(pacer: Pacer, count: int, now: float = 0.0, late: float = 0.0) -> list[float]:
    """So many messages leave, each so many seconds after it might."""
    moments = []
    for number in range(count):
        now = max(now, pacer.moment()) + late
        pacer.sent(f"chat {number}", now)
        moments.append(now)
    return moments


def busiest_second(moments: list[float]) -> int:
    return max(sum(start <= moment < start + 1.0 for moment in moments) for start in moments)


def test_thirty_a_second_are_asked_for_a_little_less_evenly_after_the_first_three() -> None:
    moments = leave(Pacer(30, 1), 300)
    gaps = [after - before for before, after in itertools.pairwise(moments)]
    assert moments[2] == 0, "whoever has been silent has two gaps to make up for"
    assert gaps[-50:] == pytest.approx([GAP] * 50)
    assert max(gaps) < 3 * GAP, "and the hole a second later is no longer than that"
    assert busiest_second(moments) == 30
    assert 299 / moments[-1] >= 0.98 * 30


def test_lateness_of_two_gaps_costs_nothing_and_of_a_minute_not_more_than_that_is_made_up_for() -> None:
    pacer = Pacer(30, 1)
    late = leave(pacer, 300, late=GAP / 5)
    assert late[-1] - late[99] == pytest.approx(200 * GAP), "a fifth of a gap late each time, and no slower for it"
    stalled = leave(pacer, 300, now=late[-1] + 2.5 * GAP)
    assert stalled[-1] == pytest.approx(late[-1] + 300 * GAP, abs=GAP / 4), "a stall of one gap and a half neither"
    after = leave(pacer, 30, now=stalled[-1] + 60)
    assert after[2] == after[0]
    assert after[3] - after[2] == pytest.approx(3 * GAP - CATCH_UP)
    assert after[4] - after[3] == pytest.approx(GAP)
    assert busiest_second([*late, *stalled, *after]) == 30


def test_at_a_slow_platform_a_stall_makes_one_gap_a_little_shorter() -> None:
    slow, gap = Pacer(1, 1), 1 / 0.99
    after = leave(slow, 3, now=leave(slow, 3)[-1] + 60)
    assert after[1] - after[0] == pytest.approx(gap - CATCH_UP)
    assert after[2] - after[1] == pytest.approx(gap)


def test_silence_that_a_platform_asked_for_is_not_made_up_for() -> None:
    pacer = Pacer(30, 1)
    leave(pacer, 10)
    pacer.slow_down(1, 3)
    first, second = leave(pacer, 2, now=1)
    assert first == 4
    assert second - first == pytest.approx(1 / pacer.rate, rel=0.01)


def test_what_was_held_up_on_its_way_arrives_with_those_behind_it_and_is_counted_so() -> None:
    """One of the first thirty takes 60 ms longer to arrive; no second of the platform's sees more than thirty."""
    pacer, now, arrivals = Pacer(30, 1), 0.0, []
    for number in range(120):
        now = max(now, pacer.moment())
        departure = pacer.sent(f"chat {number}", now)
        arrivals.append(now + 0.05 + 0.06 * (number % 50 == 7))
        pacer.answered(departure, arrivals[-1] + 0.05)
    assert busiest_second(sorted(arrivals)) == 30
    assert now < 120 * GAP + 0.1, "it costs no more than the delay"


def test_an_answer_that_takes_for_ever_does_not_stop_the_others() -> None:
    pacer = Pacer(30, 1)
    pacer.answered(pacer.sent("maya", 0), 0.1)
    pacer.answered(pacer.sent("leo", 1), 20)
    assert leave(pacer, 40, now=20)[-1] < 20 + 40 * GAP + LONGEST_DELAY


def test_each_chat_has_a_pace_of_its_own() -> None:
    pacer = Pacer(30, 1)
    pacer.sent("maya", 10)
    assert pacer.chat_moment("maya") == 11
    assert pacer.chat_moment("leo") < 10


def test_a_refusal_silences_the_account_and_lowers_its_rate_a_little() -> None:
    pacer = Pacer(30, 1)
    leave(pacer, 10)
    assert pacer.slow_down(1, 3) == 3
    assert pacer.moment() == 4
    assert pacer.rate == pytest.approx(29.7 * 0.95)


def test_those_that_were_under_way_together_count_as_one_refusal() -> None:
    pacer = Pacer(30, 1)
    for now, after in ((1, 3), (1.1, 3), (1.2, 1)):
        pacer.slow_down(now, after)
    assert pacer.held_until == pytest.approx(4.1)
    assert pacer.rate == pytest.approx(29.7 * 0.95)


def test_the_rate_comes_back_slowly_and_never_falls_below_half() -> None:
    pacer = Pacer(30, 1)
    for number in range(100):
        pacer.slow_down(number * 10, 3)
    assert pacer.rate == pytest.approx(29.7 / 2)
    leave(pacer, 30, now=1003)
    assert 29.7 * 0.5 < pacer.rate < 29.7 * 0.52
    leave(pacer, 1, now=1003 + 600)
    assert pacer.rate == 29.7


def test_a_platform_that_does_not_say_how_long_is_asked_less_and_less_often() -> None:
    pacer, now, waits = Pacer(30, 1), 0.0, []
    for _ in range(9):
        waits.append(pacer.slow_down(now, None))
        now = pacer.moment()
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    pacer.accepted()
    assert pacer.slow_down(now, None) == 1


@pytest.mark.parametrize(
    ("after", "seconds"), [(-5, 0), (0, 0), (30, 30), (1e9, LONGEST_HOLD), (math.inf, LONGEST_HOLD), (math.nan, 1)]
)
def test_nonsense_about_how_long_is_bounded(after: float, seconds: float) -> None:
    assert bounded(after) == seconds
    assert Pacer(30, 1).slow_down(0, after) == seconds


# --- the line ---


def line(*people: tuple[int, int]) -> Line[str]:
    """A line of (priority, number)."""
    made: Line[str] = Line()
    for priority, number in people:
        made.add(Place(priority, number, f"{priority}-{number}", 0, 0))
    return made


def names(made: Line[str], now: float = 0) -> list[str]:
    taken = []
    while made.first(now) is not None:
        taken.append(made.take().item)
    return taken


def test_the_most_urgent_goes_first_whenever_it_came() -> None:
    made = line((3, 1), (3, 2), (1, 4))
    made.add(Place(0, 9, "alert", 0, 0))
    assert names(made) == ["alert", "1-4", "3-1", "3-2"]
    assert len(made) == 0


def test_who_must_rest_lets_others_pass_and_comes_back_to_its_place() -> None:
    made = line((1, 1), (1, 2), (3, 3))
    made.rest(5)
    first = made.first(4)
    assert first is not None
    assert first.item == "1-2"
    assert (made.wakes_at(), len(made)) == (5, 3)
    assert names(made, 5) == ["1-1", "1-2", "3-3"]


def test_when_all_rest_it_is_nobody_s_turn() -> None:
    made = line((1, 1))
    made.rest(5)
    assert made.first(4) is None
    assert made.first(5) is not None
    assert made.wakes_at() == math.inf


def test_the_line_knows_how_much_of_what_waits() -> None:
    made = line((0, 1), (3, 2), (3, 3), (1, 4))
    assert [made.up_to(priority) for priority in (0, 1, 2, 3)] == [1, 2, 2, 4]
    assert [made.nth_priority(number) for number in (1, 2, 3, 4, 5)] == [0, 1, 3, 3, None]
    made.take()
    made.rest(9)
    made.remove({place for place in made if place.number == 2})
    assert [made.up_to(priority) for priority in (0, 1, 3)] == [0, 1, 2]
    assert names(made, 9) == ["1-4", "3-3"]
