"""The way to a Bot API server: what an error says of whether the call arrived, and what it never says."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.adapters.telegram.adapter import Adapter
from bot.adapters.telegram.network import BotApi
from bot.adapters.telegram.writing import render
from bot.domain import Address, Choice, MessageKind, Outbound, Priority
from bot.errors import Ambiguous, SendError, TryLater, Unreachable
from tests.fakes.port import MemoryPort
from tests.fakes.telegram import ACCOUNT, CUT, HANG, LOST, MAYA, TOKEN, BotServer, api

CANARY = "violet-lantern"
HELLO = {"chat_id": str(MAYA), "text": f"Hello {CANARY}"}
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(talk: Talk, **more: Any) -> AsyncIterator[int]:
    """A server of the test's own; gives its port."""
    ended = set()

    async def talked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            await talk(reader, writer)
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ended.add(asyncio.create_task(talked(reader, writer)))

    server = await asyncio.start_server(connected, "127.0.0.1", 0, **more)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await asyncio.gather(*ended, return_exceptions=True)


def says_nothing(error: BaseException | None) -> bool:
    """Whether neither the token nor anybody's words are in an error, nor in what it came from."""
    while error is not None:
        if TOKEN in f"{error!r}{error.args}" or CANARY in f"{error!r}{error.args}{vars(error)}":
            return False
        error = error.__cause__ or error.__context__
    return True


async def refused(call: Awaitable[Any]) -> SendError:
    with pytest.raises(SendError) as caught:
        await call
    assert says_nothing(caught.value)
    return caught.value


async def test_where_nobody_listens_nothing_was_sent() -> None:
    async with listening(lambda reader, writer: asyncio.sleep(0)) as port:
        pass
    error = await refused(BotApi(TOKEN, f"http://127.0.0.1:{port}")("sendMessage", HELLO))
    assert (type(error), error.code) == (TryLater, "no_connection")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (CUT, "connection_lost"),
        (HANG, "timeout"),
        (b"<html>violet-lantern</html>", "server_error"),
        (b'{"ok":true,"result":{"text":"violet-lantern', "unreadable_answer"),
        (b'["violet-lantern"]', "unreadable_answer"),
    ],
    ids=["cut", "hangs", "HTML", "half of it", "a list"],
)
async def test_f48_f49_once_a_call_has_left_nobody_knows(answer: Any, code: str) -> None:
    async with BotServer(chats={MAYA}).running() as server:
        telegram = api(server)
        server.next("sendMessage", answer)
        error = await refused(telegram("sendMessage", HELLO, within=0.3))
        assert (type(error), error.code) == (Ambiguous, code)
        assert (await telegram("sendMessage", HELLO))["ok"], "the next call is not harmed"
        await telegram.close()


async def test_f47_a_lost_answer_leaves_a_message_in_doubt_that_was_taken() -> None:
    async with BotServer(chats={MAYA}).running() as server:
        telegram = api(server)
        server.next("sendMessage", LOST)
        error = await refused(telegram("sendMessage", HELLO))
        assert isinstance(error, Ambiguous)
        assert server.sent(MAYA) == [HELLO["text"]]
        await telegram.close()


async def test_f49_an_answer_that_drips_has_an_end() -> None:
    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with listening(drip) as port:
        error = await refused(BotApi(TOKEN, f"http://127.0.0.1:{port}")("sendMessage", HELLO, within=0.2))
        assert error.code == "timeout"


