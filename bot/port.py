"""What adapters are handed of the house."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime

from bot.adapters.base import Home, Profile, Shown
from bot.domain import Address, Lease, PersonStatus, Raw
from bot.leases import Leases
from bot.markup import visible
from bot.planning.words import next_meeting, show_date, show_time
from bot.turns.handle import Turns
from storage import chats, cursors, outbox, people
from storage.database import Database


class AppPort:
    """What adapters are handed: the only way from a platform into the house."""

    def __init__(self, database: Database, turns: Turns, leases: Leases) -> None:
        self._database = database
        self._turns = turns
        self.lease = leases.hold

    async def receive(self, raw: Raw, lease: Lease | None = None) -> None:
        await self._turns.receive(raw, lease)

    async def history(self, address: Address, limit: int = 100) -> Sequence[Shown]:
        return await asyncio.to_thread(self._history, address, limit)

    async def person_for(self, token: str) -> Address | None:
        return await asyncio.to_thread(self._person_for, token)

    async def profile(self, address: Address) -> Profile:
        return await asyncio.to_thread(self._profile, address)

    async def home(self, address: Address) -> Home | None:
        return await asyncio.to_thread(self._home, address)

    async def cursor(self, name: str) -> datetime | None:
        return await asyncio.to_thread(self._cursor, name)

    async def move_cursor(self, name: str, at: datetime) -> None:
        await self._database.run(lambda connection: cursors.move(connection, name, at))

    async def urgent_chats(self, platform: str, account: str) -> Collection[str]:
        return await asyncio.to_thread(self._urgent_chats, platform, account)

    async def bounced(self, message_id: int, platform: str, account: str, code: str) -> None:
        await self._database.run(lambda connection: outbox.bounced(connection, message_id, platform, account, code))

    def _home(self, address: Address) -> Home | None:
        with self._database.read() as connection:
            person = people.by_address(connection, address)
            if person is None:
                return None
            meets = "; ".join(match.meets for match in people.matches(connection, [person.id]) if match.meets)
            answered = chats.last_answer(connection, person.id)
        program, now = self._turns.program, self._turns.clock.now()
        meeting = next_meeting(meets, now.astimezone(program.zone_of(person)))
        return Home(
            language=person.language,
            adult=person.role.adult,
            next_meeting=f"{show_date(meeting, person.language)}, {show_time(meeting.time(), person.language)}"
            if meeting
            else "",
            last_answer=program.local_date(answered, person) if answered else "",
            paused=person.status is PersonStatus.PAUSED,
            stopped=person.status is PersonStatus.STOPPED,
        )

    def _cursor(self, name: str) -> datetime | None:
        with self._database.read() as connection:
            return cursors.read(connection, name)

    def _urgent_chats(self, platform: str, account: str) -> Collection[str]:
        with self._database.read() as connection:
            return cursors.urgent_chats(connection, platform, account)

    def _history(self, address: Address, limit: int) -> list[Shown]:
        with self._database.read() as connection:
            lines = chats.history(connection, address, limit)
        return [
            Shown(line.id, line.ours, visible(line.text) if line.ours else line.text, line.choices, line.at, line.kind)
            for line in lines
        ]

    def _person_for(self, token: str) -> Address | None:
        with self._database.read() as connection:
            person = people.for_token(connection, token)
        return Address(people.WEB, people.WEB_ACCOUNT, str(person.id)) if person is not None else None

    def _profile(self, address: Address) -> Profile:
        with self._database.read() as connection:
            person = people.by_address(connection, address)
        return Profile(person.name, person.language, person.zone) if person is not None else Profile("", "en")
