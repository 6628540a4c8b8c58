"""A process that plans and fires what is due in a database, to be killed at a named point.

python -m tests.turns.firer URL MOMENT
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from datetime import datetime
from pathlib import Path

from bot.app import App
from storage.database import Database
from tests import school
from tests.fakes.memory import Hands, Platform


async def fire(url: str, at: datetime) -> None:
    with tempfile.TemporaryDirectory() as folder:
        program = school.tiny_program(Path(folder))
    database = Database(url)
    await App(program, database, Hands(at), [Platform()]).beat_due()
    database.close()


if __name__ == "__main__":
    asyncio.run(fire(sys.argv[1], datetime.fromisoformat(sys.argv[2])))
