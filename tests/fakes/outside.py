"""A small web server that stands for the outside: it keeps what alarms and pings arrive, and can refuse."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Outside:
    """`alarms`: (headers, body) of each post; `pings`: the paths that were asked for. `refuse`: so many posts."""

    url: str = ""
    alarms: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    pings: list[str] = field(default_factory=list)
    refuse: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def told(self) -> list[dict[str, Any]]:
        """The alarms that came as JSON."""
        return [json.loads(body) for _, body in self.alarms]

    def wait_for(self, count: int, within: float = 10.0) -> list[dict[str, Any]]:
        """The alarms, once there are so many."""
        with self.changed:
            arrived = self.changed.wait_for(lambda: len(self.alarms) >= count, within)
        assert arrived, f"{len(self.alarms)} alarms came, not {count}"
        return self.told()


@contextmanager
def outside() -> Iterator[Outside]:
    """The outside, until the end of the block."""
    kept = Outside()

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            with kept.changed:
                refused, kept.refuse = kept.refuse > 0, max(0, kept.refuse - 1)
                if not refused:
                    kept.alarms.append((dict(self.headers), body))
                kept.changed.notify_all()
            self._answer(500 if refused else 200)

        def do_GET(self) -> None:
            with kept.changed:
                kept.pings.append(self.path)
                kept.changed.notify_all()
            self._answer(200)

        def _answer(self, status: int) -> None:
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    kept.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield kept
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
