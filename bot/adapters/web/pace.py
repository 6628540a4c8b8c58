"""How fast one chat may speak, so that a flood from one person delays nobody else's alert. Knows no words."""

from __future__ import annotations

import asyncio

PER_SECOND = 20.0
"""Messages; far more than anybody types."""
LETTERS = 400
"""So many letters cost as much as a message: reading them takes that long."""
BURST = 3.0
"""Seconds' worth of messages that pass at once."""
LONGEST_WAIT = 5.0
"""Below the time after which a page gives up."""
_REFUSED_AFTER = 1.0
_CHATS = 10_000


class Pace:
    """Books each chat's messages one after another. For one event loop."""

    def __init__(self) -> None:
        self._booked: dict[str, float] = {}

    async def admit(self, chat: str, letters: int) -> bool:
        """Wait for the chat's turn; False, after a moment, when its turn would come too late."""
        now = asyncio.get_running_loop().time()
        cost = (1 + letters / LETTERS) / PER_SECOND
        moment = max(self._booked.get(chat, 0.0), now - BURST) + cost
        if moment - now > LONGEST_WAIT:
            await asyncio.sleep(_REFUSED_AFTER)
            return False
        self._booked[chat] = moment
        if len(self._booked) > _CHATS:
            self._booked = {other: booked for other, booked in self._booked.items() if booked > now - BURST}
        await asyncio.sleep(max(0.0, moment - now))
        return True
