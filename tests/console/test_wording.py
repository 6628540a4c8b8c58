"""How the pages say things, and the mood line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.console.attempts import AT_ONCE, Attempts
from bot.console.svg import Point, mood_line
from bot.console.wording import Moments, lasting, people, pieces
from bot.domain import Tier
from storage.written import Mark
from tests.console.little_school import NOW


def test_moments_are_said_in_the_schools_zone_with_its_abbreviation() -> None:
    moments = Moments(ZoneInfo("America/Chicago"), NOW)
    assert moments.when(NOW).text == "3:04 PM CST"
    assert moments.when(NOW).iso == "2026-11-03T15:04:00-06:00"
    assert moments.when(NOW - timedelta(days=1)).text == "yesterday 3:04 PM CST"
    assert moments.when(NOW + timedelta(hours=17)).text == "tomorrow 8:04 AM CST"
    assert moments.when(NOW - timedelta(days=7)).text == "Tue, Oct 27, 4:04 PM CDT"
    assert moments.day(NOW - timedelta(days=365)) == "Mon, Nov 3, 2025"


@pytest.mark.parametrize(
    ("span", "said"),
    [(-5, "less than a minute"), (59, "less than a minute"), (60, "1 minute"), (7199, "1 hour"), (172_800, "2 days")],
)
def test_spans_are_said_in_their_largest_unit(span: int, said: str) -> None:
    assert lasting(timedelta(seconds=span)) == said


def test_names_are_joined_as_people_do() -> None:
    assert [people(names) for names in ((), ("Maya",), ("Maya", "Sam"), ("Maya", "Sam", "Leo"))] == [
        "", "Maya", "Maya and Sam", "Maya, Sam and Leo",
    ]  # fmt: skip


@given(st.text(max_size=30), st.lists(st.tuples(st.integers(-5, 40), st.integers(-5, 40)), max_size=6))
def test_cutting_a_text_at_its_findings_loses_nothing(text: str, spans: list[tuple[int, int]]) -> None:
    marks = [Mark(start, end, Tier.CRISIS, f"label {start}") for start, end in spans]
    cut = pieces(text, marks)
    assert "".join(piece.text for piece in cut) == text
    marked = {at for start, end in spans for at in range(max(0, start), min(len(text), end))}
    at = 0
    for piece in cut:
        for _ in piece.text:
            assert (at in marked) == bool(piece.label)
            at += 1


def test_findings_that_overlap_are_named_together() -> None:
    cut = pieces("abcdef", [Mark(0, 4, Tier.CRISIS, "one"), Mark(2, 6, Tier.URGENT, "two")])
    assert [(piece.text, piece.label) for piece in cut] == [("abcdef", "one; two")]


def test_the_mood_line_is_sound_xml_with_a_text_for_each_dot() -> None:
    points = [Point(NOW + timedelta(days=7 * n), value, f"<week {n}>") for n, value in enumerate((5, 1, 3))]
    root = ElementTree.fromstring(str(mood_line(points, "Moods of <Maya> & Leo", 'It went "down"')))
    assert root.attrib["role"] == "img"
    assert root[0].text == "Moods of <Maya> & Leo"
    circles = root.findall("circle")
    assert [circle[0].text for circle in circles] == ["<week 0>: Great", "<week 1>: Very hard", "<week 2>: Okay"]
    heights = [float(circle.attrib["cy"]) for circle in circles]
    assert heights[0] < heights[2] < heights[1]
    assert "style" not in str(mood_line(points, "", ""))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_line_of_few_moods_is_still_drawn(count: int) -> None:
    same = [Point(NOW, 3, "today")] * count
    assert len(ElementTree.fromstring(str(mood_line(same, "t", "s"))).findall("circle")) == count


def test_ten_thousand_guesses_slow_the_guesser_and_never_lock_out_ms_rivera() -> None:
    attempts, now = Attempts(), datetime(2026, 11, 3, tzinfo=UTC)
    assert attempts.wait("rivera", "guesser", now) == 0
    for n in range(10_000):
        attempts.failed("rivera", "guesser", now + timedelta(milliseconds=n))
    now += timedelta(seconds=10)
    assert attempts.wait("rivera", "guesser", now) == 8
    assert attempts.wait("somebody", "guesser", now) == 8
    assert attempts.wait("rivera", "school", now) == 2
    assert attempts.wait("okafor", "school", now) == 0
    attempts.succeeded("rivera", "guesser")  # behind one proxy: her right password forgives her source
    assert attempts.wait("rivera", "guesser", now) == 2
    assert attempts.wait("rivera", "school", now + timedelta(minutes=16)) == 0


def test_a_few_typing_mistakes_cost_no_time() -> None:
    attempts = Attempts()
    for _ in range(4):
        attempts.failed("rivera", "school", NOW)
    assert attempts.wait("rivera", "school", NOW) == 0
    attempts.failed("rivera", "school", NOW)
    assert attempts.wait("rivera", "school", NOW) == 0.5


def test_only_a_few_tries_of_one_source_wait_at_once() -> None:
    attempts = Attempts()
    assert [attempts.enter("guesser") for _ in range(AT_ONCE + 1)] == [True] * AT_ONCE + [False]
    assert attempts.enter("school")
    attempts.leave("guesser")
    assert attempts.enter("guesser")


def test_a_guesser_with_many_names_does_not_fill_the_memory() -> None:
    attempts = Attempts()
    for n in range(20_000):
        attempts.failed(f"login {n}", f"source {n}", NOW)
    assert len(attempts._failed) <= 10_000
