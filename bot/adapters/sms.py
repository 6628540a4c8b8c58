"""SMS through a provider that speaks as Twilio does. Adults are told, and take a case by answering ACK and its code.

What the provider hands us is signed; a message that it could not deliver comes back as news for the ladder.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import httpx
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.adapters.base import Capabilities, Finding, Port
from bot.domain import SMS, Address, Inbound, InboundKind, MessageKind, Outbound, Raw, Receipt
from bot.errors import Ambiguous, SendError, SlowDown, TryLater, Unreachable

PATIENCE = httpx.Timeout(20.0, connect=5.0)
INBOUND, STATUS = "/hooks/sms/inbound", "/hooks/sms/status"
_NUMBER = re.compile(r"\+[0-9]{6,15}")
_MESSAGE = re.compile(r"[0-9]{1,19}")
_LOST = ("undelivered", "failed")
_NO_PHONE = ("30004", "30005", "30006", "21610")
"""Blocked by its owner, unknown, a landline. All others (phone switched off, a carrier's filter, a day's limit, an
unregistered sender) say nothing about the number (twilio.com/docs/api/errors)."""
_NO_NUMBER = (21211, 21214, 21217, 21610, 21612, 21614)
"""Invalid, not reachable, stopped by its owner, no mobile number."""
_TOO_MANY, _REFUSED, _SERVER = 429, (401, 403), 500


class Adapter:
    """One sender. `account`: the provider's account; `sender`: our number, or a messaging service (MG...)."""

    name = SMS
    # 1,600 characters are the longest text that Twilio takes, in ten parts; it has a queue of its own for each number.
    capabilities = Capabilities(buttons=False, length=1_600, per_second=10.0, per_chat_second=1.0)

    def __init__(self, account: str, *, token: str, sender: str, public_url: str = "", base_url: str) -> None:
        self.account = account
        self._token, self._sender = token, sender
        self._public_url, self._base_url = public_url.rstrip("/"), base_url.rstrip("/")
        self._client: httpx.AsyncClient | None = None
        self._port: Port | None = None
        self._trouble = ""

    def translate(self, body: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
        """{From, Body, ...} -> what an adult wrote. Raises ValueError for anything else."""
        chat, text = body.get("From"), body.get("Body", "")
        if not isinstance(chat, str) or not isinstance(text, str) or not _NUMBER.fullmatch(chat):
            raise ValueError("an SMS needs a number and its words as text")
        kind = InboundKind.TEXT if text.strip() else InboundKind.MEDIA
        return Inbound(Address(self.name, account, chat), event_id, kind, text=text)

    async def start(self, port: Port) -> None:
        """Send from now on, and take what the provider hands over."""
        self._port = port
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=PATIENCE, auth=(self.account, self._token))

    async def stop(self) -> None:
        """Send and take no more."""
        client, self._client, self._port = self._client, None, None
        if client is not None:
            await client.aclose()

    async def send(self, outbound: Outbound) -> Receipt:
        """Hand one message to the provider."""
        if self._client is None:
            raise TryLater("not_running")
        if not _NUMBER.fullmatch(outbound.address.chat):
            raise Unreachable("no_address")
        url = f"{self._base_url}/2010-04-01/Accounts/{self.account}/Messages.json"
        try:
            answer = await self._client.post(url, data=self._form(outbound))
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._trouble = f"The SMS provider cannot be reached ({type(error).__name__})."
            raise TryLater("no_connection") from None
        except httpx.HTTPError:
            self._trouble = "The SMS provider does not answer."
            raise Ambiguous("answer_lost") from None
        try:
            receipt = outcome(answer)
        except SendError as error:
            self._trouble = _TROUBLES.get(error.code, "")
            raise
        self._trouble = ""
        return receipt

    def routes(self) -> Sequence[BaseRoute]:
        """Where the provider hands over what was answered and what became of messages, if it can reach us."""
        if not self._public_url:
            return []
        return [Route(INBOUND, self._heard, methods=["POST"]), Route(STATUS, self._became, methods=["POST"])]

    def trouble(self) -> str:
        """Why the provider took nothing last time; "" while it does."""
        return self._trouble

    async def examine(self, *, fix: bool = False, running: bool = False) -> Sequence[Finding]:
        """The account's login and state, and whether answers can come back."""
        way_back = "They cannot: set [server] public_url, and its address /hooks/sms/inbound at the provider."
        return [
            Finding("sms.login", "The SMS provider knows the account, and it is active.", await self._standing()),
            Finding("sms.answers", "Adults can answer by SMS.", "" if self._public_url else way_back, warns=True),
        ]

    async def _standing(self) -> str:
        """What is wrong with the account; "" when nothing is."""
        url = f"{self._base_url}/2010-04-01/Accounts/{self.account}.json"
        try:
            async with httpx.AsyncClient(timeout=PATIENCE, auth=(self.account, self._token)) as client:
                answer = await client.get(url)
            said = answer.json() if answer.is_success else {}
        except (httpx.HTTPError, ValueError) as error:
            return f"It cannot be reached ({type(error).__name__})."
        if answer.status_code in _REFUSED:
            return _TROUBLES["token_refused"]
        status = said.get("status") if isinstance(said, Mapping) else None
        return "" if status == "active" else f"It answers {answer.status_code}, and the account is not active."

    def _form(self, outbound: Outbound) -> dict[str, str]:
        by = "MessagingServiceSid" if self._sender.startswith("MG") else "From"
        form = {"To": outbound.address.chat, by: self._sender, "Body": render(outbound)}
        if self._public_url:
            form["StatusCallback"] = f"{self._public_url}{STATUS}?message={outbound.id}"
        return form

    # --- what the provider hands us ---

    async def _heard(self, request: Request) -> Response:
        form = await self._signed(request)
        if form is None:
            return Response(status_code=403)
        if self._port is None:
            return Response(status_code=503)
        raw = Raw(self.name, self.account, form.get("MessageSid", ""), form, form.get("From", ""))
        await self._port.receive(raw)
        return Response("<Response/>", media_type="text/xml")  # nothing is said back at once

    async def _became(self, request: Request) -> Response:
        form = await self._signed(request)
        if form is None:
            return Response(status_code=403)
        if self._port is None:
            return Response(status_code=503)
        message = request.query_params.get("message", "")
        if form.get("MessageStatus") in _LOST and _MESSAGE.fullmatch(message):
            code = "number_refused" if form.get("ErrorCode", "") in _NO_PHONE else "not_delivered"
            await self._port.bounced(int(message), self.name, self.account, code)
        return Response(status_code=204)

    async def _signed(self, request: Request) -> dict[str, str] | None:
        """The form of a request that the provider signed; None for anybody else's."""
        fields = parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True)
        query = f"?{request.url.query}" if request.url.query else ""
        right = signature(f"{self._public_url}{request.url.path}{query}", fields, self._token)
        given = request.headers.get("X-Twilio-Signature", "")
        return dict(fields) if hmac.compare_digest(right.encode(), given.encode()) else None


