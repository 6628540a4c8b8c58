"""Real time that is set back or ahead while Nearpeer runs (F92)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.clock import SystemClock
from bot.errors import Refused
from bot.serving import clock_for
from storage import due
from storage.stranded import newest_beat
from tests.school import MAYA, House, on_sqlite

START = datetime(2026, 10, 5, 16, 0, tzinfo=UTC)


class Computer:
    """A computer whose clock somebody sets, and whose steady counter nobody can."""

    def __init__(self) -> None:
        self.clock, self.counter = START.timestamp(), 5_000.0

    def passes(self, **span: float) -> None:
        seconds = timedelta(**span).total_seconds()
        self.clock += seconds
        self.counter += seconds

    def is_set(self, **span: float) -> None:
        """Somebody sets the clock, which takes them a millisecond: within less than that nobody looks at it again."""
        self.clock += timedelta(**span).total_seconds()
        self.passes(milliseconds=1)

    def start(self, at_least: datetime | None = None) -> SystemClock:
        return SystemClock(at_least, real=lambda: self.clock, steady=lambda: self.counter)


@pytest.fixture
def computer() -> Computer:
    return Computer()


def test_time_is_the_computer_s(computer: Computer) -> None:
    clock = computer.start()
    computer.passes(hours=5)
    assert clock.now() == clock.wall() == START + timedelta(hours=5)
    assert clock.oddity() == ""


def test_f92_a_clock_set_back_an_hour_holds_up_no_ladder(computer: Computer) -> None:
    clock = computer.start()
    due = clock.now() + timedelta(minutes=5)
    computer.is_set(hours=-1)
    assert abs(clock.now() - (START + timedelta(milliseconds=0.9))) < timedelta(microseconds=5)
    assert "set back by about 60 minutes" in clock.oddity()
    computer.passes(minutes=6)
    assert clock.now() >= due


def test_f92_after_a_while_it_is_real_time_again(computer: Computer) -> None:
    clock = computer.start()
    computer.is_set(hours=-1)
    seen = [clock.now()]
    for _ in range(11):
        computer.passes(hours=1)
        seen.append(clock.now())
    assert seen == sorted(seen)
    assert seen[-1].timestamp() == computer.clock
    assert clock.oddity() == ""


@pytest.mark.parametrize("span", [{"hours": 1}, {"days": 1}])
def test_f92_a_clock_set_ahead_is_followed_and_told(computer: Computer, span: dict[str, float]) -> None:
    clock = computer.start()
    computer.passes(seconds=1)
    clock.now()
    computer.is_set(**span)
    assert clock.now() == START + timedelta(seconds=1, milliseconds=1) + timedelta(**span)
    assert "jumped ahead" in clock.oddity()
    computer.passes(minutes=11)
    assert clock.oddity() == ""


def test_f92_a_clock_set_to_1970_changes_nothing_until_the_next_start(computer: Computer) -> None:
    clock = computer.start()
    computer.clock = 0.0
    before = clock.now()
    computer.passes(minutes=10)
    assert timedelta(minutes=9) <= clock.now() - before <= timedelta(minutes=10)
    assert "set back" in clock.oddity()


def test_f92_ids_only_rise_also_after_a_start_with_a_clock_that_is_behind(computer: Computer) -> None:
    clock = computer.start()
    ids = [clock.new_id()]
    computer.is_set(minutes=-30)
    ids.append(clock.new_id())
    computer.passes(seconds=1)
    again = computer.start(at_least=clock.now())
    ids.append(again.new_id())
    computer.passes(seconds=10)
    ids.append(again.new_id())
    assert ids == sorted(set(ids))


def test_ids_in_a_row_are_nobody_else_s(computer: Computer) -> None:
    clock = computer.start()
    ids = [clock.new_id(), *clock.new_ids(4_000), *clock.new_ids(4_096), clock.new_id(), *clock.new_ids(0)]
    assert len(ids) == 8_098
    assert ids == sorted(set(ids))
    with pytest.raises(ValueError, match="4096"):
        clock.new_ids(4_097)


def test_a_little_drift_is_nothing_strange(computer: Computer) -> None:
    clock = computer.start()
    for step in range(1_000):
        computer.passes(seconds=60)
        computer.is_set(seconds=0.5 if step % 2 else -0.5)
        assert clock.oddity() == ""


# --- a start whose clock lies behind the last run ---


def last_ran_at(house: House, moment: datetime) -> None:
    house.write(lambda connection: due.mark_beat(connection, "due", moment))


async def test_f92_a_start_half_an_hour_behind_the_last_run_goes_on_where_it_ended(house: House) -> None:
    last = datetime.now(UTC) + timedelta(minutes=30)
    last_ran_at(house, last)
    assert clock_for(house.database).now() >= last - timedelta(milliseconds=1)


async def test_f92_a_start_days_behind_the_last_run_asks_about_every_open_case_at_once(house: House) -> None:
    house.clock.set(datetime.now(UTC) + timedelta(days=3))
    await house.says(MAYA, "I need an adult")
    last_ran_at(house, house.clock.now())
    assert house.case().next_action_at > datetime.now(UTC) + timedelta(days=2)
    now = clock_for(house.database).now()
    assert now < datetime.now(UTC) + timedelta(minutes=1)
    assert house.case().next_action_at <= now
    with house.database.read() as connection:
        assert newest_beat(connection) <= now


@on_sqlite
async def test_f92_a_clock_of_long_ago_is_refused(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.serving.SystemClock", lambda *_: SystemClock(real=lambda: 0.0))
    with pytest.raises(Refused, match="The clock says 1970-01-01"):
        clock_for(house.database)
