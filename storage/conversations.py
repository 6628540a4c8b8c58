"""Conversations and the flow versions that they began with, as turns needs to see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, literal_column, or_, select, true

from bot.domain import Address, Answer, AnswerKind, Choice
from storage import tables
from storage.batch import DEFINITION, Batch
from storage.bulk import among_given
from storage.hot import Statement, bound
from storage.outbox import choices_of


def _word(status: str) -> Any:
    return literal_column(f"'{status}'")


_conversation, _answer = tables.conversation.c, tables.answer.c
_of_person = _conversation.person_id == bound(_conversation.person_id)
_WAITING = Statement(lambda _: select(_conversation.state).where(_of_person, _conversation.status == _word("waiting")))
_QUEUE = Statement(
    lambda _: (
        select(_conversation.state)
        .where(_of_person, _conversation.status == _word("queued"))
        .order_by(_conversation.id)
    )
)
_FINISHED = Statement(
    lambda _: select(_conversation.flow).distinct().where(_of_person, _conversation.status == _word("done"))
)
_WAITING_OF = Statement(
    lambda dialect: select(_conversation.person_id).where(
        among_given(dialect, _conversation.person_id), _conversation.status == _word("waiting")
    )
)
_FINISHED_OF = Statement(
    lambda dialect: (
        select(_conversation.person_id, _conversation.flow)
        .distinct()
        .where(among_given(dialect, _conversation.person_id), _conversation.status == _word("done"))
    )
)


def waiting(connection: Connection, person_id: int) -> str | None:
    """The state (JSON) of the conversation that waits for this person's answer."""
    found = _WAITING.rows(connection, person_id=person_id)
    return found[0][0] if found else None


def queue(connection: Connection, person_id: int) -> Sequence[str]:
    """The states of all conversations that wait behind another, oldest first."""
    return [row[0] for row in _QUEUE.rows(connection, person_id=person_id)]


def finished_by(connection: Connection, person_id: int) -> tuple[str, ...]:
    """Names of the flows that a person has finished at least once."""
    return tuple(sorted(row[0] for row in _FINISHED.rows(connection, person_id=person_id)))


def suspended(connection: Connection, person_id: int) -> str | None:
    """The state of the newest conversation that an adult has to resume."""
    return _first(connection, person_id, "suspended", newest=True)


def lapsed(connection: Connection, person_id: int) -> tuple[str, str, datetime] | None:
    """The state of the newest conversation that nobody answered in time; its last question, and when that was asked."""
    talk, message = tables.conversation.c, tables.message.c
    asks = (message.person_id == person_id) & (message.conversation_id == talk.id) & (message.step != "")
    row = connection.execute(
        select(talk.state, message.step, message.created_at)
        .join(tables.message, asks)
        .where(talk.person_id == person_id, talk.status == "lapsed", message.direction == "out")
        .order_by(message.id.desc())
        .limit(1)
    ).one_or_none()
    return None if row is None else (row.state, row.step, row.created_at)


def state(connection: Connection, conversation_id: int) -> str | None:
    """The state of one conversation."""
    column = tables.conversation.c
    return connection.execute(select(column.state).where(column.id == conversation_id)).scalar()


def finished_flows(connection: Connection, people: Collection[int]) -> dict[int, tuple[str, ...]]:
    """Names of the flows that each of these people has finished at least once; who has none is left out."""
    finished: dict[int, list[str]] = defaultdict(list)
    for person_id, flow in _FINISHED_OF.rows(connection, ids=list(people)):
        finished[person_id].append(flow)
    return {person_id: tuple(sorted(flows)) for person_id, flows in finished.items()}


def waited_for(connection: Connection, people: Collection[int]) -> set[int]:
    """Those of these people of whom a conversation waits for an answer."""
    return {person_id for (person_id,) in _WAITING_OF.rows(connection, ids=list(people))}


@dataclass(frozen=True, slots=True)
class Sent:
    """One of our messages, as a button press or a reply names it."""

    id: int
    person_id: int | None
    conversation_id: int | None
    escalation_id: int | None
    address: Address
    step: str
    rung: int | None
    round: int | None
    choices: tuple[Choice, ...]
    created_at: datetime


def sent(connection: Connection, message_id: int) -> Sent | None:
    """One of our messages by its id, which may be anything that somebody made up."""
    if not 0 < message_id < 1 << 63:
        return None
    row = connection.execute(
        select(tables.message).where(tables.message.c.id == message_id, tables.message.c.direction == "out")
    ).one_or_none()
    if row is None:
        return None
    return Sent(
        row.id,
        row.person_id,
        row.conversation_id,
        row.escalation_id,
        Address(row.platform, row.account, row.chat),
        row.step,
        row.rung,
        row.round,
        choices_of(row.choices),
        row.created_at,
    )


