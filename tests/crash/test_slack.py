"""`kill -9` while events come from Slack loses none: the short form of `make crash ONLY=slack`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
import pytest

from tests.crash.outside import stop
from tests.crash.slack import CHATS, cut_off, in_workspace, killed_at, school_on_slack
from tests.fakes.outside import outside
from tests.fakes.slack import APP_TOKEN, BOT_TOKEN, Slack


@pytest.mark.parametrize("place", ["work.committed=exit@5", "ingress.inserted=exit@3"])
async def test_f01_f02_f58_of_sixty_events_from_slack_none_is_lost(tmp_path: Path, place: str) -> None:
    assert await killed_at(school_on_slack(tmp_path / "school"), place) == []


async def test_f53_of_sixty_events_in_an_hour_out_of_reach_none_is_lost(tmp_path: Path) -> None:
    assert await cut_off(school_on_slack(tmp_path / "school")) == []


async def test_f50_a_revoked_token_stands_on_the_health_page_and_rings_outside(tmp_path: Path) -> None:
    school = school_on_slack(tmp_path / "school")
    slack = Slack(users=dict.fromkeys(CHATS.values(), ""))
    with outside() as bell:
        school.environment["NEARPEER_ALARM__URL"] = bell.url
        async with slack.running(), httpx.AsyncClient(timeout=5) as browser:
            in_workspace(school, slack)
            process = school.run()
            try:
                async with asyncio.timeout(60):
                    await slack.connected(within=60)
                    slack.revoked.add(BOT_TOKEN)
                    await slack.deliver(slack.writes(CHATS["maya"], "kept, and answered later"))
                    health = f"http://127.0.0.1:{school.port}/healthz"
                    while "Slack refuses" not in (answer := await browser.get(health)).text:  # noqa: ASYNC110
                        await asyncio.sleep(0.2)
                    await asyncio.to_thread(bell.wait_for, 1)
                assert answer.status_code == 503
                assert await stop(process) == 0
            finally:
                process.kill()
                process.wait()
    told = json.dumps(bell.told()) + answer.text + school.log.read_text()
    assert "Slack refuses" in told
    assert BOT_TOKEN not in told
    assert APP_TOKEN not in told
