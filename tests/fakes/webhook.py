"""An incident system that takes signed posts, and forgets nothing that it took."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from typing import Any

from bot.adapters.webhook import Adapter
from bot.domain import Address
from tests.fakes.loopback import Answer, Asked, web_server

SECRET = "a secret of the school"
NOW = 1_760_000_000
NOBODY = Address("webhook", "webhook", "nobody")
FRESH = 300
"""Seconds."""


class Incidents:
    """Takes what is signed and fresh, a repeat once; `answers` are given first, one by one."""

    def __init__(self) -> None:
        self.taken: dict[str, dict[str, Any]] = {}
        self.answers: list[Answer] = []

    def __call__(self, asked: Asked) -> Answer:
        at = asked.headers.get("nearpeer-timestamp", "0")
        right = hmac.new(SECRET.encode(), at.encode() + b"." + asked.body, hashlib.sha256).hexdigest()
        if asked.headers.get("nearpeer-signature") != f"v1={right}" or abs(int(at) - NOW) > FRESH:
            return Answer(401)
        told = json.loads(asked.body)
        if told["to"] == NOBODY.chat:
            return Answer(410)
        answer = self.answers.pop(0) if self.answers else Answer(204)
        if answer.status < 300 or answer.cut:
            self.taken[told["id"]] = told
        return answer


@contextmanager
def incidents() -> Iterator[tuple[Incidents, str]]:
    taken = Incidents()
    with web_server(taken) as url:
        yield taken, url


@asynccontextmanager
async def running() -> AsyncIterator[Adapter]:
    """For the contract suite."""
    with incidents() as (_, url):
        made = Adapter(url=url, secret=SECRET, wall=lambda: datetime.fromtimestamp(NOW, UTC))
        yield made
        await made.stop()
