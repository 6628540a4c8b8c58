"""A small web server on loopback for whoever we post to: it keeps what came, and answers as a test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; `cut`: the connection ends instead, after everything was read."""

    status: int = 200
    body: Any = None
    after: str = ""
    elsewhere: str = ""
    """Where a redirection leads."""
    cut: bool = False


@contextmanager
def web_server(answer: Callable[[Asked], Answer]) -> Iterator[str]:
    """Serve until the end of the block; gives the address."""

    class Door(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            given = answer(Asked(self.command, self.path, headers, body))
            if given.cut:
                self.close_connection = True
                return
            said = b"" if given.body is None else json.dumps(given.body).encode()
            self.send_response(given.status)
            self.send_header("Content-Length", str(len(said)))
            if given.after:
                self.send_header("Retry-After", given.after)
            if given.elsewhere:
                self.send_header("Location", given.elsewhere)
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else said)

        do_GET = do_HEAD = do_OPTIONS = do_CONNECT = do_POST  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
