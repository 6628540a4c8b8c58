"""How the contract suite drives the web chat: a browser's requests, without a network."""

from __future__ import annotations

import httpx

from bot.adapters.web.adapter import Adapter
from bot.domain import Address
from bot.server import build
from tests.fakes.port import MemoryPort

MAYA = Address("web", "web", "11")
NOBODY = Address("web", "web", "99")
TEXT = {"chat": "11", "text": "I am fine"}
BUTTON = {"chat": "11", "button": "k7", "label": "Great"}


def adapter() -> Adapter:
    return Adapter()


async def say(adapter: Adapter, port: MemoryPort, text: str) -> bool:
    """Whether the platform was told that the text is kept."""
    port.links["maya-token-0123456789"] = MAYA
    transport = httpx.ASGITransport(build(adapter.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1", follow_redirects=True) as browser:
        await browser.get("/l/maya-token-0123456789")
        answer = await browser.post(
            "/c/11/say",
            json={"event_id": "11111111-aaaa", "text": text},
            headers={"Sec-Fetch-Site": "same-origin"},
        )
        return answer.is_success
