"""People as several programs see them at once: held while a turn is about them, and yet written about."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from bot.domain import Address
from storage import people
from storage.database import Database
from storage.senders import sender
from tests.school import MAYA, NOON, on_postgresql
from tests.storage.rows import school


def by_id(connection: Connection) -> None:
    people.load(connection, MAYA, lock=True)


def by_their_address(connection: Connection) -> None:
    assert sender(connection, Address("web", "web", str(MAYA))) is not None


@on_postgresql
@pytest.mark.parametrize("hold", [by_id, by_their_address])
def test_rows_about_somebody_are_written_while_another_turn_of_theirs_holds_them(
    database: Database, hold: Callable[[Connection], None]
) -> None:
    school(database)
    with database.engine.begin() as turn, database.engine.begin() as other:
        hold(turn)
        other.execute(text("SET LOCAL lock_timeout = '200ms'"))
        people.mint_link(other, MAYA, NOON)  # it points at her row, which must not go, and may change
        with pytest.raises(OperationalError, match="lock timeout"):
            by_id(other)
