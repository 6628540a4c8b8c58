"""E-mail to adults, over a real mail server: what a mailbox sees, and what each refusal means for the ladder."""

from __future__ import annotations

import asyncio
import os
import socket
import threading

import pytest

from bot.adapters.email import render
from bot.domain import Address, Choice, MessageKind, Outbound, Priority
from bot.errors import Ambiguous, SendError, TryLater, Unreachable
from tests.fakes.email import PASSWORD, adapter, mail_server
from tests.fakes.port import MemoryPort

RIVERA = '"Ms. Rivera" <rivera@lincoln.example>'
WORDS = "CRISIS: a student of Lincoln needs an adult. Case 4F7K. Sign in: https://mentoring.lincoln.example/s/1"


def alert(to: str = RIVERA, text: str = WORDS) -> Outbound:
    take = Choice("I have it 4F7K", "7.0", "take")
    return Outbound(7, Address("email", "email", to), MessageKind.ALERT, Priority.ALERT, text, (take,))


@pytest.mark.parametrize("security", ["starttls", "tls", "none"])
async def test_an_alert_arrives_as_plain_mail(security: str) -> None:
    with mail_server(security) as (mail, port):
        sender = adapter(port, security)
        await sender.start(MemoryPort())
        receipt = await sender.send(alert())
    (arrived,) = mail.arrived
    assert arrived.get_content().strip() == WORDS
    assert str(arrived["Subject"]) == "Nearpeer: CRISIS: a student of Lincoln needs an adult. Case 4F7K"
    assert arrived["To"] == RIVERA
    assert (arrived["Auto-Submitted"], arrived["Importance"]) == ("auto-generated", "high")
    assert receipt.provider_id == arrived["Message-ID"] == "<nearpeer-7@lincoln.example>"
    assert mail.logins == 1
    assert not sender.trouble()


async def test_words_of_every_language_and_lines_that_begin_with_a_dot_arrive_as_they_are() -> None:
    text = "Sigue abierto: 期限 ñ\n.\n..two\n" + "x" * 2_000
    with mail_server() as (mail, port):
        sender = adapter(port)
        await sender.start(MemoryPort())
        await sender.send(alert("José Núñez <jose@lincoln.example>", text))
    assert mail.arrived[0].get_content().splitlines() == text.splitlines()
    assert mail.arrived[0]["To"] == "José Núñez <jose@lincoln.example>"


@pytest.mark.parametrize(
    ("to", "error", "code"),
    [
        ("someone@gone.example", Unreachable, "address_refused"),
        ("someone@policy.example", Unreachable, "refused"),
        ("someone@full.example", Unreachable, "refused"),
        ("someone@busy.example", TryLater, "refused"),
        ("someone@spam.example", Unreachable, "refused"),
        ("someone@cut.example", Ambiguous, "answer_lost"),
        ("nowhere", Unreachable, "no_address"),
        ("señora@lincoln.example", Unreachable, "no_address"),
        ("a@lincoln.example\r\nBcc: b@evil.example", Unreachable, "no_address"),
    ],
)
async def test_each_refusal_says_what_to_do(to: str, error: type[SendError], code: str) -> None:
    with mail_server() as (_, port):
        sender = adapter(port)
        await sender.start(MemoryPort())
        with pytest.raises(error) as refused:
            await sender.send(alert(to))
        assert bool(sender.trouble()) == (error is Ambiguous)
    assert refused.value.code == code
    assert type(refused.value) is error


async def test_a_sender_whom_the_mail_server_refuses_is_trouble_and_counts_against_nobody() -> None:
    with mail_server() as (_, port):
        sender = adapter(port)
        sender._sender = "nearpeer@stranger.example"
        await sender.start(MemoryPort())
        with pytest.raises(TryLater, match="sender_refused"):
            await sender.send(alert())
    assert "sender" in sender.trouble()


async def test_a_refused_login_is_told_and_tried_again_and_over_when_it_is_right() -> None:
    with mail_server() as (mail, port):
        sender = adapter(port, password="wrong horse")
        await sender.start(MemoryPort())
        with pytest.raises(TryLater, match="login_refused"):
            await sender.send(alert())
        assert "password_file" in sender.trouble()
        assert "horse" not in sender.trouble()
        sender._password = PASSWORD
        await sender.send(alert())
        assert not sender.trouble()
    assert len(mail.arrived) == 1


async def test_a_server_whose_certificate_is_not_trusted_gets_neither_login_nor_mail() -> None:
    with mail_server() as (mail, port):
        sender = adapter(port, trusted=None)
        await sender.start(MemoryPort())
        with pytest.raises(TryLater, match="no_connection"):
            await sender.send(alert())
    assert (mail.arrived, mail.logins) == ([], 0)
    assert "SSLCertVerificationError" in sender.trouble()


async def test_a_server_that_is_away_or_hangs_up_loses_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as door:
        sender = adapter(door.getsockname()[1], "none")
        await sender.start(MemoryPort())

        def hang_up() -> None:
            door.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        with pytest.raises(TryLater, match="no_connection"):
            await sender.send(alert())
        thread.join()
    with pytest.raises(TryLater, match="no_connection"):
        await sender.send(alert())


@pytest.mark.parametrize(
    ("text", "subject"),
    [
        ("A" * 500 + "\nB", "A" * 90),
        ("Ms. Chen asks for help with case 4F7K (CRISIS, Lincoln). Sign in to read it: https://x.example/s/1", None),
        ("Ms. Chen has closed case 4F7K (Lincoln).", "Ms. Chen has closed case 4F7K (Lincoln)"),
        ("Mr. Li", "Mr. Li"),
    ],
)
def test_a_subject_is_one_short_line_of_whole_sentences(text: str, subject: str | None) -> None:
    found = str(render(alert(text=text), "mentoring@lincoln.example")["Subject"])
    assert found == f"Nearpeer: {subject or 'Ms. Chen asks for help with case 4F7K (CRISIS, Lincoln)'}"


@pytest.mark.parametrize("end", ["\r", "\x0b", "\x85", "\u2028"])
def test_whatever_ends_a_line_in_a_name_is_no_line_of_the_header(end: str) -> None:
    assert render(alert(text=f"Rivera{end}Bcc: x"), "a@b.example")["Subject"] == ("Nearpeer: Rivera Bcc: x")


async def test_a_mail_server_that_says_nothing_holds_up_nobody_else() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        sender = adapter(silent.getsockname()[1], "none", user="")
        await sender.start(MemoryPort())
        shared = min(32, (os.cpu_count() or 1) + 4)  # as many threads as asyncio has for everybody
        sends = [asyncio.create_task(sender.send(alert())) for _ in range(shared)]
        async with asyncio.timeout(10):
            silent.setblocking(False)
            connection, _ = await asyncio.get_running_loop().sock_accept(silent)
            with connection:
                assert await asyncio.to_thread(sum, [1, 1]) == 2
        assert not any(send.done() for send in sends), "they wait for the mail server, and nothing waits for them"
        for send in sends:
            send.cancel()
        await asyncio.gather(*sends, return_exceptions=True)
        await sender.stop()
