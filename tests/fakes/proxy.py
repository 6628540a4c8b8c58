"""A cable between Nearpeer and PostgreSQL that can be cut, also between a COMMIT and its answer."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import make_url


class Cable:
    """`url`: the database through it. `swallow`: the answers of so many COMMITs get lost, with their connections."""

    def __init__(self, url: str) -> None:
        server = make_url(url)
        folder = server.query.get("host")
        self._server = f"{folder}/.s.PGSQL.{server.port or 5432}" if folder else (server.host, server.port or 5432)
        self._listening = socket.create_server(("127.0.0.1", 0))
        port = self._listening.getsockname()[1]
        through = server.set(host="127.0.0.1", port=port, query={})
        self.url = through.render_as_string(hide_password=False)
        self.swallow = 0
        self.swallowed = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Every connection breaks now."""
        with self._lock:
            for end in self._open:
                _break(end)
            self._open.clear()

    def close(self) -> None:
        self._listening.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                try:
                    server = self._connected()
                except OSError:  # the server is away
                    _break(client)
                    continue
                with self._lock:
                    self._open |= {client, server}
                doomed = threading.Event()
                threading.Thread(target=self._out, args=(client, server, doomed), daemon=True).start()
                threading.Thread(target=self._back, args=(server, client, doomed), daemon=True).start()

    def _connected(self) -> socket.socket:
        if isinstance(self._server, str):
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            return server
        return socket.create_connection(self._server)

    def _out(self, client: socket.socket, server: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while sent := client.recv(65_536):
                if b"COMMIT" in sent:
                    with self._lock:
                        if self.swallow:
                            self.swallow -= 1
                            doomed.set()
                server.sendall(sent)
        self._end(client, server)

    def _back(self, server: socket.socket, client: socket.socket, doomed: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while answer := server.recv(65_536):
                if doomed.is_set():  # the server has answered: it has committed, and nobody hears of it
                    self.swallowed += 1
                    break
                client.sendall(answer)
        self._end(client, server)

    def _end(self, *ends: socket.socket) -> None:
        with self._lock:
            self._open.difference_update(ends)
        for end in ends:
            _break(end)


def _break(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()


@contextmanager
def cable(url: str) -> Iterator[Cable]:
    """A cable to that database, until the end of the block."""
    laid = Cable(url)
    try:
        yield laid
    finally:
        laid.close()
