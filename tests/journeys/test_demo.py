"""The demo without a browser: a whole program week moves by through HTTP, against the real process."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

import httpx
import pytest
import pytest_asyncio

from tests.journeys.demo_school import OpenPage, Served, open_page, serve_demo

ZONE = ZoneInfo("America/Chicago")


@pytest.fixture(scope="module")
def demo() -> Iterator[Served]:
    # A real school's settings in the environment must never reach the demo, least of all its database.
    with serve_demo(NEARPEER_STORAGE__URL="sqlite:////nowhere/real.db", NEARPEER_SCHOOL__NAME="Real School") as served:
        yield served


@pytest_asyncio.fixture
async def page(demo: Served) -> AsyncIterator[OpenPage]:
    async with httpx.AsyncClient() as client:
        (await client.post(f"{demo.url}/demo/reset", headers={"origin": demo.url})).raise_for_status()
    async with open_page(demo.url) as opened:
        yield opened


def wall(now: str) -> str:
    """A moment as the clock on the school's wall shows it."""
    return f"{datetime.fromisoformat(now).astimezone(ZONE):%a %H:%M}"


async def standing(page: OpenPage) -> str:
    return wall((await page.client.get("/demo/now")).json()["now"])


async def test_a_week_goes_by_as_the_program_says(page: OpenPage) -> None:
    assert await standing(page) == "Tue 15:24"

    assert wall(await page.move("check-in")) == "Tue 15:30"
    question = await page.reads("maya", "How has your week been so far?")
    assert wall(question["at"]) == "Tue 15:30"
    for label in ("🙂 Good", "Yes, most days", "Yes", "No, thanks"):
        await page.tap("maya", label)
        if label == "🙂 Good":
            await page.reads("maya", "What went well?")
            await page.say("maya", "Band practice was fun")
            await page.reads("maya", "someone to be with")
        elif label == "Yes, most days":
            await page.reads("maya", "Did you and Leo meet this week?")
        elif label == "Yes":
            await page.reads("maya", "Would you like an adult")
    await page.reads("maya", "Have a good rest of the week")

    assert wall(await page.move("morning")) == "Wed 07:30"
    reminder = await page.reads("leo", "You and Maya meet today at 8:30", "reminder")
    assert wall(reminder["at"]) == "Wed 07:30"

    await page.move("hour")
    await page.move("hour")
    for key, partner in (("maya", "Leo"), ("leo", "Maya")):
        asked = await page.reads(key, f"Did you and {partner} meet today?", "question")
        assert wall(asked["at"]) == "Wed 09:25"

    assert wall(await page.move("check-in")) == "Thu 16:00"
    await page.reads("leo", "Time for your mentor check-in")
    assert wall(await page.move("week")) == "Thu 16:00"
    check_ins = [line["at"] for line in page.ours("maya") if "Time for a quick check-in" in line["text"]]
    first, second = (datetime.fromisoformat(at).astimezone(ZONE) for at in check_ins[-2:])
    assert (f"{first:%b %d %H:%M}", f"{second:%b %d %H:%M}") == ("Oct 06 15:30", "Oct 13 15:30")
    assert page.ours("rivera") == []
    assert (await page.client.get("/healthz")).text == "ok"


async def test_who_does_not_act_is_followed_by_the_next_adult_until_one_has_it(page: OpenPage) -> None:
    await page.say("maya", "I need an adult")
    card = await page.reads("maya", "call or text 988", "card")
    alert = await page.reads("rivera", "M.T. (Cedar Grove) needs an adult", "alert")
    assert [choice["label"][:-5] for choice in alert["choices"]] == ["I have it", "Pass on", "Need help"]
    assert "911" in card["text"]
    assert page.ours("okafor") == []
    assert not any("adult" in line["text"] and line["kind"] == "alert" for line in page.ours("leo"))

    await page.move("quarter")
    told = await page.reads("okafor", "Still open, 15 min", "alert")
    assert wall(told["at"]) == "Tue 15:39"

    await page.tap("rivera", "I have it")
    await page.reads("maya", "Ms. Rivera has seen this")
    await page.reads("okafor", "Ms. Rivera has taken case")
    alerts = len([line for line in page.ours("okafor") if line["kind"] == "alert"])
    await page.move("quarter")
    assert len([line for line in page.ours("okafor") if line["kind"] == "alert"]) == alerts

    await page.tap("rivera", "Close")
    await page.reads("rivera", "What was done in case")
    await page.tap("rivera", "Spoke with the student")
    await page.reads("rivera", "is closed. Thank you.")
    await page.move("morning")
    # The alert itself says by then that the case is closed; nothing new has come.
    assert "is closed. Thank you." in [line for line in page.ours("rivera") if not line["replaces"]][-1]["text"]


