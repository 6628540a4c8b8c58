"""Until when a platform has been read, and whose chats are looked at first."""

from __future__ import annotations

from datetime import timedelta

from storage import cursors, people
from tests.school import LEO, MAYA, NOON, House


async def test_a_cursor_moves_and_each_name_has_its_own(house: House) -> None:
    for at in (NOON, NOON + timedelta(hours=1)):
        house.write(lambda connection, at=at: cursors.move(connection, "slack:T1", at))
    with house.database.read() as connection:
        assert cursors.read(connection, "slack:T1") == NOON + timedelta(hours=1)
        assert cursors.read(connection, "slack:T2") is None


async def test_whoever_has_an_open_question_or_case_comes_first(house: House) -> None:
    def chats() -> set[str]:
        with house.database.read() as connection:
            return set(cursors.urgent_chats(connection, people.WEB, people.WEB_ACCOUNT))

    assert chats() == set()
    await house.begins(MAYA, "mentee-weekly")
    assert chats() == {str(MAYA)}
    await house.says(LEO, "I need an adult")
    assert chats() == {str(MAYA), str(LEO)}
