"""Long polling over real HTTP: stored before it is confirmed, whatever breaks. Tests bear ids of reliability.md 7."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio

from bot.adapters.telegram import polling
from bot.adapters.telegram.adapter import Adapter
from bot.domain import Raw
from bot.errors import LeaseLost, Outage
from tests.fakes.port import MemoryPort
from tests.fakes.telegram import ACCOUNT, CUT, HANG, MAYA, TOKEN, BotServer, api, update

CANARY = "violet-lantern"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[BotServer]:
    async with BotServer(chats={MAYA}).running() as server:
        yield server


@pytest_asyncio.fixture
async def telegram(server: BotServer, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Adapter]:
    monkeypatch.setattr(polling, "DOUBTED", 0.2)
    for name, seconds in (("FIRST_WAIT", 0.01), ("LONGEST_WAIT", 0.05), ("STOOD_DOWN", 0.05), ("LONG", 1)):
        monkeypatch.setattr(polling, name, seconds)
    adapter = Adapter(ACCOUNT, api(server))
    yield adapter
    await adapter.stop()


async def until(true: Callable[[], object], within: float = 10) -> None:
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110  (the other side tells us nothing)
            await asyncio.sleep(0.005)


def texts(port: MemoryPort) -> list[str]:
    return [raw.body["message"]["text"] for raw in port.received]


async def test_what_people_write_is_stored_in_order_and_then_confirmed(server: BotServer, telegram: Adapter) -> None:
    port = MemoryPort()
    server.do(*(update(f"line {number}") for number in range(250)))
    await telegram.start(port)
    await until(lambda: server.confirmed == 250)
    assert texts(port) == [f"line {number}" for number in range(250)]
    assert telegram.trouble() == ""
    server.do(update("one more"))
    await until(lambda: server.confirmed == 251)


async def test_f01_what_could_not_be_stored_is_offered_again(server: BotServer, telegram: Adapter) -> None:
    port = MemoryPort(wrong=Outage("full", "no room"))
    server.do(update("first"), update("second"))
    await telegram.start(port)
    await until(lambda: server.confirmed == 2)
    assert sorted(texts(port)) == ["first", "second"]


async def test_f02_nothing_is_confirmed_before_it_is_stored(server: BotServer, telegram: Adapter) -> None:
    port, stored = MemoryPort(), asyncio.Event()

    async def slowly(raw: Raw, lease: Any = None) -> None:
        await stored.wait()
        await MemoryPort.receive(port, raw, lease)

    port.receive = slowly  # type: ignore[method-assign]
    server.do(update("kept"))
    await telegram.start(port)
    await asyncio.sleep(0.1)
    assert server.confirmed == 0
    assert server.asked("getUpdates")[-1].get("offset") is None
    stored.set()
    await until(lambda: server.confirmed == 1)


async def test_f11_what_is_not_stored_yet_when_the_end_comes_is_not_confirmed_and_comes_again(
    server: BotServer, telegram: Adapter
) -> None:
    port, never = MemoryPort(), asyncio.Event()

    async def slowly(raw: Raw, lease: Any = None) -> None:
        await never.wait()

    port.receive = slowly  # type: ignore[method-assign]
    server.do(update("last words"))
    await telegram.start(port)
    await until(lambda: server.asked("getUpdates"))
    await asyncio.sleep(0.05)
    await telegram.stop()
    assert server.confirmed == 0
    again, after = Adapter(ACCOUNT, api(server)), MemoryPort()
    await again.start(after)
    await until(lambda: texts(after) == ["last words"])
    await again.stop()


async def test_f18_an_update_that_comes_again_is_the_same_event(server: BotServer, telegram: Adapter) -> None:
    port, again = MemoryPort(), update("once")
    server.do(again, again, again)
    await telegram.start(port)
    await until(lambda: server.confirmed == 3)
    assert texts(port) == ["once"]


async def test_numbers_that_begin_anew_below_are_not_taken_for_old_ones(server: BotServer, telegram: Adapter) -> None:
    port = MemoryPort()
    await telegram.start(port)
    server.do(update("before the week") | {"update_id": 900_000_000})
    await until(lambda: server.confirmed == 1)
    await until(lambda: "offset" not in server.asked("getUpdates")[-1])
    server.do(update("after the week") | {"update_id": 17})
    await until(lambda: server.confirmed == 2)
    assert texts(port) == ["before the week", "after the week"]


async def test_f39_what_is_no_update_is_kept_as_it_came_and_holds_up_nobody(
    server: BotServer, telegram: Adapter, caplog: pytest.LogCaptureFixture
) -> None:
    port = MemoryPort()
    odd = [{"update_id": 10_000_001, "message": {"text": CANARY}}, {"update_id": 10_000_002, "new_thing": CANARY}]
    server.do(update("before"), *odd, {"no_number": CANARY}, CANARY, update("after") | {"update_id": 10_000_003})
    kept = asyncio.Event()
    port.heard = lambda raw: kept.set() if raw.event_id == "10000003" else None
    port.write = lambda *_, **__: None  # type: ignore[assignment,method-assign,return-value]
    await telegram.start(port)
    await asyncio.wait_for(kept.wait(), 20)
    await until(lambda: server.confirmed == 4)
    assert [raw.event_id[:3] for raw in port.received[1:-1]] == ["100", "100", "odd", "odd"]
    assert CANARY in json.dumps([raw.body for raw in port.received])
    for raw in port.received[1:-1]:
        with pytest.raises(ValueError, match=r".+") as refused:
            telegram.translate(raw.body, raw.account, raw.event_id)
        assert CANARY not in str(refused.value)
    assert CANARY not in caplog.text
    asked = len(server.calls)
    await asyncio.sleep(0.3)
    assert len(server.calls) - asked < 40, "what has no number comes again, and is asked for with pauses"


async def test_f50_a_refused_token_is_told_and_tried_again(
    server: BotServer, telegram: Adapter, caplog: pytest.LogCaptureFixture
) -> None:
    port = MemoryPort()
    await telegram.start(port)
    await until(lambda: server.calls)
    server.revoked = True
    server.do(update("kept at Telegram"))
    await until(telegram.trouble)
    assert "token" in telegram.trouble()
    assert TOKEN not in telegram.trouble() + caplog.text
    server.revoked = False
    await until(lambda: server.confirmed == 1)
    await until(lambda: telegram.trouble() == "")


async def test_f52_a_second_poller_is_told_and_stood_down_for(server: BotServer, telegram: Adapter) -> None:
    await telegram.start(MemoryPort())
    await until(lambda: server.asked("setChatMenuButton"))
    stranger = api(server)
    taken = await stranger("getUpdates", {"timeout": 0, "allowed_updates": ["message"]})
    assert taken["ok"]
    await until(telegram.trouble)
    assert "Another program polls" in telegram.trouble()
    await until(lambda: telegram.trouble() == "")
    await stranger.close()


async def test_a_webhook_of_another_program_is_told(server: BotServer, telegram: Adapter) -> None:
    server.webhook = {"url": "https://elsewhere.example.org/hook"}
    await telegram.start(MemoryPort())
    await until(telegram.trouble)
    assert "webhook" in telegram.trouble()


@pytest.mark.parametrize(
    "answer",
    [b"<html>502 Bad Gateway</html>", b'{"ok":true,"resu', {"ok": True}, {"ok": True, "result": 5}, [], CUT],
    ids=["HTML", "cut JSON", "no result", "a number", "a list", "cut"],
)
async def test_f48_an_answer_that_cannot_be_read_is_asked_for_again(
    server: BotServer, telegram: Adapter, answer: Any
) -> None:
    port = MemoryPort()
    server.next("getUpdates", answer, answer)
    server.do(update("kept"))
    await telegram.start(port)
    await until(lambda: server.confirmed == 1)
    assert texts(port) == ["kept"]


async def test_f49_a_server_that_hangs_is_given_up(
    server: BotServer, telegram: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "LATE", -0.9)  # with the long poll a tenth of a second
    port = MemoryPort()
    server.next("getUpdates", HANG)
    server.do(update("kept"))
    await telegram.start(port)
    await until(lambda: texts(port) == ["kept"])
    assert len(server.asked("getUpdates")) > 1, "the first one hangs to this day"


async def test_f53_after_an_outage_what_waited_at_telegram_comes(
    server: BotServer, telegram: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(polling, "SILENT", 0.2)
    port = MemoryPort()
    await telegram.start(port)
    await until(lambda: server.calls)
    port_number = server.port
    await server.stop()
    await until(telegram.trouble)
    assert "cannot be reached" in telegram.trouble()
    server.do(*(update(f"line {number}") for number in range(120)))
    server.ahead = 3600
    await server.start(port_number)
    await until(lambda: server.confirmed == 120)
    assert len(port.received) == 120
    await until(lambda: telegram.trouble() == "")


async def test_a_poller_that_has_come_to_a_halt_is_told(
    server: BotServer, telegram: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    port, never = MemoryPort(), asyncio.Event()

    async def hang(raw: Raw, lease: Any = None) -> None:
        await never.wait()

    port.receive = hang  # type: ignore[method-assign]
    server.do(update("never stored"))
    await telegram.start(port)
    await until(lambda: server.calls)
    assert telegram.trouble() == ""
    monkeypatch.setattr(polling, "STALE", 0.1)
    await until(telegram.trouble)
    assert "not heard" in telegram.trouble()


async def test_whoever_has_lost_the_lease_stands_by_and_polls_again_later(server: BotServer, telegram: Adapter) -> None:
    port = MemoryPort(wrong=LeaseLost("poll"))
    server.do(update("kept"))
    await telegram.start(port)
    await until(lambda: server.confirmed == 1)
    assert texts(port) == ["kept"]


async def test_only_what_is_read_is_asked_for_and_nothing_is_dropped(server: BotServer, telegram: Adapter) -> None:
    await telegram.start(MemoryPort())
    await until(lambda: server.calls)
    asked = server.asked("getUpdates")[0]
    assert set(asked["allowed_updates"]) == {"message", "edited_message", "callback_query", "my_chat_member"}
    assert not any("drop" in name for _, parameters in server.calls for name in parameters)


async def test_the_commands_are_set_in_each_language(server: BotServer, telegram: Adapter) -> None:
    await telegram.start(MemoryPort())
    await until(lambda: server.asked("setChatMenuButton"))
    english, spanish = server.asked("setMyCommands")
    assert english["scope"] == {"type": "all_private_chats"}
    assert {"command": "adult", "description": "I want to talk to an adult"} in english["commands"]
    assert spanish["language_code"] == "es"


def a_group(text: str, chat: int = -77, language: str = "es") -> dict[str, Any]:
    said = update(text)
    said["message"]["chat"] = {"id": chat, "type": "supergroup", "title": CANARY}
    said["message"]["from"] = {"id": 5, "is_bot": False, "first_name": "Diego", "language_code": language}
    return said


async def test_f33_a_group_is_asked_to_write_privately_and_left_and_nothing_of_it_is_kept(
    server: BotServer, telegram: Adapter, caplog: pytest.LogCaptureFixture
) -> None:
    port = MemoryPort()
    server.do(a_group(CANARY), a_group(CANARY), update("Hello"))
    await telegram.start(port)
    await until(lambda: server.confirmed == 3)
    await until(lambda: server.asked("leaveChat"))
    assert texts(port) == ["Hello"]
    assert [parameters["chat_id"] for parameters in server.asked("leaveChat")] == [-77]
    (told,) = server.sent(-77)
    assert "privado" in told
    assert CANARY not in caplog.text


async def test_f33_a_channel_is_left_without_a_word(server: BotServer, telegram: Adapter) -> None:
    port = MemoryPort()
    member = {"chat": {"id": -5, "type": "channel"}, "new_chat_member": {"status": "administrator"}}
    left = {"chat": {"id": -6, "type": "group"}, "new_chat_member": {"status": "kicked"}}
    server.do(*({"update_id": 70 + n, "my_chat_member": event} for n, event in enumerate((member, left))))
    await telegram.start(port)
    await until(lambda: server.confirmed == 2)
    await until(lambda: server.asked("leaveChat"))
    assert [parameters["chat_id"] for parameters in server.asked("leaveChat")] == [-5]
    assert port.received == []
    assert server.journal == []
