"""A small house behind an adapter, in memory: it keeps what comes, knows two links, and has a history."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from bot.adapters.base import Home, Profile, Shown
from bot.domain import Address, Choice, Lease, Raw

START = datetime(2026, 10, 6, 19, 30, tzinfo=UTC)


@dataclass
class MemoryPort:
    """`wrong`: raised by the next receive. `heard`: called with what was kept, as the real house reacts."""

    links: dict[str, Address] = field(default_factory=dict)
    profiles: dict[str, Profile] = field(default_factory=dict)
    received: list[Raw] = field(default_factory=list)
    chats: dict[str, list[Shown]] = field(default_factory=dict)
    homes: dict[str, Home] = field(default_factory=dict)
    cursors: dict[str, datetime] = field(default_factory=dict)
    urgent: set[str] = field(default_factory=set)
    bounces: list[tuple[int, str, str, str]] = field(default_factory=list)
    wrong: Exception | None = None
    heard: Callable[[Raw], None] | None = None

    async def receive(self, raw: Raw, lease: Lease | None = None) -> None:
        if self.wrong is not None:
            wrong, self.wrong = self.wrong, None
            raise wrong
        if any(known.event_id == raw.event_id for known in self.received):
            return
        self.received.append(raw)
        self.write(raw.chat or raw.body.get("chat", ""), raw.body.get("text") or raw.body.get("label", ""), ours=False)
        if self.heard is not None:
            self.heard(raw)

    async def bounced(self, message_id: int, platform: str, account: str, code: str) -> None:
        self.bounces.append((message_id, platform, account, code))

    async def history(self, address: Address, limit: int = 100) -> Sequence[Shown]:
        return self.chats.get(address.chat, [])[-limit:]

    async def person_for(self, token: str) -> Address | None:
        return self.links.get(token)

    async def profile(self, address: Address) -> Profile:
        return self.profiles.get(address.chat, Profile("", "en"))

    async def home(self, address: Address) -> Home | None:
        return self.homes.get(address.chat)

    async def cursor(self, name: str) -> datetime | None:
        return self.cursors.get(name)

    async def move_cursor(self, name: str, at: datetime) -> None:
        self.cursors[name] = at

    async def urgent_chats(self, platform: str, account: str) -> Collection[str]:
        return self.urgent

    @asynccontextmanager
    async def lease(self, name: str) -> AsyncIterator[Lease]:
        yield Lease(name, 1)

    def write(
        self, chat: str, text: str, *, ours: bool = True, kind: str = "say", choices: tuple[Choice, ...] = ()
    ) -> Shown:
        """Add a line to a chat's history."""
        number = sum(len(lines) for lines in self.chats.values()) + 1
        line = Shown((1 << 60) + number, ours, text, choices, START + timedelta(minutes=number), kind)
        self.chats.setdefault(chat, []).append(line)
        return line
