"""save_turn: THE transaction. Only here conversations, escalations and the outbox change (decisions.md 1 and 6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, insert, update

from bot.domain import Conversation, Escalation, Message, Priority, Turn
from bot.failpoints import failpoint
from storage import escalations, people, tables
from storage.inbox import insert_once
from storage.wake import Channel, wake

_NOTHING_SENT = {"priority": Priority.REPLY, "attempts": 0, "ambiguous": 0, "provider_id": "", "error": "", "news": ""}


def save_turn(
    connection: Connection, turn: Turn, now: datetime, new_id: Callable[[], int], dump: Callable[[Conversation], str]
) -> None:
    """Write everything that one event caused; a repeated message is dropped by its key.

    `dump` makes a conversation's JSON.
    """
    for person in turn.people:
        people.change(connection, person)
    for address in turn.unreachable:
        people.mark_address(connection, address, now)
    if turn.received is not None:
        people.mark_address(connection, turn.received.address, None)
    for conversation in turn.conversations:
        _put(connection, tables.conversation, _conversation_row(conversation, dump))
    for escalation in turn.escalations:
        _put(connection, tables.escalation, _escalation_row(escalation))
        failpoint("work.escalation")
    for code in turn.codes:
        connection.execute(
            insert(tables.acknowledgement_code).values(
                code=code.code, escalation_id=code.escalation_id, person_id=code.person_id
            )
        )
    _cancel(connection, turn)
    if turn.received is not None:
        _receive(connection, turn, new_id)
    for message in turn.messages:
        connection.execute(insert_once(connection, tables.message).values(_message_row(message, now)))
        failpoint("work.outbox")
    if turn.messages:
        wake(connection, Channel.OUTBOX)
    _answers(connection, turn, new_id)
    _records(connection, turn, now, new_id)
    failpoint("work.audit")


def save_prompts(
    connection: Connection, turns: Sequence[Turn], now: datetime, dump: Callable[[Conversation], str]
) -> None:
    """Write the new conversations and messages of a fan-out; nothing else is in these turns."""
    opened = [_conversation_row(conversation, dump) for turn in turns for conversation in turn.conversations]
    written = [_message_row(message, now) for turn in turns for message in turn.messages]
    if opened:
        connection.execute(insert(tables.conversation), opened)
    if written:
        connection.execute(insert_once(connection, tables.message), written)
        wake(connection, Channel.OUTBOX)


def acted_on(connection: Connection, message_id: int) -> None:
    """The news of this message was acted on."""
    connection.execute(update(tables.message).where(tables.message.c.id == message_id).values(news=""))


def _put(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    """Update the row of this id, or insert it."""
    if not connection.execute(update(table).where(table.c.id == row["id"]).values(row)).rowcount:
        connection.execute(insert(table).values(row))


def _cancel(connection: Connection, turn: Turn) -> None:
    message = tables.message.c
    cancelled = update(tables.message).where(message.direction == "out", message.status == "pending")
    for person_id in turn.cancel_prompts_of:
        of_person = (message.person_id == person_id) & (message.priority >= Priority.REMINDER)
        connection.execute(cancelled.where(of_person).values(status="cancelled"))
    for escalation_id in turn.cancel_alerts_of:
        of_case = (message.escalation_id == escalation_id) & (message.kind == "alert")
        connection.execute(cancelled.where(of_case).values(status="cancelled"))


def _receive(connection: Connection, turn: Turn, new_id: Callable[[], int]) -> None:
    received = turn.received
    assert received is not None
    connection.execute(
        insert(tables.message).values(
            id=received.id,
            direction="in",
            person_id=received.person_id,
            platform=received.address.platform,
            account=received.address.account,
            chat=received.address.chat,
            kind=received.kind,
            text=received.text,
            step=received.step,
            conversation_id=received.conversation_id,
            status="received",
            created_at=received.at,
            **_NOTHING_SENT,
        )
    )
    opened = turn.escalations[0].id if turn.escalations else None
    for finding in turn.findings:
        connection.execute(
            insert(tables.finding).values(
                id=new_id(),
                message_id=received.id,
                escalation_id=opened,
                tier=finding.tier,
                category=finding.category,
                rule=finding.rule,
                pack=finding.pack,
                label=finding.label,
                about=finding.about,
                start=finding.start,
                end=finding.end,
                modifiers=list(finding.modifiers),
            )
        )


def _answers(connection: Connection, turn: Turn, new_id: Callable[[], int]) -> None:
    for answer in turn.answers:
        connection.execute(
            insert(tables.answer).values(
                id=answer.id or new_id(),
                conversation_id=answer.conversation_id,
                person_id=answer.person_id,
                message_id=turn.received.id if turn.received is not None else answer.message_id,
                flow=answer.flow,
                flow_hash=answer.flow_hash,
                step=answer.step,
                topic=answer.topic,
                sensitivity=answer.sensitivity,
                kind=answer.kind,
                value=answer.value,
                text=answer.text,
                at=answer.at,
                reviewed_by="",
            )
        )
        failpoint("work.answer")
    if turn.reviewed_answers:
        column = tables.answer.c
        _review(connection, tables.answer, column.id.in_(turn.reviewed_answers), turn)
    if turn.reviewed_items:
        _review(connection, tables.review_item, tables.review_item.c.id.in_(turn.reviewed_items), turn)


def _review(connection: Connection, table: Table, which: Any, turn: Turn) -> None:
    connection.execute(
        update(table)
        .where(which, table.c.reviewed_at.is_(None))
        .values(reviewed_at=turn.audit[0].at, reviewed_by=turn.reviewed_by)
    )


def _records(connection: Connection, turn: Turn, now: datetime, new_id: Callable[[], int]) -> None:
    for item in turn.items:
        connection.execute(
            insert(tables.review_item).values(
                id=item.id,
                kind=item.kind,
                reason=item.reason,
                at=item.at,
                person_id=item.person_id,
                message_id=item.message_id,
                reviewed_by="",
            )
        )
    if turn.occurrence_done is not None:
        occurrence_id, status = turn.occurrence_done
        column = tables.occurrence.c
        connection.execute(update(tables.occurrence).where(column.id == occurrence_id).values(status=status))
    if turn.occurrence_held is not None:
        occurrence_id, until = turn.occurrence_held
        column = tables.occurrence.c
        held = update(tables.occurrence).where(column.id == occurrence_id)
        connection.execute(held.values(status="held", due_at=until))
    for entry in turn.audit:
        connection.execute(
            insert(tables.audit).values(
                id=new_id(),
                at=entry.at,
                actor=entry.actor,
                action=entry.action,
                person_id=entry.person_id,
                escalation_id=entry.escalation_id,
                detail=entry.detail,
            )
        )


def _conversation_row(conversation: Conversation, dump: Callable[[Conversation], str]) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "person_id": conversation.person_id,
        "flow": conversation.flow,
        "flow_hash": conversation.flow_hash,
        "status": conversation.status,
        "state": dump(conversation),
        "due_at": conversation.due_at,
        "started_at": conversation.started_at,
        "match_id": conversation.match_id,
        "occurrence_id": conversation.occurrence_id,
    }


def _escalation_row(escalation: Escalation) -> dict[str, Any]:
    return {
        "id": escalation.id,
        "person_id": escalation.person_id,
        "tier": escalation.tier,
        "category": escalation.category,
        "reason": escalation.reason,
        "status": escalation.status,
        "opened_at": escalation.opened_at,
        "ladder": escalations.ladder_json(escalation.ladder),
        "rung": escalation.rung,
        "round": escalation.round,
        "next_action_at": escalation.next_action_at,
        "acknowledged_by": escalation.acknowledged_by,
        "acknowledged_person_id": escalation.acknowledged_person_id,
        "acknowledged_at": escalation.acknowledged_at,
        "asked_at": escalation.asked_at,
        "outcome": escalation.outcome,
        "note": escalation.note,
        "closed_by": escalation.closed_by,
        "closed_at": escalation.closed_at,
        "message_id": escalation.message_id,
    }


def _message_row(message: Message, now: datetime) -> dict[str, Any]:
    address = message.address
    return {
        **_NOTHING_SENT,
        "id": message.id,
        "direction": "out",
        "person_id": message.person_id,
        "platform": address.platform if address else "",
        "account": address.account if address else "",
        "chat": address.chat if address else "",
        "kind": message.kind,
        "priority": message.priority,
        "text": message.text,
        "choices": [{"label": one.label, "token": one.token, "value": one.value} for one in message.choices] or None,
        "step": message.step,
        "conversation_id": message.conversation_id,
        "escalation_id": message.escalation_id,
        "rung": message.rung,
        "round": message.round,
        "dedupe_key": message.dedupe_key,
        # Nobody to send it to is a failure like any other: the ladder hears of it and goes on.
        "status": "pending" if address else "failed",
        "error": "" if address else "no_address",
        "news": "" if address else "failed",
        "not_before": message.not_before,
        "expires_at": message.expires_at,
        "created_at": now,
        "replaces": message.replaces,
    }
