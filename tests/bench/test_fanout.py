"""The fan-out of `make bench` in small: order, counts and refusals, never speed."""

from __future__ import annotations

import pytest

from bench.fanout import fanout
from bench.measure import PEERS_PYTHON, Case, run


def test_a_small_fan_out_arrives_whole_in_order_and_without_a_refusal() -> None:
    """A platform that takes twice as many: a busy machine bunches what left evenly."""
    figures = fanout(150, 50, limit=100, every=0.7)
    assert (figures["check_ins"], figures["twice"], figures["refused"], figures["in_order"]) == (150, 0, 0, True)
    assert figures["alert_count"] >= 2
    assert figures["reply_count"] >= 2
    assert figures["accepted"] == 150 + figures["alert_count"] + figures["reply_count"]
    assert figures["worst_second"] <= 100
    assert figures["alert_p50_ms"] <= figures["alert_p99_ms"] <= figures["alert_longest_ms"]


def test_the_beginning_of_a_fan_out_is_enough_to_see_alerts_overtake() -> None:
    figures = fanout(500, 60, limit=100, every=0.5, seconds=1.5)
    assert 0 < figures["check_ins"] < 500
    assert figures["alert_count"] >= 2
    assert (figures["twice"], figures["refused"], figures["in_order"]) == (0, 0, True)


@pytest.mark.skipif(not PEERS_PYTHON.exists(), reason="the peers are not installed: make bench-quick does")
def test_the_peer_s_limiter_sends_to_the_same_platform() -> None:
    figures = run(Case("AIORateLimiter", "bench.peers.telegram_limiter", ("40", "0"), peer=True))
    assert figures["alert_count"] + figures["lost"] >= 5
    assert figures["rate"] > 0
