"""Webhook: only Telegram is believed, and hears 200 once an update is stored. Tests bear ids of reliability.md 7."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bot.adapters.telegram import polling, webhook
from bot.adapters.telegram.adapter import Adapter
from bot.adapters.telegram.webhook import HEADER, PATH
from bot.errors import Outage
from bot.server import build
from tests.fakes.port import MemoryPort
from tests.fakes.telegram import ACCOUNT, CUT, MAYA, TOKEN, BotServer, api, update

CANARY, SECRET = "violet-lantern", "secret-of-the-hook"
PUBLIC = "https://mentoring.example.org"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[BotServer]:
    async with BotServer(chats={MAYA}).running() as server:
        yield server


@pytest_asyncio.fixture
async def telegram(server: BotServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Adapter]:
    monkeypatch.setattr(webhook, "LOOK", 0.05)
    adapter = Adapter(ACCOUNT, api(server), polls=False, hook=f"{PUBLIC}{PATH}", secret=SECRET)
    yield adapter
    await adapter.stop()


@pytest_asyncio.fixture
async def telegrams(telegram: Adapter) -> AsyncIterator[httpx.AsyncClient]:
    """Telegram's own client of our site."""
    site = build(telegram.routes(), public_url=PUBLIC, csrf_exempt=("/hooks/",))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(site), base_url=PUBLIC) as client:
        yield client


async def until(true: Callable[[], object], within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110  (the other side tells us nothing)
            await asyncio.sleep(0.005)


async def posted(client: httpx.AsyncClient, body: Any, secret: str = SECRET) -> int:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (await client.post(PATH, content=content, headers={HEADER: secret})).status_code


async def test_the_webhook_is_set_with_its_secret_and_takes_what_is_posted(
    server: BotServer, telegram: Adapter, telegrams: httpx.AsyncClient
) -> None:
    port = MemoryPort()
    await telegram.start(port)
    await until(lambda: server.webhook)
    assert server.webhook["url"] == f"{PUBLIC}/hooks/telegram"
    assert set(server.webhook["allowed_updates"]) == {"message", "edited_message", "callback_query", "my_chat_member"}
    server.do(*(update(f"line {number}") for number in range(20)))

    async def post(body: Any, headers: Mapping[str, str]) -> int:
        return (await telegrams.post(PATH, json=body, headers=headers)).status_code

    await server.push(post)
    assert [raw.body["message"]["text"] for raw in port.received] == [f"line {number}" for number in range(20)]
    assert telegram.trouble() == ""
    assert server.asked("getUpdates") == []


@pytest.mark.parametrize("secret", ["", "wrong", SECRET.upper(), SECRET + "x"])
async def test_f61_who_does_not_know_the_secret_is_refused(
    telegram: Adapter, telegrams: httpx.AsyncClient, secret: str
) -> None:
    port = MemoryPort()
    await telegram.start(port)
    assert await posted(telegrams, update(CANARY), secret) == 401
    assert port.received == []


async def test_f61_a_body_that_is_too_large_is_refused_and_one_that_comes_again_is_the_same(
    telegram: Adapter, telegrams: httpx.AsyncClient
) -> None:
    port = MemoryPort()
    await telegram.start(port)
    assert await posted(telegrams, b" " * 10_000_000) == 413
    again = update("once")
    assert [await posted(telegrams, again) for _ in range(3)] == [200, 200, 200]
    assert len(port.received) == 1


async def test_f61_a_body_that_comes_too_slowly_is_refused(
    telegram: Adapter, telegrams: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook, "SLOWEST", 0.05)
    await telegram.start(MemoryPort())

    async def slowly() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(0.3)

    answer = await telegrams.post(PATH, content=slowly(), headers={HEADER: SECRET})
    assert answer.status_code == 408


async def test_what_could_not_be_stored_is_offered_again(
    server: BotServer, telegram: Adapter, telegrams: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    port = MemoryPort(wrong=Outage("full", CANARY))
    await telegram.start(port)
    said = update(CANARY)
    assert [await posted(telegrams, said), await posted(telegrams, said)] == [503, 200]
    assert len(port.received) == 1
    assert CANARY not in caplog.text


@pytest.mark.parametrize("body", [b"{", b"", b"[" * 100_000, b"5", b"\xff\xfe"])
async def test_f39_what_cannot_be_read_is_kept_and_blocks_nobody(
    telegram: Adapter, telegrams: httpx.AsyncClient, body: bytes
) -> None:
    port = MemoryPort()
    port.write = lambda *_, **__: None  # type: ignore[assignment,method-assign,return-value]
    await telegram.start(port)
    assert await posted(telegrams, body) == 200
    (raw,) = port.received
    with pytest.raises(ValueError, match=r".+"):
        telegram.translate(raw.body, raw.account, raw.event_id)


async def test_a_webhook_that_somebody_took_over_is_told_and_taken_back(server: BotServer, telegram: Adapter) -> None:
    await telegram.start(MemoryPort())
    await until(lambda: server.webhook)
    server.webhook = {"url": "https://elsewhere.example.org"}
    await until(telegram.trouble)
    assert "taken over" in telegram.trouble()
    await until(lambda: server.webhook["url"].startswith(PUBLIC))
    await until(lambda: telegram.trouble() == "")


async def test_f55_telegram_that_cannot_deliver_is_told(server: BotServer, telegram: Adapter) -> None:
    await telegram.start(MemoryPort())
    await until(lambda: server.webhook)
    server.undelivered = True
    server.do(update("one"), update("two"))
    await until(telegram.trouble)
    assert "cannot deliver" in telegram.trouble()


async def test_f50_a_refused_token_is_told(server: BotServer, telegram: Adapter) -> None:
    await telegram.start(MemoryPort())
    await until(lambda: server.webhook)
    server.revoked = True
    await until(telegram.trouble)
    assert "refuses the bot's token" in telegram.trouble()
    assert TOKEN not in telegram.trouble()
    server.revoked = False
    await until(lambda: telegram.trouble() == "")


async def test_a_school_that_polls_from_now_on_gives_up_its_own_webhook(
    server: BotServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "LONG", 1)
    server.webhook = {"url": f"{PUBLIC}{PATH}"}
    server.do(update("kept"))
    port, adapter = MemoryPort(), Adapter(ACCOUNT, api(server), hook=f"{PUBLIC}{PATH}")
    await adapter.start(port)
    await until(lambda: port.received)
    assert adapter.trouble() == ""
    assert server.webhook == {}
    await adapter.stop()


async def test_f53_a_connection_that_breaks_once_rings_nobody_and_an_outage_does(
    server: BotServer, telegram: Adapter
) -> None:
    await telegram.start(MemoryPort())
    await until(lambda: server.webhook)
    server.next("getWebhookInfo", CUT)
    looks = len(server.asked("getWebhookInfo"))
    await until(lambda: len(server.asked("getWebhookInfo")) > looks + 2)
    assert telegram.trouble() == ""
    server.next("getWebhookInfo", *[CUT] * 5)
    await until(telegram.trouble)
    assert "cannot be asked" in telegram.trouble()
    await until(lambda: telegram.trouble() == "")
