"""The Web API's own client: which way it goes out, and what a call came to that never got an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.adapters.slack.web import Web
from bot.errors import Ambiguous, TryLater
from tests.fakes.loopback import Answer, Asked, web_server

URL = "https://slack.com/api"
WORDS = "violet-lantern"


@asynccontextmanager
async def calling(url: str) -> AsyncIterator[Web]:
    web = Web(url, "xoxb-the-bot")
    web.open()
    try:
        yield web
    finally:
        await web.close()


async def test_f56_where_nobody_listens_nothing_was_sent() -> None:
    with web_server(lambda _asked: Answer()) as url:
        pass
    async with calling(url) as web:
        with pytest.raises(TryLater, match="not_reached"):
            await web.call("auth.test")


async def test_f56_a_proxy_that_opens_no_tunnel_means_that_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Asked] = []
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    with web_server(lambda request: asked.append(request) or Answer(407)) as url:
        monkeypatch.setenv("https_proxy", url)
        async with calling(URL) as web:
            with pytest.raises(TryLater, match="not_reached"):
                await web.call("chat.postMessage", {"channel": "D1", "text": WORDS})
    assert [request.method for request in asked] == ["CONNECT"]


async def test_f47_a_connection_that_is_cut_after_the_call_leaves_open_whether_it_was_sent() -> None:
    asked: list[Asked] = []
    with web_server(lambda request: asked.append(request) or Answer(cut=True)) as url:
        async with calling(url) as web:
            with pytest.raises(Ambiguous, match="answer_lost"):
                await web.call("chat.postMessage", {"channel": "D1", "text": WORDS})
    assert len(asked) == 1, "it is for delivery to say whether it goes again"


async def test_no_answer_sends_token_and_words_on_to_another_place() -> None:
    asked: list[Asked] = []
    away: list[Asked] = []
    with web_server(lambda request: away.append(request) or Answer(body={"ok": True})) as elsewhere:
        moved = Answer(307, elsewhere=elsewhere)
        with web_server(lambda request: asked.append(request) or moved) as url:
            async with calling(url) as web:
                answer = await web.call("chat.postMessage", {"channel": "D1", "text": WORDS})
    assert answer.error == "unreadable_answer"
    assert asked[0].headers["authorization"] == "Bearer xoxb-the-bot"
    assert away == []


async def test_after_the_end_nothing_is_called() -> None:
    async with calling(URL) as web:
        pass
    with pytest.raises(TryLater, match="not_running"):
        await web.call("auth.test")
