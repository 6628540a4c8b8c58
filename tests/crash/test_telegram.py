"""`kill -9` while updates wait at Telegram loses none: the short form of `make crash ONLY=telegram`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from tests.crash.outside import stop
from tests.crash.telegram import at_server, killed_at, school_on_telegram
from tests.fakes.outside import outside
from tests.fakes.telegram import TOKEN, BotServer, update


@pytest.mark.parametrize("place", ["work.committed=exit@5", "ingress.inserted=exit"])
async def test_f01_f02_of_sixty_waiting_updates_none_is_lost(tmp_path: Path, place: str) -> None:
    assert await killed_at(school_on_telegram(tmp_path / "school"), place) == []


async def test_f50_a_revoked_token_stands_on_the_health_page_and_rings_outside(tmp_path: Path) -> None:
    school = school_on_telegram(tmp_path / "school")
    health = f"http://127.0.0.1:{school.port}/healthz"
    with outside() as bell:
        school.environment["NEARPEER_ALARM__URL"] = bell.url
        async with BotServer().running() as server, httpx.AsyncClient(timeout=5) as browser:
            at_server(school, server)
            process = school.run()
            try:
                async with asyncio.timeout(60):
                    while not server.asked("getUpdates"):  # noqa: ASYNC110  (a process tells nobody that it begins)
                        await asyncio.sleep(0.05)
                    server.revoked = True
                    server.do(update("kept at Telegram", 101))
                    while "Telegram refuses" not in (answer := await browser.get(health)).text:  # noqa: ASYNC110
                        await asyncio.sleep(0.2)
                    await asyncio.to_thread(bell.wait_for, 1)
                assert answer.status_code == 503
                assert await stop(process) == 0
            finally:
                process.kill()
                process.wait()
    told = json.dumps(bell.told())
    assert "Telegram refuses" in told
    assert TOKEN not in told + answer.text + school.log.read_text()
