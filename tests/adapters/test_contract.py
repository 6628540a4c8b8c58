"""One suite over every platform: whatever file stands in bot/adapters keeps the contract of base.py.

A platform brings `tests/fakes/<platform>.py` with `adapter()` or `running()`, and NOBODY; where people can write,
`say(adapter, port, text)` and TEXT as well, and BUTTON where there are buttons.
"""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from bot.adapters.base import Adapter, Capabilities, load, platforms
from bot.domain import Address, InboundKind, MessageKind, Outbound, Priority
from bot.errors import NearpeerError, SendError, TryLater
from tests.fakes.port import MemoryPort

SECRET = "nobody may read this in a log"
FAKES = {name: importlib.import_module(f"tests.fakes.{name}") for name in platforms()}
where_people_write = pytest.mark.parametrize(
    "fake", [name for name, fake in FAKES.items() if hasattr(fake, "say")], indirect=True
)
where_people_press = pytest.mark.parametrize(
    "fake", [name for name, fake in FAKES.items() if hasattr(fake, "BUTTON")], indirect=True
)


@pytest.fixture(params=platforms())
def fake(request: pytest.FixtureRequest) -> Any:
    return FAKES[request.param]


@pytest_asyncio.fixture
async def adapter(fake: Any) -> AsyncIterator[Adapter]:
    if hasattr(fake, "running"):  # a platform that needs a server beside
        async with fake.running() as made:
            yield made
        return
    made = fake.adapter()
    yield made
    await made.stop()


def alert_to(address: Address) -> Outbound:
    return Outbound(7, address, MessageKind.ALERT, Priority.ALERT, text=SECRET)


def test_the_platforms_are_found_by_their_file_names() -> None:
    assert {"web", "terminal"} <= set(platforms())
    assert "base" not in platforms()


def test_an_unknown_platform_is_refused() -> None:
    with pytest.raises(KeyError):
        load("carrier-pigeon")


async def test_a_platform_is_loaded_by_name_and_called_so(fake: Any, adapter: Adapter) -> None:
    assert load(adapter.name) is type(adapter)
    assert fake.__name__.endswith(f".{adapter.name}")


async def test_capabilities_are_sane(fake: Any, adapter: Adapter) -> None:
    powers = adapter.capabilities
    assert (powers.hears, powers.buttons) == (hasattr(fake, "say"), hasattr(fake, "BUTTON"))
    assert isinstance(powers, Capabilities)
    assert powers.length >= 300, "a message of ordinary length must fit"
    assert powers.per_second > 0
    assert powers.per_chat_second > 0


async def test_f31_f54_a_platform_says_what_is_lost_while_we_are_away_and_after_how_long(adapter: Adapter) -> None:
    """Telegram keeps what people write for a day, presses of our keyboards too; Slack keeps words, and no press."""
    losing = {"telegram": (timedelta(hours=24), None), "slack": (None, timedelta(seconds=150))}
    assert (adapter.capabilities.keeps, adapter.capabilities.presses) == losing.get(adapter.name, (None, None))


@where_people_write
async def test_a_text_becomes_an_inbound_with_everything_that_names_it(fake: Any, adapter: Adapter) -> None:
    inbound = adapter.translate(fake.TEXT, "account-1", "event-1")
    assert inbound is not None
    assert inbound.kind is InboundKind.TEXT
    assert inbound.text == "I am fine"
    assert inbound.event_id == "event-1"
    assert (inbound.address.platform, inbound.address.account) == (adapter.name, "account-1")
    assert inbound.address.chat


@where_people_press
async def test_a_button_becomes_an_inbound_with_its_token(fake: Any, adapter: Adapter) -> None:
    inbound = adapter.translate(fake.BUTTON, "account-1", "event-2")
    assert inbound is not None
    assert inbound.kind is InboundKind.BUTTON
    assert inbound.token == "k7"


@where_people_write
async def test_translating_twice_gives_the_same_and_changes_nothing(fake: Any, adapter: Adapter) -> None:
    body = dict(fake.TEXT)
    assert adapter.translate(body, "a", "e") == adapter.translate(body, "a", "e")
    assert body == fake.TEXT


@pytest.mark.parametrize("nonsense", [{}, {"chat": 5}, {"chat": "", "text": "x"}, {"chat": "1", "text": ["x"]}])
async def test_nonsense_is_refused_without_repeating_it(adapter: Adapter, nonsense: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+") as refused:
        adapter.translate(nonsense | {"note": SECRET}, "a", "e")
    assert SECRET not in str(refused.value)


@where_people_write
async def test_no_words_are_in_a_repr(fake: Any, adapter: Adapter) -> None:
    inbound = adapter.translate(fake.TEXT, "a", "e")
    assert "I am fine" not in repr(inbound)
    assert SECRET not in repr(alert_to(fake.NOBODY))


async def test_an_alert_to_nobody_is_an_error_and_never_a_receipt(fake: Any, adapter: Adapter) -> None:
    await adapter.start(MemoryPort())
    with pytest.raises(SendError) as refused:
        await adapter.send(alert_to(fake.NOBODY))
    assert SECRET not in str(refused.value)
    assert refused.value.code.replace("_", "").isalpha()


async def test_before_the_start_a_message_is_left_for_later(fake: Any, adapter: Adapter) -> None:
    with pytest.raises(TryLater):
        await adapter.send(alert_to(fake.NOBODY))


async def test_before_the_start_there_is_no_trouble(adapter: Adapter) -> None:
    assert adapter.trouble() == ""


async def test_starting_and_stopping_twice_is_harmless(fake: Any, adapter: Adapter) -> None:
    port = MemoryPort()
    await adapter.stop()
    await adapter.start(port)
    await adapter.start(port)
    await adapter.stop()
    await adapter.stop()
    with pytest.raises(TryLater):
        await adapter.send(alert_to(fake.NOBODY))


@where_people_write
async def test_what_is_kept_is_acknowledged(fake: Any, adapter: Adapter) -> None:
    port = MemoryPort()
    await adapter.start(port)
    assert await fake.say(adapter, port, "I am fine")
    (raw,) = port.received
    assert adapter.translate(raw.body, raw.account, raw.event_id) is not None


@where_people_write
async def test_what_could_not_be_stored_is_not_acknowledged(
    fake: Any, adapter: Adapter, caplog: pytest.LogCaptureFixture
) -> None:
    port = MemoryPort(wrong=NearpeerError(SECRET))
    await adapter.start(port)
    assert not await fake.say(adapter, port, SECRET)
    assert port.received == []
    assert SECRET not in caplog.text
