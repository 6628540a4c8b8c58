"""A school that polls Telegram is killed while sixty updates wait there, and started again: which of them are lost?

The real `nearpeer run` in a process of its own, over HTTP to the Bot API server of the tests. That server is the judge:
it knows what was written to the bot, and forgets only what was confirmed.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import httpx

from bot.domain import Address
from tests.crash.outside import School, ended, linked, lost, stop, until_quiet
from tests.fakes.telegram import ACCOUNT, TOKEN, BotServer, update
from tests.postgres import FAST

CHATS = {"maya": 101, "diego": 102, "amina": 103, "noah": 104}
WAITING = 60
SAID = [f"Line {number} of sixty" for number in range(WAITING)]
HOUR = 3600.0
HANDLED = tuple(f"work.committed=exit@{number}" for number in (1, 5, 20, 40))
"""After so many updates were handled; the ids of python-telegram-bot's own measurement (reliability.md 10)."""
PLACES = (*HANDLED, *(f"ingress.{place}=exit" for place in ("fetched", "inserted", "committed", "acked")))
WITHIN = 60.0
NOTICED = 90.0
"""Seconds within which the health page must say what is wrong."""


def school_on_telegram(folder: Path) -> School:
    """A school whose students have a chat with its bot."""
    return linked(folder, {key: Address("telegram", ACCOUNT, str(chat)) for key, chat in CHATS.items()})


def at_server(school: School, server: BotServer) -> None:
    """From now on the school's bot is at this server."""
    settings = school.folder / "nearpeer.toml"
    settings.write_text(f'{settings.read_text()}\n[telegram]\nbase_url = "{server.url}"\n')
    school.environment["NEARPEER_TELEGRAM__TOKEN"] = TOKEN


async def killed_at(school: School, place: str) -> list[str]:
    """What is wrong after sixty updates, a kill at this place and a restart; empty when nothing is."""
    async with BotServer().running() as server:
        at_server(school, server)
        _write_sixty(server)
        process = school.run(place)
        try:
            async with asyncio.timeout(WITHIN):
                killed = await ended(process)
                polls = len(server.asked("getUpdates"))
                process = school.run()
                while server.waiting or len(server.asked("getUpdates")) == polls:  # noqa: ASYNC110  (nobody tells when the last one is confirmed)
                    await asyncio.sleep(0.05)
                await until_quiet(school)
                code = await stop(process)
        finally:
            process.kill()
            process.wait()
    return [*([] if killed == -9 else [f"{place} was never reached"]), *_wrong(school, server, code)]


async def cut_off(school: School) -> list[str]:
    """What is wrong after an hour in which Telegram was out of reach while sixty updates came to wait there."""
    async with BotServer().running() as server:
        at_server(school, server)
        process = school.run()
        try:
            async with asyncio.timeout(WITHIN):
                while not server.asked("getUpdates"):  # noqa: ASYNC110  (a process tells nobody that it begins)
                    await asyncio.sleep(0.05)
                port = server.port
                await server.stop()
                _write_sixty(server)
                await asyncio.sleep(2)  # it tries in vain
                server.ahead = HOUR
                await server.start(port)
                while server.waiting:  # noqa: ASYNC110  (nobody tells when the last one is confirmed)
                    await asyncio.sleep(0.05)
                await until_quiet(school)
                code = await stop(process)
        finally:
            process.kill()
            process.wait()
    return _wrong(school, server, code)


async def noticed(school: School) -> float:
    """Seconds until the health page of a real process says that the bot's token was revoked."""
    health = f"http://127.0.0.1:{school.port}/healthz"
    async with BotServer().running() as server, httpx.AsyncClient(timeout=5) as browser:
        at_server(school, server)
        process = school.run()
        try:
            async with asyncio.timeout(WITHIN + NOTICED):
                while not server.asked("getUpdates"):  # noqa: ASYNC110  (a process tells nobody that it begins)
                    await asyncio.sleep(0.05)
                server.revoked, began = True, time.monotonic()
                while "Telegram refuses" not in (answer := await browser.get(health)).text:  # noqa: ASYNC110
                    await asyncio.sleep(0.2)
            assert answer.status_code == 503
            return time.monotonic() - began
        finally:
            process.kill()
            process.wait()


def _write_sixty(server: BotServer) -> None:
    chats = list(CHATS.values())
    server.do(*(update(text, chats[number % len(chats)]) for number, text in enumerate(SAID)))


def _wrong(school: School, server: BotServer, code: int) -> list[str]:
    silent = [chat for chat in CHATS.values() if not server.sent(chat)]
    return [*lost(school, SAID, code), *(f"chat {chat} was never answered" for chat in silent)]


def prove(places: Sequence[str] = PLACES) -> list[str]:
    """Every place, each in a school of its own, with a line for each on the terminal; gives what is wrong."""
    problems: list[str] = []
    with tempfile.TemporaryDirectory(prefix="nearpeer-telegram-", dir=FAST) as name:
        seeded = school_on_telegram(Path(name) / "seeded/school")
        for number, place in enumerate(places):
            found = asyncio.run(killed_at(seeded.moved_to(Path(name) / f"{number}/school"), place))
            print(f"telegram, {WAITING} waiting, {place}: {len(found) or 'no'} problems", flush=True)
            for one in found:
                print("   ", one)
            problems += found
        found = asyncio.run(cut_off(seeded.moved_to(Path(name) / "hour/school")))
        print(f"telegram, {WAITING} written in an hour out of reach: {len(found) or 'no'} problems", flush=True)
        seconds = asyncio.run(noticed(seeded.moved_to(Path(name) / "revoked/school")))
        print(f"telegram, revoked token: noticed after {seconds:.0f} s", flush=True)
        problems += [*found, *([f"revoked: noticed after {seconds:.0f} s"] if seconds > NOTICED else [])]
    return problems
