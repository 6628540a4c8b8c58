"""What python-telegram-bot's PicklePersistence costs as it grows, and what it loses when the process is killed.

steps CONVERSATIONS   CPU of one message, written at once, with so many conversations open
alive FILE            as shipped (written every 60 seconds): a line for each message answered, until it is killed
kept FILE             how many messages a restart finds
"""

from __future__ import annotations

import asyncio
import itertools
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

from telegram import Update
from telegram.ext import PicklePersistence

from bench.conversation import NOTE, update, written_by
from bench.measure import cpu, report
from bench.peers.telegram_bot import CONFIRM, build
from bench.peers.telegram_bot import NOTE as AT_NOTE

STEPS = 15


async def steps(conversations: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "kept"
        await fill(file, conversations)
        started = time.perf_counter()
        application = build(PicklePersistence(file, on_flush=False))
        await application.initialize()
        loaded = time.perf_counter() - started
        used = []
        for student in range(STEPS):
            said = Update.de_json(json.loads(update(student + 1, student, NOTE)), application.bot)
            before = cpu()
            await application.process_update(said)
            await application.update_persistence()
            used.append(cpu() - before)
        size = file.stat().st_size
    report({"conversations": conversations, "cpu_us": statistics.median(used) * 1e6, "load_ms": loaded * 1e3,
            "file_mb": size / 1e6})  # fmt: skip


async def fill(file: Path, conversations: int) -> None:
    """Students in the middle of their check-in, each with words of their own."""
    kept = PicklePersistence(file, on_flush=True)
    await kept.get_user_data()
    await kept.get_conversations("checkin")
    for student in range(conversations):
        await kept.update_user_data(student, {"mood": student % 5 + 1, "note": f"{NOTE} ({student})"})
        await kept.update_conversation("checkin", (student, student), AT_NOTE)
    await kept.flush()


async def alive(file: Path) -> None:
    application = build(PicklePersistence(file))
    await application.initialize()
    await application.start()
    print("ready", flush=True)
    for student in itertools.count(1):
        for step, text in enumerate(written_by(student)[:4]):
            said = Update.de_json(json.loads(update(student * 4 + step, student, text)), application.bot)
            await application.process_update(said)
            print("answered", flush=True)
        await asyncio.sleep(0.002)


def kept(file: Path) -> None:
    conversations = asyncio.run(PicklePersistence(file).get_conversations("checkin")) if file.exists() else {}
    report({"kept": 4 * sum(place == CONFIRM for place in conversations.values())})


if __name__ == "__main__":
    word, argument = sys.argv[1:]
    if word == "kept":
        kept(Path(argument))
    else:
        asyncio.run(steps(int(argument)) if word == "steps" else alive(Path(argument)))
