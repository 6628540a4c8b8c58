"""The way out under trouble: too many requests, an end in the middle, doubt, and a line that is overtaken."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bench.fanout import Http, NoPort
from bot import delivery as delivery_module
from bot import desk
from bot.adapters.base import Capabilities
from bot.clock import SystemClock
from bot.delivery import Delivery
from bot.domain import Address, MessageKind, Priority
from bot.errors import Ambiguous, SlowDown, TryLater
from storage import outbox, tables
from storage.database import Database
from tests.fakes.memory import Platform
from tests.fakes.strict import Strict
from tests.school import LEO, MAYA, NOON, OKAFOR, RIVERA, on_sqlite
from tests.storage.rows import message, school
from tests.test_delivery import Street, running, send, until


def chat(number: int) -> Address:
    return Address("web", "web", f"chat {number}")


@pytest.fixture
def street(database: Database) -> Street:
    school(database)
    return Street(database)


def prompts(*numbers: int) -> list[Any]:
    """Check-ins into as many chats."""
    return [message(number, MAYA, Priority.CHECK_IN, address=chat(number)) for number in numbers]


# --- who overtakes whom ---


@on_sqlite
async def test_an_alert_overtakes_all_that_is_claimed_and_a_reply_overtakes_check_ins(street: Street) -> None:
    street = Street(street.database, per_second=40)
    send(street, *prompts(*range(1, 61)))
    async with running(street.delivery):
        await until(lambda: len(street.platform.journal) >= 5)
        reply, alert = message(98, LEO), message(99, RIVERA, Priority.ALERT)
        send(street, reply, alert)
        before = len(street.platform.journal)
        street.delivery.kick()
        await until(lambda: {98, 99} <= set(street.platform.arrived()))
        arrived = street.platform.arrived()
        await until(lambda: len(street.platform.journal) == 62)
    assert arrived.index(99) < arrived.index(98)
    assert arrived.index(98) - before < 12, "both waited behind a handful of check-ins, not behind sixty"
    order = [number for number in street.platform.arrived() if number <= 60]
    assert order == sorted(order)


@on_sqlite
async def test_while_alerts_are_left_in_the_outbox_no_claimed_check_in_leaves(street: Street) -> None:
    """More alerts than one claim takes, behind a full line of check-ins."""
    street = Street(street.database, per_second=200)
    send(street, *prompts(*range(1, 201)))
    async with running(street.delivery):
        await until(lambda: len(street.platform.journal) >= 5)
        send(street, *(message(1000 + number, RIVERA, Priority.ALERT) for number in range(150)))
        street.delivery.kick()
        await until(lambda: len(street.platform.journal) == 350)
    arrived = street.platform.arrived()
    first = arrived.index(1000)
    assert arrived[first : first + 150] == list(range(1000, 1150))


# --- too many requests ---


async def test_too_many_requests_silence_the_account_and_cost_no_message_its_place(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "SHORT_HOLD", 0.02)
    monkeypatch.setattr(delivery_module, "IN_FLIGHT", 1)
    street.platform.plan("chat 1", SlowDown("too_many", 0.2))
    send(street, *prompts(1, 2, 3))
    await street.delivery.sweep()
    await street.finish()
    assert (street.platform.attempts, await street.delivery.sweep()) == ([1], 0)
    assert [(street.row(n).status, street.row(n).attempts, street.row(n).ambiguous) for n in (1, 2, 3)] == [
        ("pending", 0, 0)
    ] * 3
    assert street.row(1).error == "too_many"
    await asyncio.sleep(0.2)
    await street.sweep(seconds=1)
    assert street.platform.arrived() == [1, 2, 3]
    assert street.results(1) == [("sent", "")], "a refusal of this kind is no attempt"


async def test_too_many_in_one_chat_hold_only_that_chat(street: Street) -> None:
    street.platform.plan(MAYA, SlowDown("too_many", 5, chat_only=True))
    send(street, message(1), message(2), message(3, LEO))
    await street.sweep()
    assert street.platform.arrived() == [3]
    await street.sweep(seconds=5)
    assert street.platform.arrived() == [3, 1, 2]
    assert street.row(1).attempts == 1


@asynccontextmanager
async def strictly(strict: Strict, per_second: float) -> AsyncIterator[Http]:
    adapter = Http(await strict.start(), per_second)
    adapter.capabilities = replace(adapter.capabilities, per_chat_second=100)
    await adapter.start(NoPort())  # type: ignore[abstract]
    yield adapter
    await adapter.stop()
    await strict.stop()


@on_sqlite
async def test_a_storm_of_refusals_loses_nothing_sends_nothing_twice_and_keeps_the_order_in_each_chat(
    street: Street,
) -> None:
    """A platform that takes far less than it says, over real HTTP."""
    strict = Strict(per_second=12, per_chat_second=100, retry_after=0.3, latency=0.005)
    messages = [
        message(number, MAYA, address=Address("telegram", "bench", str(number % 7)), text=f"{number}")
        for number in range(1, 41)
    ]
    send(street, *messages, *(message(n, RIVERA, Priority.ALERT, address=messages[0].address) for n in (98, 99)))
    async with strictly(strict, per_second=60) as adapter:
        delivery = Delivery(street.database, adapter, SystemClock(), lambda: None)
        async with running(delivery):
            await until(lambda: sum(not entry.refused for entry in strict.journal) == 42, within=60)
    taken = [(entry.chat, entry.text) for entry in strict.journal if not entry.refused]
    assert len(strict.journal) > len(taken), "it refused"
    assert len(set(taken)) == 42
    for number in range(7):
        said = [int(text) for where, text in taken if where == str(number) and text.isdigit()]
        assert said == sorted(said)
    with street.database.read() as connection:
        rows = connection.execute(tables.message.select()).all()
    assert {(row.status, row.attempts, row.ambiguous) for row in rows} == {("sent", 1, 0)}


@pytest.mark.parametrize("after", [float("nan"), float("inf"), -1.0, None])
async def test_a_platform_may_say_nonsense_about_when_to_come_back(street: Street, after: float | None) -> None:
    street.platform.plan(MAYA, TryLater("busy", after))
    send(street, message(1))
    await street.sweep()
    await street.sweep(hours=1)
    assert street.platform.arrived() == [1]


# --- doubt ---


async def test_a_prompt_that_has_perhaps_arrived_twice_is_left_and_staff_can_see_it(street: Street) -> None:
    street.platform.plan(MAYA, *[Ambiguous("reset")] * 9)
    street.platform.plan(RIVERA, *[Ambiguous("reset")] * 4)
    send(street, message(1, MAYA, Priority.CHECK_IN), message(2, RIVERA, Priority.ALERT, kind=MessageKind.STAFF))
    for _ in range(6):
        await street.sweep(minutes=6)
    assert street.platform.arrived() == [2, 1, 2, 1, 2, 2, 2]
    left, alert = street.row(1), street.row(2)
    assert (left.status, left.error, left.ambiguous, left.news) == ("failed", "reset", 2, "")
    assert (alert.status, alert.ambiguous) == ("sent", 4), "an alert is sent until it certainly arrived"


async def test_f46_a_check_in_outlasts_an_hour_of_the_platform_s_own_trouble_and_is_tried_a_few_times(
    street: Street,
) -> None:
    street.platform.plan(MAYA, *[Ambiguous("server_error")] * 99)
    send(street, message(1, MAYA, Priority.CHECK_IN))
    for _ in range(60):
        await street.sweep(minutes=1)
    tried = len(street.platform.attempts)
    assert 4 <= tried <= 6, "not every few minutes: each may have arrived all the same"
    assert street.row(1).status == "pending"
    street.platform.mend()
    await street.sweep(hours=1)
    assert street.row(1).status == "sent"


async def test_a_reply_in_doubt_is_sent_again_as_often_as_it_takes(street: Street) -> None:
    street.platform.plan(MAYA, *[Ambiguous("reset")] * 3)
    send(street, message(1))
    for _ in range(4):
        await street.sweep(minutes=6)
    assert (street.row(1).status, street.row(1).ambiguous) == ("sent", 3)


class Broken(Platform):
    """Its adapter cannot handle one of the messages at all, and hangs at another."""

    async def send(self, outbound: Any) -> Any:
        if outbound.id == 1:
            raise ZeroDivisionError
        if outbound.id == 2:
            await asyncio.Event().wait()
        return await super().send(outbound)


@on_sqlite
async def test_a_row_at_which_the_adapter_breaks_or_hangs_stops_no_other(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "DEADLINE", 0.1)
    street.platform = Broken()
    street.delivery = Delivery(street.database, street.platform, street.clock, lambda: None)
    send(street, *prompts(1, 2, *range(3, 40)))
    await street.sweep()
    assert street.platform.arrived() == list(range(3, 40))
    assert street.results(1) == [("ambiguous", "ZeroDivisionError")]
    assert street.results(2) == [("ambiguous", "timeout")]


# --- an end in the middle ---


@on_sqlite
async def test_at_the_end_what_has_not_left_is_free_at_once_as_if_it_had_never_been_claimed(street: Street) -> None:
    """F11: a successor sends it now, not when a lease runs out, and nothing counts as doubtful."""
    street = Street(street.database, per_second=5)
    street.platform.hold = asyncio.Event()
    send(street, *prompts(1, 2, 3, 4))
    async with running(street.delivery) as stop:
        await until(lambda: street.platform.attempts == [1])
        stop.set()
        await asyncio.sleep(0.05)
        street.platform.hold.set()
    assert [street.row(n).status for n in (1, 2, 3, 4)] == ["sent", *["pending"] * 3]
    assert {(street.row(n).attempts, street.row(n).ambiguous) for n in (2, 3, 4)} == {(0, 0)}
    successor = Street(street.database)
    await successor.sweep()
    assert successor.platform.arrived() == [2, 3, 4]


async def test_a_send_that_outlasts_the_end_is_in_doubt_and_free_at_once(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "FINISH", 0.05)
    street.platform.hold = asyncio.Event()
    send(street, message(1, RIVERA, Priority.ALERT))
    async with running(street.delivery):
        await until(lambda: street.platform.attempts == [1])
    assert street.results(1) == [("ambiguous", "stopped")]
    assert (street.row(1).status, street.row(1).lease_token) == ("pending", None)


@on_sqlite
async def test_a_delivery_that_lost_its_place_and_gets_it_back_goes_on(street: Street) -> None:
    street = Street(street.database, per_second=50)
    send(street, *prompts(*range(1, 31)))
    task = asyncio.create_task(street.delivery.run(asyncio.Event()))
    await until(lambda: len(street.platform.journal) >= 3)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with running(street.delivery):
        await until(lambda: len(street.platform.journal) == 30)
    assert street.platform.arrived() == list(range(1, 31))
    assert {row.ambiguous for row in (street.row(n) for n in range(1, 31))} <= {0, 1}


# --- what waits in the line ---


@on_sqlite
async def test_what_waited_too_long_in_the_line_goes_back_before_its_lease_is_short(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "KEPT", 0.05)
    monkeypatch.setattr(delivery_module, "IN_FLIGHT", 1)
    back, put_back = [], outbox.put_back
    monkeypatch.setattr(
        outbox, "put_back", lambda claim, *more: (back.append(claim.outbound.id), put_back(claim, *more))[1]
    )
    street.platform.hold = asyncio.Event()
    send(street, *prompts(1, 2))
    await street.delivery.sweep()
    await until(lambda: street.platform.attempts == [1])
    await asyncio.sleep(0.1)
    street.platform.hold.set()
    await street.finish()
    await street.sweep()
    assert back == [2]
    assert street.platform.arrived() == [1, 2]
    assert (street.row(2).attempts, street.row(2).ambiguous) == (1, 0)


@on_sqlite
async def test_who_lost_the_lease_while_a_message_waited_does_not_send_it(street: Street) -> None:
    """F17, before the send: another sender has it now."""
    street = Street(street.database, per_second=4, per_chat_second=4)
    send(street, *prompts(1, 2))
    await street.delivery.sweep()
    await until(lambda: street.platform.attempts == [1])
    street.database.write(outbox.requeue_all).result()
    other = street.database.write(lambda c: outbox.claim(c, "web", "web", 77, NOON, 9)).result()
    assert 2 in [one.outbound.id for one in other]
    await street.finish()
    assert street.platform.attempts == [1]


@on_sqlite
async def test_a_result_that_comes_too_late_is_refused_and_counted(
    street: Street, caplog: pytest.LogCaptureFixture
) -> None:
    """F17, after the send: whoever was frozen has no say any more."""
    street.platform.hold = asyncio.Event()
    send(street, message(1))
    await street.delivery.sweep()
    await until(lambda: street.platform.attempts == [1])
    street.database.write(outbox.requeue_all).result()
    street.platform.hold.set()
    await street.finish()
    assert street.delivery.late == 1
    assert street.platform.arrived() == [1, 1], "it was claimed anew, and that claim's result counts"
    assert street.results(1) == [("sent", "")]
    assert (street.row(1).attempts, street.row(1).ambiguous) == (2, 1)
    assert "late results refused=1" in caplog.text


@on_sqlite
async def test_results_wait_for_a_database_that_is_away(
    street: Street, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(desk, "IDLE", 0.01)
    caplog.set_level(logging.ERROR)
    away, record = [OSError("away")] * 4, outbox.record

    def sometimes(connection: Any, results: Any) -> int:
        if results and away:
            raise away.pop()
        return record(connection, results)

    monkeypatch.setattr(outbox, "record", sometimes)
    send(street, *prompts(1, 2, 3))
    async with running(street.delivery):
        await until(lambda: street.row(3).status == "sent")
    assert street.platform.arrived() == [1, 2, 3]
    assert not away


@on_sqlite
async def test_people_who_want_no_more_prompts_cost_those_behind_them_no_time(street: Street) -> None:
    """More unwanted messages than one claim takes are let go one claim after the other."""
    send(street, *prompts(*range(1, 201)), message(999, LEO))
    street.database.write(
        lambda c: c.execute(tables.person.update().where(tables.person.c.id == MAYA).values(status="stopped"))
    ).result()
    await street.delivery.sweep()
    await street.finish()
    assert street.platform.arrived() == [999]
    with street.database.read() as connection:
        statuses = connection.execute(tables.message.select().where(tables.message.c.id < 999)).all()
    assert {(row.status, row.attempts) for row in statuses} == {("cancelled", 0)}


async def test_the_same_chat_gets_one_message_a_second_and_an_alert_at_once(street: Street) -> None:
    street = Street(street.database, per_chat_second=10)
    send(street, message(1, OKAFOR), message(2, OKAFOR), message(3, OKAFOR, Priority.ALERT), message(4, LEO))
    while await street.delivery.sweep():
        await street.finish()
    assert street.platform.arrived() == [3, 4, 1, 2] or street.platform.arrived() == [3, 1, 4, 2]
    assert Capabilities().per_chat_second == 1
    assert street.row(2).created_at - street.row(1).created_at == timedelta()


@on_sqlite
async def test_what_cannot_be_written_down_is_no_more_than_what_may_be_under_way(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was sent and is not recorded would come twice after a crash: while nothing can be recorded, others wait."""
    monkeypatch.setattr(desk, "IDLE", 0.01)
    record, tried, away = outbox.record, [0], [True]

    def not_yet(connection: Any, results: Any) -> int:
        tried[0] += bool(results)
        if results and away[0]:
            raise OSError("away")
        return record(connection, results)

    monkeypatch.setattr(outbox, "record", not_yet)
    send(street, *prompts(*range(1, 41)))
    async with running(street.delivery):
        await until(lambda: tried[0] > 10)
        assert len(street.platform.journal) == delivery_module.IN_FLIGHT
        away[0] = False
        await until(lambda: len(street.platform.journal) == 40)
    assert street.platform.arrived() == [*range(1, 41)]
