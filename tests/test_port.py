"""What a platform asks through the port: until when it was read, whose chats come first, what a person's page shows."""

from __future__ import annotations

from datetime import timedelta

from bot.adapters.base import Home
from bot.domain import Address
from storage import cursors, people
from tests.school import LEO, MAYA, NOON, RIVERA, House


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


async def test_a_home_page_shows_what_is_next_what_was_last_and_whether_it_is_paused(house: House) -> None:
    port = house.app.port
    maya = Address(people.WEB, people.WEB_ACCOUNT, str(MAYA))
    assert await port.home(Address("slack", "T1", "U1")) is None
    assert await port.home(maya) == Home("en", adult=False, next_meeting="October 7, 3:00 pm")
    await house.begins(MAYA, "mentee-weekly")
    await house.taps(MAYA, "Great")
    await house.says(MAYA, "/pause")
    shown = await port.home(maya)
    assert shown is not None
    assert (shown.last_answer, shown.paused, shown.stopped) == ("October 5", True, False)
    advisor = await port.home(Address(people.WEB, people.WEB_ACCOUNT, str(RIVERA)))
    assert advisor is not None
    assert advisor.adult
