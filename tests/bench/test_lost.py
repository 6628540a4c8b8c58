"""The comparison with the SDKs' own ways in small: each bot killed once, after five of sixty messages."""

from __future__ import annotations

import pytest

from bench import lost
from bench.measure import PEERS_PYTHON

needs_peers = pytest.mark.skipif(not PEERS_PYTHON.exists(), reason="the peers are not installed: make bench-quick does")


def test_the_script_that_kills_the_sdks_bots_finds_nothing_lost_of_ours() -> None:
    (figures,) = lost.killed(lost.ON_TELEGRAM, [5])
    assert figures["at_kill"] >= 5
    assert (figures["lost"], figures["twice"]) == (0, 0)


@needs_peers
def test_python_telegram_bot_confirms_updates_before_they_are_handled() -> None:
    (figures,) = lost.killed(lost.POLLING, [5])
    assert figures == {"after": 5, "at_kill": 5, "lost": lost.WAITING - 5, "twice": 0}


def test_bolt_acknowledges_events_before_they_are_handled() -> None:
    (figures,) = lost.killed(lost.BOLT, [5])
    assert figures["at_kill"] == 5
    assert figures["lost"] > 0


def test_the_table_says_who_lost_what() -> None:
    rows = [{"after": 1, "at_kill": 1, "lost": 59, "twice": 0}, {"after": 40, "at_kill": 40, "lost": 20, "twice": 0}]
    assert lost.table({"a bot": rows}).splitlines()[1].split() == ["a", "bot", "59", "20"]
