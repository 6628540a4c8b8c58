"""The terminal chat: what an author of flows types and reads."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence

from bot.adapters.terminal import Adapter
from bot.domain import Choice, MessageKind, Outbound, Priority
from tests.fakes.port import MemoryPort
from tests.fakes.terminal import Keyboard


async def rehearse(lines: Sequence[str], choices: tuple[Choice, ...] = ()) -> tuple[MemoryPort, str]:
    keyboard, screen, port = Keyboard(), io.StringIO(), MemoryPort()
    adapter = Adapter(source=keyboard, screen=screen)
    await adapter.start(port)
    await adapter.send(
        Outbound(1, adapter.address, MessageKind.QUESTION, Priority.REPLY, "How was it?\nPick one.", choices)
    )
    for line in lines:
        keyboard.type(line)
    keyboard.end()
    await asyncio.wait_for(adapter.ended.wait(), 5)
    await adapter.stop()
    return port, screen.getvalue()


GOOD_OR_BAD = (Choice("😀 Good", "t1", "5"), Choice("😞 Bad", "t2", "1"))


async def test_a_question_is_shown_with_numbered_choices() -> None:
    _, screen = await rehearse([], GOOD_OR_BAD)
    assert screen == "\nHow was it?\nPick one.\n  1. 😀 Good\n  2. 😞 Bad\n"


async def test_a_number_taps_the_button_of_that_place() -> None:
    port, _ = await rehearse(["2"], GOOD_OR_BAD)
    assert port.received[0].body == {"chat": "you", "button": "t2", "label": "😞 Bad"}


async def test_a_number_picks_the_label_where_buttons_have_no_token() -> None:
    port, _ = await rehearse(["1"], (Choice("Yes", ""),))
    assert port.received[0].body == {"chat": "you", "text": "Yes"}


async def test_other_lines_are_words_and_empty_ones_are_nothing() -> None:
    port, _ = await rehearse(["", "fine, thanks", "7", "  "], GOOD_OR_BAD)
    assert [raw.body["text"] for raw in port.received] == ["fine, thanks", "7"]
    assert len({raw.event_id for raw in port.received}) == 2
