"""What stands in front of every page: the host list, the cross-site check, the size limit, the security headers and the
last net for errors. It knows no page and no person.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_log = logging.getLogger(__name__)

_CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SECURITY_HEADERS = {
    "content-security-policy": _CONTENT_POLICY,
    "x-content-type-options": "nosniff",
    # Nothing leaves the site. Not "no-referrer": under it browsers send "Origin: null" with our own forms, and those
    # that do not know Sec-Fetch-Site could then never post one.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}
_SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
HOOK_LIMIT = 1024 * 1024
"""Bytes of what a chat platform may post at once: a long message comes with its layout."""
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


SLOWEST = 30.0
"""Seconds in which a body must have come: whoever sends it drop by drop holds nothing open."""


class Guard:
    """Refuses what no page of ours sends, and puts the security headers on every answer."""

    def __init__(
        self,
        app: ASGIApp,
        page: Callable[[int], ASGIApp],
        public_url: str,
        csrf_exempt: tuple[str, ...],
        body_limit: int,
    ) -> None:
        self._app, self._page = app, page
        self._public = urlsplit(public_url)
        self._exempt = csrf_exempt
        self._body_limit = body_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        begun = False

        async def with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                for name, value in _SECURITY_HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("cache-control", "no-store")
            await send(message)

        refusal = self._refusal(scope)
        if refusal:
            return await self._page(refusal)(scope, receive, with_headers)
        try:
            await self._app(scope, self._limited(receive, self._limit(scope)), with_headers)
        except Exception as error:  # the last net; Starlette has answered 500 by now
            # Where it broke, never what it said: the text of an error may hold a person's words.
            _log.error("request failed: %s", _trace(error))
            if not begun:
                await self._page(500)(scope, receive, with_headers)

    def _refusal(self, scope: Scope) -> int:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        # Against DNS rebinding: a stranger's name that points at this computer is not ours.
        name = _host_name(host)
        if not name or name not in (*_LOOPBACK_NAMES, self._public.hostname):
            return 400
        if scope["method"] not in _SAFE_METHODS and not self._is_exempt(scope) and not self._same_site(headers, host):
            return 403
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > self._limit(scope):
            return 413
        return 0

    def _limit(self, scope: Scope) -> int:
        """How many bytes a page, or a webhook, takes."""
        return HOOK_LIMIT if self._is_exempt(scope) else self._body_limit

    def _is_exempt(self, scope: Scope) -> bool:
        return any(scope["path"].startswith(prefix) for prefix in self._exempt)

    def _same_site(self, headers: Headers, host: str) -> bool:
        """Whether one of our own pages sent it: what the browser says, else the Origin (plain HTTP sends only that)."""
        said = headers.get("sec-fetch-site")
        if said is not None:
            return said in ("same-origin", "none")
        origin = headers.get("origin", "").partition("://")[2]
        return bool(origin) and origin in (host, self._public.netloc)

    def _limited(self, receive: Receive, limit: int) -> Receive:
        taken, is_whole = 0, False
        ends = asyncio.get_running_loop().time() + SLOWEST

        async def limited() -> Message:
            nonlocal taken, is_whole
            if is_whole:  # from here on only the end of the connection comes, whenever that is
                return await receive()
            try:
                async with asyncio.timeout_at(ends):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408) from None
            is_whole = not message.get("more_body", False)
            taken += len(message.get("body", b""))
            if taken > limit:
                raise HTTPException(413)
            return message

        return limited


def _host_name(host: str) -> str | None:
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _trace(error: BaseException) -> str:
    places = (f"{Path(frame.filename).name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-6:])
    return f"{type(error).__name__} at {' > '.join(places)}"
