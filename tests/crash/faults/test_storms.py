"""The short form of G10: PostgreSQL restarted immediately, connections killed, answers of COMMITs lost, under load."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.program import Program
from tests import postgres as postgres_server
from tests.crash.faults.long import LONG, say
from tests.crash.faults.storms import storm
from tests.fakes.proxy import cable
from tests.postgres import Postgres
from tests.storage.test_faults import killed_by


@pytest.fixture(scope="module")
def mortal() -> Iterator[Postgres]:
    """A server of our own that may be restarted."""
    with postgres_server.running(ours=True) as server:
        yield server


async def test_f82_immediate_restarts_under_load_lose_nothing_and_do_nothing_twice(
    mortal: Postgres, program: Program
) -> None:
    account = await storm(mortal.new_database(), program, mortal.restart_immediately, times=20 if LONG else 2)
    say(f"immediate restarts: {account}")
    assert (account.lost, account.double) == ([], []), account
    assert account.alerts == 12
    assert len(account.acknowledged) > 40


async def test_f82_f83_killed_connections_and_lost_answers_under_load(mortal: Postgres, program: Program) -> None:
    url = mortal.new_database()
    with cable(url) as line:

        def break_it() -> None:
            line.swallow = 2
            killed_by(url)

        account = await storm(line.url, program, break_it, times=5, pause=2.0 if LONG else 0.5)
    say(f"killed connections and lost answers of COMMITs: {account}, {line.swallowed} answers lost")
    assert line.swallowed >= 3, "no answer of a COMMIT was lost"
    assert (account.lost, account.double) == ([], []), account
