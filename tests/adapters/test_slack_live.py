"""Slack over its real wire, on loopback: sockets, envelopes, the Web API; what breaks, and what comes of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.adapters.base import Home
from bot.adapters.slack import adapter as adapter_module
from bot.adapters.slack import gaps, standing, web
from bot.adapters.slack import socket as socket_module
from bot.adapters.slack.adapter import Adapter
from bot.app import App
from bot.clock import SystemClock
from bot.domain import Address, Choice, MessageKind, Outbound, Priority, Receipt
from bot.errors import Ambiguous, NearpeerError, Outage, SlowDown, TryLater, Unreachable
from bot.program import Program
from storage import cursors, tables
from storage.database import Database
from tests.fakes.port import MemoryPort
from tests.fakes.slack import APP_TOKEN, BOT, BOT_TOKEN, LEO, MAYA, TEAM, Slack, press, until
from tests.school import on_sqlite

CHAT = Address("slack", TEAM, MAYA)


def message(text: str = "How was it?", *labels: str, id_: int = 7) -> Outbound:
    choices = tuple(Choice(label, f"token{number}") for number, label in enumerate(labels))
    return Outbound(id_, CHAT, MessageKind.QUESTION, Priority.REPLY, text, choices)


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    made = Slack(patience=0.3)
    async with made.running():
        yield made
    made.judge()


@pytest.fixture
async def adapter(slack: Slack) -> AsyncIterator[Adapter]:
    made = slack.adapter()
    yield made
    await made.stop()


class House:
    """An adapter that runs, and what it has handed on."""

    def __init__(self, slack: Slack, adapter: Adapter) -> None:
        self.slack, self.adapter, self.port = slack, adapter, MemoryPort()

    @property
    def texts(self) -> list[str]:
        """What people wrote, as the house understands it."""
        bodies = [(raw.body, raw.account, raw.event_id) for raw in self.port.received]
        return [found.text for found in (self.adapter.translate(*body) for body in bodies) if found is not None]


@pytest.fixture
async def house(slack: Slack, adapter: Adapter) -> House:
    house = House(slack, adapter)
    await adapter.start(house.port)
    await slack.connected()
    return house


# --- the way in ---


async def test_what_is_said_is_stored_and_then_acknowledged(house: House) -> None:
    order: list[str] = []
    house.port.heard = lambda raw: order.append(f"stored {len(house.slack.acknowledged)}")
    envelope = await house.slack.deliver(house.slack.writes(MAYA, "I am fine"))
    assert order == ["stored 0"]
    assert house.slack.acknowledged == [envelope]
    assert house.texts == ["I am fine"]


async def test_two_connections_share_what_comes(house: House) -> None:
    for number in range(6):
        await house.slack.deliver(house.slack.writes(MAYA, f"line {number}"))
    assert len(house.slack.sockets) == 2
    assert sorted(house.texts) == [f"line {number}" for number in range(6)]


async def test_f18_f58_a_lost_acknowledgement_brings_it_again_and_it_is_stored_once(house: House) -> None:
    house.slack.hungry = True
    envelope = await house.slack.deliver(house.slack.writes(MAYA, "once"), times=5)
    assert house.slack.offered[envelope] == 5
    assert house.texts == ["once"]


async def test_f85_a_slow_database_makes_slack_offer_it_again_and_it_is_stored_once(house: House) -> None:
    store = house.port.receive

    async def slowly(*given: Any) -> None:
        await asyncio.sleep(0.5)
        await store(*given)

    house.port.receive = slowly  # type: ignore[method-assign]
    envelope = await house.slack.deliver(house.slack.writes(MAYA, "once"), times=5)
    assert house.slack.offered[envelope] > 1
    assert house.texts == ["once"]


async def test_f34_what_the_bot_itself_writes_and_changes_is_not_even_stored(house: House) -> None:
    await house.adapter.send(message("How was it?", "Great"))
    await house.slack.deliver(house.slack.presses(MAYA, "Great"))
    await until(lambda: len([name for name in house.slack.acknowledged if name.startswith("own-")]) == 2)
    assert len(house.port.received) == 1


async def test_what_could_not_be_stored_is_offered_again_and_kept_then(house: House) -> None:
    house.port.wrong = Outage("full", "The disk is full.")
    envelope = await house.slack.deliver(house.slack.writes(MAYA, "keep me"), times=3)
    assert house.slack.offered[envelope] == 2
    assert house.texts == ["keep me"]


async def test_f59_a_refresh_in_the_middle_of_a_burst_loses_nothing(house: House) -> None:
    burst = [house.slack.deliver(house.slack.writes(MAYA, f"line {number}")) for number in range(40)]
    sent = [asyncio.create_task(one) for one in burst]
    await house.slack.push({"type": "disconnect", "reason": "refresh_requested"})
    await asyncio.gather(*sent)
    assert sorted(house.texts) == sorted(f"line {number}" for number in range(40))


async def test_f59_a_new_connection_is_there_before_the_old_one_has_gone(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_module, "SHORT", 0.0)
    await house.slack.push({"type": "disconnect", "reason": "warning"})
    await house.slack.connected(many=4)
    assert house.adapter.trouble() == ""


async def test_f60_a_dead_socket_is_noticed_and_a_new_one_is_made(
    slack: Slack, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket_module, "HEARTBEAT", 0.2)
    slack.frozen = True
    port = MemoryPort()
    await adapter.start(port)
    await slack.connected()
    first = list(slack.sockets)
    await until(lambda: all(socket not in slack.sockets for socket in first))
    slack.frozen = False
    await until(lambda: len(slack.sockets) == 2, within=8)
    await slack.deliver(slack.writes(MAYA, "still there?"))
    assert len(port.received) == 1


async def test_f44_a_connection_is_asked_for_no_sooner_than_slack_says(slack: Slack, adapter: Adapter) -> None:
    slack.plan("apps.connections.open", *[(429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "2"})] * 2)
    await adapter.start(MemoryPort())
    await asyncio.sleep(1.5)
    assert [method for method, _ in slack.calls].count("apps.connections.open") == 2
    await slack.connected(within=5)


async def test_broken_connections_are_made_anew(house: House) -> None:
    await house.slack.cut()
    await until(lambda: not house.slack.sockets)
    await house.slack.connected(within=8)
    await house.slack.deliver(house.slack.writes(MAYA, "back"))
    assert house.texts == ["back"]


@pytest.mark.parametrize("nonsense", [{}, {"type": "events_api"}, {"envelope_id": 5, "type": "x", "payload": {}}, 5])
async def test_f39_what_slack_never_sends_harms_nothing(house: House, nonsense: Any) -> None:
    await house.slack.push(nonsense)
    await house.slack.push({"envelope_id": "e", "type": "x", "payload": 5})
    await house.slack.deliver(house.slack.writes(MAYA, "after it"))
    assert house.texts == ["after it"]


async def test_f39_an_unknown_payload_is_stored_as_it_came_and_acknowledged(house: House) -> None:
    envelope = await house.slack.deliver({"type": "view_submission", "user": {"id": MAYA}, "trigger_id": "1.1"})
    assert envelope in house.slack.acknowledged
    (raw,) = house.port.received
    with pytest.raises(ValueError, match="not asked for"):
        house.adapter.translate(raw.body, raw.account, raw.event_id)


async def test_f30_a_press_is_stored_once_and_replaces_the_buttons(house: House) -> None:
    await house.adapter.send(message("How was it?", "Great", "Hard"))
    press = house.slack.presses(MAYA, "Great")
    await house.slack.deliver(press)
    await house.slack.deliver(press)
    (raw,) = house.port.received
    inbound = house.adapter.translate(raw.body, raw.account, raw.event_id)
    assert inbound is not None
    assert inbound.token == "token0"
    (shown,) = house.slack.posted[MAYA]
    await until(lambda: [block["type"] for block in shown["blocks"]] == ["section", "context"])


async def test_a_message_is_put_in_place_of_an_older_one_and_its_buttons_go(house: House) -> None:
    sent = await house.adapter.send(message("CRISIS: <!channel>", "I have it", "Pass on"))
    change = replace(message("✓ Ms. Rivera has case 4F7K & <!here>"), replaces=sent.provider_id)
    assert await house.adapter.send(change) == Receipt()
    (shown,) = house.slack.posted[MAYA]
    assert [block["type"] for block in shown["blocks"]] == ["section"]
    assert shown["blocks"][0]["text"] == {"type": "plain_text", "text": change.text, "emoji": False}
    assert shown["text"] == "✓ Ms. Rivera has case 4F7K &amp; &lt;!here&gt;"


@pytest.mark.parametrize("error", ["message_not_found", "cant_update_message", "edit_window_closed"])
async def test_what_cannot_be_changed_any_more_is_not_tried_again(house: House, error: str) -> None:
    sent = await house.adapter.send(message("CRISIS"))
    house.slack.plan("chat.update", error)
    with pytest.raises(Unreachable):
        await house.adapter.send(replace(message("✓"), replaces=sent.provider_id))


async def test_f11_what_was_taken_is_stored_and_acknowledged_before_the_end(house: House) -> None:
    slow = asyncio.Event()
    store = house.port.receive

    async def slowly(*given: Any) -> None:
        await slow.wait()
        await store(*given)

    house.port.receive = slowly  # type: ignore[method-assign]
    envelope = await house.slack.deliver(house.slack.writes(MAYA, "last words"), times=1, wait=False)
    await until(lambda: house.slack.offered[envelope] == 1)
    await asyncio.sleep(0.05)
    ending = asyncio.create_task(house.adapter.stop())
    await asyncio.sleep(0.05)
    slow.set()
    await ending
    await until(lambda: envelope in house.slack.acknowledged)
    assert house.texts == ["last words"]


async def test_the_home_tab_is_shown_when_it_is_opened_and_after_a_press_on_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter_module, "SETTLED", 0.0)
    house.port.homes[MAYA] = Home("en", adult=False)
    await house.slack.deliver(house.slack.event({"type": "app_home_opened", "user": MAYA, "tab": "home"}))
    await until(lambda: MAYA in house.slack.homes)
    assert house.port.received == []
    home = house.slack.homes.pop(MAYA)
    (button, *_) = [one for block in home["blocks"] if block["type"] == "actions" for one in block["elements"]]
    await house.slack.deliver(press(MAYA, button, {"type": "view", "view_id": "V1"}, "5.1") | {"view": {}})
    assert house.texts == ["/adult"]
    await until(lambda: MAYA in house.slack.homes)


async def test_who_gives_a_command_in_a_channel_sees_that_it_was_heard_and_nobody_else_does(house: House) -> None:
    await house.slack.deliver(house.slack.commands(MAYA, "/adult"))
    (shown,) = house.slack.shown
    assert "direct messages" in shown["text"]
    await house.slack.deliver(house.slack.commands(MAYA, "/adult") | {"channel_id": "D0MAYA"})
    await house.slack.deliver(house.slack.writes(MAYA, "hello"))
    assert len(house.slack.shown) == 1
    assert house.texts == ["/adult", "/adult", "hello"]


# --- the way out ---


async def test_a_message_is_posted_and_its_receipt_names_it(house: House) -> None:
    receipt = await house.adapter.send(message("Hello", "Yes"))
    (posted,) = house.slack.posted[MAYA]
    assert receipt.provider_id == f"D0MAYA:{posted['ts']}"


@pytest.mark.parametrize(
    ("comes", "error"),
    [
        ("cut", Ambiguous),
        ("fatal_error", Ambiguous),
        ((502, "<html>bad gateway</html>", {}), Ambiguous),
        ((200, '{"ok": tru', {}), Ambiguous),
        ((200, '"ok"', {}), Ambiguous),
        ((200, {"ok": True}, {}), Ambiguous),
        ((429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "30"}), SlowDown),
        ("token_revoked", TryLater),
        ("missing_scope", TryLater),
        ("user_disabled", Unreachable),
        ("is_archived", Unreachable),
    ],
)
async def test_f42_f44_f47_f48_each_answer_of_slacks_says_what_to_do(
    house: House, comes: Any, error: type[NearpeerError], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    house.slack.plan("chat.postMessage", comes)
    with pytest.raises(error) as caught:
        await house.adapter.send(message("violet-lantern"))
    assert "violet-lantern" not in f"{caught.value} {caplog.text}"
    assert BOT_TOKEN not in caplog.text
    assert APP_TOKEN not in caplog.text


async def test_f44_too_many_messages_wait_as_long_as_slack_says(house: House) -> None:
    house.slack.plan("chat.postMessage", (429, {"ok": False, "error": "ratelimited"}, {"Retry-After": "300"}))
    with pytest.raises(SlowDown) as caught:
        await house.adapter.send(message())
    assert caught.value.after == 300


async def test_f47_a_message_whose_answer_was_lost_is_perhaps_sent(house: House) -> None:
    house.slack.plan("chat.postMessage", "cut-after")
    with pytest.raises(Ambiguous):
        await house.adapter.send(message())
    assert len(house.slack.posted[MAYA]) == 1


async def test_nothing_has_left_when_slack_cannot_be_reached(slack: Slack) -> None:
    adapter = Adapter(TEAM, BOT_TOKEN, base_url="http://127.0.0.1:1/api")
    await adapter.start(MemoryPort())
    with pytest.raises(TryLater) as caught:
        await adapter.send(message())
    assert caught.value.code == "not_reached"
    await adapter.stop()


async def test_f57_refused_blocks_go_as_plain_text(house: House, caplog: pytest.LogCaptureFixture) -> None:
    house.slack.plan("chat.postMessage", "invalid_blocks")
    await house.adapter.send(message("Hello <!here>", "Yes"))
    (posted,) = house.slack.posted[MAYA]
    assert "blocks" not in posted
    assert posted["text"] == "Hello &lt;!here&gt;"
    assert "refused our blocks" in caplog.text


async def test_f57_what_is_refused_as_text_too_will_never_go(house: House) -> None:
    house.slack.plan("chat.postMessage", "invalid_blocks", "invalid_arguments")
    with pytest.raises(Unreachable):
        await house.adapter.send(message())


async def test_a_second_piece_that_is_refused_leaves_the_whole_in_doubt(house: House) -> None:
    house.slack.per_channel_second = 0.1
    with pytest.raises(Ambiguous):
        await house.adapter.send(message("word " * 3_000))


async def test_f49_a_call_that_hangs_is_given_up_and_perhaps_sent(
    slack: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(web, "DEADLINE", 0.2)
    adapter = slack.adapter()
    await adapter.start(MemoryPort())
    await slack.connected()
    slack.plan("chat.postMessage", 1.0)
    with pytest.raises(Ambiguous) as caught:
        await adapter.send(message())
    assert caught.value.code == "answer_lost"
    await adapter.stop()


# --- trouble ---


@pytest.mark.parametrize("token", [BOT_TOKEN, APP_TOKEN])
async def test_f50_a_revoked_token_is_trouble_at_once_and_over_when_it_is_good_again(
    slack: Slack, adapter: Adapter, token: str
) -> None:
    slack.revoked.add(token)
    await adapter.start(MemoryPort())
    await until(lambda: "token_revoked" in adapter.trouble())
    assert token not in adapter.trouble()
    slack.revoked.clear()
    await until(lambda: adapter.trouble() == "", within=8)


@pytest.mark.parametrize("kind", ["tokens_revoked", "app_uninstalled"])
async def test_f51_an_app_that_was_removed_is_trouble_before_anything_is_sent(house: House, kind: str) -> None:
    house.slack.revoked.add(BOT_TOKEN)
    await house.slack.deliver(house.slack.event({"type": kind, "tokens": {"bot": ["B0NEARPEER"]}}))
    assert "bot token" in house.adapter.trouble()
    assert house.port.received == []


async def test_f51_a_scope_that_was_taken_away_is_trouble(house: House) -> None:
    house.slack.plan("chat.postMessage", "missing_scope")
    with pytest.raises(TryLater):
        await house.adapter.send(message())
    assert "manifest" in house.adapter.trouble()


async def test_f55_only_the_way_in_is_down_and_only_the_way_out_is_down(
    slack: Slack, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "PATIENCE", 0.3)
    slack.plan("apps.connections.open", *["internal_error"] * 4)
    await adapter.start(MemoryPort())
    await until(lambda: "handed us nothing" in adapter.trouble())
    await slack.connected(within=12)
    assert adapter.trouble() == ""
    slack.plan("auth.test", *["cut"] * 100)
    await until(lambda: "not answered" in adapter.trouble())
    assert len(slack.sockets) == 2


async def test_f53_a_partition_is_trouble_and_over_by_itself(
    slack: Slack, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "PATIENCE", 0.2)
    await adapter.start(MemoryPort())
    await slack.connected()
    slack.partitioned = True
    await slack.cut()
    await until(lambda: "Slack has" in adapter.trouble())
    slack.partitioned = False
    await until(lambda: adapter.trouble() == "", within=10)


async def test_a_token_of_another_workspace_is_trouble(slack: Slack) -> None:
    adapter = Adapter("T0OTHER", BOT_TOKEN, base_url=f"{slack.url}/api", look=0.1)
    await adapter.start(MemoryPort())
    await until(lambda: "T0OTHER" in adapter.trouble())
    with pytest.raises(TryLater, match="another_workspace"):  # "no such person" would count against each address
        await adapter.send(message())
    await adapter.stop()


async def test_a_workspace_notices_a_dead_socket_within_ninety_seconds() -> None:
    assert socket_module.HEARTBEAT * 1.5 + standing.PATIENCE < 90
    assert socket_module.OPENING + standing.PATIENCE < 90
    assert adapter_module.LOOK + web.DEADLINE + standing.PATIENCE < 90


async def test_leo_and_maya_have_chats_of_their_own(house: House) -> None:
    await house.slack.deliver(house.slack.writes(LEO, "mentor"))
    await house.slack.deliver(house.slack.writes(MAYA, "mentee"))
    assert [raw.chat for raw in house.port.received] == [LEO, MAYA]


# --- gaps ---


async def test_f53_what_was_written_in_an_hour_without_connection_is_read_from_the_histories(house: House) -> None:
    await house.slack.deliver(house.slack.writes(MAYA, "before"))
    house.slack.partitioned = True
    await house.slack.cut()
    for number in range(60):  # offered in vain, and given up
        await house.slack.deliver(house.slack.writes(MAYA if number % 2 else LEO, f"line {number}"), times=0)
    house.slack.partitioned = False
    await until(lambda: len(house.texts) >= 61, within=15)
    assert sorted(house.texts) == sorted(["before", *(f"line {number}" for number in range(60))])
    maya = [text for text in house.texts if text.startswith("line") and int(text[5:]) % 2]
    assert maya == sorted(maya, key=lambda text: int(text[5:]))


async def test_f54_after_a_day_without_connection_slack_still_has_what_was_written(
    slack: Slack, adapter: Adapter
) -> None:
    now = datetime.now(UTC)
    port = MemoryPort(cursors={f"slack:{TEAM}": now - timedelta(hours=25)})
    for hours in (30, 24, 1):  # the first is from before, and known
        ts = f"{(now - timedelta(hours=hours)).timestamp():.6f}"
        slack.posted[MAYA].append({"type": "message", "user": MAYA, "text": f"{hours} hours ago", "ts": ts})
    await adapter.start(port)
    await until(lambda: len(port.received) == 2)
    await until(lambda: port.cursors[f"slack:{TEAM}"] > now - timedelta(minutes=1))
    assert [raw.body["event"]["text"] for raw in port.received] == ["24 hours ago", "1 hours ago"]


async def test_chats_with_an_open_question_or_case_are_read_first(slack: Slack, adapter: Adapter) -> None:
    port = MemoryPort(urgent={LEO})
    for user in (MAYA, LEO):
        slack.writes(user, "missed")
    await adapter.start(port)
    await until(lambda: len(port.received) == 2)
    assert [raw.chat for raw in port.received] == [LEO, MAYA]


async def test_a_round_that_breaks_off_begins_anew_where_it_began(
    slack: Slack, adapter: Adapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gaps, "AGAIN", 0.1)
    port = MemoryPort()
    for user in (MAYA, LEO):
        slack.writes(user, "missed")
    slack.plan("conversations.history", "fatal_error", "cut", (429, {"ok": False}, {"Retry-After": "0"}))
    await adapter.start(port)
    await until(lambda: port.cursors != {})
    assert sorted(raw.chat for raw in port.received) == sorted([MAYA, LEO])


async def test_f19_a_long_history_is_read_page_by_page_and_kept_in_order(slack: Slack, adapter: Adapter) -> None:
    port = MemoryPort()
    for number in range(230):
        slack.writes(MAYA, f"{number}")
    await adapter.start(port)
    await until(lambda: len(port.received) == 230)
    assert [raw.body["event"]["text"] for raw in port.received] == [f"{number}" for number in range(230)]


async def test_f19_a_history_says_what_is_true_now_and_what_came_before_it_stays(
    slack: Slack, adapter: Adapter, house: House
) -> None:
    await slack.deliver(slack.writes(MAYA, "I am fine"))
    slack.edits(MAYA, "I am not fine")
    slack.writes(MAYA, "help me")
    await slack.cut()
    await until(lambda: len(house.port.received) == 3, within=8)
    assert house.texts == ["I am fine", "I am not fine", "help me"]


async def test_what_the_bot_said_is_nobodys_message(slack: Slack, adapter: Adapter) -> None:
    port = MemoryPort()
    await adapter.start(port)
    await adapter.send(message("from us"))
    slack.writes(MAYA, "from her")
    await slack.connected()
    await slack.cut()
    await until(lambda: len(port.received) == 1, within=8)
    assert port.received[0].body["event"]["text"] == "from her"


async def test_what_was_answered_in_a_thread_while_nothing_came_is_read_too(slack: Slack, adapter: Adapter) -> None:
    now = datetime.now(UTC)
    port = MemoryPort(cursors={f"slack:{TEAM}": now - timedelta(hours=1)})
    asked, old, new = (f"{(now - timedelta(minutes=minutes)).timestamp():.6f}" for minutes in (2000, 1900, 30))
    slack.posted[MAYA] += [
        {"type": "message", "user": BOT, "bot_id": "B1", "text": "How is your week?", "ts": asked},
        {"type": "message", "user": MAYA, "text": "known", "ts": old, "thread_ts": asked},
        {"type": "message", "user": MAYA, "text": "I want to die", "ts": new, "thread_ts": asked},
    ]
    await adapter.start(port)
    await until(lambda: port.cursors[f"slack:{TEAM}"] > now - timedelta(minutes=1))
    assert [raw.body["event"]["text"] for raw in port.received] == ["I want to die"]
    inbound = adapter.translate(port.received[0].body, TEAM, port.received[0].event_id)
    assert inbound is not None
    assert inbound.replies_to == f"{slack.chat(MAYA)}:{asked}"


async def test_a_chat_whose_history_slack_refuses_holds_up_no_other(slack: Slack, adapter: Adapter) -> None:
    port = MemoryPort(urgent={MAYA})
    for user in (MAYA, LEO):
        slack.writes(user, "missed")
    slack.plan("conversations.history", *["restricted", None] * 9)
    await adapter.start(port)
    await until(lambda: [raw.chat for raw in port.received] == [LEO])
    assert port.cursors == {}, "what was not read is read again"


async def test_f23_an_edit_that_was_missed_is_read_with_its_history(house: House) -> None:
    await house.slack.deliver(house.slack.writes(MAYA, "fine"))
    house.slack.edits(MAYA, "I need an adult")
    await house.slack.cut()
    await until(lambda: house.texts == ["fine", "I need an adult"], within=8)


@on_sqlite
async def test_f53_f58_the_inbox_keeps_one_of_each_however_often_it_is_read(
    database: Database, program: Program, slack: Slack
) -> None:
    adapter = slack.adapter()
    app = App(program, database, SystemClock(), [adapter])
    with database.read() as connection:
        assert not cursors.urgent_chats(connection, "slack", TEAM)
    await adapter.start(app.port)
    await slack.connected()
    await slack.deliver(slack.writes(MAYA, "once"))
    await slack.cut()
    await slack.connected(within=8)

    def kept() -> int:
        with database.read() as connection:
            return connection.execute(select(func.count()).select_from(tables.inbox)).scalar_one()

    slack.writes(MAYA, "twice")
    await slack.cut()
    await until(lambda: kept() == 2, within=8)
    await until(lambda: len(slack.sockets) == 2, within=8)
    await adapter.stop()
    assert kept() == 2
