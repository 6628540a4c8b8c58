"""save_turn: everything that one event causes, or nothing of it; texts as people wrote them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, select
from sqlalchemy.exc import IntegrityError

from bot.domain import (
    Answer,
    AnswerKind,
    AuditEntry,
    Choice,
    Code,
    ConversationStatus,
    Finding,
    InboundKind,
    MessageKind,
    Person,
    Priority,
    Received,
    ReviewItem,
    ReviewKind,
    Role,
    Tier,
    Turn,
)
from bot.flows import state
from storage import conversations, tables
from storage.database import Database
from storage.types import milliseconds
from tests.school import CANARY, LEO, MAYA, NOON, RIVERA
from tests.storage.rows import CHAT, conversation, message, save, school
from tests.storage.test_due import escalation

TEXTS = [
    "👩‍👩‍👧‍👦 fine 😀",
    "\u202etxet lived\u202c",
    "e\u0301 is not é",
    "l'été; DROP TABLE message; --",
    "ok\r\n\ttabs",
    "a" * 100_000,
    "%s %(x)s :name ? \\",
]
GREAT = Choice("Great", "2.0", "3")


@pytest.fixture(autouse=True)
def _people(database: Database) -> None:
    school(database)


def received(id_: int = 500, text: str = "hello", **more: Any) -> Received:
    return Received(id=id_, address=CHAT, kind=InboundKind.TEXT, at=NOON, text=text, person_id=MAYA, **more)


def answer(text: str = "hello", **more: Any) -> Answer:
    values: dict[str, Any] = {
        "conversation_id": 1,
        "person_id": MAYA,
        "flow": "mentee-weekly",
        "flow_hash": "h",
        "step": "words",
    }
    return Answer(kind=AnswerKind.ANSWER, at=NOON, text=text, **(values | {"step": "words"} | more))


def rows(database: Database, table: Table) -> list[Any]:
    with database.read() as connection:
        return list(connection.execute(select(table)))


def test_one_conversation_of_a_person_waits_at_a_time(database: Database) -> None:
    save(database, Turn(conversations=(conversation(1), conversation(2, ConversationStatus.QUEUED))))
    with pytest.raises(IntegrityError):
        save(database, Turn(conversations=(conversation(3),)))
    save(database, Turn(conversations=(conversation(4, person_id=LEO),)))
    ended = conversation(1, ConversationStatus.DONE)
    save(database, Turn(conversations=(ended, conversation(2))))
    with database.read() as connection:
        assert conversations.waiting(connection, MAYA) == state.dump(conversation(2))
        assert conversations.queue(connection, MAYA) == []


def test_a_turn_is_saved_whole(database: Database) -> None:
    finding = Finding(Tier.CRISIS, "suicide", "wish-to-die", "en@1", "Wish to be dead", 2, 12, modifiers=("past",))
    turn = Turn(
        conversations=(conversation(1),),
        received=received(conversation_id=1, step="words"),
        messages=(
            message(2, choices=(Choice("Great", "2.0", "3"),), conversation_id=1, step="mood", escalation_id=900),
        ),
        answers=(answer(value=["a", "b"]),),
        findings=(finding,),
        escalations=(escalation(),),
        codes=(Code("4F7K", 900, RIVERA),),
        items=(ReviewItem(700, ReviewKind.NOTICE, "Unhappy with school", NOON, MAYA, 500),),
        audit=(AuditEntry("Nearpeer", "opened", NOON, MAYA, 900, "crisis"),),
    )
    save(database, turn)
    (kept,) = rows(database, tables.answer)
    assert (kept.value, kept.text, kept.message_id, kept.step) == (["a", "b"], "hello", 500, "words")
    (seen,) = rows(database, tables.finding)
    assert (seen.message_id, seen.escalation_id, seen.start, seen.end, seen.modifiers) == (500, 900, 2, 12, ["past"])
    out = next(row for row in rows(database, tables.message) if row.id == 2)
    assert (out.status, out.choices, out.step) == (
        "pending",
        [{"label": "Great", "token": "2.0", "value": "3"}],
        "mood",
    )
    assert [row.code for row in rows(database, tables.acknowledgement_code)] == ["4F7K"]
    assert [row.reason for row in rows(database, tables.review_item)] == ["Unhappy with school"]
    assert [(row.action, row.escalation_id) for row in rows(database, tables.audit)] == [("opened", 900)]


def test_a_turn_that_cannot_be_saved_whole_is_not_saved_at_all(database: Database) -> None:
    save(database, Turn(escalations=(escalation(),), codes=(Code("4F7K", 900, RIVERA),)))
    half = Turn(
        conversations=(conversation(1),),
        received=received(),
        answers=(answer(),),
        escalations=(escalation(id=901),),
        codes=(Code("4F7K", 901, RIVERA),),  # somebody's code already
    )
    with pytest.raises(IntegrityError):
        save(database, half)
    for table in (tables.conversation, tables.message, tables.answer):
        assert rows(database, table) == []
    assert len(rows(database, tables.escalation)) == 1


def test_prompts_of_a_person_are_cancelled_and_replies_alerts_and_others_are_not(database: Database) -> None:
    kinds = {1: Priority.ALERT, 2: Priority.REPLY, 3: Priority.REMINDER, 4: Priority.CHECK_IN, 5: Priority.DIGEST}
    messages = [message(n, priority=priority) for n, priority in kinds.items()]
    save(database, Turn(messages=(*messages, message(6, LEO, Priority.CHECK_IN))))
    save(database, Turn(cancel_prompts_of=(MAYA,), messages=(message(7, priority=Priority.CHECK_IN),)))
    status = {row.id: row.status for row in rows(database, tables.message)}
    assert [id_ for id_ in status if status[id_] == "cancelled"] == [3, 4, 5]


def test_alerts_of_a_case_that_is_taken_are_cancelled_and_those_of_another_are_not(database: Database) -> None:
    save(database, Turn(escalations=(escalation(), escalation(id=901))))
    alerts = [message(n, RIVERA, Priority.ALERT, kind=MessageKind.ALERT, escalation_id=899 + n) for n in (1, 2)]
    save(database, Turn(messages=(*alerts, message(3, RIVERA, kind=MessageKind.STAFF, escalation_id=900))))
    save(database, Turn(cancel_alerts_of=(900,)))
    assert {row.id: row.status for row in rows(database, tables.message)} == {
        1: "cancelled",
        2: "pending",
        3: "pending",
    }


def test_what_was_reviewed_first_stays_reviewed_by_who_did_it(database: Database) -> None:
    save(database, Turn(conversations=(conversation(1),), received=received(), answers=(answer(id=300),)))
    for name in ("Ms. Rivera", "Mr. Okafor"):
        review = AuditEntry(name, "review-answer", NOON)
        save(database, Turn(reviewed_answers=(300,), reviewed_by=name, audit=(review,)))
    (row,) = rows(database, tables.answer)
    assert (row.reviewed_by, row.reviewed_at) == ("Ms. Rivera", NOON)


# --- words and moments, there and back ---


@pytest.mark.parametrize("text", TEXTS)
def test_what_somebody_wrote_comes_back_as_it_was(database: Database, text: str) -> None:
    save(
        database,
        Turn(conversations=(conversation(1),), received=received(text=text), answers=(answer(text, value=text),)),
    )
    (log,), (kept,) = rows(database, tables.message), rows(database, tables.answer)
    assert (log.text, kept.text, kept.value) == (text, text, text)


@pytest.mark.parametrize(("text", "seen"), [("a\x00b", "a\u2400b"), ("half \ud83d", "half ?")])
def test_what_a_database_cannot_hold_becomes_a_visible_sign(database: Database, text: str, seen: str) -> None:
    whole = conversation(1, answers={"words": text})
    save(database, Turn(conversations=(whole,), received=received(text=text), answers=(answer(text, value=text),)))
    (log,), (kept,) = rows(database, tables.message), rows(database, tables.answer)
    assert (log.text, kept.text, kept.value) == (seen, seen, text)
    with database.read() as connection:
        stored = conversations.state(connection, 1)
    assert stored is not None
    assert state.load(stored).step == "mood"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moment=st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1)).map(lambda at: at.replace(tzinfo=UTC)))
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_moments_come_back_to_the_millisecond_in_utc(database: Database, moment: datetime) -> None:
    save(database, Turn(conversations=(conversation(1, due_at=moment),)))
    (row,) = rows(database, tables.conversation)
    assert row.due_at.tzinfo is UTC
    assert abs(row.due_at - moment) <= timedelta(milliseconds=1)
    assert milliseconds(row.due_at) == milliseconds(moment)


def test_no_noun_shows_what_somebody_wrote(database: Database) -> None:
    told = [
        received(text=CANARY),
        answer(CANARY, value=CANARY),
        message(1, text=CANARY),
        conversation(1, answers={"words": CANARY}, values={"name": CANARY}),
        escalation(note=CANARY),
        Person(1, "k", "Maya", Role.MENTEE, "en", "", email=CANARY, phone=CANARY),
    ]
    assert CANARY not in repr(told)
    assert CANARY not in repr(Turn(received=received(text=CANARY), messages=(message(1, text=CANARY),)))


def test_a_message_whose_id_is_taken_is_not_dropped_in_silence(database: Database) -> None:
    """It may be an alert. Whoever made the id tries again, with another one."""
    save(database, Turn(messages=(message(1),)))
    with pytest.raises(IntegrityError):
        save(database, Turn(messages=(message(1, LEO, dedupe_key="another"),)))
    save(database, Turn(messages=(message(2, dedupe_key="key 1"),)))  # the same message once more
    with database.read() as connection:
        assert connection.execute(select(tables.message.c.id)).scalars().all() == [1]
