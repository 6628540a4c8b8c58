"""The demo's story in a real browser, as a newcomer walks it: phones, hands on the clock, adults, staff pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Locator, Page, expect

from tests.browser import chromium, listen, needs_chromium, offenses
from tests.journeys.demo_school import Served, serve_demo

needs_chromium()

# One browser and one demo for the whole story.
pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def demo() -> Iterator[Served]:
    with serve_demo() as served:
        yield served


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@dataclass
class Visitor:
    """Somebody with the demo's page open."""

    page: Page
    errors: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        listen(page, self.errors)

    def phone(self, key: str) -> Locator:
        return self.page.locator(f"#handset-{key}")

    def line(self, key: str, text: str, kind: str = "line") -> Locator:
        """The newest line of a kind with this text that has come to somebody's phone since the page was opened."""
        return self.phone(key).locator(f".{kind}.fresh", has_text=text).last

    async def write(self, key: str, text: str) -> None:
        box = self.phone(key).get_by_role("textbox")
        await box.fill(text)
        await box.press("Enter")

    async def tap(self, key: str, label: str) -> None:
        """Tap the button with this label, or with this and a code."""
        name = re.compile(f"^{re.escape(label)}( [0-9A-Z]{{4}})?$")
        await self.phone(key).get_by_role("button", name=name).last.click()

    async def move(self, hand: str) -> None:
        """Press a hand and wait until the clock stands."""
        button = self.page.get_by_role("button", name=hand, exact=True)
        await button.click()
        await expect(self.page.locator("body")).not_to_have_class("demo moving", timeout=30_000)

    async def is_accessible(self, page: Page | None = None) -> None:
        assert await offenses(page or self.page) == []


async def visitor(browser: Browser, demo: Served, width: int = 1440, height: int = 900, dark: bool = False) -> Visitor:
    context: BrowserContext = await browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", reduced_motion="reduce"
    )
    context.set_default_timeout(30_000)
    came = Visitor(await context.new_page())
    came.watch(came.page)
    await came.page.goto(demo.url)
    return came


async def test_the_story_of_the_little_school(browser: Browser, demo: Served) -> None:
    one = await visitor(browser, demo)
    await expect(one.page.locator(".demo-time")).to_have_text("3:24 PM")
    await one.is_accessible()

    await one.move("Next check-in")
    await expect(one.page.locator(".demo-moment")).to_have_text("3:30 PM Tuesday, October 6")
    await expect(one.line("maya", "How has your week been so far?")).to_be_visible()
    await one.tap("maya", "🙂 Good")
    await expect(one.line("maya", "What went well?")).to_be_visible()
    await one.write("maya", "Band practice was fun")
    for question, label in (
        ("someone to be with", "Yes, most days"),
        ("Did you and Leo meet", "Yes"),
        ("Would you like an adult", "No, thanks"),
    ):
        await expect(one.line("maya", question)).to_be_visible()
        await one.tap("maya", label)
    await expect(one.line("maya", "Have a good rest of the week")).to_be_visible()

    await one.move("Next morning")
    await expect(one.line("leo", "You and Maya meet today at 8:30", "reminder")).to_be_visible()
    await one.move("+1 hour")
    await expect(one.page.locator(".demo-said")).to_have_text("Nothing new on any phone.")
    await one.move("+1 hour")
    await expect(one.page.locator(".demo-said")).to_have_text("New messages: Maya 1, Leo 1.")
    await expect(one.line("maya", "Did you and Leo meet today?")).to_be_visible()
    await expect(one.line("leo", "Did you and Maya meet today?")).to_be_visible()

    await asks_for_an_adult(one)
    await the_ladder_climbs_and_ends(one)
    await the_staff_pages_show_every_step(one)
    steps = one.page.locator(".story li")
    await expect(steps.locator("xpath=self::*[contains(@class,'done')]")).to_have_count(await steps.count())
    await a_phone_speaks_spanish(one)
    assert one.errors == []
    await one.page.context.close()


