"""A school that polls Telegram is killed while sixty updates wait there, and started again: which of them are lost?

The real `nearpeer run` in a process of its own, over HTTP to the Bot API server of the tests. That server is the judge:
it knows what was written to the bot, and forgets only what was confirmed.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from bot.domain import Address
from tests.crash.outside import School, ended, linked, stop, until_quiet
from tests.fakes.telegram import ACCOUNT, TOKEN, BotServer, update
from tests.postgres import FAST

CHATS = {"maya": 101, "diego": 102, "amina": 103, "noah": 104}
WAITING = 60
HANDLED = tuple(f"work.committed=exit@{number}" for number in (1, 5, 20, 40))
"""After so many updates were handled; the ids of python-telegram-bot's own measurement (reliability.md 10)."""
PLACES = (*HANDLED, *(f"ingress.{place}=exit" for place in ("fetched", "inserted", "committed", "acked")))
WITHIN = 60.0


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
        chats = list(CHATS.values())
        said = [f"Line {number} of sixty" for number in range(WAITING)]
        server.do(*(update(text, chats[number % len(chats)]) for number, text in enumerate(said)))
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
    kept = Counter(row["text"] for row in school.rows("SELECT text FROM message WHERE direction = 'in'"))
    unhandled = school.rows("SELECT id FROM inbox WHERE status <> 'done'")
    silent = [chat for chat in chats if not server.sent(chat)]
    return [
        *([] if killed == -9 else [f"{place} was never reached"]),
        *([] if code == 0 else [f"the last process ended with {code}"]),
        *(f"lost: {text}" for text in said if not kept[text]),
        *(f"kept twice: {text}" for text, times in kept.items() if times > 1),
        *(["an update was not handled"] if unhandled else []),
        *(f"chat {chat} was never answered" for chat in silent),
    ]


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
    return problems
