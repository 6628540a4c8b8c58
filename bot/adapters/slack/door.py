"""Slack over HTTP: what it posts, proven by its signature, is stored before it hears 200. Events, presses, commands."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

from slack_sdk.signature import Clock, SignatureVerifier
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.adapters.slack.socket import Take
from bot.adapters.slack.standing import Standing
from bot.errors import NearpeerError

log = logging.getLogger(__name__)

PATH = "/hooks/slack"
WINDOW = 300
"""Seconds that a signature's moment may differ from ours, as slack_sdk's verifier has it."""


class Door:
    """One place for all that Slack posts."""

    def __init__(self, secret: str, take: Take, standing: Standing) -> None:
        self._verifier = SignatureVerifier(secret)
        self._take, self._standing = take, standing

    def routes(self) -> Sequence[Route]:
        """Where the app's manifest sends Slack."""
        return (Route(PATH, self._post, methods=["POST"]),)

    async def _post(self, request: Request) -> Response:
        body = await request.body()
        if not self._is_slacks(body, request.headers):
            return Response(status_code=401)
        payload = _payload(body, request.headers.get("content-type", ""))
        if payload is None:
            log.error("slack posted what cannot be read")
            return Response(status_code=400)
        if payload.get("type") == "url_verification":
            return PlainTextResponse(str(payload.get("challenge", ""))[:200])
        if "ssl_check" in payload:
            return Response()
        try:
            shown = await self._take(
                payload, str(payload.get("event_id", "")) or request.headers["x-slack-signature"][:80]
            )
        except NearpeerError as error:
            log.error("slack event not stored error=%s", type(error).__name__)
            return Response(status_code=503)  # Slack offers it again
        return JSONResponse(dict(shown)) if shown else Response()

    def _is_slacks(self, body: bytes, headers: Any) -> bool:
        """Whether Slack signed it just now; where it is signed well and not now, somebody's clock is wrong."""
        moment, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
        try:
            valid = self._verifier.is_valid(body, moment, signature)
            if not valid and moment.isdigit() and self._is_late(body, moment, signature):
                self._standing.refused["clock"] = _CLOCK
        except (TypeError, ValueError):  # a moment that is no number, a body or signature that is no text
            return False
        if valid:
            self._standing.refused.pop("clock", None)
        return valid

    def _is_late(self, body: bytes, moment: str, signature: str) -> bool:
        now = int(self._verifier.clock.now())
        if abs(now - int(moment)) <= WINDOW:
            return False
        at_its_time = SignatureVerifier(self._verifier.signing_secret, _Stopped(float(moment)))
        return at_its_time.is_valid(body, moment, signature)


_CLOCK = (
    "What Slack posts is signed more than five minutes away from this computer's clock, so it is refused. "
    "Set the clock, and let the computer ask a time server."
)


class _Stopped(Clock):
    """A clock that stands."""

    def __init__(self, at: float) -> None:
        self._at = at

    def now(self) -> float:
        return self._at


def _payload(body: bytes, kind: str) -> dict[str, Any] | None:
    """What was posted: JSON, a form with JSON in it, or a form (slash commands)."""
    try:
        if kind.startswith("application/json"):
            found = json.loads(body)
        else:
            form = {name: values[0] for name, values in parse_qs(body.decode(), keep_blank_values=True).items()}
            found = json.loads(form["payload"]) if "payload" in form else form
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
