"""The open event streams of chat pages: who listens to which chat, and which alerts wait to be shown. Nothing is kept
for longer than the history needs to have it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

# A page that is this far behind is cut off; it comes back by itself and reads the history.
_LONGEST_QUEUE = 200
# More pages of one chat than anybody has open. The oldest goes, because it may be one whose reader left without a word.
_MOST_PAGES = 20
# A line reaches the history a moment after it was pushed. A page that opens in that moment must not miss it.
_RECENT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that pages of a chat are told. `name`: history or line."""

    name: str
    body: dict[str, Any] = field(repr=False)


Queue = asyncio.Queue[Event | None]


@dataclass(slots=True)
class _Waiting:
    event: Event
    shown: asyncio.Event = field(default_factory=asyncio.Event)


class Streams:
    """Pages by the chats they listen to. For one event loop."""

    def __init__(self) -> None:
        self._open: dict[str, dict[Queue, None]] = {}
        self._waiting: dict[tuple[str, int], _Waiting] = {}
        self._recent: dict[str, list[Event]] = {}

    def listening(self, chat: str) -> bool:
        """Whether any page shows this chat."""
        return bool(self._open.get(chat))

    @contextmanager
    def opened(self, chats: Sequence[str]) -> Iterator[Queue]:
        """A page's queue for as long as it is open; None in it means the end.

        What was pushed just now is in it at once, marked `again`, and so are alerts that wait.
        """
        queue: Queue = asyncio.Queue()
        for chat in chats:
            pages = self._open.setdefault(chat, {})
            pages[queue] = None
            if len(pages) > _MOST_PAGES:
                self._end(next(iter(pages)))
            for event in self._recent.get(chat, ()):
                queue.put_nowait(Event(event.name, event.body | {"again": True}))
        for (chat, _), waiting in self._waiting.items():
            if chat in chats:
                queue.put_nowait(waiting.event)
        try:
            yield queue
        finally:
            for chat in chats:
                self._leave(chat, queue)

    def push(self, chat: str, event: Event) -> None:
        """Tell every page of this chat."""
        self._recent.setdefault(chat, []).append(event)
        asyncio.get_running_loop().call_later(_RECENT_SECONDS, self._forget, chat, event)
        for queue in tuple(self._open.get(chat, ())):
            if queue.qsize() >= _LONGEST_QUEUE:
                self._end(queue)
            else:
                queue.put_nowait(event)

    async def shown(self, chat: str, message_id: int, event: Event, within: float) -> bool:
        """Tell every page of this chat; True if one confirms within so many seconds that it shows the message."""
        waiting = self._waiting.setdefault((chat, message_id), _Waiting(event))
        self.push(chat, event)
        try:
            await asyncio.wait_for(waiting.shown.wait(), within)
        except TimeoutError:
            return False
        finally:
            self._waiting.pop((chat, message_id), None)
        return True

    def confirm(self, chat: str, message_id: int) -> None:
        """A page shows this message."""
        if waiting := self._waiting.get((chat, message_id)):
            waiting.shown.set()

    def close(self) -> None:
        """End every stream."""
        self._recent.clear()
        for queue in {queue for queues in self._open.values() for queue in queues}:
            self._end(queue)

    def _forget(self, chat: str, event: Event) -> None:
        left = [recent for recent in self._recent.pop(chat, []) if recent is not event]
        if left:
            self._recent[chat] = left

    def _end(self, queue: Queue) -> None:
        for chat in tuple(self._open):
            self._leave(chat, queue)
        while not queue.empty():
            queue.get_nowait()
        queue.put_nowait(None)

    def _leave(self, chat: str, queue: Queue) -> None:
        queues = self._open.get(chat, {})
        queues.pop(queue, None)
        if not queues:
            self._open.pop(chat, None)