async def test_a_ladder_that_nobody_answers_stops_the_hands_and_they_say_so(page: OpenPage) -> None:
    await page.say("maya", "I need an adult")
    await page.reads("rivera", "needs an adult", "alert")
    answer = await page.client.post("/demo/hands/week", timeout=60)
    assert answer.json()["said"] == "The hands stopped on the way: an alert goes on ringing until somebody takes it."
    assert len([line for line in page.ours("okafor") if line["kind"] == "alert"]) > 20


async def test_two_visitors_cannot_move_the_hands_at_once(page: OpenPage) -> None:
    answers = await asyncio.gather(*(page.client.post("/demo/hands/week", timeout=60) for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_reset_makes_everything_as_it_was_and_links_stay(page: OpenPage) -> None:
    before = (await page.client.get("/demo/now")).json()["era"]
    await page.say("maya", "I need an adult")
    await page.reads("rivera", "needs an adult", "alert")
    await page.move("morning")
    assert (await page.client.post("/demo/reset")).json()["era"] != before
    assert await standing(page) == "Tue 15:24"
    async with open_page(str(page.client.base_url)) as again:
        assert again.chats == page.chats
        assert again.history == page.history
        await again.move("check-in")
        await again.reads("maya", "How has your week been so far?")


async def test_the_staff_door_signs_in_without_a_password_and_shows_the_case(page: OpenPage) -> None:
    await page.say("maya", "I need an adult")
    alert = await page.reads("rivera", "needs an adult", "alert")
    case = alert["text"].rsplit("/staff/", 1)[1]
    assert (await page.client.get(f"/staff/{case}")).status_code == 303
    entered = await page.client.post("/demo/staff")
    assert entered.headers["location"] == "/staff/"
    shown = await page.client.get(f"/staff/{case}")
    assert shown.status_code == 200
    assert "Asked for an adult" in shown.text
    # Sign-ins are real time: beginning anew ends none.
    await page.client.post("/demo/reset")
    assert (await page.client.get("/staff/")).status_code == 200


async def test_a_phone_speaks_spanish_the_real_way(page: OpenPage) -> None:
    await page.say("leo", "/language es")
    await page.reads("leo", "español")
    assert 'lang="es"' in (await page.client.get("/")).text
    await page.move("morning")
    assert "Hola, Leo" in (await page.reads("leo", "8:30", "reminder"))["text"]


async def test_other_sites_and_unknown_names_do_nothing(page: OpenPage) -> None:
    stranger = {"origin": "https://elsewhere.example"}
    for path in ("/demo/hands/hour", "/demo/reset", "/demo/staff", "/demo/phones/maya/say"):
        assert (await page.client.post(path, headers=stranger)).status_code == 403
    assert (await page.client.post("/demo/hands/backwards")).status_code == 404
    assert (await page.client.post("/demo/phones/nobody/say", json={})).status_code == 404
    assert await standing(page) == "Tue 15:24"


async def test_it_stops_at_once_with_a_page_open() -> None:
    with serve_demo() as served:
        async with open_page(served.url) as page:
            await page.move("check-in")
            code, printed = served.stop(signal.SIGTERM)
    assert (code, printed) == (0, "")


def test_it_stops_at_once_while_it_is_still_opening() -> None:
    with serve_demo(until_open=False) as served:
        code, printed = served.stop(signal.SIGINT)
    assert (code, printed) == (0, "")
