"""Two concerns in two weeks: the second one is urgent, unless an adult has found that the first was none."""

from __future__ import annotations

from bot.domain import ActionKind
from storage import tables
from tests.school import LEO, MAYA, RIVERA, House

LONELY = "nobody likes me"


def tiers(house: House) -> list[str]:
    return [row.tier for row in house.rows(tables.escalation)]


async def test_a_second_concern_within_two_weeks_is_urgent(house: House) -> None:
    await house.says(MAYA, LONELY)
    await house.says(MAYA, f"{LONELY} at all")
    assert tiers(house) == ["concern"]
    await house.jump(days=5)
    await house.says(MAYA, LONELY)
    assert tiers(house) == ["concern", "urgent"]
    assert "a second concern within 14 days" in house.rows(tables.escalation)[1].reason
    assert any("988" in text for text in house.phone(MAYA))


async def test_a_concern_of_three_weeks_ago_or_of_somebody_else_adds_nothing(house: House) -> None:
    await house.says(LEO, LONELY)
    await house.says(MAYA, LONELY)
    await house.jump(days=21)
    await house.says(MAYA, LONELY)
    assert tiers(house) == ["concern", "concern", "concern"]


async def test_what_an_adult_found_to_be_no_concern_adds_nothing(house: House) -> None:
    await house.says(MAYA, LONELY)
    case = house.case().id
    await house.staff(ActionKind.TAKE, case, actor_person_id=RIVERA)
    await house.staff(ActionKind.CLOSE, case, actor_person_id=RIVERA, outcome="not-a-concern", note="song lyrics")
    await house.jump(days=2)
    await house.says(MAYA, LONELY)
    assert tiers(house) == ["concern", "concern"]


async def test_a_concern_while_the_mood_falls_is_urgent(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.says(MAYA, "fine week")
    await house.taps(MAYA, "No, thanks")
    await house.jump(days=7)
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Hard")
    assert tiers(house) == []
    await house.says(MAYA, LONELY)
    assert tiers(house) == ["urgent"]
    assert "with a falling mood" in house.case().reason