async def test_an_answer_in_chunks_is_read_and_one_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.adapters.telegram.network.LONGEST", 10_000)
    answers = [b'{"ok":true,"result":{"message_id":7}}', b"x" * 20_000]

    async def chunks(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while answers:
            await reader.readuntil(b"\r\n\r\n")
            await reader.readuntil(b"}")
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for byte in answers.pop(0):
                writer.write(b"1\r\n%c\r\n" % byte)
            writer.write(b"0\r\n\r\n")
            await writer.drain()

    async with listening(chunks) as port:
        telegram = BotApi(TOKEN, f"http://127.0.0.1:{port}")
        assert (await telegram("getMe", {}))["result"] == {"message_id": 7}
        assert (await refused(telegram("getMe", {}))).code == "connection_lost"
        await telegram.close()


async def test_a_connection_that_the_server_closed_meanwhile_is_not_used_again() -> None:
    async with BotServer(chats={MAYA}).running() as server:
        telegram, port = api(server), server.port
        assert (await telegram("getMe", {}))["ok"]
        await server.stop()
        await server.start(port)
        await asyncio.sleep(0.05)
        assert (await telegram("getMe", {}))["ok"]
        await telegram.close()


async def test_ten_calls_at_once_share_ten_connections_and_later_ones_need_no_new_one() -> None:
    seen: set[int] = set()

    class Counting(BotServer):
        async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            seen.add(id(writer))
            await super()._talk(reader, writer)

    async with Counting(chats={MAYA}, latency=0.02).running() as server:
        telegram = api(server)
        for _ in range(5):
            await asyncio.gather(*(telegram("sendMessage", HELLO) for _ in range(10)))
        assert len(seen) == 10
        await telegram.close()


async def test_connections_of_a_busy_moment_are_closed_when_it_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    async with BotServer(chats={MAYA}, latency=0.02).running() as server:
        telegram = api(server)
        await asyncio.gather(*(telegram("sendMessage", HELLO) for _ in range(10)))
        await asyncio.sleep(0.05)
        assert len(server._connections) == 10
        monkeypatch.setattr("bot.adapters.telegram.network.KEPT", 0.04)
        await telegram("sendMessage", HELLO)
        await asyncio.sleep(0.05)
        assert len(server._connections) == 1
        await telegram.close()


# --- what a message meets ---


def to(chat: int) -> Outbound:
    return Outbound(7, Address("telegram", ACCOUNT, str(chat)), MessageKind.REPLY, Priority.REPLY, f"Hello {CANARY}")


async def test_f41_f42_who_blocked_the_bot_or_is_gone_is_unreachable() -> None:
    async with BotServer(chats={MAYA, 5}, blocked={5}).running() as server:
        telegram = Adapter(ACCOUNT, api(server), polls=False)
        await telegram.start(MemoryPort())
        assert (await telegram.send(to(MAYA))).provider_id
        for chat, code in ((5, "blocked"), (6, "chat_gone")):
            error = await refused(telegram.send(to(chat)))
            assert (type(error), error.code) == (Unreachable, code)
        await telegram.stop()


def test_nothing_is_changed_there_as_messages_with_a_reply_keyboard_cannot_be() -> None:
    """core.telegram.org/bots/api#updating-messages: only those without a keyboard, or with an inline one."""
    alert = replace(to(MAYA), choices=(Choice("I have it 4F7K", "", "take"),))
    assert "keyboard" in render(alert)[-1]["reply_markup"]
    assert not Adapter.capabilities.edits


async def test_f50_f55_a_token_that_is_refused_when_sending_is_told_until_it_is_taken_again() -> None:
    async with BotServer(chats={MAYA}).running() as server:
        telegram = Adapter(ACCOUNT, api(server), polls=False)
        await telegram.start(MemoryPort())
        server.revoked = True
        assert (await refused(telegram.send(to(MAYA)))).code == "token_refused"
        assert "refuses the bot's token" in telegram.trouble()
        server.revoked = False
        await telegram.send(to(MAYA))
        assert telegram.trouble() == ""
        await telegram.stop()


# --- a proxy, and certificates ---


async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A proxy that opens tunnels to this computer."""
    place = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
    beyond, out = await asyncio.open_connection("127.0.0.1", int(place.rpartition(":")[2]))
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

    async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 16):
                sink.write(data)
        sink.close()

    await asyncio.gather(pipe(reader, out), pipe(beyond, writer))


async def test_f56_a_proxy_that_opens_no_tunnel_means_that_nothing_was_sent() -> None:
    async def closed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async with listening(closed) as port:
        telegram = BotApi(TOKEN, "https://api.telegram.org", proxy=f"http://127.0.0.1:{port}")
        error = await refused(telegram("sendMessage", HELLO))
        assert (type(error), error.code) == (TryLater, "no_connection")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes a certificate with openssl")
async def test_a_certificate_must_be_trusted_also_behind_a_proxy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost")
    files = ("-addext", "subjectAltName=DNS:localhost", "-keyout", str(key), "-out", str(certificate))
    await asyncio.to_thread(subprocess.run, (*made, *files), check=True, capture_output=True)
    shown = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    shown.load_cert_chain(certificate, key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await reader.readuntil(b"\r\n\r\n{}")
            writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{"ok":true,"result":true}')

    async with listening(answer, ssl=shown) as port, listening(proxy) as proxy_port:
        url = f"https://localhost:{port}"
        error = await refused(BotApi(TOKEN, url)("getMe", {}))
        assert (type(error), error.code) == (TryLater, "certificate_refused")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        for through in ("", f"http://127.0.0.1:{proxy_port}"):
            telegram = BotApi(TOKEN, url, proxy=through)
            assert (await telegram("getMe", {}))["ok"]
            assert (await telegram("getMe", {}))["ok"]
            await telegram.close()
