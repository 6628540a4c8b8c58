"""SMS to adults: what the provider is asked, what it hands us, and what became of a message later."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from bot.adapters.sms import INBOUND, STATUS, Adapter
from bot.domain import Address, Choice, InboundKind, MessageKind, Outbound, Priority
from bot.errors import Ambiguous, SendError, SlowDown, TryLater, Unreachable
from bot.server import HOOKS, build
from tests.fakes.loopback import Answer
from tests.fakes.port import MemoryPort
from tests.fakes.sms import ACCOUNT, OURS, PUBLIC, RIVERA, TEXT, Provider, adapter, hand_over, provider, signed

WORDS = "CRISIS: a student of Lincoln needs an adult. Case 4F7K.\nReply ACK 4F7K to take it."


def told(kind: MessageKind = MessageKind.ALERT, to: str = RIVERA) -> Outbound:
    choices = (Choice("Spoke with the student", "7.0", "a"), Choice("Parent contacted", "7.1", "b"))
    return Outbound(7, Address("sms", ACCOUNT, to), kind, Priority.ALERT, WORDS, choices)


@asynccontextmanager
async def texting(**more: Any) -> AsyncIterator[tuple[Adapter, Provider, MemoryPort]]:
    with provider() as (taken, url):
        made, port = adapter(url, **more), MemoryPort()
        await made.start(port)
        yield made, taken, port
        await made.stop()


async def test_an_alert_is_its_words_and_asks_to_hear_what_became_of_it() -> None:
    async with texting() as (sender, taken, _):
        assert (await sender.send(told())).provider_id == "SM1"
    callback = f"{PUBLIC}{STATUS}?message=7"
    assert taken.taken == [{"To": RIVERA, "From": OURS, "Body": WORDS, "StatusCallback": callback}]


async def test_choices_are_numbered_lines_and_a_service_may_send() -> None:
    async with texting(sender="MG1", public_url="") as (sender, taken, _):
        await sender.send(told(MessageKind.STAFF))
    body = f"{WORDS}\n1 Spoke with the student\n2 Parent contacted"
    assert taken.taken == [{"To": RIVERA, "MessagingServiceSid": "MG1", "Body": body}]


@pytest.mark.parametrize(
    ("answer", "error", "code"),
    [
        (Answer(429, after="3"), SlowDown, "too_many_requests"),
        (Answer(500), Ambiguous, "server_error"),
        (Answer(cut=True), Ambiguous, "answer_lost"),
        (Answer(201, {"no": "sid"}), Ambiguous, "no_message_id"),
        (Answer(400, {"code": 21610}), Unreachable, "number_refused"),
        (Answer(400, {"code": 1}), Unreachable, "refused"),
        (Answer(400, "words"), Unreachable, "refused"),
    ],
)
async def test_each_answer_says_what_to_do(answer: Answer, error: type[SendError], code: str) -> None:
    async with texting() as (sender, taken, _):
        taken.answers.append(answer)
        with pytest.raises(error) as refused:
            await sender.send(told())
        assert bool(sender.trouble()) == (code in ("server_error", "answer_lost", "refused"))
    assert refused.value.code == code


@pytest.mark.parametrize("to", ["5550100", "+1 555 0100", "", "rivera"])
async def test_what_is_no_number_is_not_asked_of_the_provider(to: str) -> None:
    async with texting() as (sender, taken, _):
        with pytest.raises(Unreachable, match="no_address"):
            await sender.send(told(to=to))
    assert taken.taken == []


async def test_a_wrong_token_is_told_and_tried_again() -> None:
    async with texting(token="another") as (sender, _, _):
        with pytest.raises(TryLater, match="token_refused"):
            await sender.send(told())
        assert "token_file" in sender.trouble()
        assert "another" not in sender.trouble()


async def test_an_answer_by_sms_is_kept_before_the_provider_is_told_and_a_repeat_is_harmless() -> None:
    form = TEXT | {"Body": "ack 4f7k"}
    async with texting() as (sender, _, port):
        for _ in range(2):
            answer = await hand_over(sender, INBOUND, form, signed(INBOUND, form))
            assert (answer.status_code, answer.text) == (200, "<Response/>")
    (raw,) = port.received
    inbound = sender.translate(raw.body, raw.account, raw.event_id)
    assert inbound is not None
    assert (inbound.address, inbound.text, inbound.event_id) == (Address("sms", ACCOUNT, RIVERA), "ack 4f7k", "SM1")


@pytest.mark.parametrize("path", [INBOUND, f"{STATUS}?message=7"])
@pytest.mark.parametrize("how", ["another token", "another path", "changed", "none"])
async def test_what_the_provider_did_not_sign_is_refused(path: str, how: str) -> None:
    form = TEXT | {"MessageStatus": "failed"}
    headers = {
        "another token": signed(path, form, "another"),
        "another path": signed("/elsewhere", form),
        "changed": signed(path, form | {"Body": "something else"}),
        "none": {},
    }[how]
    async with texting() as (sender, _, port):
        assert (await hand_over(sender, path, form, headers)).status_code == 403
    assert (port.received, port.bounces) == ([], [])


@pytest.mark.parametrize(
    ("status", "error", "bounces"),
    [
        ("delivered", "", []),
        ("sent", "", []),
        ("undelivered", "30003", [(7, "sms", ACCOUNT, "not_delivered")]),
        ("undelivered", "30007", [(7, "sms", ACCOUNT, "not_delivered")]),
        ("undelivered", "30034", [(7, "sms", ACCOUNT, "not_delivered")]),
        ("failed", "", [(7, "sms", ACCOUNT, "not_delivered")]),
        ("failed", "30005", [(7, "sms", ACCOUNT, "number_refused")]),
    ],
)
async def test_what_did_not_arrive_comes_back_as_news(status: str, error: str, bounces: list[Any]) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": status, "ErrorCode": error}
    path = f"{STATUS}?message=7"
    async with texting() as (sender, _, port):
        assert (await hand_over(sender, path, form, signed(path, form))).status_code == 204
    assert port.bounces == bounces


async def test_without_a_public_address_nothing_is_taken_in() -> None:
    async with texting(public_url="") as (sender, _, _):
        assert sender.routes() == []


def test_a_picture_is_kept_by_kind() -> None:
    inbound = adapter("http://127.0.0.1").translate(TEXT | {"Body": ""}, ACCOUNT, "SM1")
    assert inbound is not None
    assert inbound.kind is InboundKind.MEDIA


async def test_the_provider_gets_through_the_guard_of_the_site_and_nobody_else_does() -> None:
    """As it is served: behind the guard against other sites' forms, which a provider is not."""
    async with texting() as (sender, _, port):
        site = build(list(sender.routes()), public_url=PUBLIC, csrf_exempt=(HOOKS,))
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Origin": "https://provider.example"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=site), base_url=PUBLIC) as client:
            taken = await client.post(INBOUND, content=urlencode(TEXT), headers=headers | signed(INBOUND, TEXT))
            forged = await client.post(INBOUND, content=urlencode(TEXT), headers=headers)
            huge = await client.post(INBOUND, content="Body=" + "x" * 2_000_000, headers=headers)
    assert (taken.status_code, forged.status_code, huge.status_code) == (200, 403, 413)
    assert len(port.received) == 1
