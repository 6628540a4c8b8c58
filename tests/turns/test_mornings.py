"""What wakes nobody is told on the next school morning: how much waits on the staff pages, to whom it concerns."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert, update

from bot.domain import Priority
from bot.school import leave
from storage import tables
from tests.school import CANARY, LEO, MAYA, NOON, OKAFOR, RIVERA, House, on_sqlite
from tests.turns.test_ladder import crisis

UNJUDGED = f"Waxaan rabaa inaan dhinto {CANARY}"
"""In a language that no pack covers."""


def mornings(house: House, adult: int) -> list[str]:
    return [text for text in house.phone(adult) if "Waiting for you on the staff pages" in text]


async def test_what_could_not_be_judged_is_told_on_the_next_school_morning(house: House) -> None:
    await house.says(MAYA, UNJUDGED)
    await house.pass_time(hours=11)
    assert mornings(house, RIVERA) == mornings(house, OKAFOR) == [], "nobody is woken by it"
    await house.pass_time(days=1)
    (told,) = mornings(house, RIVERA)
    kinds = [row.kind for row in house.rows(tables.review_item)]
    assert "unscreened" in kinds
    assert f"{len(kinds)}. Could not be judged, so please read it first: 1. The oldest is of October 5" in told
    assert told.endswith("/staff/#items")
    assert mornings(house, OKAFOR) == [told]
    assert not [text for text in (told,) if CANARY in text or "M.T." in text]
    assert {row.priority for row in house.rows(tables.message, kind="staff")} == {Priority.DIGEST}


async def test_it_is_told_on_each_school_day_until_somebody_has_looked(house: House) -> None:
    await house.says(MAYA, UNJUDGED)
    for _ in range(11):  # to Friday of the next week
        await house.pass_time(days=1)
    assert len(mornings(house, RIVERA)) == 9
    house = house.restarted()
    await house.settle()
    assert len(mornings(house, RIVERA)) == 9, "a restart tells nothing twice"
    everything = update(tables.review_item).values(reviewed_at=house.clock.now())
    house.write(lambda connection: connection.execute(everything))
    await house.pass_time(days=3)
    assert len(mornings(house, RIVERA)) == 9


@on_sqlite
async def test_an_advisor_reads_of_their_own_students_and_a_coordinator_of_all(house: House) -> None:
    stranger = {"kind": "stranger", "reason": "From a chat that nobody knows", "at": NOON, "reviewed_by": ""}
    house.write(lambda connection: connection.execute(insert(tables.review_item).values(id=1, **stranger)))
    await house.pass_time(days=1)
    assert (mornings(house, RIVERA), len(mornings(house, OKAFOR))) == ([], 1)


@on_sqlite
async def test_nobody_is_counted_what_is_about_themselves(house: House) -> None:
    """Else a number would tell them of it."""
    await crisis(house)
    left_out = update(tables.escalation).values(left_out=f",{RIVERA},")
    house.write(lambda connection: connection.execute(left_out))
    await house.pass_time(minutes=1)
    await house.says(MAYA, UNJUDGED)
    await house.pass_time(days=1)
    assert (mornings(house, RIVERA), len(mornings(house, OKAFOR))) == ([], 1)


@on_sqlite
async def test_law_2_that_it_could_not_be_told_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:

    def broken(*_given: object) -> None:
        raise ValueError(CANARY)

    monkeypatch.setattr("storage.unread.waiting", broken)
    await house.pass_time(days=1)
    assert house.case().reason == house.text("reason_untold")


@on_sqlite
async def test_who_has_left_is_told_nothing(house: House) -> None:
    await house.says(LEO, UNJUDGED)
    leave(house.database, house.clock, "rivera")
    await house.pass_time(days=1)
    assert (mornings(house, RIVERA), len(mornings(house, OKAFOR))) == ([], 1)


async def test_a_morning_that_was_slept_through_is_told_of_later_the_same_day(house: House) -> None:
    await house.says(MAYA, UNJUDGED)
    await house.jump_to(NOON + timedelta(days=1, hours=2))
    assert len(mornings(house, RIVERA)) == 1
