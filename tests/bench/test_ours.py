"""Each measurement of ours at a tiny size: it runs, finds what it must find, and says nothing of speed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from bench import cold, day, due, fill, growth, planning, restart, screening, sending, slack_way, stalls
from bench.result import QUICK
from bench.storage import one_commit_a_step
from bench.way import school
from bot.program import create, load_program
from storage import hot
from tests.fakes.strict import alone

GROWING = ("message", "inbox", "occurrence", "conversation", "answer", "delivery_attempt", "finding")


def test_the_bare_anchor_commits_each_step() -> None:
    figures = one_commit_a_step(20)
    assert figures["cpu_us"] > 0
    assert figures["per_second"] > 0


@pytest.mark.parametrize("platform", ["telegram", "slack"])
async def test_messages_are_sent_to_a_real_server(platform: str) -> None:
    with alone(10**9) as port:
        figures = await sending.send(platform, port, messages=10, in_flight=2)
    assert figures["messages"] == 10
    assert figures["cpu_us"] > 0


async def test_a_day_leaves_no_row_and_no_file_behind(tmp_path: Path) -> None:
    program, database = school(tmp_path, [range(1, 4)])
    try:
        figures = await day.day(program, database, students=3, minutes=240)
    finally:
        database.close()
    assert len(figures["hours"]) == 7
    assert figures["left_over_rows"] == 0
    assert figures["more_open_files"] <= day.POOL
    assert figures["hours"][-1]["messages"] >= 3 * 14


@pytest.mark.parametrize(("what", "rows"), [("plan", 6), ("fire", 1)])
def test_a_school_is_planned_and_asked_as_its_rows_are_copied(tmp_path: Path, what: str, rows: int) -> None:
    figures = asyncio.run(planning.ours(tmp_path / "alone", 40, what))
    assert figures["rows_each"] == rows
    for how in ("select", "objects"):
        assert planning.copied(tmp_path / how, 40, what, how)["cpu_us"] > 0


def test_a_pause_of_the_machine_is_not_taken_for_a_slow_transaction_and_a_slow_one_is_seen() -> None:
    """The second is always slow; each of the others met a pause once."""
    rounds = [{"each_ms": times} for times in ([90.0, 31.0, 3.0], [3.0, 30.0, 3.0], [3.0, 33.0, 80.0])]
    assert planning.longest_of_all(rounds) == 31.0
    assert planning.longest_of_all(rounds[:1]) == 90.0


def test_what_holds_up_an_idle_loop_as_well_is_not_held_against_ours() -> None:
    assert stalls.own_stall({"stall_ms": 80.0, "idle_stall_ms": 70.0}) == 10.0
    assert stalls.own_stall({"stall_ms": 5.0, "idle_stall_ms": 70.0}) == 0.0


def test_whoever_is_due_at_once_is_asked_and_an_adult_hears_meanwhile(tmp_path: Path) -> None:
    figures = asyncio.run(due.ours(tmp_path / "school", 120))
    assert (figures["fired"], figures["missed"]) == (120, 0)
    assert figures["alerts"] >= 1


def test_no_statement_of_a_message_walks_through_what_grows(tmp_path: Path, plans: dict[str, list[str]]) -> None:
    folder = growth.crowd(tmp_path, 60, 5)
    fill.past(folder / "nearpeer.db", load_program(folder), 500, 30)
    plans.clear()
    figures = asyncio.run(growth.walk(folder, 1, 3, 2))
    assert figures["messages"] == 15
    assert len(plans) > 40
    walks = {f"SCAN {table}" for table in GROWING}
    bad = {statement: steps for statement, steps in plans.items() if walks & set(steps)}
    assert not bad, bad


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[str]]]:
    """How SQLite goes about each statement, of Core and of the hot path."""
    seen: dict[str, list[str]] = {}

    def note(driver: Any, statement: str, parameters: Any) -> None:
        if statement.split()[0] in ("SELECT", "UPDATE", "DELETE", "INSERT", "WITH") and statement not in seen:
            seen[statement] = [row[3] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]

    def core(connection: Connection, _cursor: Any, statement: str, parameters: Any, _context: Any, many: bool) -> None:
        note(connection.connection.driver_connection, statement, parameters[0] if many else parameters)

    class Cursor:
        """The driver's, which notes what it is given."""

        def __init__(self, cursor: Any) -> None:
            self._cursor = cursor

        def __getattr__(self, name: str) -> Any:
            return getattr(self._cursor, name)

        def execute(self, statement: str, parameters: Any) -> None:
            note(self._cursor.connection, statement, parameters)
            self._cursor.execute(statement, parameters)

        def executemany(self, statement: str, parameters: Any) -> None:
            note(self._cursor.connection, statement, parameters[0])
            self._cursor.executemany(statement, parameters)

    truly = hot._on_driver
    monkeypatch.setattr(hot, "_on_driver", lambda c, sql, run: truly(c, sql, lambda cursor: run(Cursor(cursor))))
    event.listen(Engine, "before_cursor_execute", core)
    yield seen
    event.remove(Engine, "before_cursor_execute", core)


@pytest.mark.parametrize("flows", [1, 4])
def test_a_message_walks_its_whole_way_on_slack_among_any_number_of_flows(flows: int) -> None:
    figures = slack_way.way(2, flows)
    assert figures["messages"] == 10
    assert figures["cpu_us"] > 0


async def test_what_was_acknowledged_before_a_kill_is_there_after_the_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restart, "SECONDS", 0.5)
    monkeypatch.setattr(restart, "WRITERS", 4)
    figures = await restart.kill(tmp_path, conversations=20)
    assert figures["acknowledged"] > 0
    assert (figures["lost"], figures["lost_alerts"]) == (0, 0)


@pytest.mark.parametrize("platform", ["telegram", "web"])
def test_a_school_is_built_as_a_start_would(tmp_path: Path, platform: str) -> None:
    create(tmp_path / "school")
    cold.start(platform, tmp_path / "school")
    assert (tmp_path / "school/nearpeer.db").exists()


def test_what_a_command_uses_is_its_own_and_not_that_of_whoever_starts_it() -> None:
    ballast = bytearray(b"\1" * 64_000_000)
    command = [sys.executable, "-I", "-S", str(cold.ALONE), sys.executable, "-I", "-S", "-c"]
    done = subprocess.run([*command, "pass"], capture_output=True, text=True, check=True)
    cpu_ms, peak_mb = map(float, done.stdout.split())
    assert cpu_ms > 0
    assert 1 < peak_mb < len(ballast) / 1_000_000
    assert subprocess.run([*command, "raise SystemExit(3)"], capture_output=True, check=False).returncode == 1


def test_screening_is_measured_on_ordinary_replies_and_on_the_worst_texts() -> None:
    result = screening.goal(QUICK)
    assert [claim.unit for claim in result.claims] == ["us", "ms", "ms"]
    assert result.figures["texts"] > 100
    assert result.figures["median_us"] < result.figures["worst_window_us"]
