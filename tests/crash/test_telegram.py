"""`kill -9` while updates wait at Telegram loses none: the short form of `make crash ONLY=telegram`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crash.telegram import killed_at, school_on_telegram


@pytest.mark.parametrize("place", ["work.committed=exit@5", "ingress.inserted=exit"])
async def test_f01_f02_of_sixty_waiting_updates_none_is_lost(tmp_path: Path, place: str) -> None:
    assert await killed_at(school_on_telegram(tmp_path / "school"), place) == []
