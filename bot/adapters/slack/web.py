"""Calls to Slack's Web API, by slack_sdk's client: one call is one request, and what it comes to is an Answer.

The client's own ways are too generous for a sender: it asks again by itself after a broken connection, and writes what
it sends into a debug log. Both are off.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.adapters.slack.answers import Answer
from bot.errors import Ambiguous, TryLater

DEADLINE = 20
"""Seconds for one call: less than delivery gives a send."""
_FORMS = ("conversations.history", "conversations.list", "conversations.replies", "users.lookupByEmail")
"""Methods that read; not all of them take JSON."""

_silent = logging.getLogger(f"{__name__}.sdk")
_silent.setLevel(logging.CRITICAL)
_silent.propagate = False


class Web:
    """The Web API at `base_url`, with one token."""

    def __init__(self, base_url: str, token: str) -> None:
        self._client = AsyncWebClient(
            token=token,
            base_url=f"{base_url.rstrip('/')}/",
            timeout=DEADLINE,
            logger=_silent,
            retry_handlers=[],
        )
        self.proxy = self._client.proxy
        """From the environment: HTTPS_PROXY."""

    def open(self) -> None:
        """Keep connections from now on."""
        if self._client.session is None:
            self._client.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=DEADLINE))

    async def close(self) -> None:
        """Let them go."""
        session, self._client.session = self._client.session, None
        if session is not None:
            await session.close()

    async def call(self, method: str, body: Mapping[str, Any] | None = None) -> Answer:
        """Call a method; gives what came back, refusals too.

        Raises TryLater when nothing has left, Ambiguous when no answer came.
        """
        form, json = (dict(body or {}), None) if method in _FORMS else (None, dict(body or {}))
        try:
            return _answer(await self._client.api_call(method, data=form, json=json))
        except SlackApiError as error:
            if isinstance(error.response, AsyncSlackResponse):
                return _answer(error.response)
            return Answer(int(getattr(error.response, "status", 0)), {})
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL):
            raise TryLater("not_reached") from None
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError):
            raise Ambiguous("answer_lost") from None
        except (AttributeError, TypeError, ValueError):  # an answer that is no JSON object
            return Answer(0, {})


def _answer(response: AsyncSlackResponse) -> Answer:
    headers = {str(name).lower(): str(value) for name, value in dict(response.headers).items()}
    body = response.data if isinstance(response.data, dict) else {}
    scopes = tuple(scope.strip() for scope in headers.get("x-oauth-scopes", "").split(",") if scope.strip())
    at = _moment(headers.get("date", ""))
    return Answer(response.status_code, body, headers.get("retry-after", ""), at, scopes)


def _moment(date: str) -> datetime | None:
    try:
        told = parsedate_to_datetime(date)
    except ValueError:
        return None
    return told if told.tzinfo else told.replace(tzinfo=UTC)
