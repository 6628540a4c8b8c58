"""The guard in front of every page, static files, and a server that starts, refuses and stops as it should."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot import guard
from bot.errors import Outage, Refused
from bot.server import asset, build, serve

AT_ONCE = 5.0
"""Seconds, on a machine that does much else; an open stream by itself would hold it up for over twenty."""


async def _echo(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


async def _crash(request: Request) -> Response:
    raise RuntimeError("Maya said that she is afraid")


async def _endless(request: Request) -> Response:
    async def told() -> AsyncIterator[str]:
        yield "first"
        await asyncio.Event().wait()

    return EventSourceResponse(told())


async def _not_stored(request: Request) -> Response:
    raise Outage("full", "The database cannot be used now.")


ROUTES = [
    Route("/not-stored", _not_stored),
    Route("/echo", _echo, methods=["GET", "POST"]),
    Route("/hooks/slack", _echo, methods=["POST"]),
    Route("/crash", _crash),
    Route("/endless", _endless),
]


def browser(**options: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(build(ROUTES, **options))
    return httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8700")


@pytest.mark.parametrize("path", ["/echo", "/nowhere", "/crash", "/healthz", "/static/base.css", "/favicon.ico"])
async def test_every_answer_carries_the_security_headers(path: str) -> None:
    async with browser() as client:
        headers = (await client.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-opener-policy"] == "same-origin"


async def test_pages_are_never_kept_by_a_shared_computer() -> None:
    async with browser() as client:
        assert (await client.get("/echo")).headers["cache-control"] == "no-store"


async def test_static_files_are_kept_for_ever_by_their_hash_and_asked_again_without() -> None:
    async with browser() as client:
        hashed, plain = await client.get(asset("chat.js")), await client.get("/static/chat.js")
        stale = await client.get("/static/chat.js?v=0000")
    assert "immutable" in hashed.headers["cache-control"]
    assert hashed.headers["content-type"].startswith("text/javascript")
    assert plain.headers["cache-control"] == stale.headers["cache-control"] == "no-cache"


async def test_a_crash_is_a_kind_page_and_its_words_are_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async with browser() as client:
        answer = await client.get("/crash")
    assert answer.status_code == 500
    assert "Please try again" in answer.text
    assert "Inténtalo" in answer.text
    assert "afraid" not in answer.text + caplog.text
    assert "RuntimeError at" in caplog.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 200),
        ({"sec-fetch-site": "none"}, 200),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://127.0.0.1:8700"}, 403),
        ({"origin": "http://127.0.0.1:8700"}, 200),
        ({"origin": "https://mentors.example.org"}, 200),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_only_our_own_pages_may_post(headers: dict[str, str], status: int) -> None:
    async with browser(public_url="https://mentors.example.org") as client:
        assert (await client.post("/echo", headers=headers)).status_code == status


async def test_a_webhook_is_exempt_by_its_prefix_and_nothing_else_is() -> None:
    async with browser(csrf_exempt=["/hooks/"]) as client:
        assert (await client.post("/hooks/slack", content=b"abc")).text == "3"
        assert (await client.post("/echo")).status_code == 403


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8700", 200),
        ("localhost", 200),
        ("[::1]:8700", 200),
        ("mentors.example.org", 200),
        ("evil.example", 400),
        ("127.0.0.1.evil.example", 400),
        ("", 400),
        ("[", 400),
    ],
)
async def test_a_strangers_name_for_this_computer_is_refused(host: str, status: int) -> None:
    async with browser(public_url="https://mentors.example.org") as client:
        assert (await client.get("/echo", headers={"host": host})).status_code == status


async def test_a_body_that_comes_drop_by_drop_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SLOWEST", 0.1)

    async def drops() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x"
            await asyncio.sleep(0.05)

    async with browser() as client:
        headers = {"sec-fetch-site": "same-origin"}
        assert (await client.post("/echo", content=drops(), headers=headers)).status_code == 408
        assert (await client.post("/echo", content=b"x", headers=headers)).status_code == 200


async def test_a_body_over_the_limit_is_refused_even_when_it_does_not_say_its_length() -> None:
    async def drip() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 1_000

    headers = {"sec-fetch-site": "same-origin"}
    async with browser(body_limit=10_000) as client:
        assert (await client.post("/echo", content=b"x" * 10_000, headers=headers)).text == "10000"
        assert (await client.post("/echo", content=b"x" * 10_001, headers=headers)).status_code == 413
        assert (await client.post("/echo", content=drip(), headers=headers)).status_code == 413


async def test_health_names_what_is_wrong() -> None:
    async with browser() as client:
        assert (await client.get("/healthz")).text == "ok"
    async with browser(health=lambda: ["no beat for 40 s"]) as client:
        answer = await client.get("/healthz")
        assert (answer.status_code, answer.text) == (503, "no beat for 40 s")


# --- a real server ---


@contextlib.asynccontextmanager
async def running() -> AsyncIterator[tuple[str, asyncio.Event, asyncio.Task[None]]]:
    stop, port = asyncio.Event(), asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(build(ROUTES), "127.0.0.1", 0, stop, ready=port.set_result))
    try:
        yield f"http://127.0.0.1:{await asyncio.wait_for(port, 20)}", stop, serving
    finally:
        stop.set()
        await serving


async def test_a_server_stops_at_once_though_a_stream_is_open(caplog: pytest.LogCaptureFixture) -> None:
    async with running() as (url, stop, serving), httpx.AsyncClient() as client:
        async with client.stream("GET", f"{url}/endless") as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "data: first"
            begun = time.monotonic()
            stop.set()
            await asyncio.wait_for(serving, AT_ONCE)
            assert [line async for line in lines if line] == [], "the stream ends cleanly"
        assert time.monotonic() - begun < AT_ONCE
    assert [record for record in caplog.records if record.levelname in ("ERROR", "WARNING")] == []


async def test_signals_stay_ours() -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with running():
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_a_port_in_use_is_told_with_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Refused, match=f"Port {port} is already in use.*another port"):
            await serve(build([]), "127.0.0.1", port, asyncio.Event())


async def test_other_computers_are_let_in_only_behind_https() -> None:
    with pytest.raises(Refused, match="https"):
        await serve(build([]), "0.0.0.0", 0, asyncio.Event())
    with pytest.raises(Refused, match="https"):
        await serve(build([]), "192.168.1.5", 0, asyncio.Event(), public_url="http://mentors.example.org")
    stop = asyncio.Event()
    stop.set()
    await serve(build([]), "0.0.0.0", 0, stop, public_url="https://mentors.example.org")


async def test_what_could_not_be_stored_is_answered_with_try_again(caplog: pytest.LogCaptureFixture) -> None:
    async with browser() as client:
        answer = await client.get("/not-stored")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "try again in a moment" in answer.text
    assert caplog.records == []
