"""The chat page in a real browser: typing, tapping, reloading, losing the connection, alerts, and accessibility."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect
from playwright.async_api import Request as Asked
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from bot.adapters.base import Profile
from bot.adapters.web.adapter import Adapter
from bot.domain import Address, Choice, MessageKind, Outbound, Priority, Raw
from bot.errors import Outage
from bot.server import asset, build, serve
from tests.browser import chromium, needs_chromium, offenses, one_page
from tests.fakes.port import MemoryPort

needs_chromium()

# One browser for all tests of this file.
pytestmark = pytest.mark.asyncio(loop_scope="module")

MAYA, LEO, RIVERA = (Address("web", "web", chat) for chat in ("11", "21", "30"))
MOODS = tuple(Choice(label, f"m{index}") for index, label in enumerate(["😀 Great", "🙂 Good", "😐 So-so", "😞 Hard"]))
ALERT = "Maya Torres asked for an adult.\nToday, 3:31 PM. Code 4F7K."
ALERT_CHOICES = (Choice("I have it 4F7K", "a0"), Choice("Pass on", "a1"), Choice("Need help", "a2"))
CARD = "You can talk to someone now.\nCall or text 988, any time, free.\nIn danger, call 911."


@dataclass
class School:
    """The little school behind the pages: it answers as the real house would."""

    url: str = ""
    port: MemoryPort = field(default_factory=MemoryPort)
    adapter: Adapter = field(default_factory=lambda: Adapter(asset=asset, confirm_within=5))
    number: int = 900
    errors: list[str] = field(default_factory=list)
    """What the page complains of."""
    replies: list[asyncio.Task[Any]] = field(default_factory=list)

    async def tell(self, to: Address, text: str, kind: MessageKind = MessageKind.SAY, *choices: Choice) -> bool:
        line = self.port.write(to.chat, text, kind=str(kind), choices=choices)
        outbound = Outbound(line.id, to, kind, Priority.REPLY, text, choices, created_at=line.at)
        return (await self.adapter.send(outbound)).shown

    def answer(self, raw: Raw) -> None:
        if raw.body.get("button", "").startswith("m"):
            self.replies.append(asyncio.ensure_future(self.tell(MAYA, "Thank you, Maya.\nWhat made it so?")))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def window(browser: Browser) -> AsyncIterator[tuple[Page, list[str]]]:
    async with one_page(browser) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def page(window: tuple[Page, list[str]]) -> Page:
    """A phone that has been nowhere yet."""
    page, _said = window
    await page.set_viewport_size({"width": 390, "height": 780})
    await page.emulate_media(color_scheme="light")
    await page.context.clear_cookies()
    return page


@pytest_asyncio.fixture(loop_scope="module")
async def school(window: tuple[Page, list[str]]) -> AsyncIterator[School]:
    page, said = window
    said.clear()
    made = School(errors=said)
    made.port.links = {"maya-0123456789abcdef": MAYA, "rivera-0123456789abcd": RIVERA}
    made.port.profiles = {"11": Profile("Maya Torres", "en"), "30": Profile("Ms. Rivera", "en", "America/Chicago")}
    made.port.heard = made.answer
    await made.adapter.start(made.port)
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    site = build([*made.adapter.routes(), *three_phones(made.adapter)])
    serving = asyncio.create_task(serve(site, "127.0.0.1", 0, stop, ready=ready.set_result))
    made.url = f"http://127.0.0.1:{await ready}"
    yield made
    await page.goto("about:blank")
    stop.set()
    await serving
    await made.adapter.stop()


def three_phones(adapter: Adapter) -> list[Route]:
    """A page of several chats over one stream, as the demo has."""
    chats = ["11", "21", "30"]

    async def page(request: Request) -> Response:
        phones = [await adapter.phone(chat, url=f"/three/{chat}/", stream="/three/stream", level=2) for chat in chats]
        return HTMLResponse(
            f'<!doctype html><html lang="en"><head><title>Three phones</title>'
            f'<link rel="icon" href="{asset("favicon.svg")}"><link rel="stylesheet" href="{asset("base.css")}">'
            f'<link rel="stylesheet" href="{asset("chat.css")}">'
            f'<script type="module" src="{asset("chat.js")}"></script>'
            f"</head><body><h1>Three phones</h1>{''.join(phones)}</body></html>"
        )

    async def stream(request: Request) -> Response:
        return adapter.stream(adapter.events(chats))

    async def said(request: Request) -> Response:
        return await adapter.say(request, request.path_params["chat"])

    return [
        Route("/three/", page),
        Route("/three/stream", stream),
        Route("/three/{chat}/say", said, methods=["POST"]),
    ]


async def opens(page: Page, school: School, link: str) -> None:
    await page.goto(f"{school.url}/l/{link}")
    await expect(page.locator(".log")).not_to_have_attribute("aria-busy", "true")
    await listening(school, link)


async def listening(school: School, link: str) -> None:
    for _ in range(500):
        if school.adapter._streams.listening(school.port.links[link].chat):
            return
        await asyncio.sleep(0.01)
    pytest.fail("the page never listened")


async def look(page: Page, name: str) -> None:
    """With NEARPEER_PICTURES=DIR, keep a picture for people to look at."""
    if folder := os.environ.get("NEARPEER_PICTURES"):
        await page.wait_for_timeout(400)
        await page.screenshot(path=f"{folder}/{name}.png")


async def test_maya_taps_writes_and_reloads(school: School, page: Page) -> None:
    await school.tell(MAYA, "Hi Maya.\nHow has your week been so far?", MessageKind.QUESTION, *MOODS)
    await opens(page, school, "maya-0123456789abcdef")
    log = page.get_by_role("log")
    await look(page, "question")
    await page.get_by_role("button", name="Good", exact=False).click()
    await expect(log).to_contain_text("What made it so?")
    await expect(page.locator(".choices")).to_have_count(0)
    await expect(page.locator(".own .bubble-text")).to_have_text(["🙂 Good"])

    box = page.get_by_label("Write a message")
    await box.fill("  <b>Leo</b> helped me\nwith fractions  ")
    await box.press("Enter")
    await expect(page.locator(".own .line-note")).to_have_text("Sent")
    await expect(box).to_have_value("")
    assert [raw.body.get("text") for raw in school.port.received] == [None, "<b>Leo</b> helped me\nwith fractions"]
    before = await page.locator(".bubble-text").all_text_contents()
    await look(page, "talk")

    await page.reload()
    await listening(school, "maya-0123456789abcdef")
    await school.tell(MAYA, "Bye")
    await expect(page.locator(".bubble-text")).to_have_text([*before, "Bye"])
    await expect(page.locator(".choices")).to_have_count(0)
    assert school.errors == []


async def test_a_page_that_lost_its_stream_gets_what_it_missed_once(school: School, page: Page) -> None:
    await opens(page, school, "maya-0123456789abcdef")
    box = page.get_by_label("Write a message")
    await box.fill("hello")
    await box.press("Enter")
    await expect(page.locator(".own .line-note")).to_have_text("Sent")
    school.adapter._streams.close()
    school.port.write("11", "You were away")
    await expect(page.get_by_role("log")).to_contain_text("You were away")
    await school.tell(MAYA, "And now you are back")
    await expect(page.locator(".bubble-text")).to_have_text(["hello", "You were away", "And now you are back"])
    assert school.errors == []


async def test_a_text_that_could_not_be_stored_stays_in_the_box_and_is_the_same_event_again(
    school: School, page: Page
) -> None:
    await opens(page, school, "maya-0123456789abcdef")
    tried: list[str] = []

    async def fail(route: Any) -> None:
        tried.append(route.request.post_data_json["event_id"])
        await route.abort()

    await page.route("**/say", fail)
    box = page.get_by_label("Write a message")
    await box.fill("please keep this")
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_role("status")).to_contain_text("Not sent")
    await expect(box).to_have_value("please keep this")
    await expect(page.locator(".own")).to_have_count(0)
    await look(page, "failed")
    await page.unroute("**/say")
    await box.press("Enter")
    await expect(page.locator(".own .line-note")).to_have_text("Sent")
    (raw,) = school.port.received
    assert {f"11:{event_id}" for event_id in tried} == {raw.event_id}


async def test_f78_a_page_says_that_it_was_not_kept_and_what_to_do(
    school: School, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(_raw: Raw) -> None:
        raise Outage("full", "The database cannot be used now: there is no space left.")

    await opens(page, school, "maya-0123456789abcdef")
    await school.tell(MAYA, "How is your week?", MessageKind.QUESTION, *MOODS)
    box = page.get_by_label("Write a message")
    with monkeypatch.context() as patched:
        patched.setattr(school.port, "receive", full)
        await box.fill("please keep this")
        await box.press("Enter")
        told = page.get_by_role("status")
        await expect(told).to_contain_text("Not kept: something is wrong on our side. Your words are still in the box")
        await expect(told).to_contain_text("tell an adult in person or call")
        await expect(box).to_have_value("please keep this")
        await look(page, "not-kept")
        await page.locator(".choices button").first.click()
        await expect(told).to_contain_text("Tap again in a moment")
    await page.locator(".choices button").first.click()
    await box.press("Enter")
    await expect(page.locator(".own")).to_have_count(2)
    await expect(told).to_have_text("")
    assert [raw.body.get("text") for raw in school.port.received] == [None, "please keep this"]
    school.errors.clear()  # the browser notes each 503


async def test_an_alert_rings_on_ms_riveras_page_and_is_confirmed(school: School, page: Page) -> None:
    await opens(page, school, "rivera-0123456789abcd")
    shown = await school.tell(RIVERA, ALERT, MessageKind.ALERT, *ALERT_CHOICES)
    assert shown, "the page confirmed it"
    await expect(page.get_by_role("alert")).to_have_text("Alert")
    await look(page, "alert")
    await school.tell(RIVERA, "Leo and Maya meet today.", MessageKind.STAFF)
    await page.get_by_role("button", name="I have it").click()
    await expect(page.locator(".choices")).to_have_count(0)
    assert school.port.received[0].body["button"] == "a0"
    assert school.errors == []


async def test_an_alert_says_who_has_its_case_on_an_open_page_and_on_one_that_was_away(
    school: School, page: Page
) -> None:
    await opens(page, school, "rivera-0123456789abcd")
    for number in range(2):
        await school.tell(RIVERA, f"{number}: {ALERT}", MessageKind.ALERT, *ALERT_CHOICES)
    first, second = school.port.chats["30"]
    taken = "✓ Mr. Okafor has case 4F7K."
    change = Outbound(990, RIVERA, MessageKind.STAFF, Priority.DIGEST, taken, replaces=str(first.id))
    await school.adapter.send(change)
    texts = page.locator(".bubble-text")
    await expect(texts).to_have_text([taken, second.text])
    await expect(page.locator(".choices")).to_have_count(1)
    for says in (taken, taken.replace("Mr. Okafor", "Ms. Rivera")):  # who has it may change again
        told = ((first, taken), (second, says))
        school.port.chats["30"] = [replace(line, text=text, kind="staff", choices=()) for line, text in told]
        await page.context.set_offline(True)
        await page.context.set_offline(False)
        await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        await expect(texts).to_have_text([taken, says])
    await expect(page.locator(".choices")).to_have_count(0)
    await expect(page.locator(".line.alert")).to_have_count(0)
    await look(page, "alert-taken")
    school.port.chats["30"] = [first, second]  # nobody has it any more
    await page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    await expect(page.locator(".line.alert .choices")).not_to_have_count(0)
    await expect(texts.nth(1)).to_have_text(second.text)
    school.errors.clear()  # the browser notes that it was offline


async def test_three_phones_on_one_page_share_one_stream_and_keep_apart(school: School, page: Page) -> None:
    streams: list[str] = []

    def asked(request: Asked) -> None:
        streams.extend([request.url] if request.url.endswith("stream") else [])

    page.on("request", asked)
    await page.goto(f"{school.url}/three/")
    await listening(school, "maya-0123456789abcdef")
    await school.tell(LEO, "Hi Leo")
    await school.tell(MAYA, "Hi Maya")
    maya, leo = page.locator('[data-chat="11"]'), page.locator('[data-chat="21"]')
    await maya.get_by_label("Write a message").fill("hello")
    await maya.get_by_role("button", name="Send").click()
    await expect(maya.locator(".bubble-text")).to_have_text(["Hi Maya", "hello"])
    await expect(maya.locator(".line-note").last).to_have_text("Sent")
    await expect(leo.locator(".bubble-text")).to_have_text(["Hi Leo"])
    page.remove_listener("request", asked)
    assert len(streams) == 1
    assert await offenses(page) == []
    assert school.errors == []


async def test_the_keyboard_alone_is_enough(school: School, page: Page) -> None:
    await school.tell(MAYA, "How has your week been?", MessageKind.QUESTION, *MOODS)
    await opens(page, school, "maya-0123456789abcdef")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("log")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="🙂 Good")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".choices")).to_have_count(0)
    await expect(page.get_by_role("log")).to_be_focused()
    assert school.port.received[0].body["label"] == "🙂 Good"


async def test_a_renewed_link_says_so_on_the_old_page(school: School, page: Page) -> None:
    await opens(page, school, "maya-0123456789abcdef")
    del school.port.links["maya-0123456789abcdef"]
    await school.tell(MAYA, "only for the new page")
    await expect(page.get_by_role("status")).to_contain_text("no longer valid", timeout=10_000)
    assert "only for the new page" not in await page.content()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_is_accessible_and_fits(school: School, page: Page, scheme: Any) -> None:
    school.port.profiles["11"] = Profile("Maya Torres", "es", "America/Chicago")
    await school.tell(MAYA, "Hola, Maya. Soy Nearpeer.", MessageKind.SAY)
    school.port.write("11", "Me siento muy mal y no sé qué hacer", ours=False)
    await school.tell(MAYA, CARD, MessageKind.CARD)
    school.port.write("11", ALERT, kind="alert", choices=ALERT_CHOICES)
    await school.tell(MAYA, "¿Cómo va tu semana?", MessageKind.QUESTION, *MOODS)
    await page.emulate_media(color_scheme=scheme)
    await opens(page, school, "maya-0123456789abcdef")
    assert await offenses(page) == []
    for width in (390, 320, 1200):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing sticks out sideways"
        await look(page, f"page-{scheme}-{width}")
    small = "[...document.querySelectorAll('button')].filter(b => b.getBoundingClientRect().height < 44).length"
    assert await page.evaluate(small) == 0, "buttons are big enough for thumbs"
    assert school.errors == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_page_for_a_dead_link_is_accessible(school: School, page: Page, scheme: Any) -> None:
    await page.emulate_media(color_scheme=scheme)
    await page.goto(f"{school.url}/l/never-0123456789")
    await expect(page.get_by_role("heading")).to_be_visible()
    assert await offenses(page) == []
    await look(page, f"lost-{scheme}")
