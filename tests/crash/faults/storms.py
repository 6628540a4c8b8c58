"""PostgreSQL breaks again and again under load; afterwards every promise is held against what the outside has seen.

The house is the real one (turns, heartbeat, delivery, leases), in this process: only the database and the way to it
break. Everybody repeats what was not acknowledged, as a platform does.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Table, select

from bot.app import App
from bot.clock import SystemClock
from bot.domain import Match, Person, Raw, Role
from bot.errors import Outage
from bot.program import Program
from storage import people, tables
from storage.database import Database
from tests.fakes.memory import Platform

STUDENTS = range(101, 113)
RIVERA, OKAFOR = 1, 2
PATIENCE = 90.0
"""Seconds in which everything must have come to rest after the last break."""


@dataclass
class Account:
    """What was promised outside, and what was found missing or twice inside."""

    breaks: int = 0
    refused: int = 0
    """Offers that were not acknowledged, and offered again."""
    acknowledged: list[str] = field(default_factory=list)
    alerts: int = 0
    lost: list[str] = field(default_factory=list)
    double: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.breaks} breaks, {len(self.acknowledged)} acknowledged ({self.refused} refused and offered again), "
            f"{self.alerts} alerts, {len(self.lost)} lost, {len(self.double)} double"
        )


async def storm(url: str, program: Program, break_it: Callable[[], None], times: int, pause: float = 1.0) -> Account:
    """Everybody writes all the time while the database breaks so many times, so many seconds apart."""
    database, platform, account = Database(url), Platform(), Account()
    await asyncio.to_thread(lambda: database.write(_move_in).result())
    app = App(program, database, SystemClock(), [platform])
    stop, enough = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(app.run(stop))
    writing = [asyncio.create_task(_write(app, student, account, enough)) for student in STUDENTS]
    for _ in range(times):
        await asyncio.sleep(pause)
        await asyncio.to_thread(break_it)
        account.breaks += 1
    await asyncio.sleep(pause)
    enough.set()
    await asyncio.gather(*writing)
    try:
        async with asyncio.timeout(PATIENCE):
            while not await asyncio.to_thread(_at_rest, database):  # noqa: ASYNC110  (rows tell nobody)
                await asyncio.sleep(0.2)
    except TimeoutError:
        account.lost.append("it never came to rest")
    stop.set()
    await running
    await asyncio.to_thread(_judge, database, platform, account)
    database.close()
    return account


def _move_in(connection: Connection) -> None:
    clock = SystemClock()
    adults = {RIVERA: ("rivera", Role.ADVISOR), OKAFOR: ("okafor", Role.COORDINATOR)}
    everyone = {**adults, **{student: (f"student{student}", Role.MENTEE) for student in STUDENTS}}
    for id_, (key, role) in everyone.items():
        people.add(connection, Person(id_, key, key.title(), role, "en", ""), clock.now(), clock.new_id())
    for student in STUDENTS:
        people.put_match(connection, Match(student, (student,), (), RIVERA, ""))


async def _write(app: App, student: int, account: Account, enough: asyncio.Event) -> None:
    """A student who writes line after line, each until it is acknowledged; the third asks for an adult."""
    for number in itertools.count(1):
        if enough.is_set():
            return
        text = "/adult" if number == 3 else f"line {number} of {student}"
        raw = Raw("web", "web", f"{student}-{number}", {"chat": str(student), "text": text}, chat=str(student))
        while True:
            try:
                await app.port.receive(raw)
                break
            except Outage:
                account.refused += 1
                await asyncio.sleep(0.05)
        account.acknowledged.append(f"{student}: {text}")
        await asyncio.sleep(0.2)


def _at_rest(database: Database) -> bool:
    inbox, message = tables.inbox.c, tables.message.c
    with contextlib.suppress(Outage), database.read() as connection:
        new = connection.execute(select(inbox.id).where(inbox.status != "done").limit(1)).first()
        unsent = select(message.id).where((message.status.in_(("pending", "sending"))) | (message.news != ""))
        return new is None and connection.execute(unsent.limit(1)).first() is None
    return False


def _judge(database: Database, platform: Platform, account: Account) -> None:
    with database.read() as connection:

        def rows(table: Table, **where: Any) -> list[Any]:
            return list(connection.execute(select(table).where(*(table.c[key] == is_ for key, is_ in where.items()))))

        kept = Counter(f"{row.chat}: {row.text}" for row in rows(tables.message, direction="in"))
        account.lost += sorted(set(account.acknowledged) - kept.keys())
        account.double += [text for text, times in kept.items() if times > 1]
        arrived = Counter(platform.arrived())
        account.double += [f"message {id_} arrived {times} times" for id_, times in arrived.items() if times > 1]
        sent = rows(tables.message, direction="out", status="sent")
        account.lost += [f"message {row.id} is marked as sent" for row in sent if row.id not in arrived]
        told = {row.escalation_id for row in sent if row.kind == "alert" and row.id in arrived}
        cases = {row.person_id: row.id for row in rows(tables.escalation)}
        asked = {int(text.partition(":")[0]) for text in account.acknowledged if text.endswith("/adult")}
        account.lost += [f"alert about {student}" for student in asked if cases.get(student) not in told]
        account.alerts = len(told)
        replies = Counter((row.person_id, row.dedupe_key) for row in sent if row.kind != "alert")
        account.double += [f"reply {key}" for key, times in replies.items() if times > 1 and key[1]]
    account.lost += platform.wrongs
