"""How a send path is driven, ours and the peers': so many messages, so many in flight. Standard library only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from bench.measure import Figures, calibration, cpu

TEXT = "How are you feeling this week, from 1 (very low) to 5 (great)?"
LABELS = ("1", "2", "3", "4", "5")
WARM = 20


async def measured(send: Callable[[int], Awaitable[object]], messages: int, in_flight: int) -> Figures:
    """CPU of a message that is sent, each to a chat of its own."""
    await _drive(send, range(1, WARM + 1), in_flight)
    began = cpu()
    await _drive(send, range(1_000, 1_000 + messages), in_flight)
    used = cpu() - began
    return {"messages": messages, "cpu_us": used / messages * 1e6, "calibration_us": calibration()}


async def _drive(send: Callable[[int], Awaitable[object]], chats: range, in_flight: int) -> None:
    waiting = iter(chats)

    async def one_after_the_other() -> None:
        for chat in waiting:
            await send(chat)

    await asyncio.gather(*(one_after_the_other() for _ in range(in_flight)))
