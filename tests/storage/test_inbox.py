"""What platforms hand us: kept once, whole, in order, and given up only in front of everybody."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from bot.domain import Raw
from storage import inbox, tables
from storage.database import Database
from storage.inbox import TRIES, Stored
from tests.postgres import Postgres
from tests.school import NOON

on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def raw(event: str, **more: str) -> Raw:
    account, chat = more.get("account", "web"), more.get("chat", "")
    return Raw(more.get("platform", "web"), account, event, {"text": more.get("text", "hi")}, chat)


def put(database: Database, event: Raw, id_: int) -> bool:
    return bool(database.write(lambda connection: inbox.put(connection, [Stored(id_, event, NOON)])).result())


def fresh(database: Database, seconds: float = 0) -> list[str]:
    with database.read() as connection:
        return [one.raw.event_id for one in inbox.fresh(connection, NOON + timedelta(seconds=seconds))]


def claim(database: Database, token: int, seconds: float = 0, limit: int = 64) -> list[Stored]:
    wall = NOON + timedelta(seconds=seconds)
    return list(database.write(lambda connection: inbox.claim(connection, token, wall, limit)).result())


def claimed(database: Database, token: int, seconds: float = 0, limit: int = 64) -> list[str]:
    return [one.raw.event_id for one in claim(database, token, seconds, limit)]


def finish(database: Database, *events: Stored) -> bool:
    return database.write(lambda connection: inbox.finish(connection, events)).result()


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


def test_another_event_with_an_id_that_is_taken_is_not_dropped_in_silence(database: Database) -> None:
    """Two programs make ids without asking each other: if they ever make the same, the platform must offer again."""
    assert put(database, raw("e1"), 1)
    with pytest.raises(IntegrityError):
        put(database, raw("e2"), 1)
    assert put(database, raw("e2"), 2)
    assert fresh(database) == ["e1", "e2"]


def test_a_redelivery_after_the_event_was_handled_is_not_handled_again(database: Database) -> None:
    put(database, raw("e1"), 1)
    assert finish(database, Stored(1, raw("e1"), NOON))
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


def test_many_events_are_stored_at_once_and_those_that_were_there_are_not_counted(database: Database) -> None:
    put(database, raw("e2"), 2)
    events = [Stored(id_, raw(f"e{id_ % 10}"), NOON) for id_ in (1, 12, 3)]
    assert database.write(lambda connection: inbox.put(connection, events)).result() == 2
    assert fresh(database) == ["e1", "e2", "e3"]


def test_an_event_is_finished_once(database: Database) -> None:
    put(database, raw("e1"), 1)
    assert finish(database, Stored(1, raw("e1"), NOON))
    assert not finish(database, Stored(1, raw("e1"), NOON))


def test_f35_the_flood_of_one_chat_holds_up_no_other(database: Database) -> None:
    for id_ in range(1, 21):
        put(database, raw(f"leo {id_}", chat="leo"), id_)
    put(database, raw("maya 1", chat="maya"), 30)
    put(database, raw("maya 2", chat="maya"), 31)
    put(database, raw("nobody's"), 32)
    with database.read() as connection:
        found = [one.raw.event_id for one in inbox.fresh(connection, NOON, limit=6)]
        everything = [one.id for one in inbox.fresh(connection, NOON, limit=64)]
    assert found == ["leo 1", "maya 1", "nobody's", "leo 2", "leo 3", "leo 4"]
    assert everything == [*range(1, 21), 30, 31, 32]


# --- several workers ---


def test_a_worker_claims_the_head_of_each_chat_and_another_one_none_of_those_chats(database: Database) -> None:
    for id_, (chat, event) in enumerate((("maya", "m1"), ("maya", "m2"), ("leo", "l1"), ("", "x1"), ("", "x2")), 1):
        put(database, raw(event, chat=chat), id_)
    assert claimed(database, token=7) == ["m1", "l1", "x1", "x2"]
    assert claimed(database, token=8) == []
    put(database, raw("amina", chat="amina"), 9)
    assert claimed(database, token=8) == ["amina"]


def test_a_worker_finds_other_chats_behind_a_flood_and_only_the_head_of_it(database: Database) -> None:
    flood = [Stored(id_, raw(f"leo {id_}", chat="leo"), NOON) for id_ in range(1, inbox.NEAR + 50)]
    others = [
        Stored(1000 + id_, raw(f"{name} {id_}", chat=name), NOON) for id_, name in enumerate(["maya", "", ""] * 2)
    ]
    database.write(lambda connection: inbox.put(connection, [*flood, *others])).result()
    assert claimed(database, token=7, limit=3) == ["leo 1", "maya 0", " 1"]
    assert claimed(database, token=7) == ["leo 1", "maya 0", " 1", " 2", " 4", " 5"]
    assert claimed(database, token=8) == []
    _failed(database, Stored(1, raw("leo 1"), NOON, token=7), NOON)
    _failed(database, Stored(1000, raw("maya 0"), NOON, token=7), NOON)
    assert claimed(database, token=8) == ["leo 2", "maya 3"]
    assert claimed(database, token=9, seconds=3) == []  # the first of each is due again, and the next one in hand


def test_what_waits_behind_a_claimed_event_is_claimed_when_that_is_done(database: Database) -> None:
    put(database, raw("m1", chat="maya"), 1)
    put(database, raw("m2", chat="maya"), 2)
    (first,) = claim(database, token=7)
    assert finish(database, first)
    assert claimed(database, token=8) == ["m2"]


def test_the_same_chat_of_another_account_waits_for_nobody(database: Database) -> None:
    put(database, raw("m1", chat="maya"), 1)
    put(database, raw("m2", chat="maya", account="second bot"), 2)
    put(database, raw("m3", chat="maya", platform="telegram"), 3)
    assert claimed(database, token=7, limit=1) == ["m1"]
    assert claimed(database, token=8) == ["m2", "m3"]


def test_a_worker_that_overslept_its_lease_is_refused_and_the_event_is_another_s(database: Database) -> None:
    put(database, raw("m1", chat="maya"), 1)
    (slow,) = claim(database, token=7)
    assert claimed(database, token=8, seconds=29) == []
    (taken_over,) = claim(database, token=8, seconds=31)
    assert not finish(database, slow)
    assert not _failed(database, slow, NOON + timedelta(seconds=60))
    assert finish(database, taken_over)
    assert not finish(database, slow)
    assert fresh(database, seconds=3600) == []


def test_a_late_worker_whose_event_nobody_else_took_may_still_finish_it(database: Database) -> None:
    put(database, raw("m1", chat="maya"), 1)
    (slow,) = claim(database, token=7)
    assert finish(database, slow)


def test_a_worker_gets_again_what_it_claimed_and_did_not_finish(database: Database) -> None:
    put(database, raw("m1", chat="maya"), 1)
    assert claimed(database, token=7) == ["m1"] == claimed(database, token=7)


def test_a_failed_event_gives_up_its_lease_and_steps_aside(database: Database) -> None:
    put(database, raw("m1", chat="maya"), 1)
    put(database, raw("m2", chat="maya"), 2)
    (first,) = claim(database, token=7)
    _failed(database, first, NOON)
    (second,) = claim(database, token=8)
    assert second.raw.event_id == "m2"
    # The first is due again while the second is in another worker's hand: it waits for it.
    assert claimed(database, token=7, seconds=3) == []
    assert finish(database, second)
    assert claimed(database, token=7, seconds=3) == ["m1"]


async def test_workers_that_claim_at_the_same_moment_share_out_the_chats(
    postgres: Postgres,
) -> None:
    databases = [Database(url) for url in [postgres.new_database()] * 3]
    for id_ in range(60):
        put(databases[0], raw(f"e{id_}", chat=f"chat {id_ % 20}"), id_ + 1)
    seen: list[str] = []

    def finish_seen(events: Sequence[Stored], connection: Connection) -> bool:
        finished = inbox.finish(connection, events)
        if finished:  # noted before the commit, after which another worker may be quicker than this one
            seen.extend(one.raw.event_id for one in events)
        return finished

    async def work(database: Database, token: int) -> None:
        while len(seen) < 60:
            events = await database.run(lambda connection: inbox.claim(connection, token, NOON, 4))
            await database.run(partial(finish_seen, events))

    async with asyncio.timeout(30):
        await asyncio.gather(*(work(database, token) for token, database in enumerate(databases, 1)))
    for database in databases:
        database.close()
    assert sorted(seen) == sorted(f"e{id_}" for id_ in range(60))
    for chat in range(20):
        assert [event for event in seen if int(event[1:]) % 20 == chat] == [f"e{chat + 20 * n}" for n in range(3)]


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
