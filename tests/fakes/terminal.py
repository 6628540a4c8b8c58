"""How the contract suite drives the terminal: lines in, a screen out."""

from __future__ import annotations

import asyncio
import io
import queue

from bot.adapters.terminal import Adapter
from bot.domain import Address
from tests.fakes.port import MemoryPort

NOBODY = Address("terminal", "terminal", "somebody else")
TEXT = {"chat": "you", "text": "I am fine"}
BUTTON = {"chat": "you", "button": "k7", "label": "Great"}


class Keyboard(io.StringIO):
    """Lines that a person types one by one."""

    def __init__(self) -> None:
        super().__init__()
        self._typed: queue.Queue[str] = queue.Queue()

    def type(self, line: str) -> None:
        self._typed.put(line + "\n")

    def end(self) -> None:
        self._typed.put("")

    def readline(self, size: int | None = -1, /) -> str:
        return self._typed.get()


def adapter() -> Adapter:
    return Adapter(source=Keyboard(), screen=io.StringIO())


async def say(adapter: Adapter, port: MemoryPort, text: str) -> bool:
    """Whether the person was left to believe that the line is kept."""
    keyboard, screen = adapter._source, adapter._screen
    assert isinstance(keyboard, Keyboard)
    assert isinstance(screen, io.StringIO)
    keyboard.type(text)
    keyboard.end()
    await asyncio.wait_for(adapter.ended.wait(), 20)
    return "not kept" not in screen.getvalue()
