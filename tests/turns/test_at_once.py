"""What can be handled at once is, in the transaction that stores it; all else is stored, and waits for its turn."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.turns import students
from bot.turns.understood import SHORT
from storage import tables
from tests.school import LEO, MAYA, RIVERA, House

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def said(person: int, text: str, **more: Any) -> dict[str, Any]:
    return {"chat": str(person), "text": text, **more}


def fates(house: House) -> list[str]:
    return [row.status for row in house.rows(tables.inbox)]


@on_sqlite
async def test_when_the_platform_is_told_the_message_is_answered_already(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.offer(house.button(MAYA, "Great"))
    assert fates(house) == ["done"]
    assert [row.value for row in house.rows(tables.answer)] == [3]
    assert not house.app.turns.arrived.is_set(), "nobody has to look"
    assert await house.app.turns.drain() == 0


@on_sqlite
async def test_a_crisis_is_told_with_the_words_that_it_came_in(house: House) -> None:
    await house.offer(said(MAYA, "I want to die"))
    assert (house.case().person_id, house.case().tier) == (MAYA, "crisis")
    assert {row.kind for row in house.rows(tables.message, direction="out")} == {"card", "alert"}
    assert {row.person_id for row in house.rows(tables.message, kind="alert")} >= {RIVERA}


@on_sqlite
async def test_a_long_text_waits_and_what_comes_after_it_waits_behind_it(house: House) -> None:
    await asyncio.gather(
        house.offer(said(LEO, "first")),
        house.offer(said(MAYA, "long " * SHORT)),
        house.offer(said(MAYA, "after it")),
    )
    assert fates(house) == ["done", "new", "new"]
    assert house.app.turns.arrived.is_set()
    await house.offer(said(LEO, "and now?"))
    assert fates(house) == ["done", "new", "new", "new"]
    await house.settle()
    assert fates(house) == ["done"] * 4
    texts = [row.text.split()[0] for row in house.rows(tables.message, direction="in")]
    assert texts == ["first", "long", "after", "and"]


@on_sqlite
async def test_what_nobody_can_read_is_stored_and_what_came_before_it_is_handled(house: House) -> None:
    await asyncio.gather(
        house.offer(said(MAYA, "I need an adult")),
        house.offer(said(MAYA, "", nonsense=True)),
        house.offer(said(LEO, "hi")),
    )
    assert fates(house) == ["done", "new", "new"]
    assert house.case().person_id == MAYA
    await house.settle()
    assert fates(house) == ["done", "new", "done"]


@on_sqlite
async def test_one_that_fails_takes_nothing_of_the_others_with_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = students.read

    def broken(draft: Any, person: Any, *more: Any) -> None:
        if person.id == LEO:
            raise RuntimeError("broken")
        read(draft, person, *more)

    monkeypatch.setattr("bot.turns.students.read", broken)
    await asyncio.gather(house.offer(said(MAYA, "I need an adult")), house.offer(said(LEO, "hi")))
    # Where both arrive at one moment each is stored by itself; on a busy machine the first one may be alone, and done.
    assert fates(house)[1] == "new"
    await house.settle()
    assert [(row.status, row.tries) for row in house.rows(tables.inbox)] == [("done", 0), ("new", 1)]
    assert house.case().person_id == MAYA


async def test_an_event_that_comes_twice_in_one_moment_is_handled_once(house: House) -> None:
    await house.begins(MAYA, "mentee-weekly")
    tap = house.button(MAYA, "Great")
    await asyncio.gather(*(house.offer(tap, event="once") for _ in range(3)), house.offer(said(LEO, "I need an adult")))
    await house.settle()
    assert fates(house) == ["done", "done"]
    assert [row.value for row in house.rows(tables.answer)] == [3]
    await house.offer(tap, event="once")
    await house.settle()
    assert len(house.rows(tables.message, direction="in")) == 2
    assert house.case().person_id == LEO
