"""The message table as an outbox: who is sent what next, and what is known of each message afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from bot.domain import Address, MessageKind, Priority, Turn
from storage import outbox, tables
from storage.database import Database
from storage.outbox import LEASE, Claim
from tests.school import LEO, MAYA, NOON, RIVERA, on_sqlite
from tests.storage.rows import message, save, school

SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _people(database: Database) -> None:
    school(database)


def claim(
    database: Database, token: int = 1, limit: int = 10, after: timedelta = timedelta(), **more: Any
) -> Sequence[Claim]:
    return database.write(
        lambda connection: outbox.claim(connection, "web", "web", token, NOON + after, limit, **more)
    ).result()


def ids(claims: Sequence[Claim]) -> list[int]:
    return [one.outbound.id for one in claims]


def complete(database: Database, claim: Claim, provider: str = "p1") -> bool:
    return record(database, outbox.sent(claim, provider, NOON, NOON, NOON))


def record(database: Database, *results: outbox.Result) -> bool:
    """Whether all of them were taken."""
    return database.write(lambda connection: outbox.record(connection, results)).result() == 0


def row(database: Database, id_: int) -> Any:
    with database.read() as connection:
        return connection.execute(select(tables.message).where(tables.message.c.id == id_)).one()


def attempts(database: Database, id_: int) -> list[tuple[int, str, str]]:
    attempt = tables.delivery_attempt.c
    with database.read() as connection:
        query = select(attempt.number, attempt.result, attempt.code).where(attempt.message_id == id_)
        return [tuple(one) for one in connection.execute(query.order_by(attempt.number))]


# --- claims ---


def test_the_most_urgent_of_each_chat_goes_first(database: Database) -> None:
    save(
        database,
        Turn(
            messages=(
                message(1, MAYA, Priority.CHECK_IN),
                message(2, MAYA, Priority.REPLY),
                message(3, LEO, Priority.REMINDER),
                message(4, RIVERA, Priority.ALERT),
            )
        ),
    )
    assert ids(claim(database)) == [4, 2, 3]


def test_one_message_of_a_chat_is_under_way_at_a_time_and_they_keep_their_order(database: Database) -> None:
    save(database, Turn(messages=tuple(message(n) for n in (1, 2, 3))))
    (first,) = claim(database)
    assert first.outbound.id == 1
    assert claim(database, 2) == []
    complete(database, first)
    assert ids(claim(database, 2)) == [2]


def test_alerts_and_crisis_cards_wait_for_nothing_in_their_chat(database: Database) -> None:
    save(database, Turn(messages=(message(1),)))
    claim(database)
    alerts = tuple(message(n, MAYA, Priority.ALERT, kind=MessageKind.CARD) for n in (2, 3))
    save(database, Turn(messages=(*alerts, message(4))))
    assert ids(claim(database, 2)) == [2, 3]


def test_an_alert_on_its_way_holds_up_nothing(database: Database) -> None:
    save(database, Turn(messages=(message(1, MAYA, Priority.ALERT), message(2))))
    assert ids(claim(database)) == [1, 2]


def test_a_message_that_waits_for_its_next_try_keeps_its_place_in_its_chat(database: Database) -> None:
    save(database, Turn(messages=(message(1), message(2), message(3, LEO))))
    first = claim(database)[0]
    assert record(database, outbox.later(first, "busy", NOON, NOON, wait=30))
    assert claim(database, 2) == []
    assert ids(claim(database, 3, after=30 * SECOND)) == [1]


def test_what_may_not_go_out_yet_waits(database: Database) -> None:
    save(database, Turn(messages=(message(1, not_before=NOON + SECOND),)))
    assert claim(database) == []
    assert ids(claim(database, after=SECOND)) == [1]


def test_each_account_claims_its_own(database: Database) -> None:
    other = Address("telegram", "bot 2", str(MAYA))
    save(database, Turn(messages=(message(1), message(2, address=other))))
    assert ids(claim(database)) == [1]
    claims = database.write(lambda c: outbox.claim(c, "telegram", "bot 2", 2, NOON, 10)).result()
    assert ids(claims) == [2]


def test_a_claim_takes_no_more_than_its_limit(database: Database) -> None:
    save(database, Turn(messages=tuple(message(n, person) for n, person in enumerate((MAYA, LEO, RIVERA), 1))))
    assert len(claim(database, limit=2)) == 2
    assert len(claim(database, 2, limit=2)) == 1


def test_a_claim_for_what_is_more_urgent_takes_nothing_else(database: Database) -> None:
    prompt, reply, alert = message(1, LEO, Priority.CHECK_IN), message(2), message(3, RIVERA, Priority.ALERT)
    save(database, Turn(messages=(prompt, reply, alert)))
    assert ids(claim(database, 1, below=Priority.ALERT)) == []
    assert ids(claim(database, 2, below=Priority.CHECK_IN)) == [3, 2]


def test_the_table_itself_lets_no_alert_expire(database: Database) -> None:
    save(database, Turn(messages=(message(1, RIVERA, Priority.ALERT), message(2, LEO, Priority.CHECK_IN))))

    def expires(id_: int) -> None:
        database.write(
            lambda c: c.execute(update(tables.message).where(tables.message.c.id == id_).values(expires_at=NOON))
        ).result()

    expires(2)
    with pytest.raises(IntegrityError):
        expires(1)


def test_the_table_itself_lets_no_two_messages_of_a_chat_be_under_way(database: Database) -> None:
    save(database, Turn(messages=(message(1), message(2))))
    claim(database)
    with pytest.raises(IntegrityError):
        database.write(
            lambda c: c.execute(update(tables.message).where(tables.message.c.id == 2).values(status="sending"))
        ).result()


def test_two_senders_at_once_never_take_the_same_message(database: Database, database_url: str) -> None:
    save(database, Turn(messages=tuple(message(n, address=Address("web", "web", f"chat {n}")) for n in range(1, 41))))
    other = Database(database_url)
    futures = [
        writer.write(lambda c, t=token: outbox.claim(c, "web", "web", t, NOON, 3))  # type: ignore[misc]
        for token in range(20)
        for writer in (database, other)
    ]
    taken = [one for future in futures for one in ids(future.result(10))]
    other.close()
    assert sorted(taken) == list(range(1, 41))


# --- results ---


def test_a_sent_message_says_so_with_the_platform_s_own_id(database: Database) -> None:
    save(database, Turn(messages=(message(1),)))
    (one,) = claim(database)
    assert complete(database, one, "p77")
    sent = row(database, 1)
    assert (sent.status, sent.provider_id, sent.sent_at, sent.lease_token) == ("sent", "p77", NOON, None)
    assert attempts(database, 1) == [(1, "sent", "")]


def test_a_sender_that_lost_its_lease_has_no_say_any_more(database: Database) -> None:
    """F17: a process that was frozen wakes up after another one has taken its message."""
    save(database, Turn(messages=(message(1),)))
    (slow,) = claim(database, 1)
    later = NOON + LEASE + SECOND
    assert database.write(lambda c: outbox.requeue_expired(c, later)).result() == 1
    (quick,) = claim(database, 2, after=LEASE + SECOND)
    assert (quick.attempt, quick.ambiguous) == (2, 1)
    assert not complete(database, slow, "slow")
    assert not record(database, outbox.failed(slow, "gone", NOON, NOON))
    assert not record(database, outbox.later(slow, "busy", NOON, NOON, wait=1))
    assert not record(database, outbox.put_back(slow, NOON))
    assert complete(database, quick, "quick")
    assert not complete(database, slow, "slow")
    assert row(database, 1).provider_id == "quick"
    assert attempts(database, 1) == [(2, "sent", "")]


def test_a_lease_that_still_runs_is_left_alone(database: Database) -> None:
    save(database, Turn(messages=(message(1),)))
    claim(database)
    assert database.write(lambda c: outbox.requeue_expired(c, NOON + LEASE)).result() == 0
    assert row(database, 1).status == "sending"


def test_doubt_is_counted_and_certainty_is_not(database: Database) -> None:
    save(database, Turn(messages=(message(1),)))
    for number, ambiguous in enumerate((False, True, True), 1):
        (one,) = claim(database, number, after=number * SECOND)
        assert record(database, outbox.later(one, "busy", NOON, NOON + number * SECOND, wait=1, ambiguous=ambiguous))
    assert (row(database, 1).status, row(database, 1).ambiguous, row(database, 1).attempts) == ("pending", 2, 3)
    assert attempts(database, 1) == [(1, "later", "busy"), (2, "ambiguous", "busy"), (3, "ambiguous", "busy")]


def test_a_message_that_will_never_arrive_is_news(database: Database) -> None:
    save(database, Turn(messages=(message(1),)))
    (one,) = claim(database)
    assert record(database, outbox.failed(one, "blocked", NOON, NOON))
    failed = row(database, 1)
    assert (failed.status, failed.error, failed.news) == ("failed", "blocked", "failed")
    assert claim(database, 2) == []


@pytest.mark.parametrize("is_written_down", [True, False])
def test_what_comes_back_is_news_also_before_it_is_written_down_as_sent(
    database: Database, is_written_down: bool
) -> None:
    save(database, Turn(messages=(message(1),)))
    (one,) = claim(database)
    if is_written_down:
        assert complete(database, one)

    def bounced(id_: int, account: str) -> bool:
        return database.write(lambda c: outbox.bounced(c, id_, "web", account, "not_delivered")).result()

    assert not bounced(1, "another")
    assert not bounced(2, "web")
    assert bounced(1, "web")
    assert not bounced(1, "web"), "a repeat is no news"
    if not is_written_down:
        assert not complete(database, one)
    found = row(database, 1)
    assert (found.status, found.error, found.news) == ("failed", "not_delivered", "failed")


def test_a_message_to_nobody_s_address_is_failed_news_from_the_start(database: Database) -> None:
    save(database, Turn(messages=(message(1, address=None),)))
    assert (row(database, 1).status, row(database, 1).error, row(database, 1).news) == (
        "failed",
        "no_address",
        "failed",
    )


def test_what_is_unsent_is_what_may_be_sent_now_or_is_under_way(database: Database) -> None:
    save(database, Turn(messages=(message(1), message(2, LEO, not_before=NOON + SECOND))))

    def unsent(after: timedelta = timedelta()) -> int:
        with database.read() as connection:
            return outbox.unsent(connection, NOON + after)

    assert (unsent(), unsent(SECOND)) == (1, 2)
    complete(database, claim(database)[0])
    assert (unsent(), unsent(SECOND)) == (0, 1)


# --- what the tables refuse ---


def test_an_alert_can_never_expire(database: Database) -> None:
    with pytest.raises(IntegrityError):
        save(database, Turn(messages=(message(1, priority=Priority.ALERT, expires_at=NOON),)))
    save(database, Turn(messages=(message(2, priority=Priority.REPLY, expires_at=NOON),)))
    assert row(database, 2).expires_at == NOON


def test_a_repeated_message_is_dropped_by_its_key(database: Database) -> None:
    save(database, Turn(messages=(message(1, dedupe_key="same"),)))
    save(database, Turn(messages=(message(2, dedupe_key="same"),)))
    with database.read() as connection:
        assert connection.execute(select(tables.message.c.id)).scalars().all() == [1]


def test_a_case_that_is_not_closed_always_has_a_next_time(database: Database) -> None:
    case = {"id": 1, "person_id": MAYA, "tier": "crisis", "category": "x", "reason": "x", "opened_at": NOON}
    case |= {"ladder": {}, "rung": 0, "round": 0, "acknowledged_by": "", "outcome": "", "note": "", "closed_by": ""}
    for status in ("open", "acknowledged"):
        with pytest.raises(IntegrityError):
            database.write(lambda c, s=status: c.execute(insert(tables.escalation).values(**case, status=s))).result()  # type: ignore[misc]
    database.write(lambda c: c.execute(insert(tables.escalation).values(**case, status="closed"))).result()


# --- what a look costs ---


@on_sqlite
@pytest.mark.parametrize(
    ("statement", "indexes"),
    [
        ("_ANY_PENDING", {"ix_message_waiting"}),
        ("_CLAIM", {"ix_message_pending", "uq_message_in_flight", "ix_message_waiting"}),
        ("_UNDER_WAY", {"ix_message_sending", "ix_message_asked", "ix_escalation_person_id"}),
        ("_REQUEUE_EXPIRED", {"ix_message_sending"}),
        ("_UNSENT", {"ix_message_sending", "ix_message_waiting"}),
    ],
)
def test_no_look_reads_the_whole_log(database: Database, statement: str, indexes: set[str]) -> None:
    """Only partial indexes, which hold what is not sent yet, rows by their id, and a student's few cases."""
    values = dict.fromkeys(("platform", "account", "wall", "below", "token", "until", "limit"), 1)
    with database.read() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {getattr(outbox, statement).sql}", values)
        steps = [row.detail for row in plan if "INTEGER PRIMARY KEY" not in row.detail]
    read = [
        step
        for step in steps
        if step.startswith(("SCAN ", "SEARCH ")) and step not in ("SCAN heads", "SCAN CONSTANT ROW")
    ]
    assert {index for step in read for index in step.split() if index[:3] in ("ix_", "uq_")} == indexes
    assert all(" USING " in step for step in read), read


