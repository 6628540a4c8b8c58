"""The peers of `make bench` still walk the whole conversation: a tiny run of each, for shape and never for speed."""

from __future__ import annotations

import pytest

from bench.measure import PEERS_PYTHON, Case, interleaved, run

PEERS = [
    Case("python-telegram-bot", "bench.peers.telegram_bot", ("3", "none"), peer=True),
    Case("python-telegram-bot, a pickle each step", "bench.peers.telegram_bot", ("3", "step"), peer=True),
    Case("aiogram", "bench.peers.aiogram_bot", ("3", "memory"), peer=True),
    Case("aiogram, SQLite", "bench.peers.aiogram_bot", ("3", "sqlite"), peer=True),
    Case("transitions", "bench.peers.state_machine", ("3",), peer=True),
]
needs_peers = pytest.mark.skipif(not PEERS_PYTHON.exists(), reason="the peers are not installed: make bench-quick does")


@needs_peers
@pytest.mark.parametrize("case", PEERS, ids=lambda case: case.name)
def test_a_peer_walks_three_students_through_the_whole_conversation(case: Case) -> None:
    (figures,) = interleaved([case], 1)[case.name]
    assert figures["messages"] == 15
    assert figures["cpu_us"] > 0
    assert figures["p50_us"] <= figures["p99_us"]


@pytest.mark.parametrize("listeners", ["5", "9"])
def test_bolt_walks_three_students_through_the_whole_conversation(listeners: str) -> None:
    figures = run(Case("slack-bolt", "bench.peers.bolt_app", ("3", listeners)))
    assert figures["messages"] == 15
    assert figures["cpu_us"] > 0


@pytest.mark.parametrize(
    "case",
    [
        Case("slack_sdk", "bench.peers.slack_send", ("10", "2")),
        pytest.param(
            Case("python-telegram-bot", "bench.peers.telegram_send", ("10", "2"), peer=True), marks=needs_peers
        ),
    ],
    ids=lambda case: case.name,
)
def test_a_peer_sends_over_http(case: Case) -> None:
    figures = run(case)
    assert figures["messages"] == 10
    assert figures["cpu_us"] > 0
