"""A process that plans and fires what is due in a database, to be killed at a named point.

python -m tests.turns.firer URL MOMENT FOLDER
"""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime
from pathlib import Path

from bot.app import App
from bot.program import load_program
from storage.database import Database
from tests.fakes.memory import Hands, Platform


async def fire(url: str, at: datetime, folder: Path) -> None:
    program = load_program(folder, shipped=folder.parent / "shipped")
    database = Database(url)
    await App(program, database, Hands(at), [Platform()]).beat_due()
    database.close()


if __name__ == "__main__":
    asyncio.run(fire(sys.argv[1], datetime.fromisoformat(sys.argv[2]), Path(sys.argv[3])))
