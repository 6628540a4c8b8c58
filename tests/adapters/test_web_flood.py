"""One person who floods the web chat: slowed down alone, told so, and nobody else's message or page waits for it."""

from __future__ import annotations

import asyncio

import httpx

from bot.adapters.web.adapter import Adapter
from bot.adapters.web.pace import BURST, LONGEST_WAIT, PER_SECOND, Pace
from bot.adapters.web.streams import Event, Streams
from bot.server import build
from tests.adapters.test_web import MAYA, MAYA_LINK, PAGE
from tests.fakes.port import MemoryPort


async def test_a_flood_waits_and_is_refused_in_the_end_while_another_chat_passes_at_once() -> None:
    pace, loop = Pace(), asyncio.get_running_loop()
    first = loop.time()
    flood = [asyncio.create_task(pace.admit("11", 0)) for _ in range(400)]
    await asyncio.sleep(0)
    begun = loop.time()
    other = asyncio.create_task(pace.admit("12", 0))
    for _ in range(2):  # it begins, and goes on
        await asyncio.sleep(0)
    assert other.done()
    assert other.result()
    refused, _ = await asyncio.wait(flood, timeout=1.5)
    most = 400 - round(PER_SECOND * (BURST + LONGEST_WAIT))
    late = PER_SECOND * (begun - first)  # who asked later, on a busy machine, asked when others had been let in
    assert most - late - 1 <= sum(not one.result() for one in refused) <= most
    for one in flood:
        one.cancel()


async def test_long_texts_count_for_more() -> None:
    pace = Pace()
    admitted = [asyncio.create_task(pace.admit("11", 8_000)) for _ in range(60)]
    done, _ = await asyncio.wait(admitted, timeout=1.5)
    assert sum(not one.result() for one in done) > 50
    for one in admitted:
        one.cancel()


async def test_what_is_refused_is_not_taken_for_stored() -> None:
    port = MemoryPort(links={MAYA_LINK: MAYA})
    adapter = Adapter()
    await adapter.start(port)
    transport = httpx.ASGITransport(build(adapter.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as browser:
        await browser.get(f"/l/{MAYA_LINK}")

        async def say(number: int) -> int:
            posted = {"event_id": f"0000-{number:04}", "text": "x" * 7_999}
            return (await browser.post("/c/11/say", json=posted, headers=PAGE)).status_code

        told = await asyncio.gather(*(say(number) for number in range(12)))
    assert set(told) == {204, 429}
    assert told.count(204) == len(port.received)
    await adapter.stop()


async def test_of_very_many_pages_of_one_chat_the_oldest_goes_and_the_newest_hears() -> None:
    streams = Streams()
    pages = [streams.opened(["11"]) for _ in range(21)]
    queues = [page.__enter__() for page in pages]
    streams.push("11", Event("line", {}))
    assert queues[0].get_nowait() is None
    assert [queue.qsize() for queue in queues[1:]] == [1] * 20
    for page in pages:
        page.__exit__(None, None, None)
    assert not streams.listening("11")
