"""The staff pages in a real browser: acting without losing one's place, news while a note is typed, accessibility."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, Page, expect
from sqlalchemy import update

from bot.console.routes import routes
from bot.console.words import CardSheet, LanguageSheet, RuleSheet, Sheets
from bot.domain import ActionKind, Role, Tier
from bot.server import asset, build, serve
from storage import accounts, cursors, tables
from storage.accounts import Staff
from storage.database import Database
from tests.browser import chromium, needs_chromium, offenses, one_page
from tests.console import little_school
from tests.console.little_school import MAYA, NOW, OKAFOR, PASSWORD, SAM, Console

needs_chromium()

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGES = (
    "",
    "escalations/900",
    "answers",
    "answers?show=reviewed",
    "people",
    "people/1",
    "health",
    "words",
    "fairness",
    "sign-in",
    "first-run",
)
RULE = RuleSheet(
    "gone", "en@2", Tier.CRISIS, "suicide", "Wishing to be gone", ["(want|wish) to be gone"] * 3, ["denied: lower"],
    ["i want to be gone"], ["the bus was gone"],
)  # fmt: skip
SHEETS = Sheets(
    [CardSheet("en", "English", "us", 3, [("After words that sound like danger", "Call 911.\nCall or text 988.")])],
    [
        LanguageSheet(
            "en", "English", ["en, version 2"], [RULE], ["dying of laughter"], [("A joke", ["lol"])], ["i am ok"]
        )
    ],
)
SCREENS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((1200, "light"), (390, "dark"), (320, "light"))
ASK = "htmx.trigger(document.body, 'cases-changed')"
"""What the page does by itself every five seconds, now."""


@dataclass
class Site:
    """The staff pages behind the real server."""

    console: Console
    staff: Staff
    url: str
    said: list[str]

    async def sign_in(self, context: BrowserContext) -> None:
        wall = self.console.clock.wall()
        token = self.console.database.write(lambda c: accounts.sign_in(c, self.staff.id, wall)).result()
        await context.add_cookies([{"name": "nearpeer-staff", "value": token, "url": self.url}])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def window(browser: Browser) -> AsyncIterator[tuple[Page, list[str]]]:
    async with one_page(browser) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def site(database: Database, window: tuple[Page, list[str]]) -> AsyncIterator[Site]:
    console = little_school.console(database)
    console.seed(
        little_school.people,
        little_school.crisis,
        lambda c: little_school.wrote(c, 210, SAM, "nobody sits with me"),
        lambda c: little_school.item(c, 1, SAM, 210, "notice", "Nobody to be with"),
    )
    for week, mood in enumerate((4, 5, 2, 1)):
        at = NOW - timedelta(days=7 * (4 - week))
        console.seed(lambda c, w=week, m=mood, at=at: little_school.check_in(c, 1000 + 10 * w, MAYA, at, m, str(m)))
    staff = console.account(50, "Mr. Okafor", Role.COORDINATOR, OKAFOR)
    wall = console.clock.wall()
    console.seed(lambda c: cursors.move(c, "well:telegram:bot", wall - timedelta(minutes=12)))
    pages = routes(
        database,
        console.clock,
        console.turns,
        school="Lincoln High School",
        zone="America/Chicago",
        asset=asset,
        accounts=["telegram:bot", "slack:T1"],
        sheets=lambda: SHEETS,
    )
    stop, ready = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(build(pages), "127.0.0.1", 0, stop, ready=ready.set_result))
    page, said = window
    said.clear()
    yield Site(console, staff, f"http://127.0.0.1:{await ready}", said)
    await page.goto("about:blank")
    stop.set()
    await serving


@pytest_asyncio.fixture(loop_scope="module")
async def page(site: Site, window: tuple[Page, list[str]]) -> Page:
    """A browser in which Mr. Okafor is signed in."""
    page, _said = window
    await page.set_viewport_size({"width": 1200, "height": 850})
    await page.context.clear_cookies()
    await site.sign_in(page.context)
    return page


async def test_every_page_is_accessible_and_fits(site: Site, page: Page) -> None:
    wrong = []
    for path in PAGES:
        if path in ("sign-in", "first-run"):  # for strangers
            await page.context.clear_cookies()
        await page.goto(f"{site.url}/staff/{path}")
        for details in await page.query_selector_all("details"):
            await details.evaluate("one => one.open = true")
        for width, scheme in SCREENS:
            await page.set_viewport_size({"width": width, "height": 850})
            await page.emulate_media(color_scheme=scheme)
            assert await page.evaluate("[innerWidth, matchMedia('(prefers-color-scheme: dark)').matches]") == [
                width,
                scheme == "dark",
            ]
            assert await page.evaluate("document.documentElement.scrollWidth") <= width, path
            if width > 320:  # the narrowest differs from the phone in its room only
                wrong += [(path, width, *offense) for offense in await offenses(page)]
    assert wrong == []
    assert site.said == []


async def test_signing_in_taking_and_closing_with_the_keyboard(site: Site, page: Page) -> None:
    await page.context.clear_cookies()
    await page.goto(site.url + "/staff/escalations/900")
    await page.get_by_label("E-mail or login").fill("mr. okafor")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(site.url + "/staff/escalations/900")
    await page.goto(site.url + "/staff/")
    await page.get_by_role("button", name="I have it").focus()
    await page.keyboard.press("Enter")
    await expect(page.locator("#case-900 .who")).to_be_focused()
    await expect(page.locator("#case-900")).to_contain_text("Mr. Okafor has this since 3:04 PM CST")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Nobody is waiting.")
    await page.get_by_text("Close this case").click()
    await page.get_by_label("I spoke with the student").check()
    await page.get_by_label("Note", exact=True).fill("We talked at lunch.")
    await page.get_by_role("button", name="Close the case").click()
    await expect(page.locator("#case-900")).to_contain_text("Closed by Mr. Okafor")
    assert [action.kind for action in site.console.turns.asked] == [ActionKind.TAKE, ActionKind.CLOSE]
    assert site.said == []


async def test_a_plan_is_said_and_changed_without_leaving_the_page(site: Site, page: Page) -> None:
    await page.goto(site.url + "/staff/")
    card = page.locator("#case-900")
    await card.get_by_role("button", name="Talk with them today").click()
    await expect(card).to_contain_text("Mr. Okafor has this since 3:04 PM CST")
    await expect(card).to_contain_text("Plan: talk with them today.")
    await expect(card.get_by_role("button", name="Talk with them today")).to_have_count(0)
    await card.get_by_role("button", name="Call home first").click()
    await expect(card).to_contain_text("Plan: call home first.")
    assert await offenses(page) == []
    asked = [(action.kind, action.plan) for action in site.console.turns.asked]
    assert asked == [(ActionKind.TAKE, "today"), (ActionKind.PLAN, "home-first")]
    assert site.said == []


async def test_a_refusal_is_said_next_to_the_button_and_the_note_is_kept(site: Site, page: Page) -> None:
    await page.goto(site.url + "/staff/")
    site.console.turns.refuse = "Ms. Rivera already has this case."
    await page.get_by_text("Close this case").click()
    await page.get_by_label("I spoke with the student").check()
    await page.get_by_label("Note", exact=True).fill("Half a thought")
    await page.get_by_role("button", name="Close the case").click()
    await expect(page.get_by_role("alert").filter(has_text="already has")).to_be_focused()
    await expect(page.get_by_label("Note", exact=True)).to_have_value("Half a thought")
    await expect(page.get_by_label("I spoke with the student")).to_be_checked()
    # The browser itself notes every answer of 4xx; nothing else may be said.
    assert all("422" in text for text in site.said)


async def test_news_arrive_while_a_note_is_typed_and_focus_stays(site: Site, page: Page) -> None:
    await page.goto(site.url + "/staff/")
    await page.get_by_text("Close this case").click()
    note = page.locator("#note-900")
    await note.fill("Half a thou")
    site.console.seed(lambda c: little_school.case(c, 901, SAM, "urgent", "Said that home is not safe", NOW))
    await page.evaluate(ASK)
    await expect(page.get_by_role("heading", level=1)).to_have_text("2 students need an adult now.")
    await expect(page.locator("#case-901")).to_contain_text("Said that home is not safe")
    await expect(note).to_be_focused()
    await page.keyboard.type("ght")
    await expect(note).to_have_value("Half a thought")
    assert await page.title() == "(2) 2 students need an adult now. · Lincoln High School"
    risen = update(tables.escalation).where(tables.escalation.c.id == 901).values(tier="crisis", reason="Wishes to die")
    site.console.seed(lambda c: c.execute(risen))
    await page.evaluate(ASK)
    await expect(page.locator("#about-901")).to_contain_text("Crisis")
    await expect(page.locator("#about-901")).to_contain_text("Wishes to die")
    await expect(page.locator("#case-901 header")).to_have_count(1)
    await expect(note).to_be_focused()
    assert site.said == []


async def test_marking_reviewed_keeps_the_place(site: Site, page: Page) -> None:
    await page.set_viewport_size({"width": 390, "height": 850})
    await page.goto(site.url + "/staff/answers")
    last = page.locator("#answer-1003")
    await last.get_by_role("button").scroll_into_view_if_needed()
    before = await page.evaluate("window.scrollY")
    await last.get_by_role("button").click()
    await expect(last).to_contain_text("Reviewed by Mr. Okafor")
    assert abs(await page.evaluate("window.scrollY") - before) < 120
    await expect(page.locator("article")).to_have_count(4)
    assert site.said == []


async def test_a_page_that_lost_its_server_says_so(site: Site, page: Page) -> None:
    await page.goto(site.url + "/staff/")
    await expect(page.locator("#offline")).to_be_hidden()
    await page.context.set_offline(True)
    await page.evaluate(ASK)
    await expect(page.locator("#offline")).to_be_visible()
    await page.context.set_offline(False)
    await page.evaluate(ASK)
    await expect(page.locator("#offline")).to_be_hidden()


async def test_a_page_whose_sign_in_ended_leaves_the_screen(site: Site, page: Page) -> None:
    await page.goto(site.url + "/staff/")
    site.console.seed(lambda c: accounts.sign_out_everywhere(c, site.staff.id))
    await expect(page).to_have_url(site.url + "/staff/sign-in")


async def test_without_scripts_everything_still_works(site: Site, page: Page) -> None:
    browser = await page.context.new_cdp_session(page)
    await browser.send("Emulation.setScriptExecutionDisabled", {"value": True})
    await page.goto(site.url + "/staff/")
    assert not await page.evaluate("'htmx' in window")
    await page.get_by_role("button", name="I have it").click()
    await expect(page.locator("#case-900")).to_contain_text("Mr. Okafor has this")
    await page.goto(site.url + "/staff/answers")
    await page.locator("#answer-1003").get_by_role("button").click()
    await expect(page.locator("article")).to_have_count(3)
    await browser.send("Emulation.setScriptExecutionDisabled", {"value": False})
    await browser.detach()
