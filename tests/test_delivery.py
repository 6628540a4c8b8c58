"""The way out: order, pace, what each error leads to, and what is not sent any more."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from bot import delivery as delivery_module
from bot import desk
from bot.adapters.base import Capabilities
from bot.delivery import Delivery, back_off
from bot.domain import Address, ConversationStatus, EscalationStatus, MessageKind, PersonStatus, Priority, Turn
from bot.errors import Ambiguous, TryLater, Unreachable
from storage import outbox, tables
from storage.database import Database
from tests.fakes.memory import Hands, Platform
from tests.school import CANARY, LEO, MAYA, NOON, OKAFOR, RIVERA, House, on_sqlite
from tests.storage.rows import conversation, message, save, school
from tests.storage.test_due import escalation


class Street:
    """A delivery, its platform and its clock, without the rest of the house."""

    def __init__(self, database: Database, **able: Any) -> None:
        self.database, self.clock = database, Hands(NOON)
        self.platform = Platform(capabilities=Capabilities(**({"per_second": 1e6, "per_chat_second": 1e6} | able)))
        self.told: list[str] = []
        self.delivery = Delivery(database, self.platform, self.clock, lambda: self.told.append("told"))

    async def sweep(self, **later: float) -> None:
        """Time goes by, then everything that may go out goes out."""
        self.clock.set(self.clock.now() + timedelta(**later))
        while await self.delivery.sweep():
            await self.finish()

    async def finish(self) -> None:
        await until(lambda: not self.delivery.busy)

    def row(self, id_: int) -> Any:
        with self.database.read() as connection:
            return connection.execute(tables.message.select().where(tables.message.c.id == id_)).one()

    def results(self, id_: int) -> list[tuple[str, str]]:
        attempt = tables.delivery_attempt
        with self.database.read() as connection:
            rows = connection.execute(attempt.select().where(attempt.c.message_id == id_).order_by(attempt.c.number))
            return [(row.result, row.code) for row in rows]


async def until(true: Callable[[], bool], within: float = 20) -> None:
    """Wait for something that happens soon; the limit is for a test that would hang."""
    async with asyncio.timeout(within):
        while not true():  # noqa: ASYNC110  (nobody tells)
            await asyncio.sleep(0.001)


@asynccontextmanager
async def running(delivery: Delivery) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(delivery.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(20):
            await task


@pytest.fixture
def street(database: Database) -> Street:
    school(database)
    return Street(database)


def send(street: Street, *messages: Any, **turn: Any) -> None:
    save(street.database, Turn(messages=messages, **turn), street.clock.now())


# --- order and pace ---


async def test_urgent_first_then_by_kind_then_in_the_order_of_writing(street: Street) -> None:
    send(
        street,
        message(1, MAYA, Priority.CHECK_IN),
        message(2, MAYA, Priority.REMINDER),
        message(3, MAYA),
        message(4, MAYA),
        message(5, RIVERA, Priority.ALERT),
    )
    await street.sweep()
    assert street.platform.arrived() == [5, 3, 4, 2, 1]
    street.platform.judge()


async def test_slow_sends_of_others_never_hold_up_an_alert(street: Street) -> None:
    street.platform.hold = asyncio.Event()
    send(street, *(message(n, address=Address("web", "web", f"chat {n}")) for n in range(1, 31)))
    await street.delivery.sweep()
    await street.delivery.sweep()
    send(street, message(99, RIVERA, Priority.ALERT))
    await street.delivery.sweep()
    await until(lambda: 99 in street.platform.attempts)
    assert len(street.platform.attempts) < 15
    street.platform.hold.set()
    await street.finish()
    await street.sweep()
    assert len(street.platform.journal) == 31


# --- what an error leads to ---


async def test_what_was_surely_not_sent_is_tried_again_after_the_time_the_platform_asks_for(street: Street) -> None:
    street.platform.plan(MAYA, TryLater("busy", 30))
    send(street, message(1))
    await street.sweep()
    await street.sweep(seconds=29)
    assert (street.platform.arrived(), street.row(1).status) == ([], "pending")
    await street.sweep(seconds=1)
    assert (street.platform.arrived(), street.row(1).ambiguous) == ([1], 0)
    assert street.results(1) == [("later", "busy"), ("sent", "")]


async def test_what_was_perhaps_sent_is_sent_again_and_counted(street: Street) -> None:
    street.platform.plan(RIVERA, Ambiguous("reset"), Ambiguous("lost"))
    send(street, message(1, RIVERA, Priority.ALERT))
    for _ in range(3):
        await street.sweep(minutes=6)
    assert street.platform.arrived() == [1, 1]
    assert (street.row(1).status, street.row(1).ambiguous) == ("sent", 2)
    assert street.results(1) == [("ambiguous", "reset"), ("ambiguous", "lost"), ("sent", "")]


async def test_what_can_never_arrive_is_failed_and_somebody_acts_on_it(street: Street) -> None:
    street.platform.plan(MAYA, Unreachable("blocked"))
    send(street, message(1), message(2))
    await street.sweep()
    assert (street.row(1).status, street.row(1).news) == ("failed", "failed")
    assert street.told == ["told"]
    assert street.platform.arrived() == [2]


async def test_a_fault_in_an_adapter_counts_as_perhaps_sent_and_tells_no_words(
    street: Street, caplog: pytest.LogCaptureFixture
) -> None:
    street.platform.plan(MAYA, ValueError(f"cannot send {CANARY}"))
    send(street, message(1, text=f"hello {CANARY}"))
    await street.sweep()
    await street.sweep(minutes=6)
    assert street.results(1) == [("ambiguous", "ValueError"), ("sent", "")]
    assert CANARY not in caplog.text


async def test_a_send_that_never_ends_is_given_up_before_its_lease_runs_out(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert outbox.LEASE.total_seconds() / 1.5 > delivery_module.DEADLINE
    monkeypatch.setattr(delivery_module, "DEADLINE", 0.02)
    street.platform.hold = asyncio.Event()
    send(street, message(1))
    await street.sweep()
    assert street.results(1) == [("ambiguous", "timeout")]
    assert street.row(1).status == "pending"


async def test_one_chat_in_trouble_holds_up_no_other(street: Street) -> None:
    street.platform.plan(MAYA, *[TryLater("busy", 600)] * 2)
    send(street, message(1), message(2), message(3, LEO))
    await street.sweep()
    assert street.platform.arrived() == [3]
    await street.sweep(seconds=1200)
    await street.sweep(seconds=1200)
    assert street.platform.arrived() == [3, 1, 2]


def test_the_wait_doubles_up_to_five_minutes_and_the_ten_thousandth_try_is_no_different() -> None:
    for attempt, middle in ((1, 1), (2, 2), (5, 16), (9, 256), (10, 300), (1025, 300), (10_000, 300)):
        assert 0.75 * middle <= back_off(attempt) <= 1.25 * middle


async def test_a_sender_that_died_leaves_its_message_to_the_next_one(street: Street) -> None:
    send(street, message(1))
    street.database.write(lambda c: outbox.claim(c, "web", "web", 77, street.clock.wall(), 5)).result()
    await street.sweep()
    assert street.platform.arrived() == []
    street.clock.set(NOON + outbox.LEASE + timedelta(seconds=1))
    assert street.database.write(lambda c: outbox.requeue_expired(c, street.clock.wall())).result() == 1
    await street.sweep()
    assert (street.platform.arrived(), street.row(1).ambiguous) == ([1], 1)


# --- what is not sent any more ---


async def test_what_has_expired_is_not_sent(street: Street) -> None:
    send(street, message(1, expires_at=NOON + timedelta(minutes=1)))
    await street.sweep(minutes=2)
    assert (street.platform.attempts, street.row(1).status) == ([], "expired")


@pytest.mark.parametrize("status", [PersonStatus.PAUSED, PersonStatus.STOPPED])
async def test_who_wants_no_prompts_gets_replies_alerts_and_nothing_else(street: Street, status: PersonStatus) -> None:
    priorities = (Priority.ALERT, Priority.REPLY, Priority.REMINDER, Priority.CHECK_IN)
    send(street, *(message(number, MAYA, priority) for number, priority in enumerate(priorities, 1)))
    street.database.write(lambda c: c.execute(tables.person.update().values(status=status))).result()
    await street.sweep()
    assert street.platform.arrived() == [1, 2]
    assert [street.row(id_).status for id_ in (3, 4)] == ["cancelled"] * 2


@pytest.mark.parametrize("status", [s for s in ConversationStatus if s is not ConversationStatus.WAITING])
async def test_a_question_of_a_conversation_that_does_not_wait_is_not_asked(
    street: Street, status: ConversationStatus
) -> None:
    question = message(1, kind=MessageKind.QUESTION, conversation_id=7, step="mood")
    send(street, question, conversations=(conversation(7, status),))
    await street.sweep()
    assert (street.platform.attempts, street.row(1).status) == ([], "cancelled")


async def test_a_question_that_was_answered_meanwhile_is_not_asked_again(street: Street) -> None:
    """The answer came although the platform said that it never got the question: it had."""
    street.platform.plan(MAYA, Ambiguous("reset"))
    first = message(1, kind=MessageKind.QUESTION, conversation_id=7, step="mood")
    send(street, first, conversations=(conversation(7),))
    await street.sweep()
    second = message(2, kind=MessageKind.QUESTION, conversation_id=7, step="words")
    send(street, second, conversations=(conversation(7, step="words"),))
    await street.sweep(minutes=6)
    assert street.platform.arrived() == [1, 2]
    assert street.row(1).status == "cancelled"


async def test_the_last_words_of_a_conversation_are_said_after_it_has_ended(street: Street) -> None:
    bye = message(1, kind=MessageKind.SAY, conversation_id=7)
    send(street, bye, conversations=(conversation(7, ConversationStatus.DONE),))
    await street.sweep()
    assert street.platform.arrived() == [1]


async def test_an_alert_of_a_case_that_somebody_took_while_it_was_being_sent_is_not_sent_again(street: Street) -> None:
    street.platform.plan(OKAFOR, TryLater("busy", 10))
    alert = message(1, OKAFOR, Priority.ALERT, kind=MessageKind.ALERT, escalation_id=900)
    send(street, alert, escalations=(escalation(),))
    await street.sweep()
    street.clock.set(NOON + timedelta(seconds=5))
    taken = escalation(
        status=EscalationStatus.ACKNOWLEDGED,
        acknowledged_by="Ms. Rivera",
        acknowledged_person_id=RIVERA,
        acknowledged_at=street.clock.now(),
    )
    still = message(2, RIVERA, Priority.ALERT, kind=MessageKind.ALERT, escalation_id=900)
    send(street, still, escalations=(taken,))
    await street.sweep(seconds=10)
    assert street.platform.arrived() == [2]
    assert street.row(1).status == "cancelled"


async def test_what_happens_while_a_message_waits_for_its_turn_counts(street: Street) -> None:
    """The look at the reason is the last thing before the send, after the pacing."""
    street = Street(street.database, per_second=5, per_chat_second=5)
    send(street, message(1, LEO), message(2, MAYA, Priority.CHECK_IN))
    await street.delivery.sweep()
    street.database.write(lambda c: c.execute(tables.person.update().values(status="stopped"))).result()
    await street.finish()
    assert street.platform.arrived() == [1]


# --- the loop ---


@on_sqlite
async def test_a_kick_is_enough_there_is_no_waiting_for_the_next_look(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "IDLE", 600.0)
    async with running(street.delivery):
        await asyncio.sleep(0.05)  # it has looked, found nothing, and now sleeps for ten minutes
        send(street, message(1))
        street.delivery.kick()
        await until(lambda: street.platform.arrived() == [1])


@on_sqlite
async def test_room_in_flight_that_comes_while_the_wait_for_it_begins_is_used_at_once(
    street: Street, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "IDLE", 60.0)
    unwritten = [delivery_module.IN_FLIGHT]
    monkeypatch.setattr(desk.Desk, "unwritten", property(lambda _: unwritten[0]))
    look = street.delivery._let_leave

    def written_down_in_between() -> None:
        look()
        unwritten[0] = 0
        look()

    monkeypatch.setattr(street.delivery._desk, "_arrived", written_down_in_between)
    send(street, message(1))
    await street.delivery.sweep()
    await until(lambda: street.platform.journal != [])
    assert [one.id for one in street.platform.journal] == [1]


async def test_without_a_kick_the_next_look_finds_it(street: Street, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "IDLE", 0.01)
    async with running(street.delivery):
        await asyncio.sleep(0.02)
        send(street, message(1))
        await until(lambda: street.platform.arrived() == [1])


@on_sqlite
async def test_a_stop_lets_sends_under_way_finish_and_begins_no_new_ones(street: Street) -> None:
    street.platform.hold = asyncio.Event()
    send(street, message(1))
    async with running(street.delivery) as stop:
        street.delivery.kick()
        await until(lambda: street.platform.attempts == [1])
        stop.set()
        await asyncio.sleep(0.01)
        send(street, message(2, LEO))
        street.platform.hold.set()
    assert [street.row(id_).status for id_ in (1, 2)] == ["sent", "pending"]
    assert street.platform.arrived() == [1]


@on_sqlite
async def test_a_database_that_is_away_for_a_while_loses_nothing(
    street: Street, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(desk, "IDLE", 0.01)
    away = [OSError(CANARY), OSError(CANARY)]
    claim = outbox.claim

    def sometimes(*arguments: Any, **more: Any) -> Any:
        if away:
            raise away.pop()
        return claim(*arguments, **more)

    monkeypatch.setattr(outbox, "claim", sometimes)
    send(street, message(1))
    async with running(street.delivery):
        await until(lambda: street.platform.arrived() == [1])
    assert "claim failed" in caplog.text
    assert CANARY not in caplog.text


async def test_a_message_is_sent_as_soon_as_its_turn_is_committed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole house runs, and nobody looks at a clock on the way from the words to Ms. Rivera's phone."""
    monkeypatch.setattr(desk, "IDLE", 600.0)
    stop = asyncio.Event()
    task = asyncio.create_task(house.app.run(stop))
    await asyncio.sleep(0.05)
    await house.offer({"chat": str(MAYA), "text": "I want to die"})
    await until(lambda: bool(house.phone(RIVERA)) and bool(house.phone(MAYA)))
    stop.set()
    async with asyncio.timeout(20):
        await task
    assert house.newest(RIVERA).kind == "alert"


async def test_a_running_house_collects_its_garbage_though_its_start_did_not(house: House) -> None:
    gc.disable()
    try:
        stop = asyncio.Event()
        task = asyncio.create_task(house.app.run(stop))
        await until(gc.isenabled)
        stop.set()
        async with asyncio.timeout(20):
            await task
    finally:
        gc.enable()
