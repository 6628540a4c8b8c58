"""Takes the README's picture of the demo, in Chromium, from the real thing: `make screenshot`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from tests.journeys.demo_school import serve_demo

PICTURE = Path(__file__).parent / "images" / "demo.png"
LARGEST = 400_000
"""Bytes."""


def tell_the_story(page: Page) -> None:
    """Up to the moment in which Maya asks for an adult."""
    write = page.locator("#handset-maya textarea")

    def press(hand: str) -> None:
        page.get_by_role("button", name=hand, exact=True).click()
        page.locator("body:not(.moving)").wait_for()

    def says(key: str, text: str) -> None:
        page.locator(f"#handset-{key} .line.fresh", has_text=text).last.wait_for()

    press("Next check-in")
    page.locator("#handset-maya").get_by_role("button", name="🙂 Good").click()
    for question, reply in (
        ("What went well?", "Band practice was fun"),
        ("someone to be with", "Yes, most days"),
        ("Did you and Leo meet", "Yes"),
        ("Would you like an adult", "No, thanks"),
    ):
        says("maya", question)
        write.fill(reply)
        write.press("Enter")
    says("maya", "Have a good rest of the week")
    press("Next morning")
    press("+1 hour")
    press("+1 hour")
    write.fill("I need an adult")
    write.press("Enter")
    says("rivera", "needs an adult")
    write.blur()
    page.mouse.move(0, 0)
    page.wait_for_timeout(1_000)


def main() -> None:
    """Write docs/images/demo.png."""
    chromium = shutil.which("chromium") or sys.exit("This needs chromium.")
    with serve_demo() as demo, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, headless=True, args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1440, "height": 860}, reduced_motion="reduce")
        page.goto(demo.url)
        tell_the_story(page)
        PICTURE.parent.mkdir(exist_ok=True)
        page.screenshot(path=PICTURE)
        browser.close()
    if PICTURE.stat().st_size > LARGEST:
        sys.exit(f"{PICTURE} is larger than {LARGEST:,} bytes")


if __name__ == "__main__":
    main()
