"""What Slack no longer offers: each chat's history is read again, and what is missing is stored like what came live.

An event that was offered a few times without an acknowledgement never comes again. So the histories are read on every
connection and every quarter of an hour, chats with an open question or an open case first.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.adapters.base import Port
from bot.adapters.slack.answers import Answer
from bot.adapters.slack.reading import NAME, raw_of
from bot.adapters.slack.standing import Standing
from bot.adapters.slack.web import Web
from bot.errors import TryLater

log = logging.getLogger(__name__)

EVERY = 900.0
AGAIN = 10.0
"""Seconds after which a round that did not come to its end is begun anew."""
OVERLAP = timedelta(minutes=10)
"""So far behind the last round each one begins: an event may be on its way for minutes, or be edited."""
THREADS = timedelta(days=7)
"""So much farther back messages are looked at: a history tells of a thread only by the message that it is under."""
BURST, PACE = 30, 1.25
"""Histories that are read at once, and seconds between two of the rest: Slack takes fifty a minute."""
_CHATS, _LINES = 200, 100
_LONGEST_WAIT = 60.0
_REFUSED = "history_refused"
_NOT_THERE = ("channel_not_found", "thread_not_found")


class Gaps:
    """Reads the histories of the chats of one workspace."""

    def __init__(self, web: Web, account: str, standing: Standing) -> None:
        self._web, self._account, self._standing = web, account, standing
        self._wanted = asyncio.Event()
        self._since: datetime | None = None

    def look(self) -> None:
        """Something may have been missed: look soon."""
        self._wanted.set()

    async def run(self, port: Port) -> None:
        """Look when asked to, and every quarter of an hour."""
        wait = EVERY
        while True:
            try:
                async with asyncio.timeout(wait):
                    await self._wanted.wait()
            except TimeoutError:
                pass
            self._wanted.clear()
            try:
                await self.fill(port)
                wait = EVERY
            except Exception as error:  # whatever it is, the next round may go
                wait = AGAIN
                log.warning("slack histories not read error=%s", getattr(error, "code", "") or type(error).__name__)

    async def fill(self, port: Port) -> int:
        """One round over all chats; gives how many messages of people it has seen. Raises when it cannot end."""
        name = f"{NAME}:{self._account}"
        chats, began = await self._chats()
        since = await port.cursor(name) or self._since or began
        self._since = since  # the first round of all has nothing behind it
        urgent = await port.urgent_chats(NAME, self._account)
        seen, refused = 0, None
        for number, (chat, _) in enumerate(sorted(chats, key=lambda one: one[1] not in urgent)):
            if number >= BURST:
                await asyncio.sleep(PACE)
            try:
                seen += await self._fill(port, chat, since - OVERLAP)
            except TryLater as error:
                if error.code != _REFUSED:
                    raise
                refused = error  # one chat holds up no other
        if refused is not None:
            raise refused
        await port.move_cursor(name, began)
        return seen

    async def _chats(self) -> tuple[Sequence[tuple[str, str]], datetime]:
        """Every (channel, user) that ever talked with the bot, and Slack's own time when it began to tell them."""
        found, cursor, began = [], "", None
        while True:
            body: dict[str, Any] = {"types": "im", "limit": _CHATS} | ({"cursor": cursor} if cursor else {})
            answer = await self._read("conversations.list", body)
            began = began or answer.at
            channels = answer.body.get("channels")
            for channel in channels if isinstance(channels, list) else ():
                if isinstance(channel, Mapping) and not channel.get("is_user_deleted"):
                    found.append((str(channel.get("id", "")), str(channel.get("user", ""))))
            cursor = _next(answer)
            if not cursor:
                if began is None:
                    raise TryLater("no_date")
                return found, began

    async def _fill(self, port: Port, chat: str, since: datetime) -> int:
        oldest, about = since.timestamp(), {"channel": chat, "limit": _LINES}
        history = await self._pages("conversations.history", about | {"oldest": _ts(since - THREADS)})
        lines = [line for line in history if _is_theirs(line) and _newest(line, "ts") >= oldest]
        for line in history:
            if line.get("reply_count") and _newest(line, "latest_reply") >= oldest:
                thread = about | {"ts": str(line.get("ts", "")), "oldest": _ts(since)}
                replies = await self._pages("conversations.replies", thread)
                lines += [one for one in replies if _is_theirs(one) and one.get("ts") != line.get("ts")]
        for line in sorted(lines, key=lambda one: _number(one.get("ts"))):
            event = dict(line) | {"channel": chat, "channel_type": "im"}
            raw = raw_of({"type": "event_callback", "team_id": self._account, "event": event}, self._account, "")
            if raw is not None:
                await port.receive(raw)
        return len(lines)

    async def _pages(self, method: str, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """The messages of a chat or a thread, from all pages."""
        found: list[Mapping[str, Any]] = []
        cursor = ""
        while True:
            answer = await self._read(method, {**body, "cursor": cursor} if cursor else body)
            messages = answer.body.get("messages")
            found += [one for one in messages if isinstance(one, Mapping)] if isinstance(messages, list) else []
            cursor = _next(answer)
            if not cursor:
                return found

    async def _read(self, method: str, body: Mapping[str, Any]) -> Answer:
        """An answer without an error, however long Slack makes us wait; an empty one of a chat that is gone."""
        while True:
            answer = await self._web.call(method, body)
            if answer.is_too_many:
                await asyncio.sleep(min(answer.seconds or 1.0, _LONGEST_WAIT))
            elif answer.error and answer.error not in _NOT_THERE:
                self._standing.judge("bot token", answer.error)
                raise TryLater(_REFUSED)
            else:
                return answer


def _is_theirs(line: Mapping[str, Any]) -> bool:
    return not line.get("bot_id") and bool(line.get("user"))


def _newest(line: Mapping[str, Any], name: str) -> float:
    """When something last happened to a message; what does not say when counts as now."""
    edited = line.get("edited")
    return max(_number(line.get(name)), _number(edited.get("ts")) if isinstance(edited, Mapping) else 0.0)


def _number(ts: Any) -> float:
    try:
        return float(ts)
    except (TypeError, ValueError):
        return math.inf


def _ts(moment: datetime) -> str:
    return f"{moment.timestamp():.6f}"


def _next(answer: Answer) -> str:
    metadata = answer.body.get("response_metadata")
    cursor = metadata.get("next_cursor") if isinstance(metadata, Mapping) else ""
    return cursor if isinstance(cursor, str) else ""
