"""`kill -9` while events come from Slack loses none: the short form of `make crash ONLY=slack`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.slack import killed_at, school_on_slack


@pytest.mark.parametrize("place", ["work.committed=exit@5", "ingress.inserted=exit@3"])
async def test_f01_f02_f58_of_sixty_events_from_slack_none_is_lost(tmp_path: Path, place: str) -> None:
    assert await killed_at(school_on_slack(tmp_path / "school"), place) == []