async def asks_for_an_adult(one: Visitor) -> None:
    await one.write("maya", "I need an adult")
    card = one.line("maya", "call or text 988", "card")
    await expect(card).to_be_visible()
    await expect(one.line("rivera", "M.T. (Cedar Grove) needs an adult", "alert")).to_be_visible()
    await expect(one.phone("rivera")).to_have_class("handset adult lit ringing")
    buttons = one.line("rivera", "needs an adult", "alert").get_by_role("button")
    labels = await buttons.all_text_contents()
    assert [label[:-5] for label in labels] == ["I have it", "Pass on", "Need help"]
    # The help comes first: the card is shown from its beginning, however small the phone.
    await expect(card.locator(".line-title")).to_be_in_viewport()
    await one.is_accessible()


async def the_ladder_climbs_and_ends(one: Visitor) -> None:
    await expect(one.phone("okafor").locator(".screen")).not_to_be_visible()
    await one.move("+15 min")
    # His phone comes forward by itself.
    await expect(one.line("okafor", "Still open, 15 min", "alert")).to_be_visible()
    await one.page.get_by_role("button", name="Ms. Rivera: bring this phone to the front").click()
    await one.tap("rivera", "I have it")
    await expect(one.line("maya", "Ms. Rivera has seen this")).to_be_visible()
    await one.tap("rivera", "Close")
    await expect(one.line("rivera", "What was done in case")).to_be_visible()
    await one.tap("rivera", "Spoke with the student")
    await expect(one.line("rivera", "is closed. Thank you.")).to_be_visible()


async def the_staff_pages_show_every_step(one: Visitor) -> None:
    async with one.page.context.expect_page() as opened:
        await one.page.get_by_role("button", name="Staff pages").click()
    staff = await opened.value
    one.watch(staff)
    await expect(staff).to_have_url(f"{one.page.url}staff/")
    await one.is_accessible(staff)
    await staff.get_by_role("link", name="Maya Torres: Asked for an adult").click()
    for step in ("Asked for an adult", "Mr. Okafor", "Ms. Rivera", "spoke with the student"):
        await expect(staff.get_by_role("main")).to_contain_text(step)
    await one.is_accessible(staff)
    await staff.get_by_role("link", name="Everything about Maya Torres").click()
    await expect(staff.get_by_role("main")).to_contain_text("Band practice was fun")
    await one.is_accessible(staff)
    await staff.close()


async def a_phone_speaks_spanish(one: Visitor) -> None:
    await one.phone("leo").get_by_role("button", name="Español").click()
    await expect(one.phone("leo").get_by_role("textbox", name="Escribe un mensaje")).to_be_visible()
    await expect(one.phone("leo").get_by_role("button", name="Español")).to_be_focused()
    await expect(one.phone("leo").locator(".line", has_text="¿Se reunieron hoy tú y Maya?").last).to_be_visible()
    await expect(one.phone("maya").get_by_role("textbox", name="Write a message")).to_be_visible()


async def test_on_a_small_dark_screen_one_phone_is_shown_and_the_others_count_their_news(
    browser: Browser, demo: Served
) -> None:
    one = await visitor(browser, demo, 390, 844, dark=True)
    await one.page.get_by_role("button", name="Reset").click()
    await expect(one.page.locator(".demo-time")).to_have_text("3:24 PM")
    await one.move("Next check-in")
    await one.write("maya", "I need an adult")
    await expect(one.line("maya", "call or text 988", "card")).to_be_visible()
    await expect(one.phone("rivera")).not_to_be_visible()
    rivera = one.page.get_by_role("navigation", name="Whose phone").get_by_role("button", name="Ms. Rivera")
    await expect(rivera.locator(".news")).to_have_text("1")
    await one.is_accessible()
    await rivera.click()
    await expect(one.line("rivera", "needs an adult", "alert")).to_be_visible()
    await expect(rivera.locator(".news")).not_to_be_visible()
    await one.is_accessible()
    width = await one.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    assert one.errors == []
    await one.page.context.close()
