"""The rules that our fake of Telegram keeps: how long it keeps what, and that nothing of ours hangs on a press."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from bot.adapters.telegram.adapter import Adapter
from bot.adapters.telegram.network import BotApi
from bot.adapters.telegram.reading import KINDS
from bot.adapters.telegram.writing import render
from bot.domain import Choice, InboundKind, MessageKind, Outbound, Priority
from tests.fakes.bot_api import complaints
from tests.fakes.port import MemoryPort
from tests.fakes.telegram import ACCOUNT, BUTTON, MAYA, NOBODY, BotServer, api, update


@pytest_asyncio.fixture
async def server() -> AsyncIterator[BotServer]:
    async with BotServer(chats={MAYA}).running() as server:
        yield server


@pytest_asyncio.fixture
async def ask(server: BotServer) -> AsyncIterator[BotApi]:
    made = api(server)
    yield made
    await made.close()


async def waiting(ask: BotApi, offset: int = 0) -> list[int]:
    asked = {"offset": offset, "limit": 100, "timeout": 0, "allowed_updates": KINDS}
    answer = await ask("getUpdates", asked)
    return [one["update_id"] for one in answer["result"]]


@pytest.mark.parametrize(
    ("done", "lives"),
    [(update("I am fine"), 86_400), (update("I am hurt", kind="edited_message"), 86_400), (BUTTON, 150)],
    ids=["text", "edit", "press"],
)
async def test_f31_f54_an_update_waits_for_as_long_as_telegram_keeps_its_kind(
    server: BotServer, ask: BotApi, done: dict[str, Any], lives: int
) -> None:
    server.do(done)
    server.ahead = lives - 1
    assert await waiting(ask) == [done["update_id"]], "asking again gives it again: nothing was confirmed"
    assert await waiting(ask) == [done["update_id"]]
    server.ahead = lives + 1
    assert await waiting(ask) == []
    assert (server.expired, server.confirmed) == (1, 0)


async def test_f01_what_lies_below_the_offset_is_forgotten_and_only_that(server: BotServer, ask: BotApi) -> None:
    first, second = update("one"), update("two")
    server.do(first, second)
    assert await waiting(ask, second["update_id"]) == [second["update_id"]]
    assert await waiting(ask) == [second["update_id"]]
    assert (server.expired, server.confirmed) == (0, 1)


async def test_f54_a_webhook_is_not_given_what_has_expired(server: BotServer) -> None:
    server.webhook = {"url": "https://lincoln.example/hooks/telegram", "secret_token": "s"}
    given = []
    server.do(update("too old"))
    server.ahead = 86_401
    server.do(update("new"))

    async def post(body: Any, _headers: Any) -> int:
        given.append(body["message"]["text"])
        return 200

    await server.push(post)
    assert given == ["new"]
    assert server.expired == 1


@pytest.mark.parametrize("kind", MessageKind)
def test_f31_no_button_of_ours_is_an_inline_one(kind: MessageKind) -> None:
    outbound = Outbound(7, NOBODY, kind, Priority.REPLY, "Do you have it?", (Choice("I have it 4F7K", "7.0"),))
    (body,) = render(outbound)
    assert "inline_keyboard" not in json.dumps(body)
    assert list(complaints("sendMessage", body)) == []
    inline = {**body, "reply_markup": {"inline_keyboard": [[{"text": "I have it", "callback_data": "7.0"}]]}}
    assert list(complaints("sendMessage", inline)) != [], "and the fake would refuse one"


async def test_f31_a_press_of_ours_made_an_hour_into_an_outage_arrives(server: BotServer) -> None:
    outbound = Outbound(7, NOBODY, MessageKind.QUESTION, Priority.REPLY, "Ready?", (Choice("Great", "7.0"),))
    (body,) = render(outbound)
    ((label,),) = ((button["text"] for button in row) for row in body["reply_markup"]["keyboard"])
    server.do(update(label), BUTTON)
    server.ahead = 3600
    port, telegram = MemoryPort(), Adapter(ACCOUNT, api(server))
    await telegram.start(port)
    async with asyncio.timeout(10):
        while not port.received:  # noqa: ASYNC110  (the other side tells us nothing)
            await asyncio.sleep(0.005)
    await telegram.stop()
    (raw,) = port.received
    inbound = telegram.translate(raw.body, raw.account, raw.event_id)
    assert inbound is not None
    assert (inbound.kind, inbound.text) == (InboundKind.TEXT, "Great")
    assert server.expired == 1, "an inline button's press would be gone"
