"""An event that cannot be handled: it steps aside, blocks nobody, and is told to an adult in the end."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

import pytest

from bot.domain import Raw
from bot.errors import FlowError, Outage
from storage import inbox, tables
from storage.batch import Batch
from storage.turns import add_turn
from tests.school import CANARY, LEO, MAYA, OKAFOR, RIVERA, House

on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
POISON = {"chat": str(MAYA), "nonsense": True, "text": CANARY}


def waits(house: House, body: Mapping[str, Any]) -> None:
    """An event that was stored, and whose turn did not come yet."""
    raw = Raw(house.platform.name, house.platform.account, "waits", body, str(body["chat"]))
    stored = inbox.Stored(house.clock.new_id(), raw, house.clock.wall())
    house.write(lambda connection: inbox.put(connection, [stored]))


async def tries(house: House) -> None:
    """Let all five tries pass: 2, 4, 8 and 16 seconds apart."""
    for seconds in (2, 4, 8, 16):
        await house.jump(seconds=seconds)


async def test_a_poison_event_is_given_up_after_five_tries_and_opens_a_case(house: House) -> None:
    await house.offer(POISON)
    await house.settle()
    (row,) = house.rows(tables.inbox)
    assert (row.status, row.tries) == ("new", 1)
    await tries(house)
    (row,) = house.rows(tables.inbox)
    assert (row.status, row.tries, row.error, row.body["text"]) == ("quarantined", 5, "ValueError", CANARY)
    assert [item.kind for item in house.rows(tables.review_item)] == ["quarantined"]
    assert (house.case().category, house.case().person_id) == ("failure", OKAFOR)
    assert house.newest(RIVERA).kind == "alert"


async def test_a_poison_event_blocks_nobody_not_even_its_own_person(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    tap = house.button(MAYA, "Great")
    await house.offer(POISON)
    await house.offer(tap)
    await house.offer({"chat": str(LEO), "text": "I need an adult"})
    await house.settle()
    assert [row.value for row in house.rows(tables.answer)] == [3]
    assert house.case().person_id == LEO


async def test_an_event_of_a_platform_that_nobody_knows_any_more_is_given_up_in_front_of_staff(house: House) -> None:
    old = inbox.Stored(house.clock.new_id(), Raw("gone", "gone", "old", {"text": "hi"}, "1"), house.clock.wall())
    house.write(lambda connection: inbox.put(connection, [old]))
    await house.settle()
    await tries(house)
    assert [row.status for row in house.rows(tables.inbox)] == ["quarantined"]
    assert house.case().category == "failure"


async def test_a_turn_that_fails_is_tried_again_and_nothing_of_it_was_kept(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words wait in the inbox, and then all of the turn is done, once."""

    def full(*arguments: Any) -> None:
        add_turn(*arguments)
        raise OSError("a file of ours is gone")

    await house.begins(MAYA, "mentee-weekly")
    with monkeypatch.context() as patched:
        patched.setattr("bot.turns.handle.add_turn", full)
        await house.offer(house.button(MAYA, "Great"))
        await house.settle()
    assert house.rows(tables.answer) == []
    assert [row.status for row in house.rows(tables.inbox)] == ["new"]
    await house.jump(seconds=3)
    assert [(row.step, row.value) for row in house.rows(tables.answer)] == [("mood", 3)]
    assert [row.status for row in house.rows(tables.inbox)] == ["done"]
    assert house.phone(MAYA) == ["How is your week, Maya?", "What was it like?"]


async def test_f78_a_full_disk_is_no_try_of_the_event_that_met_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: Any) -> None:
        add_turn(*arguments)
        raise OSError(errno.ENOSPC, "no space left on device")

    await house.begins(MAYA, "mentee-weekly")
    waits(house, house.button(MAYA, "Great"))
    with monkeypatch.context() as patched:
        patched.setattr("bot.turns.handle.add_turn", full)
        for _ in range(7):
            with pytest.raises(Outage):
                await house.settle()
    assert [(row.status, row.tries) for row in house.rows(tables.inbox)] == [("new", 0)]
    await house.settle()
    assert [(row.step, row.value) for row in house.rows(tables.answer)] == [("mood", 3)]


