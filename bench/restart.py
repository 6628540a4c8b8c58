"""P8: what is gone after `kill -9`, and how soon the next start sends again, with many conversations open.

A real `nearpeer run` takes in what students write at their pages; every line that it acknowledged is noted outside and
looked for after the restart. `python -m bench.restart CONVERSATIONS`; the peer is bench.peers.telegram_pickle.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from sqlalchemy import Connection, exists, func, select

from bench import fill
from bench.conversation import NOTE
from bench.measure import PEERS_PYTHON, ROOT, Case, Figures, report, run
from bench.way import school
from bot.clock import SystemClock
from bot.domain import Address, Message, MessageKind, Person, Priority, Role, Turn
from bot.flows import state
from bot.school import open_database
from storage import people, tables
from storage.database import Database
from storage.turns import save_turn

WRITERS = 20
"""Students at their pages; every fifth asks for an adult."""
SECONDS = 4.0
"""From the first acknowledged line until the kill."""
PATIENCE = 60.0
"""Seconds that a start may take, and coming to rest after it."""
SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}

Line = tuple[str, str]
"""A chat and a text that was written there."""


async def kill(folder: Path, conversations: int) -> Figures:
    """Fill a school, run it, kill it while students write, start it again and look."""
    program, database = school(folder, [])
    links = _move_in(database)
    database.close()
    file = program.folder / "nearpeer.db"
    fill.students(file, conversations)
    fill.open_conversations(file, program, conversations)
    url = f"http://127.0.0.1:{_free_port()}"
    with _running(program.folder, url) as process:
        await _answering(url)
        acknowledged: list[Line] = []
        writing = [asyncio.create_task(_write(url, person, token, acknowledged)) for person, token in links.items()]
        async with asyncio.timeout(PATIENCE):
            while not acknowledged:  # noqa: ASYNC110  (the first beat may still be planning)
                await asyncio.sleep(0.05)
        await asyncio.sleep(SECONDS)
        process.send_signal(signal.SIGKILL)
        await asyncio.gather(*writing)
    database = open_database(program)
    try:
        _leave_something_to_send(database, links)
        killed_at = time.time()
        with _running(program.folder, url):
            ready_at = await _answering(url)
            await _at_rest(database)
        found, alerted = _found(database), _alerted(database)
        sent_at = _first_sent_after(database, killed_at)
    finally:
        database.close()
    return {
        "conversations": conversations,
        "acknowledged": len(acknowledged),
        "lost": sum(line not in found for line in acknowledged),
        "asked_for_an_adult": len(asked := {chat for chat, text in acknowledged if text == "/adult"}),
        "lost_alerts": len(asked - alerted),
        "ready_ms": (ready_at - killed_at) * 1e3,
        "claim_ms": max(0.0, sent_at - ready_at) * 1e3,
    }


def as_shipped() -> Figures:
    """What python-telegram-bot's PicklePersistence, which writes every 60 seconds, has lost at such a kill."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kept"
        command = [str(PEERS_PYTHON), "-m", "bench.peers.telegram_pickle", "alive", str(file)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            process.stdout.readline()  # "ready"
            end, answered = time.monotonic() + SECONDS, 0
            while time.monotonic() < end:
                answered += bool(process.stdout.readline())
            process.kill()
            answered += process.stdout.read().count("\n")
        kept = run(Case("kept", "bench.peers.telegram_pickle", ("kept", str(file)), peer=True))["kept"]
    return {"acknowledged": answered, "lost": max(0, answered - kept)}


def _move_in(database: Database) -> dict[int, str]:
    """Students with a page: the token of everybody's link, by their id."""
    clock = SystemClock()

    def unit(connection: Connection) -> dict[int, str]:
        links = {}
        for number in range(WRITERS):
            person = Person(clock.new_id(), f"writer-{number}", f"Writer{number} Torres", Role.MENTEE, "en", "")
            people.add(connection, person, clock.now(), clock.new_id())
            links[person.id] = people.mint_link(connection, person.id, clock.wall()) or ""
        return links

    return database.write(unit).result()


async def _write(url: str, person: int, token: str, acknowledged: list[Line]) -> None:
    """Write at one's page until nobody answers any more, and note every line that was acknowledged."""
    asks = int(hashlib.sha256(token.encode()).hexdigest(), 16) % 5 == 0
    async with httpx.AsyncClient(base_url=url, headers=SAME_ORIGIN, follow_redirects=True, timeout=PATIENCE) as browser:
        with contextlib.suppress(httpx.TransportError):
            await browser.get(f"/l/{token}")
            for number in itertools.count():
                text = "/adult" if asks and number == 3 else f"{NOTE} {number}"
                body = {"event_id": f"{person}-{number:06}", "text": text}
                answer = await browser.post(f"/c/{person}/say", json=body)
                if answer.status_code == 204:
                    acknowledged.append((str(person), text))


@contextmanager
def _running(folder: Path, url: str) -> Iterator[subprocess.Popen[bytes]]:
    """A real process; at the end it is asked to stop, as a service runner does."""
    environment = os.environ | {"NEARPEER_SERVER__PORT": url.rpartition(":")[2]}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen([sys.executable, "-m", "bot", "run", str(folder)], cwd=ROOT, env=environment,
                               stdout=quiet, stderr=quiet)  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


async def _answering(url: str) -> float:
    """When the pages answered first."""
    async with httpx.AsyncClient(base_url=url) as looking, asyncio.timeout(PATIENCE):
        while True:
            with contextlib.suppress(httpx.TransportError):
                await looking.get("/healthz")
                return time.time()
            await asyncio.sleep(0.005)


async def _at_rest(database: Database) -> None:
    """Until everything that was taken in has been handled, and nothing waits to be sent."""
    async with asyncio.timeout(PATIENCE):
        while await asyncio.to_thread(_waiting, database):  # noqa: ASYNC110  (another process is looked at)
            await asyncio.sleep(0.1)


def _waiting(database: Database) -> int:
    unhandled = select(func.count()).where(tables.inbox.c.status == "new").select_from(tables.inbox)
    unsent = select(func.count()).where(tables.message.c.status.in_(("pending", "sending"))).select_from(tables.message)
    with database.read() as connection:
        return int(connection.execute(unhandled).scalar_one() + connection.execute(unsent).scalar_one())


def _leave_something_to_send(database: Database, links: Mapping[int, str]) -> None:
    """A check-in for everybody, as the beat before the kill would have left it."""
    clock = SystemClock()
    messages = tuple(
        Message(
            id=clock.new_id(),
            person_id=person,
            kind=MessageKind.SAY,
            priority=Priority.CHECK_IN,
            text="Time for your check-in.",
            dedupe_key=f"restart:{person}",
            address=Address(people.WEB, people.WEB_ACCOUNT, str(person)),
        )
        for person in links
    )
    turn = Turn(messages=messages)
    database.write(lambda connection: save_turn(connection, turn, clock.now(), clock.new_id, state.dump)).result()


def _found(database: Database) -> set[Line]:
    message = tables.message.c
    with database.read() as connection:
        rows = connection.execute(select(message.chat, message.text).where(message.direction == "in"))
        return {(row.chat, row.text) for row in rows}


def _alerted(database: Database) -> set[str]:
    """Whom a case is open about that somebody was told of."""
    escalation = tables.escalation.c
    alert = exists().where(tables.message.c.escalation_id == escalation.id, tables.message.c.kind == "alert")
    with database.read() as connection:
        rows = connection.execute(select(escalation.person_id).where(alert, escalation.next_action_at.is_not(None)))
        return {str(row.person_id) for row in rows}


def _first_sent_after(database: Database, moment: float) -> float:
    started = tables.delivery_attempt.c.started_at
    with database.read() as connection:
        first = connection.execute(
            select(func.min(started)).where(started >= datetime.fromtimestamp(moment, UTC))
        ).scalar()
    if first is None:
        raise RuntimeError("nothing was sent after the restart")
    return float(first.timestamp())


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def main(conversations: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        report(asyncio.run(kill(Path(folder), conversations)))


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    main(int(sys.argv[1]))
