"""What `make crash ONLY=slack` compares with: the smallest app on stock Bolt that keeps what it hears, killed alike.

`python -m tests.crash.bolt URL FILE` is that app, as Bolt's documentation writes it; it stands for a process beside.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from tests.crash.outside import ROOT, ended
from tests.fakes.slack import APP_TOKEN, BOT_TOKEN, MAYA, Slack

COMING = 60
HANDLED = (1, 5, 20, 40)
WORK = 0.05
"""Seconds that its listener takes for a message, as ours would with a database."""
WITHIN = 60.0


async def lost_by_bolt(folder: Path, handled: int) -> tuple[int, int]:
    """How many of sixty events are on no record after a kill when so many were handled, and a restart.

    And how many of those it had acknowledged: the others were offered in vain, and Bolt reads no history.
    """
    record = folder / f"heard-{handled}.txt"
    record.touch()
    slack = Slack(patience=0.3)
    async with slack.running(), asyncio.timeout(WITHIN):
        process = _app(slack, record)
        try:
            await slack.connected(many=1, within=WITHIN)
            coming = asyncio.create_task(_come(slack))
            while _heard(record) < handled:  # noqa: ASYNC110  (it tells nobody)
                await asyncio.sleep(0.002)
            process.kill()
            await ended(process)
            await coming
            await asyncio.sleep(3 * slack.patience)  # what nobody took is given up
            process = _app(slack, record)
            await slack.connected(many=1, within=WITHIN)
            await asyncio.sleep(1.0)
        finally:
            process.kill()
            process.wait()
    kept = len(set(record.read_text().splitlines()))
    return COMING - kept, len(set(slack.acknowledged)) - kept


async def _come(slack: Slack) -> None:
    for number in range(COMING):
        await slack.deliver(slack.writes(MAYA, f"Line {number} of sixty"), wait=False)
        await asyncio.sleep(0.01)


def _heard(record: Path) -> int:
    return len(record.read_text().splitlines())


def _app(slack: Slack, record: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", __spec__.name, f"{slack.url}/api/", str(record)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


async def _bolt(url: str, record: Path) -> None:
    from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
    from slack_bolt.async_app import AsyncApp
    from slack_sdk.web.async_client import AsyncWebClient

    app = AsyncApp(token=BOT_TOKEN, client=AsyncWebClient(token=BOT_TOKEN, base_url=url))

    @app.event("message")
    async def heard(event: dict[str, str]) -> None:
        await asyncio.sleep(WORK)
        with record.open("a") as file:
            file.write(event["text"] + "\n")

    handler = AsyncSocketModeHandler(app, APP_TOKEN, web_client=AsyncWebClient(token=APP_TOKEN, base_url=url))
    await handler.start_async()


if __name__ == "__main__":
    asyncio.run(_bolt(sys.argv[1], Path(sys.argv[2])))