def sent_as(connection: Connection, person_id: int, address: Address, provider_id: str) -> Sent | None:
    """Our message to a person by the name that its platform gave it."""
    id_ = _named(connection, person_id, address, provider_id, "out")
    return None if id_ is None else sent(connection, id_)


def received_as(connection: Connection, person_id: int, address: Address, provider_id: str) -> int | None:
    """The id of a person's message by the name that its platform gave it: as it was first written."""
    return _named(connection, person_id, address, provider_id, "in")


def _named(connection: Connection, person_id: int, address: Address, provider_id: str, way: str) -> int | None:
    # A person's own messages are few enough to be looked through; an index would cost each message something.
    column = tables.message.c
    return connection.execute(
        select(column.id)
        .where(
            column.person_id == person_id,
            column.provider_id == provider_id,
            column.direction == way,
            column.platform == address.platform,
            column.account == address.account,
            column.chat == address.chat,
        )
        .order_by(column.id)
        .limit(1)
    ).scalar()


def newest_sent(connection: Connection, person_id: int, *, asks: bool = False) -> Sent | None:
    """Our newest message to a person. `asks`: that can be answered; what only tells something is no question.

    What stands in place of an older message is not the last thing that they read.
    """
    column = tables.message.c
    which = or_(column.step != "", column.choices.is_not(None)) if asks else true()
    id_ = connection.execute(
        select(column.id)
        .where(column.person_id == person_id, column.direction == "out", column.replaces.is_(None), which)
        .order_by(column.id.desc())
        .limit(1)
    ).scalar()
    return None if id_ is None else sent(connection, id_)


def is_last(connection: Connection, message: Sent) -> bool:
    """Whether nothing was written to its reader since."""
    newest = newest_sent(connection, message.person_id) if message.person_id is not None else None
    return newest is not None and newest.id == message.id


def define(batch: Batch, hash_: str, kind: str, name: str, body: str, now: datetime) -> None:
    """Keep content under its hash; a repeat changes nothing."""
    batch.add(DEFINITION, {"hash": hash_, "kind": kind, "name": name, "body": body, "stored_at": now})


def definition(connection: Connection, hash_: str) -> str | None:
    """Stored content by its hash."""
    column = tables.definition.c
    return connection.execute(select(column.body).where(column.hash == hash_)).scalar()


_OF_ANSWER = ("id", "conversation_id", "person_id", "flow", "flow_hash", "step", "kind", "at", "topic", "value")
_HISTORY = Statement(
    lambda _: (
        select(*(_answer[name] for name in _OF_ANSWER))
        .where(_answer.person_id == bound(_answer.person_id), _answer.at >= bound(_answer.at, "since"))
        .order_by(_answer.at)
    )
)


def answers_since(connection: Connection, person_id: int, since: datetime) -> Sequence[Answer]:
    """A person's answers since a moment, oldest first, without their words: for rules over history."""
    return [
        Answer(
            id=id_,
            conversation_id=conversation_id,
            person_id=owner_id,
            flow=flow,
            flow_hash=flow_hash,
            step=step,
            kind=AnswerKind(kind),
            at=at,
            topic=topic,
            value=value,
        )
        for id_, conversation_id, owner_id, flow, flow_hash, step, kind, at, topic, value in _HISTORY.rows(
            connection, person_id=person_id, since=since
        )
    ]


_message = tables.message.c
_OF_TEXT = ("id", "created_at", "text", "direction", "kind")
# The outgoing ones between them are few; who has written nothing for a year must cost no look at that year.
_NEWEST = 12


def _written(_dialect: Any) -> Any:
    of_person = select(*(_message[name] for name in _OF_TEXT)).where(_message.person_id == bound(_message.person_id))
    newest = of_person.order_by(_message.id.desc()).limit(literal_column(str(_NEWEST))).subquery().c
    is_text = newest.kind.in_((_word("text"), _word("edit")))
    return (
        select(newest.id, newest.text)
        .where(newest.direction == _word("in"), is_text, newest.created_at >= bound(_message.created_at, "since"))
        .order_by(newest.id)
    )


_WRITTEN = Statement(_written)


def written_since(connection: Connection, person_id: int, since: datetime) -> Sequence[tuple[int, str]]:
    """A person's last texts since a moment, oldest first, by message id; presses of our buttons are none."""
    return [(id_, text) for id_, text in _WRITTEN.rows(connection, person_id=person_id, since=since)]


def _first(connection: Connection, person_id: int, status: str, *, newest: bool = False) -> str | None:
    column = tables.conversation.c
    query = select(column.state).where(column.person_id == person_id, column.status == status)
    return connection.execute(query.order_by(column.id.desc() if newest else column.id).limit(1)).scalar()
