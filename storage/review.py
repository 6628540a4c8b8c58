"""What staff read about cases and review items, as frozen dataclasses. Reading only; `caseload_of` bounds all of it.

`reader` is the person who reads: what may be about them is not shown, nor to anybody who is no person of the roster.
`caseload_of` is an advisor's person id: their own students, and cases that they were told of (mission.md L4). None is
the whole program. What lies outside is left out, never told apart from what does not exist.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, and_, func, or_, select

from bot.domain import AuditEntry, EscalationStatus, ReviewKind, Tier
from storage import tables
from storage.sight import in_caseload, may_know_of_rest, may_read, words_may_be_read
from storage.written import Words, words_of


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver a message."""

    started_at: datetime
    result: str
    code: str


@dataclass(frozen=True, slots=True)
class Told:
    """One message to an adult about a case, and how far it got."""

    message_id: int
    name: str
    kind: str
    platform: str
    status: str
    created_at: datetime
    sent_at: datetime | None
    error: str
    rung: int | None
    round: int | None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """An escalation as staff see it."""

    id: int
    person_id: int
    person: str
    tier: Tier
    category: str
    reason: str
    status: EscalationStatus
    opened_at: datetime
    rung: int
    next_action_at: datetime | None
    next_people: tuple[str, ...]
    """Who is told at `next_action_at` while nobody has the case."""
    acknowledged_by: str
    acknowledged_person_id: int | None
    acknowledged_at: datetime | None
    asked_at: datetime | None
    plan: str
    outcome: str
    note: str = field(repr=False)
    closed_by: str
    closed_at: datetime | None
    words: tuple[Words, ...] = ()
    told: tuple[Told, ...] = ()
    drill: bool = False
    rests: bool = False
    """The student's prompts rest until an adult lets them go on."""

    @property
    def undelivered(self) -> bool:
        """Nobody has it, and what was sent last has reached nobody."""
        alerts = [one for one in self.told if one.kind == "alert"]
        arrived = max((one.created_at for one in alerts if one.status == "sent"), default=None)
        failed = [one.created_at for one in alerts if one.status == "failed" or (one.status == "pending" and one.error)]
        is_open = self.status is EscalationStatus.OPEN
        return is_open and bool(failed) and (arrived is None or arrived < max(failed))


