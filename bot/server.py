"""The web server: one Starlette app from everybody's routes, with static files and error pages, and uvicorn in our own
loop. What a page says or does lives with its routes, never here.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import html
import ipaddress
import socket
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.errors import Outage, Refused
from bot.guard import Guard

HOOKS = "/hooks/"
"""Below it stand the routes to which chat platforms post: they prove who they are by a secret of their own."""
_STATIC = Path(__file__).parent / "static"
_PLAIN_WORDS = {
    400: ("This address does not belong to this site.", "Esta dirección no pertenece a este sitio."),
    403: ("This came from another site, so nothing was done.", "Esto vino de otro sitio y no se hizo nada."),
    404: ("There is no page here.", "Aquí no hay ninguna página."),
    405: ("This page cannot do that.", "Esta página no puede hacer eso."),
    408: ("That came too slowly. Please try again.", "Eso llegó demasiado despacio. Inténtalo otra vez."),
    413: ("That was too long. Please send less at once.", "Es demasiado largo. Envía menos de una vez."),
    429: ("That was too much at once. Please wait a moment.", "Es demasiado a la vez. Espera un momento."),
    500: ("Something went wrong on our side. Please try again.", "Algo falló de nuestro lado. Inténtalo otra vez."),
    503: ("We are not ready yet. Please try again in a moment.", "Todavía no estamos listos. Inténtalo en un momento."),
}


@cache
def asset(name: str) -> str:
    """The URL of a file in `bot/static`, with its content hash, so that browsers may keep it for ever."""
    return f"/static/{name}?v={_fingerprint(_STATIC / name)}"


def build(
    routes: Sequence[BaseRoute],
    *,
    public_url: str = "",
    csrf_exempt: Collection[str] = (),
    body_limit: int = 64 * 1024,
    health: Callable[[], Sequence[str]] | None = None,
) -> Starlette:
    """The whole site: these routes, static files, /healthz and error pages, with the guard in front.

    `csrf_exempt`: path prefixes of webhooks, whose senders prove themselves otherwise. `body_limit`: bytes.
    `health` names what is wrong, in words without anybody's data; it is called in a worker thread, and /healthz answers
    503 while it names something.
    """

    async def healthz(request: Request) -> Response:
        wrong = await run_in_threadpool(health) if health else ()
        return PlainTextResponse("\n".join(wrong) or "ok", status_code=503 if wrong else 200)

    async def favicon(request: Request) -> Response:
        return FileResponse(_STATIC / "favicon.svg")

    own: list[BaseRoute] = [
        Route("/healthz", healthz),
        Route("/favicon.ico", favicon),
        Mount("/static", _HashedFiles(directory=_STATIC), name="static"),
    ]
    pages = {HTTPException: _error_page, Outage: _error_page, Exception: _error_page}
    return _Site([*routes, *own], pages, public_url, tuple(csrf_exempt), body_limit)


async def serve(
    app: ASGIApp,
    host: str,
    port: int,
    stop: asyncio.Event,
    *,
    public_url: str = "",
    ready: Callable[[int], None] | None = None,
) -> None:
    """Answer requests until `stop` is set, then end within a second, open streams included.

    Signals stay ours. `ready` is called with the port (of use for port 0) once connections are taken. Raises Refused
    when it may not or cannot listen there.
    """
    listening = _listen(host, port, public_url)
    # No access log: a personal link's token is part of its path.
    config = uvicorn.Config(
        _Ending(app, stop),
        log_config=None,
        access_log=False,
        lifespan="off",
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=1,
    )
    server = _Server(config, ready)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        stopping.cancel()
        await serving


def _listen(host: str, port: int, public_url: str) -> socket.socket:
    if not _is_loopback(host) and urlsplit(public_url).scheme != "https":
        raise Refused(
            f"{host} can be reached from other computers, so public_url must be an https address: students' words "
            "would cross the network in the clear. Set public_url to the https address of the proxy in front, or use "
            "host 127.0.0.1."
        )
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((host, port))
        opened.listen(1024)
        opened.setblocking(False)
    except OSError as error:
        opened.close()
        if error.errno == errno.EADDRINUSE:
            text = f"Port {port} is already in use. Is Nearpeer running already? Stop that one, or choose another port."
        elif error.errno == errno.EACCES:
            text = f"Port {port} may not be used by this account. Choose a port above 1023, such as 8700."
        else:
            text = f"Cannot listen on {host}, port {port}: {error.strerror or type(error).__name__}."
        raise Refused(text) from error
    return opened


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own, which says when it takes connections."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[int], None] | None) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._ready is not None and sockets:
            self._ready(sockets[0].getsockname()[1])

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class _Ending:
    """Tells every open stream that its reader has left once `stop` is set: uvicorn waits for streams otherwise."""

    def __init__(self, app: ASGIApp, stop: asyncio.Event) -> None:
        self._app, self._stop = app, stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        read = False
        begun = ended = False

        async def next_message() -> Message:
            nonlocal read
            if not read:  # a body on its way is read to its end: what a student sent must not be cut off
                message = await receive()
                read = not message.get("more_body", False)
                return message
            tasks = [asyncio.ensure_future(receive()), asyncio.ensure_future(self._stop.wait())]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                return {"type": "http.disconnect"}
            finally:
                for task in tasks:
                    task.cancel()

        async def passed_on(message: Message) -> None:
            nonlocal begun, ended
            begun = begun or message["type"] == "http.response.start"
            ended = message["type"] == "http.response.body" and not message.get("more_body", False)
            await send(message)

        await self._app(scope, next_message, passed_on)
        if begun and not ended and self._stop.is_set():
            await send({"type": "http.response.body", "body": b""})


class _Site(Starlette):
    """Starlette with the guard outside of everything, its own page for a crash included."""

    def __init__(
        self,
        routes: Sequence[BaseRoute],
        pages: Mapping[Any, Callable[[Request, Exception], Response]],
        public_url: str,
        csrf_exempt: tuple[str, ...],
        body_limit: int,
    ) -> None:
        self._guarded_by = public_url, csrf_exempt, body_limit
        super().__init__(routes=routes, exception_handlers=dict(pages))

    def build_middleware_stack(self) -> ASGIApp:
        return Guard(super().build_middleware_stack(), _page, *self._guarded_by)


class _HashedFiles(StaticFiles):
    """Static files: kept for ever when asked for by content hash, asked again each time otherwise."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if response.status_code == 200:
            asked = Request(scope).query_params.get("v")
            kept = asked is not None and asked == _fingerprint(_STATIC / path)
            response.headers["cache-control"] = "public, max-age=31536000, immutable" if kept else "no-cache"
        return response


@cache
def _fingerprint(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _error_page(request: Request, error: Exception) -> Response:
    if isinstance(error, Outage):  # nothing was kept: whoever sent it must hear so, and try again
        return _page(503, {"Retry-After": "5"})
    if not isinstance(error, HTTPException):
        return _page(500)
    if error.status_code in (204, 304):
        return Response(status_code=error.status_code)
    return _page(error.status_code, error.headers)


def _page(status: int, headers: object = None) -> Response:
    english, spanish = _PLAIN_WORDS.get(status, _PLAIN_WORDS[500 if status >= 500 else 404])
    text = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Nearpeer</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="{html.escape(asset("favicon.svg"))}">'
        f'<link rel="stylesheet" href="{html.escape(asset("base.css"))}"></head>'
        f'<body class="plain"><main><h1>{english}</h1><p lang="es">{spanish}</p></main></body></html>'
    )
    return HTMLResponse(text, status_code=status, headers=headers if isinstance(headers, dict) else None)
