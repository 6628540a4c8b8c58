"""A real process is killed at two named places under load; after the restart nothing that it promised is missing."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.crash.outside import Page, School, ended, shown_twice, stop, until_quiet

STUDENTS = ("maya", "diego", "amina", "noah")
ADULTS = ("rivera", "okafor")
CHECK_IN = ("/checkin", "Good", "Drawing class, says {}", "Some days", "yes", "No, thanks")
VALUES: dict[str, Any] = {"mood": 4, "good": CHECK_IN[2], "company": "some_days", "met": "yes", "adult": "no"}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> School:
    return School(tmp_path_factory.mktemp("seeded") / "school")


@pytest.fixture
def school(seeded: School, tmp_path: Path) -> School:
    return seeded.moved_to(tmp_path / "school")


@pytest_asyncio.fixture
async def pages(school: School) -> AsyncIterator[dict[str, Page]]:
    """Everybody's page, to be opened once the school runs."""
    made = {key: Page(key, school.links[key]) for key in (*STUDENTS, *ADULTS)}
    yield made
    for page in made.values():
        await page.browser.aclose()


async def a_day(pages: dict[str, Page], killed: asyncio.Task[int]) -> None:
    """Noah asks for an adult; when that was seen, or the process died of it, everybody checks in at once."""
    await pages["noah"].say("/adult")
    seen = asyncio.create_task(pages["rivera"].alerted.wait())
    await asyncio.wait({seen, killed}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.gather(seen, *(_checks_in(pages[key]) for key in STUDENTS))


async def _checks_in(page: Page) -> None:
    for line in CHECK_IN:
        await page.say(line.format(page.key))


@pytest.mark.parametrize(
    ("point", "hit"),
    # The second posting is that of the alert about Noah.
    [("ingress.committed", 8), ("send.posted", 2)],
)
async def test_a_killed_process_loses_nothing_that_it_promised(
    school: School, pages: dict[str, Page], point: str, hit: int
) -> None:
    process = school.run(f"{point}=exit@{hit}")
    under_way: set[int] = set()

    async def killed_and_restarted() -> int:
        nonlocal process
        code = await ended(process)
        under_way.update(row["id"] for row in school.rows("SELECT id FROM message WHERE status = 'sending'"))
        process = school.run()
        return code

    killed = asyncio.create_task(killed_and_restarted())
    listening: list[asyncio.Task[None]] = []
    try:
        async with asyncio.timeout(120):
            await asyncio.gather(*(page.open() for page in pages.values()))
            listening += [asyncio.create_task(page.listen()) for page in pages.values()]
            await asyncio.gather(*(page.opened.wait() for page in pages.values()))
            await a_day(pages, killed)
            assert await killed == -9, f"{point} was never reached"
            await until_quiet(school)
        assert await stop(process) == 0
    finally:
        for task in (killed, *listening):
            task.cancel()
        await asyncio.gather(killed, *listening, return_exceptions=True)
        process.kill()
        process.wait()

    everything_promised_is_there(school, pages)
    the_alert_reached_an_adult(school, pages)
    every_message_arrived(school, pages)
    twice = shown_twice(list(pages.values()))
    assert twice <= under_way, "a message that was recorded as sent was sent again"
    if point.startswith("send."):
        assert len(twice) <= (point == "send.posted")


def everything_promised_is_there(school: School, pages: dict[str, Page]) -> None:
    promised = Counter((page.chat.rpartition("/")[2], text) for page in pages.values() for text in page.acknowledged)
    assert len(promised) == len(STUDENTS) * len(CHECK_IN) + 1
    assert set(promised.values()) == {1}
    log = Counter((row["chat"], row["text"]) for row in school.rows("SELECT * FROM message WHERE direction = 'in'"))
    assert log == promised
    assert {row["status"] for row in school.rows("SELECT status FROM inbox")} == {"done"}
    query = "SELECT key, step, value FROM answer JOIN person ON person.id = person_id ORDER BY answer.id"
    for student in STUDENTS:
        answers = [(row["step"], json.loads(row["value"])) for row in school.rows(query) if row["key"] == student]
        assert answers == [*(VALUES | {"good": VALUES["good"].format(student)}).items()], student


def the_alert_reached_an_adult(school: School, pages: dict[str, Page]) -> None:
    (case,) = school.rows("SELECT * FROM escalation")
    assert (case["tier"], case["category"], case["status"]) == ("urgent", "adult-requested", "open")
    assert case["next_action_at"] is not None
    alerts = school.rows("SELECT * FROM message WHERE kind = 'alert' ORDER BY rung, round")
    assert [alert["escalation_id"] for alert in alerts] == [case["id"]] * len(alerts)
    told = {alert["id"] for alert in alerts if alert["status"] == "sent"}
    shown = {id_ for key in ADULTS for id_ in pages[key].lines if id_ in told}
    assert shown == told
    assert shown, "nobody was told"
    # Whoever could not be told was followed by the next adult.
    assert alerts[-1]["status"] == "sent"


def every_message_arrived(school: School, pages: dict[str, Page]) -> None:
    rows = school.rows("SELECT * FROM message WHERE direction = 'out'")
    unsent = {(row["kind"], row["status"], row["error"]) for row in rows if row["status"] != "sent"}
    # These students type ahead: a question that was answered before it could be sent is not asked any more.
    assert unsent <= {("alert", "failed", "no_listener"), ("question", "cancelled", "")}
    by_chat = {page.chat.rpartition("/")[2]: page for page in pages.values()}
    for row in rows:
        if row["status"] == "cancelled":
            continue
        page = by_chat[row["chat"]]
        assert row["id"] in page.history or row["id"] in page.lines, f"{page.key} never got a {row['kind']}"