def test_one_urgent_message_behind_thousands_is_found_and_each_chat_s_first_as_well(database: Database) -> None:
    prompts = (
        message(n, MAYA, Priority.CHECK_IN, address=Address("web", "web", f"c{n % 500}")) for n in range(1, 2001)
    )
    save(database, Turn(messages=(*prompts, message(9000, LEO), message(9001, RIVERA, Priority.ALERT))))
    assert ids(claim(database, 1, limit=3)) == [9001, 9000, 1]
    assert ids(claim(database, 2, limit=1000)) == list(range(2, 501))


# --- what became of many at once ---


def test_of_many_results_only_those_are_taken_whose_lease_still_holds(database: Database) -> None:
    save(database, Turn(messages=tuple(message(n, address=Address("web", "web", f"c{n}")) for n in (1, 2, 3))))
    claims = claim(database)
    database.write(
        lambda c: c.execute(update(tables.message).where(tables.message.c.id == 2).values(lease_token=77))
    ).result()
    results = [outbox.sent(one, "p1", NOON, NOON, NOON) for one in claims]
    assert database.write(lambda connection: outbox.record(connection, results)).result() == 1
    assert [row(database, n).status for n in (1, 2, 3)] == ["sent", "sending", "sent"]
    assert [attempts(database, n) for n in (1, 2, 3)] == [[(1, "sent", "")], [], [(1, "sent", "")]]


