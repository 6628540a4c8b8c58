"""The unlucky night: whoever should hear an alert cannot be reached, or it is overtaken by what came later."""

from __future__ import annotations

from sqlalchemy import update

from bot.domain import ActionKind, DeliveryNews, News, Person, Role
from bot.errors import TryLater, Unreachable
from storage import people, tables
from tests.school import CANARY, MAYA, OKAFOR, RIVERA, House, on_sqlite
from tests.turns.test_ladder import alerts, crisis, state

GONE = Unreachable("no_listener")


async def taken(house: House) -> None:
    await crisis(house)
    await house.taps(RIVERA, "I have it")


async def test_new_words_that_do_not_reach_who_has_the_case_reach_the_next_adult_at_once(house: House) -> None:
    await taken(house)
    house.platform.plan(RIVERA, *[GONE] * 9)
    await house.says(MAYA, f"I want to die {CANARY}")
    assert state(house) == ("open", "")
    assert alerts(house, OKAFOR) == 1


async def test_who_has_a_case_learns_of_milder_words_too(house: House) -> None:
    await taken(house)
    house.write(
        lambda connection: connection.execute(update(tables.escalation).values(category="bullying", tier="crisis"))
    )
    await house.says(MAYA, "they hit me")
    assert alerts(house, RIVERA) == 2
    assert house.case().tier == "crisis"


async def test_who_cannot_be_asked_whether_they_still_have_a_case_has_it_no_longer(house: House) -> None:
    await taken(house)
    house.platform.plan(RIVERA, *[GONE] * 9)
    await house.pass_time(minutes=30)
    assert state(house) == ("open", "")
    assert alerts(house, OKAFOR) == 1


async def test_a_call_for_help_is_not_withdrawn_by_who_says_again_that_they_have_it(house: House) -> None:
    await taken(house)
    house.platform.plan(OKAFOR, TryLater("slow", 60))
    await house.taps(RIVERA, "Need help")
    await house.says(RIVERA, f"ACK {house.code(RIVERA)}")
    await house.pass_time(minutes=2)
    assert alerts(house, OKAFOR) == 1
    assert state(house) == ("acknowledged", "Ms. Rivera")


@on_sqlite
async def test_who_is_asked_for_help_and_not_there_leaves_it_to_the_next(house: House) -> None:
    await taken(house)
    chen = Person(RIVERA + 50, "chen", "Ms. Chen", Role.ADVISOR, "en", "")
    house.write(lambda connection: people.add(connection, chen, house.clock.now(), RIVERA + 51))
    rungs = [{"people": [one], "wait": 300} for one in (RIVERA, chen.id, OKAFOR)]
    ladder = {**house.case().ladder, "rungs": rungs}
    house.write(lambda connection: connection.execute(update(tables.escalation).values(ladder=ladder)))
    house.platform.plan(chen.id, GONE)
    await house.taps(RIVERA, "Need help")
    assert alerts(house, OKAFOR) == 1
    assert state(house) == ("acknowledged", "Ms. Rivera")


async def test_who_wants_help_reads_that_nobody_else_could_be_reached(house: House) -> None:
    await taken(house)
    house.platform.plan(OKAFOR, *[GONE] * 9)
    await house.taps(RIVERA, "Need help")
    assert house.newest(RIVERA).text == house.text("help_unheard", code=house.code(RIVERA))
    assert state(house) == ("acknowledged", "Ms. Rivera")
    assert len(house.phone(RIVERA)) == len(set(house.phone(RIVERA))), "it is said once"


async def test_an_alert_that_fails_after_somebody_took_the_case_takes_it_from_nobody(house: House) -> None:
    house.platform.plan(RIVERA, TryLater("slow", 60), GONE)
    await crisis(house)
    await house.staff(ActionKind.TAKE, house.case().id, actor_person_id=OKAFOR)
    await house.pass_time(minutes=3)
    assert state(house)[0] == "acknowledged"
    assert alerts(house, RIVERA) + alerts(house, OKAFOR) == 0


async def test_a_question_that_was_answered_meanwhile_is_not_asked(house: House) -> None:
    await taken(house)
    house.platform.plan(RIVERA, TryLater("slow", 60))
    await house.pass_time(minutes=30)
    await house.says(RIVERA, f"ACK {house.code(RIVERA)}")
    await house.pass_time(minutes=5)
    assert [one.text for one in house.platform.journal if "Still" in one.text] == []
    assert state(house) == ("acknowledged", "Ms. Rivera")


async def test_f38_a_strangers_alarming_words_find_an_adult_when_the_safety_contact_is_lost(house: House) -> None:
    house.write(
        lambda connection: connection.execute(
            update(tables.person).where(tables.person.c.id == OKAFOR).values(key="gone")
        )
    )
    await house.offer({"chat": "999", "text": f"I want to die {CANARY}"})
    await house.settle()
    assert alerts(house, OKAFOR) + alerts(house, RIVERA) == 1


async def test_a_student_who_blocked_us_is_asked_nothing_more_until_they_write_again(house: House) -> None:
    house.platform.plan(MAYA, Unreachable("blocked"))
    await house.says(MAYA, "/help")
    assert [row.kind for row in house.rows(tables.review_item)] == ["unreachable"]
    await house.pass_time(days=8)
    assert {row.status for row in house.rows(tables.occurrence, schedule="mentee-check-in")} >= {"cancelled"}
    assert house.phone(MAYA) == []
    await house.says(MAYA, "/checkin")
    assert len(house.phone(MAYA)) == 1


async def test_an_adult_who_blocked_us_is_still_tried_and_the_next_one_told_at_once(house: House) -> None:
    house.platform.plan(RIVERA, *[Unreachable("blocked")] * 9)
    await crisis(house)
    assert alerts(house, OKAFOR) == 1
    house.platform.mend()
    await house.pass_time(hours=1)
    assert alerts(house, RIVERA) >= 1


@on_sqlite
async def test_a_message_that_we_cannot_read_ourselves_says_nothing_about_its_address(house: House) -> None:
    await crisis(house)
    (alert,) = house.rows(tables.message, kind="alert")
    await house.app.turns.handle(DeliveryNews(alert.id, News.FAILED, "unreadable"))
    assert [row.unreachable_at for row in house.rows(tables.address, person_id=RIVERA)] == [None]
