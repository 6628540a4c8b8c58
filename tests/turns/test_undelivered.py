"""Every way to every adult fails: the case says so, the dead-man's switch is not pinged, and it is tried for ever."""

from __future__ import annotations

from bot.checks import Kind, troubles
from bot.errors import TryLater, Unreachable
from storage import review
from storage.health import health
from tests.school import MAYA, OKAFOR, RIVERA, House
from tests.turns.test_ladder import alerts, crisis

GONE = Unreachable("no_listener")


def is_undelivered(house: House) -> bool:
    """What the auditor and the health page find; the marks of beats are not this story's."""
    now = house.clock.now()
    with house.database.read() as connection:
        found = [one for one in troubles(health(connection, now, now), now, now) if one.kind is Kind.ALERT]
    return any(not one.warns for one in found)


async def test_with_every_channel_failing_a_case_is_undelivered_until_somebody_is_reached(house: House) -> None:
    for adult in (RIVERA, OKAFOR):
        house.platform.plan(adult, *[GONE] * 40)
    await crisis(house)
    assert "988" in house.newest(MAYA).text, "the student was told at once whom to call"
    for _ in range(12):
        await house.pass_time(minutes=5)
        assert is_undelivered(house)
        with house.database.read() as connection:
            assert all(case.undelivered for case in review.waiting_cases(connection, None))
    house.platform.mend()
    await house.pass_time(minutes=10)
    assert alerts(house, OKAFOR) >= 1
    assert not is_undelivered(house)
    with house.database.read() as connection:
        assert not any(case.undelivered for case in review.waiting_cases(connection, None))


async def test_a_platform_that_only_says_later_leaves_a_case_undelivered_too(house: House) -> None:
    for adult in (RIVERA, OKAFOR):
        house.platform.plan(adult, *[TryLater("down", 600)] * 40)
    await crisis(house)
    assert not is_undelivered(house)
    await house.pass_time(minutes=3)
    assert is_undelivered(house)


async def test_an_adult_who_was_told_later_is_what_counts(house: House) -> None:
    house.platform.plan(RIVERA, *[GONE] * 40)
    await crisis(house)
    await house.pass_time(minutes=3)
    assert alerts(house, OKAFOR) == 1
    assert not is_undelivered(house)


async def test_a_channel_that_dies_after_the_first_alert_is_found_at_the_next(house: House) -> None:
    await crisis(house)
    for adult in (RIVERA, OKAFOR):
        house.platform.plan(adult, *[GONE] * 40)
    await house.pass_time(minutes=4)
    assert not is_undelivered(house)
    await house.pass_time(minutes=3)
    assert is_undelivered(house)