_TROUBLES = {
    "token_refused": "The SMS provider refuses the login: look at [sms] account and token_file.",
    "server_error": "The SMS provider has trouble of its own.",
    "refused": "The SMS provider refused a message: look at [sms] sender, and at what its console says.",
}


def render(outbound: Outbound) -> str:
    """A message as an SMS: choices, which nobody can press, as numbered lines. An alert's text says how to answer."""
    if outbound.kind is MessageKind.ALERT:
        return outbound.text
    lines = [f"{number} {choice.label}" for number, choice in enumerate(outbound.choices, 1)]
    return "\n".join([outbound.text, *lines])


def outcome(answer: httpx.Response) -> Receipt:
    """What the provider's answer means. Raises the SendError that says what to do; its code never quotes the answer."""
    status = answer.status_code
    try:
        said = answer.json()
    except ValueError:
        said = None
    said = said if isinstance(said, Mapping) else {}
    if answer.is_success:
        if isinstance(said.get("sid"), str):
            return Receipt(provider_id=said["sid"])
        raise Ambiguous("no_message_id")
    if status == _TOO_MANY:
        after = answer.headers.get("Retry-After", "")
        raise SlowDown("too_many_requests", float(after) if after.isdecimal() else None)
    if status in _REFUSED:
        raise TryLater("token_refused")
    if status >= _SERVER:
        raise Ambiguous("server_error")
    raise Unreachable("number_refused" if said.get("code") in _NO_NUMBER else "refused")


def signature(url: str, fields: Sequence[tuple[str, str]], token: str) -> str:
    """How Twilio signs a request: HMAC-SHA1 over the address and the sorted fields, in base 64."""
    told = url + "".join(name + value for name, value in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), told.encode(), hashlib.sha1).digest()).decode()