@dataclass(frozen=True, slots=True)
class CaseHistory:
    """One case whole: with every try to tell somebody, and the record."""

    case: Case
    record: tuple[AuditEntry, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """Something to look at, without a ladder."""

    id: int
    kind: ReviewKind
    reason: str
    at: datetime
    person_id: int | None
    person: str
    words: Words | None
    reviewed_at: datetime | None
    reviewed_by: str


def waiting_cases(connection: Connection, caseload_of: int | None, reader: int | None = None) -> Sequence[Case]:
    """Every case that is not closed: those that nobody has first, then the most urgent, then the oldest."""
    cases = _cases(connection, _visible(caseload_of, reader).where(tables.escalation.c.status != "closed"))
    return sorted(cases, key=lambda case: (case.status != EscalationStatus.OPEN, case.tier.rank, case.opened_at))


def closed_cases(
    connection: Connection, caseload_of: int | None, since: datetime, reader: int | None = None, limit: int = 10
) -> Sequence[Case]:
    """The cases closed last."""
    column = tables.escalation.c
    query = _visible(caseload_of, reader).where(column.status == "closed", column.closed_at >= since)
    return _cases(connection, query.order_by(column.closed_at.desc(), column.id.desc()).limit(limit))


def case_history(
    connection: Connection, escalation_id: int, caseload_of: int | None, reader: int | None = None
) -> CaseHistory | None:
    """One case whole, or None if it does not exist or is not theirs to see."""
    cases = _cases(connection, _visible(caseload_of, reader).where(tables.escalation.c.id == escalation_id))
    if not cases:
        return None
    tries = _attempts(connection, [told.message_id for told in cases[0].told])
    told = tuple(replace(one, attempts=tries.get(one.message_id, ())) for one in cases[0].told)
    audit = tables.audit
    rows = connection.execute(
        select(audit).where(audit.c.escalation_id == escalation_id).order_by(audit.c.at, audit.c.id)
    )
    record = tuple(
        AuditEntry(row.actor, row.action, row.at, row.person_id, row.escalation_id, row.detail) for row in rows
    )
    return CaseHistory(replace(cases[0], told=told), record)


def items(
    connection: Connection,
    caseload_of: int | None,
    reader: int | None = None,
    *,
    before: int | None = None,
    limit: int = 25,
) -> tuple[Sequence[Item], int]:
    """Review items that nobody has looked at, newest first from below id `before`, and how many there are in all."""
    item = tables.review_item.c
    mine = in_caseload(item.person_id, caseload_of) & words_may_be_read(item.message_id, reader)
    waiting = select(func.count()).select_from(tables.review_item).where(item.reviewed_at.is_(None), mine)
    query = _items_query().where(item.reviewed_at.is_(None), mine)
    if before is not None:
        query = query.where(item.id < before)
    return _items(connection, query.limit(limit)), connection.execute(waiting).scalar_one()


def item(connection: Connection, item_id: int, caseload_of: int | None, reader: int | None = None) -> Item | None:
    """One review item, or None if it does not exist or is not theirs to see."""
    column = tables.review_item.c
    mine = in_caseload(column.person_id, caseload_of) & words_may_be_read(column.message_id, reader)
    found = _items(connection, _items_query().where(column.id == item_id, mine))
    return found[0] if found else None


def names_of(connection: Connection, person_ids: Iterable[int | None]) -> Mapping[int, str]:
    """Names by person id."""
    person = tables.person.c
    ids = {id_ for id_ in person_ids if id_ is not None}
    return {row.id: row.name for row in connection.execute(select(person.id, person.name).where(person.id.in_(ids)))}


def _visible(caseload_of: int | None, reader: int | None) -> Select[Any]:
    escalation, code, person = tables.escalation.c, tables.acknowledgement_code.c, tables.person.c
    rests = and_(person.status == "paused", person.paused_until.is_(None), may_know_of_rest(person.id, reader))
    was_told = escalation.id.in_(select(code.escalation_id).where(code.person_id == caseload_of))
    return (
        select(tables.escalation, person.name, rests.label("rests"))
        .join(tables.person, person.id == escalation.person_id)
        .where(or_(in_caseload(escalation.person_id, caseload_of), was_told), may_read(reader))
    )


def _cases(connection: Connection, query: Select[Any]) -> list[Case]:
    rows = connection.execute(query).all()
    written = _words_of_cases(connection, rows)
    told = _told(connection, [row.id for row in rows])
    names = names_of(connection, (id_ for row in rows for id_ in _next_people(row)))
    return [
        Case(
            id=row.id,
            person_id=row.person_id,
            person=row.name,
            tier=Tier(row.tier),
            category=row.category,
            reason=row.reason,
            status=EscalationStatus(row.status),
            opened_at=row.opened_at,
            rung=row.rung,
            next_action_at=row.next_action_at,
            next_people=tuple(names[id_] for id_ in _next_people(row) if id_ in names),
            acknowledged_by=row.acknowledged_by,
            acknowledged_person_id=row.acknowledged_person_id,
            acknowledged_at=row.acknowledged_at,
            asked_at=row.asked_at,
            plan=row.plan,
            outcome=row.outcome,
            note=row.note,
            closed_by=row.closed_by,
            closed_at=row.closed_at,
            words=tuple(written[row.id]),
            told=tuple(told[row.id]),
            drill=row.drill,
            rests=bool(row.rests),
        )
        for row in rows
    ]


def _next_people(row: Any) -> Sequence[int]:
    """The people of the next rung, or of the last one, which is told again and again."""
    rungs = row.ladder["rungs"]
    return rungs[min(row.rung + 1, len(rungs) - 1)]["people"] if rungs else ()


def _words_of_cases(connection: Connection, rows: Sequence[Any]) -> Mapping[int, list[Words]]:
    """The message that opened each case, and later ones whose findings joined it."""
    messages: dict[int, set[int]] = {row.id: {row.message_id} if row.message_id else set() for row in rows}
    finding = tables.finding.c
    joined = select(finding.escalation_id, finding.message_id).where(finding.escalation_id.in_(list(messages)))
    for row in connection.execute(joined):
        messages[row.escalation_id].add(row.message_id)
    written = words_of(connection, (id_ for ids in messages.values() for id_ in ids))
    return {case: [written[id_] for id_ in sorted(ids) if id_ in written] for case, ids in messages.items()}


def _told(connection: Connection, case_ids: Sequence[int]) -> Mapping[int, list[Told]]:
    message, person = tables.message.c, tables.person.c
    found: dict[int, list[Told]] = defaultdict(list)
    rows = connection.execute(
        select(tables.message, person.name)
        .outerjoin(tables.person, person.id == message.person_id)
        .where(
            message.escalation_id.in_(case_ids),
            message.direction == "out",
            message.kind.in_(("alert", "staff", "card")),
            message.replaces.is_(None),  # what stands in place of an alert told nobody anything
        )
        .order_by(message.id)
    )
    for row in rows:
        found[row.escalation_id].append(
            Told(
                message_id=row.id,
                name=row.name or "",
                kind=row.kind,
                platform=row.platform,
                status=row.status,
                created_at=row.created_at,
                sent_at=row.sent_at,
                error=row.error,
                rung=row.rung,
                round=row.round,
            )
        )
    return found


def _attempts(connection: Connection, message_ids: Sequence[int]) -> Mapping[int, tuple[Attempt, ...]]:
    tries: dict[int, tuple[Attempt, ...]] = defaultdict(tuple)
    attempt = tables.delivery_attempt
    rows = connection.execute(
        select(attempt).where(attempt.c.message_id.in_(message_ids)).order_by(attempt.c.message_id, attempt.c.number)
    )
    for row in rows:
        tries[row.message_id] += (Attempt(row.started_at, row.result, row.code),)
    return tries


def _items_query() -> Select[Any]:
    item = tables.review_item
    return (
        select(item, tables.person.c.name)
        .outerjoin(tables.person, tables.person.c.id == item.c.person_id)
        .order_by(item.c.id.desc())
    )


def _items(connection: Connection, query: Select[Any]) -> Sequence[Item]:
    rows = connection.execute(query).all()
    written = words_of(connection, (row.message_id for row in rows))
    return [
        Item(
            id=row.id,
            kind=ReviewKind(row.kind),
            reason=row.reason,
            at=row.at,
            person_id=row.person_id,
            person=row.name or "",
            words=written.get(row.message_id),
            reviewed_at=row.reviewed_at,
            reviewed_by=row.reviewed_by,
        )
        for row in rows
    ]
