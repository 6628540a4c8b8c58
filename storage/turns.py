"""save_turn: THE transaction. Only here conversations, escalations and the outbox change (decisions.md 1 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, insert, update

from bot.domain import Answer, Conversation, Escalation, Message, Priority, Received, Turn
from bot.failpoints import failpoint
from storage import escalations, hold, joining, people, tables
from storage.batch import ANSWER, CONVERSATION, MESSAGE, RECEIVED, Batch
from storage.hot import Row


def save_turn(
    connection: Connection, turn: Turn, now: datetime, new_id: Callable[[], int], dump: Callable[[Conversation], str]
) -> None:
    """Write everything that one event caused. `dump` makes a conversation's JSON."""
    with Batch(connection) as batch:
        add_turn(batch, turn, now, new_id, dump)


def add_turn(
    batch: Batch, turn: Turn, now: datetime, new_id: Callable[[], int], dump: Callable[[Conversation], str]
) -> None:
    """The same as one of many: its rows are written with the batch's, or when somebody wants to read."""
    _change_people(batch, turn, now, new_id)
    for conversation in turn.conversations:
        batch.add(CONVERSATION, conversation_row(conversation, dump))
    if turn.escalations or turn.codes or turn.cancel_prompts_of or turn.cancel_alerts_of:
        _escalate(batch.connection, turn)
    if turn.received is not None:
        batch.add(RECEIVED, _received_row(turn.received))
    if (turn.findings or turn.explanation) and turn.received is not None:
        _findings(batch.connection, turn, turn.received, new_id)
    for message in turn.messages:
        batch.add(MESSAGE, _message_row(message, now))
    message_id = turn.received.id if turn.received is not None else None
    for answer in turn.answers:
        batch.add(ANSWER, _answer_row(answer, message_id, new_id))
    _review(batch, turn)
    _occurrence(batch, turn)
    if turn.hold_ended:
        hold.end(batch.connection, turn.hold_ended, turn.audit[0].actor, now)
    if turn.audit:
        _audit(batch.connection, turn, new_id)


def conversation_row(conversation: Conversation, dump: Callable[[Conversation], str]) -> Row:
    """A conversation as its table has it."""
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


def acted_on(connection: Connection, message_id: int) -> None:
    """The news of this message was acted on."""
    connection.execute(update(tables.message).where(tables.message.c.id == message_id).values(news=""))


def _put(connection: Connection, table: Table, row: dict[str, Any]) -> None:
    """Update the row of this id, or insert it."""
    if not connection.execute(update(table).where(table.c.id == row["id"]).values(row)).rowcount:
        connection.execute(insert(table).values(row))


def _change_people(batch: Batch, turn: Turn, now: datetime, new_id: Callable[[], int]) -> None:
    for person in turn.people:
        people.change(batch.connection, person)
    for address in turn.unreachable:
        people.mark_address(batch.connection, address, now)
    for address in turn.reachable:
        people.mark_address(batch.connection, address, None)
    for binding in turn.bindings:
        joining.bind(batch.connection, binding, now, new_id())
    if turn.paused_matches:
        people.pause_matches(batch.connection, turn.paused_matches, now)
    if turn.resumed_matches:
        people.pause_matches(batch.connection, turn.resumed_matches, None)
    for address in turn.unlinked:
        joining.unlink(batch.connection, address)


def _escalate(connection: Connection, turn: Turn) -> None:
    for escalation in turn.escalations:
        _put(connection, tables.escalation, _escalation_row(escalation))
        failpoint("work.escalation")
    for code in turn.codes:
        connection.execute(
            insert(tables.acknowledgement_code).values(
                code=code.code, escalation_id=code.escalation_id, person_id=code.person_id
            )
        )
    message = tables.message.c
    cancelled = update(tables.message).where(message.direction == "out", message.status.in_(("pending", "held")))
    for person_id in turn.cancel_prompts_of:
        of_person = (message.person_id == person_id) & (message.priority >= Priority.REMINDER)
        connection.execute(cancelled.where(of_person).values(status="cancelled"))
    for escalation_id in turn.cancel_alerts_of:
        of_case = (message.escalation_id == escalation_id) & (message.kind == "alert")
        connection.execute(cancelled.where(of_case).values(status="cancelled"))


def _findings(connection: Connection, turn: Turn, received: Received, new_id: Callable[[], int]) -> None:
    opened = turn.escalations[0].id if turn.escalations else None
    if turn.explanation:
        connection.execute(insert(tables.explanation).values(message_id=received.id, record=turn.explanation))
    for finding in turn.findings:
        connection.execute(
            insert(tables.finding).values(
                id=new_id(),
                message_id=received.id if finding.message_id is None else finding.message_id,
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


def _review(batch: Batch, turn: Turn) -> None:
    """What staff must look at, and what they have looked at."""
    for item in turn.items:
        batch.connection.execute(
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
    for table, ids in ((tables.answer, turn.reviewed_answers), (tables.review_item, turn.reviewed_items)):
        if ids:
            batch.connection.execute(
                update(table)
                .where(table.c.id.in_(ids), table.c.reviewed_at.is_(None))
                .values(reviewed_at=turn.audit[0].at, reviewed_by=turn.reviewed_by)
            )


def _occurrence(batch: Batch, turn: Turn) -> None:
    column = tables.occurrence.c
    if turn.occurrence_done is not None:
        occurrence_id, status = turn.occurrence_done
        done = update(tables.occurrence).where(column.id == occurrence_id).values(status=status)
        batch.connection.execute(done)
    if turn.occurrence_held is not None:
        occurrence_id, until = turn.occurrence_held
        held = update(tables.occurrence).where(column.id == occurrence_id)
        batch.connection.execute(held.values(status="held", due_at=until))


def _audit(connection: Connection, turn: Turn, new_id: Callable[[], int]) -> None:
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


def _received_row(received: Received) -> Row:
    address = received.address
    return {
        "id": received.id,
        "person_id": received.person_id,
        "platform": address.platform,
        "account": address.account,
        "chat": address.chat,
        "kind": received.kind,
        "text": received.text,
        "step": received.step,
        "conversation_id": received.conversation_id,
        "created_at": received.at,
        "provider_id": received.provider_id,
        "replaces": received.replaces,
    }


def _answer_row(answer: Answer, message_id: int | None, new_id: Callable[[], int]) -> Row:
    return {
        "id": answer.id or new_id(),
        "conversation_id": answer.conversation_id,
        "person_id": answer.person_id,
        "message_id": message_id if message_id is not None else answer.message_id,
        "flow": answer.flow,
        "flow_hash": answer.flow_hash,
        "step": answer.step,
        "topic": answer.topic,
        "sensitivity": answer.sensitivity,
        "kind": answer.kind,
        "value": answer.value,
        "text": answer.text,
        "at": answer.at,
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
        "plan": escalation.plan,
        "outcome": escalation.outcome,
        "note": escalation.note,
        "closed_by": escalation.closed_by,
        "closed_at": escalation.closed_at,
        "message_id": escalation.message_id,
        "left_out": escalations.left_out_text(escalation.left_out),
        "drill": escalation.drill,
        "policy": escalation.policy,
        "told_at": escalation.told_at,
        "news_at": escalation.news_at,
        "report_at": escalation.report_at,
        "follow_up_at": escalation.follow_up_at,
        "follow_up": escalation.follow_up,
    }


def _message_row(message: Message, now: datetime) -> Row:
    address = message.address
    return {
        "id": message.id,
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
