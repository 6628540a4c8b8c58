"""P16 of `make bench` in small: every student in danger has an alert while a school is being asked; never speed."""

from __future__ import annotations

import asyncio
from pathlib import Path

from bench.alerting import alerted


def test_each_student_in_danger_has_an_alert_while_everybody_is_asked(tmp_path: Path) -> None:
    figures = asyncio.run(alerted(tmp_path / "school", 300, 1.2))
    assert figures["alerts"] >= 2
    assert figures["check_ins_sent"] > 0
    assert figures["check_ins_waiting_at_the_end"] > 0, "the fan-out was running all the time"
    assert 0 < figures["alert_p50_ms"] <= figures["alert_p99_ms"] <= figures["alert_longest_ms"]