def test_what_is_put_back_has_never_been_claimed(database: Database) -> None:
    save(database, Turn(messages=(message(1), message(2, LEO))))
    before = row(database, 1)
    first, second = claim(database)
    assert record(database, outbox.put_back(first, NOON), outbox.put_back(second, NOON, code="too_many", wait=3))
    assert row(database, 1) == before
    assert (row(database, 2).error, row(database, 2).not_before) == ("too_many", NOON + 3 * SECOND)
    assert ids(claim(database, 2)) == [1]
    assert claim(database, 3, after=3 * SECOND)[0].attempt == 1


def test_a_platform_s_own_id_may_be_anything(database: Database) -> None:
    save(database, Turn(messages=(message(1),)))
    assert complete(database, claim(database)[0], "\x00\ud800" + "x" * 5000)
    assert len(row(database, 1).provider_id) == 200


def test_a_row_of_which_no_word_can_be_read_is_news_and_stops_no_other(database: Database) -> None:
    save(database, Turn(messages=(message(1), message(2, LEO), message(3, RIVERA, Priority.ALERT))))
    broken = "UPDATE message SET choices = '{not json' WHERE id = 1"
    database.write(lambda connection: connection.exec_driver_sql(broken).rowcount).result()
    assert ids(claim(database)) == [3, 2]
    with database.read() as connection:
        query = select(tables.message.c.status, tables.message.c.error, tables.message.c.news)
        assert tuple(connection.execute(query.where(tables.message.c.id == 1)).one()) == (
            "failed",
            "unreadable",
            "failed",
        )
