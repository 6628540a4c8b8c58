"""A school on Telegram: the whole App, its own client and poller, over HTTP to a Bot API server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from pydantic import SecretStr

from bot.adapters.base import Adapter
from bot.app import App
from bot.clock import SystemClock
from bot.errors import Refused
from bot.platforms import telegram_adapter, telegram_link
from bot.program import Program
from bot.school import mint_codes
from config.telegram import Telegram
from storage import people, tables
from storage.database import Database
from tests.fakes.telegram import TOKEN, BotServer, update
from tests.school import CANARY, MAYA, RIVERA, move_in

ASKED = "How is your week, Maya?"
"""While school is closed, something stands before it: these tests run at any hour."""

MAYAS, RIVERAS = 4_101, 4_103
"""Their chats."""


def settings(server: BotServer, **more: object) -> Telegram:
    return Telegram(token=SecretStr(TOKEN), base_url=server.url, per_chat_second=30, **more)  # type: ignore[arg-type]


@dataclass
class School:
    app: App
    server: BotServer
    adapter: Adapter
    codes: dict[int, str]

    async def says(self, chat: int, text: str, answered: Callable[[str], bool] | None = None) -> None:
        """Somebody writes; returns when something is answered (that is so)."""
        before = len(self.server.sent(chat))
        self.server.do(update(text, chat))
        await until(lambda: any(map(answered or bool, self.server.sent(chat)[before:])))


async def until(true: Callable[[], object], within: float = 20) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110  (the other side tells us nothing)
            await asyncio.sleep(0.01)


@asynccontextmanager
async def on_telegram(program: Program, database: Database) -> AsyncIterator[School]:
    database.write(move_in).result()
    clock = SystemClock()
    async with BotServer().running() as server:
        begin = await asyncio.to_thread(telegram_link, settings(server))
        links = mint_codes(database, clock, begin, platform="telegram")
        codes = {link.person.id: link.url.removeprefix("https://t.me/lincoln_peers_bot?start=") for link in links}
        adapter = telegram_adapter(settings(server))
        app, stop = App(program, database, clock, [adapter]), asyncio.Event()
        running = asyncio.create_task(app.run(stop))
        try:
            yield School(app, server, adapter, codes)
        finally:
            stop.set()
            await running


async def test_a_link_a_check_in_an_alert_and_an_acknowledgement_on_telegram(
    program: Program, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with on_telegram(program, database) as school:
        await school.says(MAYAS, f"/start {school.codes[MAYA]}", lambda text: "Maya" in text)
        await school.says(RIVERAS, f"/start {school.codes[RIVERA]}", lambda text: "Rivera" in text)
        await school.says(MAYAS, "/checkin", lambda text: text.endswith(ASKED))
        (asked,) = [body for body in school.server.asked("sendMessage") if body["text"].endswith(ASKED)]
        assert [row[0]["text"] for row in asked["reply_markup"]["keyboard"]] == [
            "Hard",
            "So-so",
            "Great",
            "Skip",
            "I want an adult",
        ]
        await school.says(MAYAS, "Great", lambda text: text == "What was it like?")
        await school.says(MAYAS, f"I want to die {CANARY}", lambda text: "988" in text)
        await until(lambda: any("CRISIS" in text for text in school.server.sent(RIVERAS)))
        (alert,) = [body for body in school.server.asked("sendMessage") if body["text"].startswith("CRISIS")]
        labels = [row[0]["text"] for row in alert["reply_markup"]["keyboard"]]
        assert CANARY not in alert["text"]
        await school.says(RIVERAS, labels[0], lambda text: "You have case" in text)
        with database.read() as connection:
            (case,) = connection.execute(tables.escalation.select()).all()
            answers = connection.execute(tables.answer.select()).all()
            maya = people.load(connection, MAYA)
        assert (case.status, case.acknowledged_by) == ("acknowledged", "Ms. Rivera")
        assert [answer.value for answer in answers][:1] == [3]
        assert maya is not None
        assert (maya.addresses[0].platform, maya.addresses[0].chat) == ("telegram", str(MAYAS))
        assert school.adapter.trouble() == ""
    assert CANARY not in caplog.text
    assert TOKEN not in caplog.text


async def test_a_revoked_token_stands_on_the_health_page_at_once(program: Program, database: Database) -> None:
    async with on_telegram(program, database) as school:
        school.server.revoked = True
        school.server.do(update("kept at Telegram", MAYAS))
        await until(lambda: [one.text for one in school.app.platform_troubles()])
        (trouble,) = school.app.platform_troubles()
        assert "refuses the bot's token" in trouble.text
        assert TOKEN not in trouble.text


async def test_a_link_cannot_be_made_with_a_token_that_is_refused() -> None:
    async with BotServer(revoked=True).running() as server:
        with pytest.raises(Refused, match="refuses the bot's token") as refused:
            await asyncio.to_thread(telegram_link, settings(server))
        assert TOKEN not in str(refused.value)
        await server.stop()
        with pytest.raises(Refused, match="cannot be reached"):
            await asyncio.to_thread(telegram_link, settings(server))


def test_without_a_bot_there_is_no_link() -> None:
    with pytest.raises(Refused, match="no bot yet"):
        telegram_link(Telegram())
