"""Slack over HTTP: its signature, its moment, what is stored before it hears 200, and what is refused."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from bot.adapters.slack.adapter import Adapter
from bot.errors import Outage
from bot.guard import HOOK_LIMIT
from bot.server import HOOKS, build
from tests.fakes.port import MemoryPort
from tests.fakes.slack import BOT_TOKEN, BUTTON, MAYA, SIGNING_SECRET, TEAM, TEXT, Slack, signed

SECRET_WORDS = "violet-lantern"


class Posted:
    """Slack, which posts to our door."""

    def __init__(self, browser: httpx.AsyncClient, adapter: Adapter, port: MemoryPort) -> None:
        self.browser, self.adapter, self.port = browser, adapter, port

    async def post(self, payload: Any, kind: str = "json", **signing: Any) -> httpx.Response:
        forms = {"press": {"payload": json.dumps(payload)}, "command": payload}
        body = json.dumps(payload) if kind == "json" else urlencode(forms[kind])
        content_type = "application/json" if kind == "json" else "application/x-www-form-urlencoded"
        return await self.raw(body, signed(body, **signing), content_type)

    async def raw(self, body: str, headers: dict[str, str], kind: str = "application/json") -> httpx.Response:
        return await self.browser.post("/hooks/slack", content=body, headers={"Content-Type": kind, **headers})


@pytest.fixture
async def slack() -> AsyncIterator[Posted]:
    workspace, port = Slack(), MemoryPort()
    async with workspace.running():
        adapter = Adapter(TEAM, BOT_TOKEN, signing_secret=SIGNING_SECRET, base_url=f"{workspace.url}/api", look=0.1)
        await adapter.start(port)
        transport = httpx.ASGITransport(build(adapter.routes(), csrf_exempt=(HOOKS,)))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as browser:
            yield Posted(browser, adapter, port)
        await adapter.stop()
    workspace.judge()


@pytest.mark.parametrize(
    ("kind", "payload"), [("json", TEXT), ("press", BUTTON), ("command", Slack().commands(MAYA, "/adult", "now"))]
)
async def test_what_slack_signed_is_stored_and_answered(slack: Posted, kind: str, payload: dict[str, Any]) -> None:
    assert (await slack.post(payload, kind)).status_code == 200
    (raw,) = slack.port.received
    assert slack.adapter.translate(raw.body, raw.account, raw.event_id) is not None


async def test_who_gives_a_command_in_a_channel_is_told_that_it_was_heard(slack: Posted) -> None:
    answer = await slack.post(Slack().commands(MAYA, "/adult"), "command")
    assert answer.json()["response_type"] == "ephemeral"


async def test_what_could_not_be_stored_is_offered_again(slack: Posted) -> None:
    slack.port.wrong = Outage("full", "The disk is full.")
    assert (await slack.post(TEXT)).status_code == 503
    assert (await slack.post(TEXT)).status_code == 200
    assert len(slack.port.received) == 1


async def test_f61_a_repeated_body_is_stored_once(slack: Posted) -> None:
    for _ in range(5):
        assert (await slack.post(TEXT)).status_code == 200
    assert len(slack.port.received) == 1


@pytest.mark.parametrize(
    "headers",
    [
        signed(json.dumps(TEXT), secret="another"),
        {},
        {"X-Slack-Request-Timestamp": "soon", "X-Slack-Signature": "v0=1"},
        signed(json.dumps(TEXT)) | {"X-Slack-Signature": "v0=ü".encode("latin-1").decode("latin-1")},
        signed(json.dumps(TEXT) + " "),
    ],
    ids=["another secret", "none", "no moment", "nonsense", "another body"],
)
async def test_f61_what_slack_did_not_sign_is_refused(slack: Posted, headers: dict[str, str]) -> None:
    raw = {name: value.encode("latin-1") for name, value in headers.items()}
    answer = await slack.browser.post("/hooks/slack", content=json.dumps(TEXT), headers=raw)
    assert answer.status_code == 401
    assert slack.port.received == []
    assert slack.adapter.trouble() == ""


async def test_f61_a_body_that_is_too_large_is_refused_unread(slack: Posted) -> None:
    assert (await slack.post(TEXT | {"more": "x" * HOOK_LIMIT})).status_code == 413
    assert (await slack.post(TEXT | {"more": "x" * (HOOK_LIMIT // 2)})).status_code == 200


@pytest.mark.parametrize("body", ["", "[1]", '{"a":', "payload=%7B", "payload"])
@pytest.mark.parametrize("kind", ["application/json", "application/x-www-form-urlencoded"])
async def test_f39_nonsense_with_a_good_signature_harms_nothing(slack: Posted, body: str, kind: str) -> None:
    answer = await slack.raw(body, signed(body), kind)
    assert answer.status_code in (200, 400)
    assert (await slack.post(TEXT)).status_code == 200


@pytest.mark.parametrize("seconds", [-3600, 3600])
async def test_f62_a_wrong_clock_is_called_a_clock_and_is_over_when_it_is_set(slack: Posted, seconds: int) -> None:
    assert (await slack.post(TEXT, at=time.time() + seconds)).status_code == 401
    assert "clock" in slack.adapter.trouble()
    assert slack.port.received == []
    assert (await slack.post(TEXT)).status_code == 200
    assert slack.adapter.trouble() == ""


async def test_slack_hears_its_challenge_when_it_signed_it(slack: Posted) -> None:
    asked = {"type": "url_verification", "challenge": "abc"}
    assert (await slack.post(asked)).text == "abc"
    assert (await slack.post(asked, secret="another")).status_code == 401


async def test_no_word_is_in_the_log(slack: Posted, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", logger="bot")
    await slack.post(TEXT | {"event": TEXT["event"] | {"text": SECRET_WORDS}}, secret="another")
    await slack.raw(f"{{{SECRET_WORDS}", signed(f"{{{SECRET_WORDS}"))
    slack.port.wrong = Outage("full", "The disk is full.")
    await slack.post(TEXT | {"event": TEXT["event"] | {"text": SECRET_WORDS}})
    assert SECRET_WORDS not in caplog.text
