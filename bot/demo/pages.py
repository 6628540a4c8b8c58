"""The demo's page and what it asks for: the phones over one event stream, the hands on the clock, the staff's door.

What people say goes to the web adapter, as from any chat page. No page here knows how anything is stored.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot.adapters.web.adapter import Adapter
from bot.app import App
from bot.console.desk import cookie_name
from bot.demo.hands import Busy, Hands
from bot.demo.little_school import CAST, ZONE
from bot.domain import Address
from bot.server import asset
from storage import accounts


class Pages:
    """The page `/` and everything under `/demo/`. `chats`: the chat of each person; `opening`: done when it is open."""

    def __init__(self, app: App, adapter: Adapter, hands: Hands, chats: Mapping[str, str], staff_account: int) -> None:
        self._app, self._adapter, self._hands, self._chats = app, adapter, hands, chats
        self._staff_account = staff_account
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.opening: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the weeks before the demo have been told: until then a page waits."""

    def routes(self) -> list[BaseRoute]:
        """For the server, beside the app's own."""
        return [
            Route("/", self._page),
            Route("/demo/stream", self._stream),
            Route("/demo/now", self._now),
            Route("/demo/phones/{key}/say", self._say, methods=["POST"]),
            Route("/demo/phones/{key}/seen", self._seen, methods=["POST"]),
            Route("/demo/hands/{hand}", self._move, methods=["POST"]),
            Route("/demo/reset", self._reset, methods=["POST"]),
            Route("/demo/staff", self._staff, methods=["POST"]),
        ]

    async def _page(self, request: Request) -> Response:
        await asyncio.shield(self.opening)
        phones = []
        for one in CAST:
            chat = self._chats[one.key]
            url = f"/demo/phones/{one.key}/"
            profile = await self._app.port.profile(Address(self._adapter.name, self._adapter.account, chat))
            piece = await self._adapter.phone(chat, url=url, stream="/demo/stream", level=3)
            phones.append({"who": one, "language": profile.language, "piece": piece})
        page = self._templates.get_template("page.html").render(
            asset=asset, phones=phones, school=self._app.program.school, zone=ZONE.key, start=self._standing()
        )
        return HTMLResponse(page)

    async def _stream(self, request: Request) -> Response:
        await asyncio.shield(self.opening)
        return self._adapter.stream(self._adapter.events(list(self._chats.values())))

    async def _say(self, request: Request) -> Response:
        return await self._adapter.say(request, self._chat(request))

    async def _seen(self, request: Request) -> Response:
        return await self._adapter.seen(request, self._chat(request))

    async def _now(self, request: Request) -> Response:
        return JSONResponse(self._standing())

    async def _move(self, request: Request) -> Response:
        await asyncio.shield(self.opening)
        try:
            said = await self._hands.move(request.path_params["hand"])
        except KeyError:
            raise HTTPException(404) from None
        except Busy:
            return JSONResponse(self._standing(), status_code=409)
        return JSONResponse(self._standing() | {"said": said})

    async def _reset(self, request: Request) -> Response:
        await asyncio.shield(self.opening)
        try:
            await self._hands.reset()
        except Busy:
            return JSONResponse(self._standing(), status_code=409)
        return JSONResponse(self._standing())

    async def _staff(self, request: Request) -> Response:
        """Sign this browser in as Ms. Rivera, as her password would, and show her pages."""
        wall = self._app.clock.wall()
        write = self._app.database.write(lambda connection: accounts.sign_in(connection, self._staff_account, wall))
        token = await asyncio.wrap_future(write)
        response = RedirectResponse("/staff/", status_code=303)
        response.set_cookie(cookie_name(https=False), token, path="/", httponly=True, samesite="lax")
        return response

    def _chat(self, request: Request) -> str:
        chat = self._chats.get(request.path_params["key"])
        if chat is None:
            raise HTTPException(404)
        return chat

    def _standing(self) -> dict[str, object]:
        hands = self._hands
        return {"now": self._app.clock.now().isoformat(), "moving": hands.moving, "era": str(hands.era)}
