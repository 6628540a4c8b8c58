"""Calls to Slack's Web API over kept connections: one call is one request, and what it comes to is an Answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.adapters.slack.answers import Answer
from bot.errors import Ambiguous, TryLater
from bot.proxy import proxy_for

DEADLINE = 20
"""Seconds for one call: less than delivery gives a send."""
CONNECTING = 10
_FORMS = ("conversations.history", "conversations.list", "conversations.replies", "users.lookupByEmail")
"""Methods that read; not all of them take JSON."""
_JSON, _FORM = "application/json; charset=utf-8", "application/x-www-form-urlencoded"

_NOT_REACHED = (
    aiohttp.ClientConnectorError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,
    aiohttp.InvalidURL,
)

Heard = tuple[int, Mapping[str, str], bytes]
"""Status, headers (found in any case) and body of an answer."""


class Web:
    """The Web API at `base_url`, with one token."""

    def __init__(self, base_url: str, token: str) -> None:
        self._base_url, self._token = base_url.rstrip("/"), token
        self.proxy = proxy_for(base_url) or None
        """From the environment."""
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        """Keep connections from now on."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {self._token}"},
                timeout=aiohttp.ClientTimeout(total=DEADLINE, sock_connect=CONNECTING),
                cookie_jar=aiohttp.DummyCookieJar(),
            )

    async def close(self) -> None:
        """Let them go."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def call(self, method: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Call a method of an open Web; gives what came back, refusals too.

        Raises TryLater when nothing has left, Ambiguous when no answer came.
        """
        as_form = method in _FORMS
        sent = urlencode(body or {}) if as_form else json.dumps(body or {})
        try:
            status, headers, content = await self.post(method, sent.encode(), _FORM if as_form else _JSON)
        except _NOT_REACHED:
            raise TryLater("not_reached") from None
        except (aiohttp.ClientError, TimeoutError, OSError):
            raise Ambiguous("answer_lost") from None
        return Answer(
            status,
            _read(content),
            headers.get("Retry-After", ""),
            headers.get("Date", ""),
            headers.get("X-OAuth-Scopes", ""),
        )

    async def post(self, method: str, body: bytes, kind: str, /) -> Heard:
        """Over the network, nowhere else than to Slack: no answer sends us on."""
        if self._session is None:
            raise TryLater("not_running")
        async with self._session.post(
            f"{self._base_url}/{method}",
            data=body,
            headers={"Content-Type": kind},
            proxy=self.proxy,
            allow_redirects=False,
        ) as answer:
            return answer.status, answer.headers, await answer.read()


def _read(content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
