"""F31, F54: a platform was out of reach for so long that what people wrote or pressed is gone. They are asked again."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import update

from bot import speaking
from bot.adapters.base import Capabilities
from bot.domain import Address
from bot.program import Program
from storage import cursors, people, tables
from storage.database import Database
from storage.losses import Loss
from tests import school as little
from tests.fakes.memory import Platform
from tests.school import CANARY, LEO, MAYA, NOON, OKAFOR, RIVERA, House, on_sqlite
from tests.turns.test_hold import restore

BEFORE = NOON - timedelta(minutes=1)


def loss(house: House, *, words: bool = True, since: datetime = NOON) -> Loss:
    """From a moment until now."""
    return Loss(people.WEB, people.WEB_ACCOUNT, words, since, house.clock.now())


async def own_up(house: House, lost: Loss) -> None:
    assert await house.app.beats.own_up(lost)
    await house.settle()


async def test_f54_everybody_hears_that_words_may_be_lost_and_who_was_asked_is_asked_again(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.jump(hours=3)
    await own_up(house, loss(house))
    assert house.phone(MAYA)[-2:] == [house.text("lost_words"), "How is your week, Maya?"]
    assert "Great" in house.labels(MAYA)
    assert house.phone(LEO) == [house.text("lost_words")]
    await house.taps(MAYA, "Great")
    assert house.newest(MAYA).text == "What was it like?"


async def test_f54_a_question_whose_time_ran_out_meanwhile_is_asked_again_and_its_answer_counts(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    begun = house.clock.now()
    await house.pass_time(hours=25)
    assert {row.status for row in house.rows(tables.conversation, person_id=MAYA, flow="mentee-weekly")} >= {"lapsed"}
    house.write(lambda connection: connection.execute(update(tables.occurrence).values(status="missed")))
    house.write(
        lambda connection: connection.execute(
            update(tables.conversation).where(tables.conversation.c.status == "waiting").values(status="stopped")
        )
    )
    await own_up(house, loss(house, since=begun))
    assert house.newest(MAYA).text == "How is your week, Maya?"
    await house.says(MAYA, "so-so")
    assert house.newest(MAYA).text == "What was it like?"


async def test_f54_a_question_whose_time_ran_out_before_stays_closed(house: House) -> None:
    await house.begins(MAYA, "mentee-reflection")
    await house.pass_time(hours=21)
    await own_up(house, loss(house, since=house.clock.now() - timedelta(minutes=30)))
    assert house.newest(MAYA).text == house.text("lost_words")


async def test_f54_the_adults_are_told_from_when_to_when(house: House) -> None:
    await house.jump(hours=25)
    await own_up(house, loss(house))
    assert "2026-10-05 12:00 to 2026-10-06 13:00" in house.case().reason
    assert house.case().category == "failure"
    assert any(house.case().reason in text for text in house.phone(RIVERA) + house.phone(OKAFOR))
    assert house.text("lost_words") not in house.phone(RIVERA) + house.phone(OKAFOR)


async def test_f54_who_was_told_before_a_crash_is_not_told_again(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    lost = loss(house)
    await own_up(house, lost)
    before = house.phone(MAYA)
    await own_up(house.restarted(), lost)
    assert house.phone(MAYA) == before


async def test_f54_nobody_is_woken_for_it_in_the_night(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.jump(hours=14)  # two in the morning
    await own_up(house, loss(house))
    assert house.text("lost_words") not in house.phone(MAYA)
    await house.jump(hours=4.9)
    assert house.text("lost_words") not in house.phone(MAYA)
    await house.jump(hours=0.2)
    assert house.phone(MAYA)[-2:] == [house.text("lost_words"), "How is your week, Maya?"]


async def test_f54_who_wants_no_messages_gets_none_and_who_pauses_is_told_by_day_and_not_asked(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.says(MAYA, "/pause")
    await house.says(LEO, "/stop")
    before, paused = house.phone(LEO), house.phone(MAYA)
    await own_up(house, loss(house))
    assert house.phone(MAYA) == [*paused, house.text("lost_words")]
    await house.jump(hours=14)
    await own_up(house, loss(house, since=house.clock.now()))
    assert house.phone(MAYA) == [*paused, house.text("lost_words")]
    assert house.phone(LEO) == before


async def test_f31_who_has_a_question_with_buttons_is_asked_again_and_nobody_else(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.jump(minutes=3)
    await own_up(house, loss(house, words=False, since=house.clock.now() - timedelta(seconds=160)))
    assert house.phone(MAYA)[-2:] == [house.text("lost_press"), "How is your week, Maya?"]
    assert house.phone(LEO) == house.phone(RIVERA) == house.phone(OKAFOR) == []
    assert house.rows(tables.escalation) == []


async def test_f31_a_question_that_came_later_or_elsewhere_or_wants_words_is_not_asked_again(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    before = house.phone(MAYA)
    await own_up(house, loss(house, words=False, since=BEFORE))
    elsewhere = Loss("slack", "T0LINCOLN", False, house.clock.now(), house.clock.now())
    await own_up(house, elsewhere)
    assert house.phone(MAYA) == before
    await house.taps(MAYA, "Great")
    await house.says(MAYA, f"it was nice {CANARY}")
    await house.taps(MAYA, "No")
    before = house.phone(MAYA)
    await own_up(house, loss(house, words=False, since=house.clock.now()))
    assert house.phone(MAYA) == before


async def test_f88_while_a_restored_school_holds_still_nobody_is_asked_again(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    restore(house)
    before = house.phone(MAYA)
    assert not await house.app.beats.own_up(loss(house))
    await house.settle()
    assert house.phone(MAYA) == before


@on_sqlite
async def test_f31_a_running_school_asks_again_where_its_platform_was_out_of_reach(
    database: Database, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speaking, "EVERY", 0.01)
    slack = Platform(name="slack", account="T0", capabilities=Capabilities(presses=timedelta(seconds=150)))
    school = little.house(database, program, slack)
    school.write(lambda connection: people.put_first(connection, MAYA, Address("slack", "T0", "U0MAYA"), 999))
    await school.begins(MAYA, "mentee-weekly")
    await school.jump(minutes=1)
    now = school.clock.now()
    school.write(lambda connection: cursors.move(connection, "heard:slack:T0", now))
    await school.jump(minutes=5)
    monkeypatch.setattr(speaking, "SURE", timedelta())
    stop = asyncio.Event()
    task = asyncio.create_task(school.app.speaking.run(stop))
    await asyncio.sleep(0.2)
    stop.set()
    await task
    await school.settle()
    assert [outbound.text for outbound in slack.journal] == [
        "How is your week, Maya?",
        school.text("lost_press"),
        "How is your week, Maya?",
    ]
