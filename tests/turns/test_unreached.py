"""A student with an open case whom no message reaches: the case rises one tier, once."""

from __future__ import annotations

from bot.errors import Unreachable
from storage import tables
from tests.school import MAYA, OKAFOR, RIVERA, House, on_sqlite


async def test_a_card_that_does_not_arrive_makes_an_urgent_case_a_crisis(house: House) -> None:
    house.platform.plan(MAYA, Unreachable("blocked"))
    await house.says(MAYA, "they hit me")
    case = house.case()
    assert (case.tier, case.status) == ("crisis", "open")
    assert case.reason == "Messages to them cannot be delivered; Bullied"
    assert house.newest(RIVERA).text.startswith("CRISIS: M.T.")
    assert [row.kind for row in house.rows(tables.review_item)] == ["unsolicited", "unreachable"]
    await house.pass_time(minutes=5)
    assert len(house.phone(OKAFOR)) == 1


@on_sqlite
async def test_it_rises_once_however_many_messages_fail(house: House) -> None:
    for _ in range(3):
        house.platform.plan(MAYA, Unreachable("chat_gone"))
    await house.says(MAYA, "nobody likes me")
    await house.says(MAYA, "hello")
    assert house.case().tier == "urgent"
    assert house.case().reason == "Messages to them cannot be delivered; Left out"


@on_sqlite
async def test_whoever_has_a_crisis_case_learns_of_it_and_keeps_it(house: House) -> None:
    await house.says(MAYA, "I want to die")
    await house.pass_time(minutes=1)
    house.platform.plan(MAYA, Unreachable("blocked"))
    await house.taps(RIVERA, "I have it")  # the notice "has seen this" is what fails
    assert (house.case().tier, house.case().status) == ("crisis", "acknowledged")
    assert "Messages to them cannot be delivered" in house.newest(RIVERA).text


@on_sqlite
async def test_f69_where_whoever_has_the_case_has_left_the_others_learn_of_it_at_once(house: House) -> None:
    await house.says(MAYA, "I want to die")
    await house.taps(RIVERA, "I have it")
    # However it came about: `nearpeer left` itself lets go of what they had.
    gone = tables.person.update().where(tables.person.c.id == RIVERA).values(status="stopped")
    house.write(lambda connection: connection.execute(gone))
    await house.pass_time(minutes=2)
    house.platform.plan(MAYA, Unreachable("blocked"))
    await house.says(MAYA, "hello")
    assert house.case().status == "open"
    assert house.newest(OKAFOR).text.startswith("Still open, 2 min. CRISIS: "), "no news in a case that they never had"
    assert "Messages to them cannot be delivered" in house.newest(OKAFOR).text


@on_sqlite
async def test_without_an_open_case_it_is_a_line_for_staff(house: House) -> None:
    house.platform.plan(MAYA, Unreachable("blocked"))
    await house.begins(MAYA, "mentee-weekly")
    assert house.rows(tables.escalation) == []
    assert [row.kind for row in house.rows(tables.review_item)] == ["unreachable"]
