"""What a peer has handled: a line in a file, on the disk before the next. Standard library only."""

from __future__ import annotations

import asyncio
import os
import signal

MOMENT = 0.1
"""Seconds that handling a message takes: a query, and an answer over the network."""


class Record:
    """The file. `last`: with so many lines of its own the process is killed on the spot, as by `kill -9`; 0: never."""

    def __init__(self, file: str, last: int) -> None:
        self._file = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._left = last

    async def handle(self, text: str) -> None:
        """Handle a message: it takes a moment, and then it is done."""
        await asyncio.sleep(MOMENT)
        os.write(self._file, f"{text}\n".encode())
        os.fsync(self._file)
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
