"""The signed post to an address of the school's own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.webhook import Adapter, signed
from bot.domain import Address, MessageKind, Outbound, Priority
from bot.errors import Ambiguous, SendError, SlowDown, TryLater, Unreachable
from tests.fakes.loopback import Answer
from tests.fakes.port import MemoryPort
from tests.fakes.webhook import NOW, SECRET, Incidents, incidents

ALERT = Outbound(7, Address("webhook", "webhook", "okafor"), MessageKind.ALERT, Priority.ALERT, "CRISIS: ñ. Case 4F7K.")


@asynccontextmanager
async def posting(secret: str = SECRET, now: float = NOW) -> AsyncIterator[tuple[Adapter, Incidents]]:
    with incidents() as (taken, url):
        adapter = Adapter(url=f"{url}/incidents", secret=secret, wall=lambda: datetime.fromtimestamp(now, UTC))
        await adapter.start(MemoryPort())
        yield adapter, taken
        await adapter.stop()


async def test_a_message_is_signed_and_taken_once_however_often_it_comes() -> None:
    async with posting() as (adapter, incidents):
        for _ in range(2):
            assert (await adapter.send(ALERT)).provider_id == "7"
    assert incidents.taken == {"7": {"id": "7", "kind": "alert", "to": "okafor", "text": "CRISIS: ñ. Case 4F7K."}}


@pytest.mark.parametrize(("secret", "now"), [("another", NOW), (SECRET, NOW - 400)])
async def test_what_somebody_else_signed_or_is_old_is_not_taken(secret: str, now: float) -> None:
    async with posting(secret, now) as (adapter, incidents):
        with pytest.raises(Unreachable, match="refused"):
            await adapter.send(ALERT)
        assert "401" in adapter.trouble()
    assert incidents.taken == {}


@pytest.mark.parametrize(
    ("answer", "error", "after"),
    [
        (Answer(429, after="7"), SlowDown, 7),
        (Answer(429, after="soon"), SlowDown, None),
        (Answer(500), Ambiguous, None),
        (Answer(cut=True), Ambiguous, None),
        (Answer(404), Unreachable, None),
        (Answer(302), Unreachable, None),
    ],
)
async def test_each_answer_says_what_to_do(answer: Answer, error: type[SendError], after: float | None) -> None:
    async with posting() as (adapter, incidents):
        incidents.answers.append(answer)
        with pytest.raises(error) as refused:
            await adapter.send(ALERT)
        assert getattr(refused.value, "after", None) == after
        assert adapter.trouble()
        await adapter.send(ALERT)
        assert not adapter.trouble()


async def test_an_address_where_nobody_listens_is_tried_again() -> None:
    async with posting() as (adapter, _):
        pass
    await adapter.start(MemoryPort())
    with pytest.raises(TryLater, match="no_connection"):
        await adapter.send(ALERT)
    assert "url" in adapter.trouble()
    await adapter.stop()


def test_the_check_that_the_page_for_it_people_shows_is_right() -> None:
    page = (Path(__file__).parents[2] / "docs/adults.md").read_text(encoding="utf-8")
    shown: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], shown)
    is_ours, now, body = shown["is_ours"], int(datetime.now(UTC).timestamp()), b'{"id":"7"}'
    assert is_ours(signed(body, b"s", now), body, b"s")
    assert not is_ours(signed(body, b"s", now), body + b" ", b"s")
    assert not is_ours(signed(body, b"another", now), body, b"s")
    assert not is_ours(signed(body, b"s", now - 400), body, b"s")
