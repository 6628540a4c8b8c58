"""An SMS provider on loopback that speaks as Twilio does: accounts, numbers, error codes, and signed callbacks."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx
from starlette.applications import Starlette

from bot.adapters.sms import INBOUND, Adapter
from bot.domain import Address
from tests.fakes.loopback import Answer, Asked, web_server
from tests.fakes.port import MemoryPort

ACCOUNT, TOKEN, OURS = "AC1", "the token", "+15550001"
PUBLIC = "https://mentoring.lincoln.example"
RIVERA = "+15550100"
NOBODY = Address("sms", ACCOUNT, "+15559999")
TEXT = {"MessageSid": "SM1", "From": RIVERA, "To": OURS, "Body": "I am fine"}
_EVENTS = count(1)
_KNOWN = {"To", "Body", "From", "MessagingServiceSid", "StatusCallback"}


class Provider:
    """Keeps what it took; a number that ends in 9999 is none. `answers` are given first, one by one."""

    def __init__(self) -> None:
        self.taken: list[dict[str, str]] = []
        self.answers: list[Answer] = []
        self.status = "active"

    def __call__(self, asked: Asked) -> Answer:
        right = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
        if asked.method == "HEAD":
            return Answer(404)
        if asked.headers["authorization"] != f"Basic {right}":
            return Answer(401, {"code": 20003, "message": "Authenticate"})
        if asked.method == "GET":
            assert asked.path == f"/2010-04-01/Accounts/{ACCOUNT}.json"
            return Answer(200, {"sid": ACCOUNT, "status": self.status})
        form = {name: values[0] for name, values in parse_qs(asked.body.decode(), strict_parsing=True).items()}
        assert asked.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        assert form.keys() <= _KNOWN
        if form["To"].endswith("9999"):
            return Answer(400, {"code": 21211, "message": f"{form['To']} is not a valid phone number"})
        answer = self.answers.pop(0) if self.answers else Answer(201, {"sid": f"SM{len(self.taken) + 1}"})
        if answer.status == 201 or answer.cut:
            self.taken.append(form)
        return answer


def signed(path: str, form: Mapping[str, str], token: str = TOKEN) -> dict[str, str]:
    """The header with which the provider proves a request."""
    told = f"{PUBLIC}{path}" + "".join(name + form[name] for name in sorted(form))
    return {
        "X-Twilio-Signature": base64.b64encode(hmac.new(token.encode(), told.encode(), hashlib.sha1).digest()).decode()
    }


async def hand_over(adapter: Adapter, path: str, form: Mapping[str, str], headers: Mapping[str, str]) -> httpx.Response:
    """What the provider does when something happened: the public address, the way it reaches us behind a proxy."""
    transport = httpx.ASGITransport(app=Starlette(routes=list(adapter.routes())), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8700") as client:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        return await client.post(path, content=urlencode(form), headers={**kind, **headers})


async def say(adapter: Adapter, port: MemoryPort, text: str) -> bool:
    """Whether the provider may forget the message."""
    form = TEXT | {"Body": text, "MessageSid": f"SM-in-{next(_EVENTS)}"}
    return (await hand_over(adapter, INBOUND, form, signed(INBOUND, form))).is_success


@contextmanager
def provider() -> Iterator[tuple[Provider, str]]:
    taken = Provider()
    with web_server(taken) as url:
        yield taken, url


def adapter(url: str, **more: Any) -> Adapter:
    given = {"token": TOKEN, "sender": OURS, "public_url": PUBLIC, "base_url": url} | more
    return Adapter(ACCOUNT, **given)


@asynccontextmanager
async def running() -> AsyncIterator[Adapter]:
    """For the contract suite."""
    with provider() as (_, url):
        made = adapter(url)
        yield made
        await made.stop()
