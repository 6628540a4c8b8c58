"""A real Chromium for tests of pages: how it is started, what it may not complain of, and the accessibility check."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright, expect

expect.set_options(timeout=30_000)  # a busy machine takes its time
CHROMIUM = shutil.which("chromium")
AXE = (Path(__file__).parent / "vendor/axe.min.js").read_text(encoding="utf-8")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
# Style sheets are fetched again for experimental rules only, which are not asked for.
ASKED = {"runOnly": WCAG, "resultTypes": ["violations"], "preload": {"assets": ["media"]}}
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def needs_chromium() -> None:
    """Skip the module that asks, with a reason, where there is no browser; in CI that is a failure."""
    if CHROMIUM is None and os.environ.get("CI") != "true":
        pytest.skip("no chromium on this computer: install it to try the pages", allow_module_level=True)


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """One running browser."""
    assert CHROMIUM, "CI needs chromium"
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=ARGUMENTS)
        yield running
        await running.close()


@asynccontextmanager
async def one_page(browser: Browser) -> AsyncIterator[tuple[Page, list[str]]]:
    """A page for all tests of a file, and what it complains of: to open another takes the browser seconds of work."""
    said: list[str] = []
    context = await browser.new_context(reduced_motion="reduce")
    yield listen(await context.new_page(), said), said
    await context.close()


def listen(page: Page, said: list[str]) -> Page:
    """Collect what the page complains of: console errors, warnings, uncaught exceptions."""

    def heard(line: ConsoleMessage) -> None:
        # How a live stream ended, which the page opens again by itself, is the network's word and no fault of the page.
        if line.type in ("error", "warning") and "ERR_INCOMPLETE_CHUNKED_ENCODING" not in line.text:
            said.append(line.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: said.append(str(error)))
    return page


async def offenses(page: Page) -> list[tuple[str, str]]:
    """(rule, element) of everything on the page that WCAG 2.2 AA forbids, as far as axe can see."""
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(AXE)
    found = await page.evaluate("asked => axe.run(document, asked)", ASKED)
    return [(one["id"], one["nodes"][0]["html"]) for one in found["violations"]]
