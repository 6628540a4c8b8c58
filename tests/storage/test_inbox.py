"""What platforms hand us: kept once, whole, in order, and given up only in front of everybody."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.domain import Raw
from storage import inbox, tables
from storage.database import Database
from storage.inbox import TRIES, Stored
from tests.school import NOON

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def raw(event: str, **more: str) -> Raw:
    return Raw(more.get("platform", "web"), more.get("account", "web"), event, {"text": more.get("text", "hi")})


def put(database: Database, event: Raw, id_: int) -> bool:
    return database.write(lambda connection: inbox.put(connection, event, id_, NOON)).result()


def fresh(database: Database, seconds: float = 0) -> list[str]:
    with database.read() as connection:
        return [one.raw.event_id for one in inbox.fresh(connection, NOON + timedelta(seconds=seconds))]


def _failed(database: Database, stored: Stored, now: datetime) -> bool:
    return database.write(lambda connection: inbox.failed(connection, stored, "ValueError", now)).result()


def test_a_redelivered_event_is_kept_once_as_it_first_came(database: Database) -> None:
    assert put(database, raw("e1", text="first"), 1)
    assert not put(database, raw("e1", text="second"), 2)
    with database.read() as connection:
        (stored,) = inbox.fresh(connection, NOON)
    assert (stored.id, stored.raw.body) == (1, {"text": "first"})


def test_the_same_event_id_of_another_platform_or_account_is_another_event(database: Database) -> None:
    assert put(database, raw("e1"), 1)
    assert put(database, raw("e1", account="second bot"), 2)
    assert put(database, raw("e1", platform="telegram"), 3)
    assert len(fresh(database)) == 3


def test_a_redelivery_after_the_event_was_handled_is_not_handled_again(database: Database) -> None:
    put(database, raw("e1"), 1)
    database.write(lambda connection: inbox.finish(connection, 1)).result()
    assert not put(database, raw("e1"), 2)
    assert fresh(database) == []


def test_events_are_read_in_the_order_in_which_they_came(database: Database) -> None:
    for id_, event in ((3, "third"), (1, "first"), (2, "second")):
        put(database, raw(event), id_)
    assert fresh(database) == ["first", "second", "third"]


def test_a_failed_event_steps_aside_longer_each_time_and_is_quarantined_at_last(database: Database) -> None:
    put(database, raw("poison"), 1)
    put(database, raw("good"), 2)
    seconds, waits = 0.0, []
    for attempt in range(1, TRIES + 1):
        with database.read() as connection:
            now = NOON + timedelta(seconds=seconds)
            stored = next(one for one in inbox.fresh(connection, now) if one.raw.event_id == "poison")
        given_up = _failed(database, stored, now)
        assert given_up == (attempt == TRIES)
        assert fresh(database, seconds) == ["good"]
        wait = next((w for w in range(1, 60) if "poison" in fresh(database, seconds + w)), 0)
        waits.append(wait)
        seconds += wait
    assert waits == [2, 4, 8, 16, 0]
    with database.read() as connection:
        row = connection.execute(tables.inbox.select().where(tables.inbox.c.id == 1)).one()
    assert (row.status, row.tries, row.error) == ("quarantined", TRIES, "ValueError")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    text=st.text(st.characters(), max_size=40)
    | st.sampled_from(["\x00", "a\x00b", "\ud800", "👩‍👩‍👧 ok \udfff", "\u202eevil", "é" * 9000])
)
@on_sqlite
def test_the_raw_event_comes_back_as_it_was_whatever_somebody_typed(database: Database, text: str) -> None:
    _raw_round_trip(database, text)


@pytest.mark.parametrize(
    "text", ["a\x00b", "\ud800", "👩‍👩‍👧 ok \udfff", "\u202eevil", "é" * 9000, "'; DROP TABLE inbox"]
)
def test_the_raw_event_comes_back_on_both_databases(database: Database, text: str) -> None:
    _raw_round_trip(database, text)


def _raw_round_trip(database: Database, text: str) -> None:
    database.write(lambda connection: connection.execute(tables.inbox.delete())).result()
    put(database, raw("e1", text=text), 1)
    with database.read() as connection:
        (stored,) = inbox.fresh(connection, NOON)
    assert stored.raw.body == {"text": text}
