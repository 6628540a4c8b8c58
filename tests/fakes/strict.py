"""A chat platform on loopback that speaks the Bot API's sendMessage and keeps its limits strictly, with a journal.

It refuses ("too many requests", retry after so long) whoever sends more in any one second, or too much into one chat.
Standard library only: `alone` runs it beside, and peers are held to the same rules.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.parse
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

WORKSPACE = "T0BENCH"
SLACK = {
    "/auth.test": {"ok": True, "team_id": WORKSPACE},
    "/chat.postmessage": {"ok": True, "channel": "D1", "ts": "1760000000.000100", "message": {"type": "message"}},
}
"""What Slack would answer, for those who measure a send: it has no limits here."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request that arrived."""

    at: float
    """By the machine's monotonic clock."""
    chat: str
    text: str = field(repr=False)
    refused: str = ""
    """By which limit: account, chat, or empty when it was taken."""


@dataclass
class Strict:
    """The platform. `judge` alone decides; `serve` speaks HTTP and answers each request after `latency` seconds."""

    per_second: int = 30
    per_chat_second: float = 1.0
    chat_burst: int = 3
    retry_after: float = 3
    latency: float = 0.04
    journal: list[Entry] = field(default_factory=list)
    _recent: deque[float] = field(default_factory=deque)
    _chats: dict[str, tuple[float, float]] = field(default_factory=dict)
    _server: asyncio.Server | None = None
    _connections: set[asyncio.Task[None]] = field(default_factory=set)

    def judge(self, chat: str, text: str, now: float) -> dict[str, Any]:
        """Take or refuse a message."""
        while self._recent and now - self._recent[0] >= 1.0:
            self._recent.popleft()
        left, since = self._chats.get(chat, (float(self.chat_burst), now))
        left = min(self.chat_burst, left + (now - since) * self.per_chat_second)
        refused = "account" if len(self._recent) >= self.per_second else "chat" if left < 1 else ""
        self.journal.append(Entry(now, chat, text, refused))
        if refused:
            wait = self.retry_after if refused == "account" else 1
            description = f"Too Many Requests: retry after {wait}"
            return {"ok": False, "error_code": 429, "description": description, "parameters": {"retry_after": wait}}
        self._recent.append(now)
        self._chats[chat] = (left - 1, now)
        sent = {"message_id": len(self.journal), "date": 1_760_000_000, "text": text}
        return {"ok": True, "result": sent | {"chat": {"id": int(chat), "type": "private"}}}

    async def start(self, port: int = 0) -> int:
        """Listen on loopback; gives the port."""
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", port)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close every connection."""
        if self._server is not None:
            self._server.close()
            await asyncio.sleep(0.01)  # who was just let in has a connection to close as well
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._talk(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                length = int(head.lower().partition("content-length:")[2].partition("\r\n")[0] or 0)
                answer = await self._answer(head, await reader.readexactly(length))
                if answer is None:
                    break
                is_page = isinstance(answer, bytes) and answer.startswith(b"<")  # as a gateway's, in its trouble
                status = answer.get("error_code", 200) if isinstance(answer, dict) else 502 if is_page else 200
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                writer.write(
                    b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
                    % (status, len(body), body)
                )
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # they have hung up
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _answer(self, head: str, body: bytes) -> Any:
        """What is answered to a request: an object, bytes as they are, or None, which cuts the connection."""
        path = head.split(" ", 2)[1].lower()
        if path == "/journal":
            return {"ok": True, "result": [asdict(entry) for entry in self.journal]}
        if path in SLACK:
            await asyncio.sleep(self.latency)
            return SLACK[path]
        if not path.endswith("/sendmessage"):
            return {"ok": True, "result": {"id": 42, "is_bot": True, "first_name": "Bot", "username": "a_bot"}}
        if "application/json" in head.lower():
            asked = json.loads(body)
        else:
            asked = {name: values[0] for name, values in urllib.parse.parse_qs(body.decode()).items()}
        answer = self.judge(str(asked["chat_id"]), str(asked["text"]), time.monotonic())
        await asyncio.sleep(self.latency)
        return answer


def worst_second(moments: list[float]) -> int:
    """The most of these rising moments that lie within any one second."""
    worst = begin = 0
    for end, moment in enumerate(moments):
        while moment - moments[begin] >= 1.0:
            begin += 1
        worst = max(worst, end - begin + 1)
    return worst


@contextlib.contextmanager
def alone(per_second: int = 30) -> Iterator[int]:
    """The platform in a process of its own; gives its port."""
    command = [sys.executable, "-m", __spec__.name, str(per_second)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.communicate()


async def _alone(per_second: int) -> None:
    # It stands for a machine of its own: what else runs on this one should not make it count late.
    with contextlib.suppress(PermissionError):
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    strict = Strict(per_second)
    print(await strict.start(), flush=True)  # noqa: T201  (whoever started it reads the port)
    await asyncio.to_thread(sys.stdin.read)
    await strict.stop()


if __name__ == "__main__":
    asyncio.run(_alone(int(sys.argv[1])))
