"""Chat in a browser over a personal link: the embedded default, and the way in for people without a chat account.

It translates, sends and serves the chat page. Whose chat a link opens and what a chat holds is asked through the port.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from bot.adapters.base import Capabilities, Finding, Port
from bot.adapters.web.lines import clean, line_of, posted
from bot.adapters.web.pace import Pace
from bot.adapters.web.streams import Event, Streams
from bot.adapters.web.words import page_language, words
from bot.domain import Address, Inbound, InboundKind, MessageKind, Outbound, Raw, Receipt
from bot.errors import TryLater, Unreachable

# At DEBUG it writes every event that it sends, words included.
logging.getLogger("sse_starlette").setLevel(logging.INFO)

_COOKIE = "nearpeer_chat"
_COOKIE_AGE = 400 * 24 * 3600  # the longest that browsers keep one; a renewed link ends it at once
_LONGEST_TEXT = 8_000
_TOKEN = re.compile(r"[A-Za-z0-9_-]{8,200}")
_MESSAGE_ID = re.compile(r"[0-9]{1,19}")
_EVENT_ID = re.compile(r"[A-Za-z0-9-]{8,64}")


class Adapter:
    """The web platform.

    `asset` gives the URL of a static file; `public_url` says whether browsers come over https; `confirm_within` is how
    many seconds an open page has to confirm an alert.
    """

    name = "web"
    capabilities = Capabilities(
        length=_LONGEST_TEXT, edits=True, pager=False, per_second=1_000.0, per_chat_second=100.0
    )

    def __init__(
        self,
        account: str = "web",
        *,
        public_url: str = "",
        asset: Callable[[str], str] = "/static/{}".format,
        confirm_within: float = 5.0,
    ) -> None:
        self.account = account
        self._secure = public_url.startswith("https:")
        self._confirm_within = confirm_within
        self._streams = Streams()
        self._pace = Pace()
        self._port: Port | None = None
        self._pages_back_at = 0.0
        self._templates = Environment(
            loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined
        )
        self._templates.globals["asset"] = asset

    # --- the contract ---

    def translate(self, body: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
        """{chat, text} or {chat, button, label} -> what the person did. Raises ValueError for anything else."""
        chat, text, token, label = (body.get(key, "") for key in ("chat", "text", "button", "label"))
        if not all(isinstance(value, str) for value in (chat, text, token, label)) or not chat:
            raise ValueError("a web message needs a chat and its words as text")
        if bool(text) == bool(token):
            raise ValueError("a web message is either a text or a button")
        address = Address(self.name, account, chat)
        if token:
            return Inbound(address, event_id, InboundKind.BUTTON, text=label, token=token)
        return Inbound(address, event_id, InboundKind.TEXT, text=text)

    async def start(self, port: Port) -> None:
        """Take messages for this port."""
        self._port = port
        # After a restart the pages that were open need a moment to come back: until then "nobody" is not known.
        self._pages_back_at = asyncio.get_running_loop().time() + self._confirm_within

    async def stop(self) -> None:
        """Take no more, end all streams, and forget every word. It may be started again."""
        self._port = None
        self._streams.close()

    async def send(self, outbound: Outbound) -> Receipt:
        """Show it on every open page of the chat; an alert counts only once a page confirms (decisions.md 21)."""
        if self._port is None:
            raise TryLater("not_running")
        chat = outbound.address.chat
        event = Event("line", {"chat": chat, **line_of(outbound)})
        if outbound.kind is not MessageKind.ALERT:
            self._streams.push(chat, event)
            return Receipt(shown=self._streams.listening(chat))
        # An alert that nobody sees must move on to the next adult, so it may not count as sent.
        pages_are_back = asyncio.get_running_loop().time() >= self._pages_back_at
        if pages_are_back and not self._streams.listening(chat):
            raise Unreachable("no_listener")
        if not await self._streams.shown(chat, outbound.id, event, self._confirm_within):
            if self._port is None:
                raise TryLater("not_running")
            raise Unreachable("no_listener")
        return Receipt(str(outbound.id), shown=True)

    def routes(self) -> Sequence[BaseRoute]:
        """The personal link, the chat page, and what the page asks for."""
        return (
            Route("/l/{token}", self._follow_link),
            Route("/c/{chat}/", self._chat_page),
            Route("/c/{chat}/stream", self._chat_stream),
            Route("/c/{chat}/say", self._chat_say, methods=["POST"]),
            Route("/c/{chat}/seen", self._chat_seen, methods=["POST"]),
        )

    def trouble(self) -> str:
        """None."""
        return ""

    async def examine(self, *, fix: bool = False, running: bool = False) -> Sequence[Finding]:
        """Nothing to ask."""
        return ()

    # --- the pieces, for other pages that show chats ---

    async def phone(self, chat: str, *, url: str, stream: str, level: int = 1) -> Markup:
        """One chat as a piece of HTML; the page must load base.css, chat.css and the module chat.js.

        The piece posts to `url`say and `url`seen (answered by `say` and `seen` below) and listens to the URL `stream`
        (answered by `stream`), which several pieces of one page may share. `level` is the rank of its heading.
        """
        address = self._address(chat)
        profile = await self._open_port().profile(address)
        language = page_language(profile.language)
        values = {
            "chat": chat,
            "url": url,
            "stream": stream,
            "level": level,
            "name": profile.name,
            "language": language,
            "words": words(language),
            "start": {"lines": await self._lines(chat), "words": dict(words(language)), "zone": profile.zone},
        }
        return Markup(self._rendered("phone.html", values))  # noqa: S704  (rendered with autoescape)

    async def events(self, chats: Sequence[str]) -> AsyncIterator[Event]:
        """What pages of these chats are told: first each one's history, then every line as it comes, until `stop`.

        A page that comes back gets the history again and adds what it lacks, so that nothing sent in between is lost,
        in whatever order it was sent; that is why Last-Event-ID is not needed.
        """
        with self._streams.opened(chats) as queue:
            for chat in chats:
                yield Event("history", {"chat": chat, "lines": await self._lines(chat)})
            while (event := await queue.get()) is not None:
                yield event

    def stream(self, events: AsyncIterator[Event]) -> Response:
        """The answer to a page's EventSource."""

        async def told() -> AsyncIterator[ServerSentEvent]:
            async for event in events:
                yield ServerSentEvent(json.dumps(event.body, ensure_ascii=False), event=event.name, retry=1_000)

        return EventSourceResponse(told(), ping=15, send_timeout=30)

    async def say(self, request: Request, chat: str) -> Response:
        """A page posts what its person wrote or tapped; answered only after it is stored.

        The caller has checked whose chat it is. {event_id, text} or {event_id, button, label}; event_id is the page's
        own and the same in every try.
        """
        said = await posted(request)
        event_id = said.get("event_id")
        if not isinstance(event_id, str) or not _EVENT_ID.fullmatch(event_id):
            raise HTTPException(400)
        body = {"chat": chat} | {key: clean(said[key]) for key in ("text", "button", "label") if said.get(key)}
        if any(len(value) > _LONGEST_TEXT for value in body.values()):
            raise HTTPException(413)
        # Prefixed, so that no page can take an event id that another person's page will need.
        raw = Raw(self.name, self.account, f"{chat}:{event_id}", body, chat)
        try:
            self.translate(raw.body, raw.account, raw.event_id)
        except ValueError:
            raise HTTPException(400) from None
        if not await self._pace.admit(chat, len(body.get("text", ""))):
            raise HTTPException(429)
        await self._open_port().receive(raw)
        line = {"chat": chat, "ours": False, "event_id": event_id, "text": body.get("text") or body.get("label", "")}
        self._streams.push(chat, Event("line", line))
        return Response(status_code=204)

    async def seen(self, request: Request, chat: str) -> Response:
        """A page confirms that it shows a message."""
        message_id = str((await posted(request)).get("id", ""))
        if not _MESSAGE_ID.fullmatch(message_id):
            raise HTTPException(400)
        self._streams.confirm(chat, int(message_id))
        return Response(status_code=204)

    # --- routes ---

    async def _follow_link(self, request: Request) -> Response:
        token = request.path_params["token"]
        address = await self._person_for(token)
        if address is None:
            return self._lost()
        place = f"/c/{quote(address.chat, safe='')}/"
        response = RedirectResponse(place, status_code=303)
        secure = self._secure or request.url.scheme == "https"
        response.set_cookie(
            _COOKIE, token, path=place, max_age=_COOKIE_AGE, httponly=True, samesite="lax", secure=secure
        )
        return response

    async def _chat_page(self, request: Request) -> Response:
        chat = await self._chat_of(request)
        if chat is None:
            return self._lost()
        url = f"/c/{quote(chat, safe='')}/"
        profile = await self._open_port().profile(self._address(chat))
        phone = await self.phone(chat, url=url, stream=f"{url}stream")
        language = page_language(profile.language)
        page = {"phone": phone, "name": profile.name, "language": language, "words": words(language)}
        return HTMLResponse(self._rendered("chat.html", page))

    async def _chat_stream(self, request: Request) -> Response:
        chat = await self._chat_of(request)
        if chat is None:
            return self._lost()

        async def while_allowed() -> AsyncIterator[Event]:
            async for event in self.events([chat]):
                # A link that was renewed while the page was open shows not one word more.
                if await self._chat_of(request) != chat:
                    return
                yield event

        return self.stream(while_allowed())

    async def _chat_say(self, request: Request) -> Response:
        chat = await self._chat_of(request)
        return self._lost() if chat is None else await self.say(request, chat)

    async def _chat_seen(self, request: Request) -> Response:
        chat = await self._chat_of(request)
        return self._lost() if chat is None else await self.seen(request, chat)

    # --- inside ---

    def _open_port(self) -> Port:
        if self._port is None:
            raise HTTPException(503)
        return self._port

    def _address(self, chat: str) -> Address:
        return Address(self.name, self.account, chat)

    async def _person_for(self, token: str) -> Address | None:
        if not _TOKEN.fullmatch(token):
            return None
        address = await self._open_port().person_for(token)
        ours = address is not None and (address.platform, address.account) == (self.name, self.account)
        return address if ours else None

    async def _chat_of(self, request: Request) -> str | None:
        """The chat of the page that asks, if its cookie opens just that one."""
        address = await self._person_for(request.cookies.get(_COOKIE, ""))
        return address.chat if address is not None and address.chat == request.path_params["chat"] else None

    async def _lines(self, chat: str) -> list[dict[str, Any]]:
        return [line_of(shown) for shown in await self._open_port().history(self._address(chat))]

    def _lost(self) -> Response:
        return HTMLResponse(self._rendered("lost.html", {}), status_code=404)

    def _rendered(self, template: str, values: Mapping[str, Any]) -> str:
        return self._templates.get_template(template).render(values)