async def test_a_turn_whose_event_somebody_else_has_finished_meanwhile_is_dropped(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker slept through its lease: what it makes of the event then must leave no trace."""
    await house.begins(MAYA, "mentee-weekly")
    waits(house, house.button(MAYA, "Great"))

    def elsewhere(batch: Batch, *arguments: Any) -> None:
        add_turn(batch, *arguments)
        batch.connection.execute(tables.inbox.update().values(status="done"))

    with monkeypatch.context() as patch:
        patch.setattr("bot.turns.handle.add_turn", elsewhere)
        await house.app.turns.drain()
    assert house.rows(tables.answer) == []
    assert [(row.status, row.tries) for row in house.rows(tables.inbox)] == [("new", 0)]
    await house.settle()
    assert [row.value for row in house.rows(tables.answer)] == [3]


@on_postgresql
async def test_what_another_worker_has_in_hand_waits_until_its_lease_ends(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.offer(house.button(MAYA, "Great"))
    wall = house.clock.wall()
    assert house.write(lambda connection: inbox.claim(connection, 99, wall))
    await house.jump(seconds=29)
    assert house.rows(tables.answer) == []
    await house.jump(seconds=2)
    assert [row.value for row in house.rows(tables.answer)] == [3]


async def test_a_person_s_poison_event_opens_a_case_about_that_person(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: object) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr("bot.turns.students.read", broken)
    await house.offer({"chat": str(MAYA), "text": f"hello {CANARY}"})
    await house.settle()
    await tries(house)
    assert (house.case().person_id, house.case().category) == (MAYA, "failure")
    assert house.newest(RIVERA).kind == "alert"
    (log,) = house.rows(tables.message, direction="in")
    assert CANARY in log.text


async def test_a_flow_that_cannot_go_on_is_told_and_the_answer_is_in_the_log(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stuck(*_arguments: object) -> None:
        raise FlowError("stuck")

    await house.begins(MAYA, "mentee-weekly")
    monkeypatch.setattr("bot.flows.engine.advance", stuck)
    await house.says(MAYA, f"great {CANARY}")
    assert (house.case().category, house.case().tier) == ("failure", "urgent")
    assert [row.status for row in house.rows(tables.conversation)] == ["stopped"]
    (log,) = house.rows(tables.message, direction="in")
    assert log.text == f"great {CANARY}"


async def test_a_rule_that_raises_is_told_and_the_text_is_kept(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> None:
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr(type(house.program.screener), "_screened", broken)
    await house.says(MAYA, f"hello {CANARY}")
    assert sorted(item.kind for item in house.rows(tables.review_item)) == ["unscreened", "unsolicited"]


async def test_a_row_that_cannot_be_handled_when_it_is_due_is_told_after_five_tries_and_holds_up_no_other(
    house: House,
) -> None:
    """A case whose ladder cannot be read any more: the case is still told, and others still climb."""
    await house.says(MAYA, "I want to die")
    await house.says(LEO, "I want to die")
    broken, whole = house.rows(tables.escalation)
    escalation, unreadable = tables.escalation, {"x": CANARY}
    house.write(lambda c: c.execute(escalation.update().where(escalation.c.id == broken.id).values(ladder=unreadable)))
    house.clock.set(broken.next_action_at)
    for _ in range(7):
        await house.app.beat_due()
    await house.app.deliveries[0].sweep()
    (told,) = house.rows(tables.escalation, category="failure")
    assert (told.person_id, told.tier) == (MAYA, "urgent")
    assert [row.rung for row in house.rows(tables.escalation, id=whole.id)] == [1]
    assert [row.status for row in house.rows(tables.escalation, id=broken.id)] == ["open"]


async def test_a_case_that_cannot_be_read_holds_up_no_other_case_of_the_same_student(house: House) -> None:
    await house.says(MAYA, "they hit me")
    broken = house.case()
    escalation = tables.escalation
    house.write(lambda c: c.execute(escalation.update().where(escalation.c.id == broken.id).values(ladder={"x": 1})))
    await house.says(MAYA, f"I want to die {CANARY}")
    (case,) = house.rows(tables.escalation, category="suicide")
    assert house.newest(RIVERA).kind == "alert"
    assert "988" in house.newest(MAYA).text
    house.clock.set(case.next_action_at)
    await house.app.beat_due()
    assert [row.rung for row in house.rows(tables.escalation, id=case.id)] == [1]


async def test_a_plan_that_cannot_be_made_stops_no_ladder_and_is_told(house: House) -> None:
    await house.says(MAYA, "I want to die")
    house.write(lambda c: c.execute(tables.match.update().values(meets=f"every {CANARY}")))
    await house.pass_time(minutes=11)
    assert house.rows(tables.escalation, category="suicide")[0].rung == 1
    assert [row.person_id for row in house.rows(tables.escalation, category="failure")] == [OKAFOR]
