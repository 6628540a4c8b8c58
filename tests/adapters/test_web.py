"""The web chat without a browser: links, cookies, what is stored before it is acknowledged, and who is told what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from bot.adapters.base import Profile
from bot.adapters.web.adapter import Adapter
from bot.domain import Address, Choice, MessageKind, Outbound, Priority
from bot.errors import TryLater, Unreachable
from bot.server import build
from tests.fakes.port import MemoryPort

MAYA, RIVERA = Address("web", "web", "11"), Address("web", "web", "30")
MAYA_LINK, RIVERA_LINK = "maya-0123456789abcdef", "rivera-0123456789abcd"
PAGE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def port() -> MemoryPort:
    return MemoryPort(
        links={MAYA_LINK: MAYA, RIVERA_LINK: RIVERA},
        profiles={"11": Profile("Maya Torres", "es"), "30": Profile("Ms. Rivera", "en")},
    )


@pytest_asyncio.fixture
async def adapter(port: MemoryPort) -> AsyncIterator[Adapter]:
    made = Adapter(confirm_within=0.2)
    await made.start(port)
    yield made
    await made.stop()


def browser_for(adapter: Adapter, url: str = "http://127.0.0.1:8700", **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(build(adapter.routes(), **options)), base_url=url)


@pytest_asyncio.fixture
async def browser(adapter: Adapter) -> AsyncIterator[httpx.AsyncClient]:
    async with browser_for(adapter) as made:
        yield made


def message(to: Address, kind: MessageKind = MessageKind.SAY, number: int = 501, text: str = "Hi") -> Outbound:
    return Outbound(number, to, kind, Priority.REPLY, text, (Choice("I have it", "t1"),))


async def until(true: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if true():
            return
        await asyncio.sleep(0)
    pytest.fail("it never came")


async def first_events(adapter: Adapter, chats: list[str], count: int) -> list[Any]:
    told = []
    async for event in adapter.events(chats):
        told.append(event)
        if len(told) == count:
            break
    return told


async def a_page(adapter: Adapter, chat: str) -> tuple[asyncio.Task[None], list[Any]]:
    """A page that listens; its task and what it was told."""
    told: list[Any] = []

    async def listen() -> None:
        async for event in adapter.events([chat]):
            told.append(event)

    task = asyncio.create_task(listen())
    await until(lambda: bool(told))
    return task, told


# --- links ---


async def test_a_personal_link_opens_the_chat_and_leaves_the_token_out_of_its_address(
    browser: httpx.AsyncClient,
) -> None:
    answer = await browser.get(f"/l/{MAYA_LINK}")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/c/11/"
    cookie = answer.headers["set-cookie"]
    assert "Path=/c/11/;" in cookie
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    page = await browser.get("/c/11/")
    assert page.status_code == 200
    assert MAYA_LINK not in page.text


async def test_the_cookie_is_secure_when_the_public_address_is_https(port: MemoryPort) -> None:
    adapter = Adapter(public_url="https://mentors.example.org")
    await adapter.start(port)
    async with browser_for(adapter) as browser:
        assert "Secure" in (await browser.get(f"/l/{MAYA_LINK}")).headers["set-cookie"]


@pytest.mark.parametrize("path", ["/l/unknown-0123456789", "/l/x", "/l/%2e%2e%00", "/c/11/", "/c/99/", "/c/11/stream"])
async def test_what_opens_nothing_always_looks_the_same(browser: httpx.AsyncClient, path: str) -> None:
    lost = await browser.get(path)
    reference = await browser.get("/l/never-a-link-000000")
    assert lost.status_code == 404
    assert lost.text == reference.text
    assert "set-cookie" not in lost.headers


async def test_two_people_share_a_browser_and_neither_reads_the_other(
    browser: httpx.AsyncClient, port: MemoryPort
) -> None:
    port.write("11", "For Maya only")
    await browser.get(f"/l/{MAYA_LINK}")
    await browser.get(f"/l/{RIVERA_LINK}")
    assert "For Maya only" in (await browser.get("/c/11/")).text
    assert "For Maya only" not in (await browser.get("/c/30/")).text


async def test_a_token_of_one_chat_does_not_open_another(browser: httpx.AsyncClient) -> None:
    answer = await browser.get("/c/30/", headers={"Cookie": f"nearpeer_chat={MAYA_LINK}"})
    assert answer.status_code == 404


async def test_a_renewed_link_shuts_the_old_page_before_the_next_word(
    adapter: Adapter, browser: httpx.AsyncClient, port: MemoryPort
) -> None:
    await browser.get(f"/l/{MAYA_LINK}")
    reading = asyncio.create_task(browser.get("/c/11/stream"))
    await until(lambda: adapter._streams.listening("11"))
    del port.links[MAYA_LINK]
    await adapter.send(message(MAYA, text="Not for the old page"))
    answer = await asyncio.wait_for(reading, 20)
    assert "event: history" in answer.text
    assert "Not for the old page" not in answer.text


# --- the page ---


async def test_the_page_speaks_the_language_of_its_person(browser: httpx.AsyncClient) -> None:
    await browser.get(f"/l/{MAYA_LINK}")
    await browser.get(f"/l/{RIVERA_LINK}")
    spanish, english = (await browser.get("/c/11/")).text, (await browser.get("/c/30/")).text
    assert '<html lang="es">' in spanish
    assert "Escribe un mensaje" in spanish
    assert '<html lang="en">' in english
    assert "Write a message" in english


async def test_words_that_look_like_html_stay_words(browser: httpx.AsyncClient, port: MemoryPort) -> None:
    port.write("11", "</script><script>alert(1)</script>")
    port.profiles["11"] = Profile("<b>Maya</b>", "en")
    await browser.get(f"/l/{MAYA_LINK}")
    page = (await browser.get("/c/11/")).text
    assert "<script>alert(1)" not in page
    assert "<b>Maya" not in page


# --- what a person says ---


async def post(browser: httpx.AsyncClient, body: Any, where: str = "say", **headers: str) -> httpx.Response:
    return await browser.post(f"/c/11/{where}", content=json.dumps(body), headers=PAGE | headers)


async def test_a_text_is_stored_before_it_is_acknowledged(browser: httpx.AsyncClient, port: MemoryPort) -> None:
    await browser.get(f"/l/{MAYA_LINK}")
    answer = await post(browser, {"event_id": "aaaaaaaa-1", "text": "I had a good week"})
    assert answer.status_code == 204
    (raw,) = port.received
    assert raw.body == {"chat": "11", "text": "I had a good week"}
    assert raw.event_id == "11:aaaaaaaa-1"


async def test_the_same_try_again_is_the_same_event(browser: httpx.AsyncClient, port: MemoryPort) -> None:
    await browser.get(f"/l/{MAYA_LINK}")
    for _ in range(2):
        assert (await post(browser, {"event_id": "aaaaaaaa-1", "text": "once"})).status_code == 204
    assert len(port.received) == 1


async def test_a_tapped_button_carries_its_token_and_label(browser: httpx.AsyncClient, port: MemoryPort) -> None:
    await browser.get(f"/l/{MAYA_LINK}")
    await post(browser, {"event_id": "aaaaaaaa-2", "button": "k7", "label": "Great"})
    assert port.received[0].body == {"chat": "11", "button": "k7", "label": "Great"}


async def test_a_page_cannot_write_into_another_chat(browser: httpx.AsyncClient, port: MemoryPort) -> None:
    await browser.get(f"/l/{MAYA_LINK}")
    answer = await browser.post("/c/30/say", json={"event_id": "aaaaaaaa-1", "text": "x"}, headers=PAGE)
    assert answer.status_code == 404
    await post(browser, {"event_id": "aaaaaaaa-3", "text": "x", "chat": "30"})
    assert [raw.body["chat"] for raw in port.received] == ["11"]


async def test_another_site_cannot_write_as_maya(browser: httpx.AsyncClient, port: MemoryPort) -> None:
    await browser.get(f"/l/{MAYA_LINK}")
    forged = await browser.post(
        "/c/11/say", json={"event_id": "aaaaaaaa-1", "text": "x"}, headers={"Sec-Fetch-Site": "cross-site"}
    )
    assert forged.status_code == 403
    assert port.received == []


@pytest.mark.parametrize(
    "body",
    [
        [],
        {},
        {"event_id": "aaaaaaaa-1"},
        {"event_id": "aaaaaaaa-1", "text": ""},
        {"event_id": "aaaaaaaa-1", "text": 5},
        {"event_id": "short", "text": "x"},
        {"event_id": "aaaaaaaa-1", "text": "x", "button": "k"},
        {"event_id": "aaaaaaaa\n1", "text": "x"},
    ],
)
async def test_a_malformed_post_is_refused_and_nothing_is_stored(
    browser: httpx.AsyncClient, port: MemoryPort, body: Any
) -> None:
    await browser.get(f"/l/{MAYA_LINK}")
    assert (await post(browser, body)).status_code == 400
    assert port.received == []


async def test_eight_thousand_characters_of_any_script_fit_and_one_more_does_not(
    browser: httpx.AsyncClient, port: MemoryPort
) -> None:
    await browser.get(f"/l/{MAYA_LINK}")
    longest = json.dumps({"event_id": "aaaaaaaa-1", "text": "😀" * 8_000}, ensure_ascii=False)
    assert (await browser.post("/c/11/say", content=longest, headers=PAGE)).status_code == 204
    assert (await post(browser, {"event_id": "aaaaaaaa-2", "text": "a" * 8_001})).status_code == 413
    assert (await post(browser, {"event_id": "aaaaaaaa-3", "text": "a" * 200_000})).status_code == 413
    assert len(port.received) == 1


async def test_f28_characters_that_a_database_refuses_are_cleaned(browser: httpx.AsyncClient, port: MemoryPort) -> None:
    await browser.get(f"/l/{MAYA_LINK}")
    await post(browser, {"event_id": "aaaaaaaa-1", "text": "a\0b\ud83d c"})
    port.received[0].body["text"].encode()
    assert port.received[0].body["text"] == "ab\ufffd c"


async def test_what_raised_is_answered_with_an_error_and_without_the_words(
    browser: httpx.AsyncClient, port: MemoryPort, caplog: pytest.LogCaptureFixture
) -> None:
    await browser.get(f"/l/{MAYA_LINK}")
    port.wrong = RuntimeError("disk full while storing: I want to disappear")
    answer = await post(browser, {"event_id": "aaaaaaaa-1", "text": "I want to disappear"})
    assert answer.status_code == 500
    assert "disappear" not in answer.text + caplog.text
    assert "RuntimeError" in caplog.text


async def test_her_other_page_shows_what_maya_said(adapter: Adapter, browser: httpx.AsyncClient) -> None:
    page, told = await a_page(adapter, "11")
    await browser.get(f"/l/{MAYA_LINK}")
    await post(browser, {"event_id": "aaaaaaaa-1", "text": "hello"})
    await asyncio.sleep(0)
    assert told[-1].body == {"chat": "11", "ours": False, "event_id": "aaaaaaaa-1", "text": "hello"}
    page.cancel()


# --- what people are told ---


async def test_one_stream_serves_several_chats(adapter: Adapter, port: MemoryPort) -> None:
    port.write("11", "Hi Maya")
    reading = asyncio.create_task(first_events(adapter, ["11", "30"], 4))
    await until(lambda: adapter._streams.listening("30"))
    await adapter.send(message(RIVERA, number=601))
    await adapter.send(message(MAYA, number=602))
    told = await asyncio.wait_for(reading, 20)
    assert [(event.name, event.body["chat"]) for event in told] == [
        ("history", "11"),
        ("history", "30"),
        ("line", "30"),
        ("line", "11"),
    ]
    assert told[0].body["lines"][0]["text"] == "Hi Maya"
    assert told[3].body["id"] == "602"
    assert not adapter._streams.listening("11"), "a page that has gone is forgotten"


async def test_a_message_without_an_open_page_is_sent_and_waits_in_the_history(adapter: Adapter) -> None:
    assert not (await adapter.send(message(MAYA))).shown


async def test_a_page_that_opens_just_after_a_message_was_sent_still_gets_it(adapter: Adapter) -> None:
    await adapter.send(message(MAYA, number=501))
    history, line = await asyncio.wait_for(first_events(adapter, ["11"], 2), 20)
    assert history.body["lines"] == [], "it is not stored as sent yet"
    assert (line.body["id"], line.body["again"]) == ("501", True)


async def test_words_are_forgotten_once_the_history_has_them(adapter: Adapter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.web.streams._RECENT_SECONDS", 0.01)
    await adapter.send(message(MAYA))
    assert adapter._streams._recent
    await asyncio.sleep(0.05)
    assert not adapter._streams._recent


async def test_a_message_on_an_open_page_counts_as_shown(adapter: Adapter) -> None:
    page, told = await a_page(adapter, "11")
    assert (await adapter.send(message(MAYA))).shown
    await asyncio.sleep(0)
    assert told[-1].body["choices"] == [{"label": "I have it", "token": "t1"}]
    page.cancel()


async def test_an_alert_counts_only_once_the_page_confirms_it(adapter: Adapter, browser: httpx.AsyncClient) -> None:
    page, told = await a_page(adapter, "30")
    await browser.get(f"/l/{RIVERA_LINK}")
    sending = asyncio.create_task(adapter.send(message(RIVERA, MessageKind.ALERT, number=700)))
    await until(lambda: len(told) == 2)
    assert not sending.done()
    confirmed = await browser.post("/c/30/seen", json={"id": told[1].body["id"]}, headers=PAGE)
    assert confirmed.status_code == 204
    assert (await asyncio.wait_for(sending, 20)).shown
    page.cancel()


async def test_an_alert_with_nobody_there_is_unreachable_at_once(port: MemoryPort) -> None:
    adapter = Adapter(confirm_within=60)
    await adapter.start(port)
    adapter._pages_back_at = 0.0
    with pytest.raises(Unreachable, match="no_listener"):
        await asyncio.wait_for(adapter.send(message(RIVERA, MessageKind.ALERT)), 20)


async def test_just_after_a_start_an_alert_waits_for_pages_to_come_back(adapter: Adapter) -> None:
    sending = asyncio.create_task(adapter.send(message(RIVERA, MessageKind.ALERT, number=700)))
    await asyncio.sleep(0)
    page, told = await a_page(adapter, "30")
    await until(lambda: any(event.body.get("id") == "700" for event in told))
    adapter._streams.confirm("30", 700)
    assert (await asyncio.wait_for(sending, 20)).shown
    page.cancel()


async def test_an_alert_on_a_page_that_does_not_confirm_is_unreachable(adapter: Adapter) -> None:
    page, _ = await a_page(adapter, "30")
    with pytest.raises(Unreachable, match="no_listener"):
        await adapter.send(message(RIVERA, MessageKind.ALERT))
    page.cancel()


async def test_maya_cannot_confirm_an_alert_to_ms_rivera(adapter: Adapter, browser: httpx.AsyncClient) -> None:
    page, _ = await a_page(adapter, "30")
    await browser.get(f"/l/{MAYA_LINK}")
    sending = asyncio.create_task(adapter.send(message(RIVERA, MessageKind.ALERT, number=700)))
    await asyncio.sleep(0)
    await post(browser, {"id": "700"}, "seen")
    with pytest.raises(Unreachable):
        await sending
    page.cancel()


async def test_a_page_that_comes_back_in_time_still_gets_the_alert(adapter: Adapter) -> None:
    page, _ = await a_page(adapter, "30")
    sending = asyncio.create_task(adapter.send(message(RIVERA, MessageKind.ALERT, number=700)))
    await asyncio.sleep(0)
    page.cancel()
    history, alert = await asyncio.wait_for(first_events(adapter, ["30"], 2), 20)
    assert (history.name, alert.body["id"]) == ("history", "700")
    adapter._streams.confirm("30", 700)
    assert (await sending).shown


async def test_stopping_ends_all_streams_and_leaves_a_waiting_alert_for_later(adapter: Adapter) -> None:
    page, _ = await a_page(adapter, "30")
    sending = asyncio.create_task(adapter.send(message(RIVERA, MessageKind.ALERT, number=700)))
    await asyncio.sleep(0)
    await adapter.stop()
    await asyncio.wait_for(page, 20)
    with pytest.raises(TryLater):
        await sending


async def test_a_page_that_is_far_behind_is_cut_off_and_blocks_nobody(adapter: Adapter) -> None:
    with adapter._streams.opened(["11"]) as queue:
        for number in range(300):
            await adapter.send(message(MAYA, number=number))
        assert queue.get_nowait() is None
    assert not adapter._streams.listening("11")


async def test_nothing_that_people_wrote_is_in_a_log_even_at_debug(
    adapter: Adapter, browser: httpx.AsyncClient, port: MemoryPort, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    port.write("11", "my secret line")
    await browser.get(f"/l/{MAYA_LINK}")
    reading = asyncio.create_task(browser.get("/c/11/stream"))
    await until(lambda: adapter._streams.listening("11"))
    await adapter.send(message(MAYA, text="another secret line"))
    await asyncio.sleep(0.05)
    await adapter.stop()
    assert "another secret line" in (await asyncio.wait_for(reading, 20)).text
    assert "secret line" not in caplog.text
