"""The way to a Bot API server: one request, its decoded answer, or the SendError that says whether it may have arrived.

HTTP/1.1 over kept connections, read by h11. The token is a part of every address: no address, answer or message is ever
in an error or a log here.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import h11

from bot.errors import Ambiguous, TryLater

CONNECTING = 10.0
"""Seconds that a connection may take to come about."""
PATIENCE = 20.0
"""Seconds for a request and its answer: less than delivery waits."""
KEPT = 30.0
"""Seconds for which an idle connection is kept: less than any server keeps it."""
LONGEST = 1 << 24
"""Bytes of an answer; a hundred updates are far from it."""
_SERVER = 500
_STEADY = 0.3
"""Seconds until the next address of the server is tried beside the first (RFC 8305: half of IPv6 may be missing)."""


class BotApi:
    """The methods of one bot, called by name."""

    def __init__(self, token: str, base_url: str, proxy: str = "") -> None:
        server = urlsplit(base_url)
        self._secure = server.scheme == "https"
        self._host = server.hostname or ""
        self._port = server.port or (443 if self._secure else 80)
        self._path = f"{server.path.rstrip('/')}/bot{token}/"
        self._proxy = urlsplit(proxy) if proxy else None
        self._headers = (("Host", server.netloc.rpartition("@")[2]), ("Content-Type", "application/json"))
        self._idle: list[_Connection] = []

    async def __call__(self, method: str, parameters: Mapping[str, Any], within: float = PATIENCE) -> Mapping[str, Any]:
        """A method's decoded answer, `ok` or not. Raises TryLater before it was asked for, Ambiguous after that."""
        body = json.dumps(parameters).encode()
        asked = h11.Request(
            method="POST", target=self._path + method, headers=[*self._headers, ("Content-Length", str(len(body)))]
        )
        connection = self._kept() or await self._connect()
        wrong, status, content = "connection_lost", 0, b""
        try:
            async with asyncio.timeout(within):
                status, content = await connection.exchange(asked, body)
            wrong = ""
        except TimeoutError:
            wrong = "timeout"
        except (OSError, EOFError, h11.ProtocolError):
            pass  # told below: these errors may quote what was said
        finally:
            self._keep(connection)
        if wrong:
            raise Ambiguous(wrong)
        return _decoded(status, content)

    async def close(self) -> None:
        """Close the connections that are not in use."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    def _kept(self) -> _Connection | None:
        """The connection that was used last, if its server has not closed it."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_good and now - connection.used_at < KEPT:
                return connection
            connection.end()
        return None

    def _keep(self, connection: _Connection) -> None:
        now = asyncio.get_running_loop().time()
        while self._idle and (now - self._idle[0].used_at >= KEPT or not self._idle[0].is_good):
            self._idle.pop(0).end()  # left over from a busier moment
        if connection.is_good:
            connection.used_at = now
            self._idle.append(connection)
        else:
            connection.end()

    async def _connect(self) -> _Connection:
        reason = "no_connection"
        try:
            async with asyncio.timeout(CONNECTING):
                return await (self._through_proxy() if self._proxy is not None else self._straight())
        except ssl.SSLCertVerificationError:
            reason = "certificate_refused"
        except (OSError, EOFError, h11.ProtocolError, ValueError):
            pass  # nothing has left: what was wrong may hold the address, and is not passed on
        raise TryLater(reason)

    async def _straight(self) -> _Connection:
        if not self._secure:  # a server on this computer
            return _Connection(*await asyncio.open_connection(self._host, self._port))
        place, trust = (self._host, self._port), self._trust
        return _Connection(*await asyncio.open_connection(*place, ssl=trust, happy_eyeballs_delay=_STEADY))

    async def _through_proxy(self) -> _Connection:
        """Through a tunnel that a proxy opens (RFC 9110, 9.3.6); it sees the name of the server and nothing more."""
        assert self._proxy is not None
        place = f"{self._host}:{self._port}"
        reader, writer = await asyncio.open_connection(self._proxy.hostname, self._proxy.port or 3128)
        try:
            asking = h11.Connection(h11.CLIENT)
            writer.write(asking.send(h11.Request(method="CONNECT", target=place, headers=[("Host", place)])) or b"")
            answer = await _next_event(asking, reader)
            if not isinstance(answer, h11.Response) or answer.status_code != 200:
                raise OSError("the proxy opens no tunnel")
            if self._secure:
                await writer.start_tls(self._trust, server_hostname=self._host)
        except BaseException:
            writer.close()
            raise
        return _Connection(reader, writer)

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return ssl.create_default_context()


class _Connection:
    """One connection; it is good while the last exchange on it came to its end and the server keeps it open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._http = h11.Connection(h11.CLIENT)
        self._whole = True
        self.used_at = 0.0

    @property
    def is_good(self) -> bool:
        return self._whole and not self._reader.at_eof() and not self._writer.is_closing()

    async def exchange(self, asked: h11.Request, body: bytes) -> tuple[int, bytes]:
        """Send a request; gives the answer's status and body. Raises OSError, EOFError or ProtocolError."""
        self._whole = False
        http = self._http
        self._writer.writelines([http.send(asked) or b"", http.send(h11.Data(data=body)) or b""])
        http.send(h11.EndOfMessage())
        await self._writer.drain()
        content: list[bytes] = []
        status = length = 0
        while not isinstance(event := await _next_event(http, self._reader), h11.EndOfMessage):
            if isinstance(event, h11.Response):
                status = event.status_code
            if isinstance(event, h11.Data):
                content.append(event.data)
                length += len(event.data)
            if length > LONGEST or isinstance(event, h11.ConnectionClosed):
                raise EOFError
        if http.our_state is h11.DONE and http.their_state is h11.DONE:
            http.start_next_cycle()
            self._whole = True
        return status, b"".join(content)

    def end(self) -> None:
        """Close it, and wait for nobody."""
        self._writer.close()

    async def close(self) -> None:
        """Close it, and wait until it is closed."""
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            return  # the other side was faster


async def _next_event(http: h11.Connection, reader: asyncio.StreamReader) -> Any:
    while (event := http.next_event()) is h11.NEED_DATA:
        http.receive_data(await reader.read(1 << 16))
    return event


def _decoded(status: int, content: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(content)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        # Outside of the `except`, whose error would quote what came. In trouble, a gateway answers with a page.
        raise Ambiguous("server_error" if status >= _SERVER else "unreadable_answer")
    return answer
