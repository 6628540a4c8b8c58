"""Escalations as turns needs to see them: by id, by code, and the running one of a person and category."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, func, select, update

from bot.domain import Address, Escalation, EscalationStatus, Ladder, Outcome, Rung, SchoolHours, Tier
from storage import tables


def load(connection: Connection, escalation_id: int, *, lock: bool = False) -> Escalation | None:
    """One escalation. `lock`: hold its row until the transaction ends (PostgreSQL)."""
    query = select(tables.escalation).where(tables.escalation.c.id == escalation_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _escalation(row)


def several(connection: Connection, ids: Collection[int]) -> dict[int, Escalation]:
    """Those of these cases that can be read, by id."""
    query = select(tables.escalation).where(tables.escalation.c.id.in_(ids))
    return {one.id: one for one in _readable(connection.execute(query))} if ids else {}


def person_of(connection: Connection, escalation_id: int) -> int | None:
    """Whom a case is about."""
    column = tables.escalation.c
    return connection.execute(select(column.person_id).where(column.id == escalation_id)).scalar()


def running(
    connection: Connection, person_id: int, category: str, since: datetime, chat: Address | None = None
) -> Escalation | None:
    """The newest case of this person and category that is not closed and was opened since then. A drill is none.

    `chat`: only one that began with what somebody wrote there.
    """
    column, message = tables.escalation.c, tables.message.c
    query = select(tables.escalation).where(
        column.person_id == person_id,
        column.category == category,
        column.status != "closed",
        column.opened_at >= since,
        ~column.drill,
    )
    if chat is not None:
        there = (message.platform == chat.platform, message.account == chat.account, message.chat == chat.chat)
        query = query.join(tables.message, message.id == column.message_id).where(*there)
    row = connection.execute(query.order_by(column.id.desc()).limit(1)).one_or_none()
    return None if row is None else _escalation(row)


def how_many(connection: Connection, person_id: int, categories: Collection[str], since: datetime) -> int:
    """How many cases of this person and these categories were opened since then."""
    column = tables.escalation.c
    which = (column.person_id == person_id, column.category.in_(categories), column.opened_at >= since)
    return connection.execute(select(func.count()).select_from(tables.escalation).where(*which)).scalar_one()


def not_closed(connection: Connection, person_id: int) -> Sequence[Escalation]:
    """Every case of a person that is not closed and can be read."""
    column = tables.escalation.c
    rows = connection.execute(
        select(tables.escalation).where(column.person_id == person_id, column.status != "closed").order_by(column.id)
    )
    return _readable(rows)


def let_go_of(connection: Connection, person_id: int, now: datetime) -> None:
    """An adult has left: what they have, and what they alone were told of last, goes on now and not at its time."""
    column = tables.escalation.c
    rows = connection.execute(select(tables.escalation).where(column.status != "closed", ~column.drill))
    left = [one.id for one in _readable(rows) if _rests_with(one, person_id)]
    connection.execute(update(tables.escalation).where(column.id.in_(left)).values(next_action_at=now))


def _rests_with(case: Escalation, person_id: int) -> bool:
    if case.status is EscalationStatus.ACKNOWLEDGED:
        return case.acknowledged_person_id == person_id
    return case.rung >= 0 and [rung.people for rung in case.ladder.rungs[case.rung : case.rung + 1]] == [(person_id,)]


def to_follow_up(connection: Connection, person_id: int) -> Sequence[Escalation]:
    """A person's closed cases after which they are still to be asked whether someone talked with them."""
    column = tables.escalation.c
    wanted = (column.person_id == person_id, column.status == "closed", column.follow_up_at.is_not(None))
    return [_escalation(row) for row in connection.execute(select(tables.escalation).where(*wanted))]


def followed_up(connection: Connection, person_id: int) -> Escalation | None:
    """The case about which a person was asked that last; it alone bears the mark."""
    column = tables.escalation.c
    wanted = (column.person_id == person_id, column.follow_up != "")
    query = select(tables.escalation).where(*wanted).order_by(column.id.desc()).limit(1)
    row = connection.execute(query.with_for_update()).one_or_none()
    return None if row is None else _escalation(row)


def worded_since(connection: Connection, person_id: int, since: datetime) -> Sequence[tuple[str, datetime]]:
    """(category, opened at) of a person's cases since a moment that their own words opened or joined.

    What staff judged to be no concern, or was a drill, is left out.
    """
    escalation, finding = tables.escalation.c, tables.finding.c
    by_words = select(finding.id).where(
        finding.escalation_id == escalation.id, finding.pack != "", finding.tier.in_(("crisis", "urgent", "concern"))
    )
    rows = connection.execute(
        select(escalation.category, escalation.opened_at).where(
            escalation.person_id == person_id,
            escalation.opened_at >= since,
            escalation.outcome.not_in((Outcome.FALSE_ALARM, Outcome.DRILL)),
            by_words.exists(),
        )
    )
    return [(row.category, row.opened_at) for row in rows]


def told_lately(
    connection: Connection, person_id: int, since: datetime, tiers: Collection[Tier], left_out: Sequence[int]
) -> datetime | None:
    """When the first of the student's open cases of these tiers was told, that was told since then.

    Reads no ladder: whatever is wrong with another case, a new one is told of.
    """
    column = tables.escalation.c
    return connection.execute(
        select(func.min(column.told_at)).where(
            column.person_id == person_id,
            column.status == "open",
            column.told_at > since,
            column.tier.in_(list(tiers)),
            column.left_out == left_out_text(left_out),
            ~column.drill,
        )
    ).scalar()


def beside(connection: Connection, escalation: Escalation) -> Sequence[Escalation]:
    """Other cases of the same student that nobody has and the same adults may know of; a drill is none.

    Their rows are held to the commit; those that another turn holds, or that cannot be read, are left out.
    """
    column = tables.escalation.c
    rows = connection.execute(
        select(tables.escalation)
        .where(
            column.person_id == escalation.person_id,
            column.id != escalation.id,
            column.status == "open",
            column.left_out == left_out_text(escalation.left_out),
            column.drill == escalation.drill,
        )
        .order_by(column.id)
        .with_for_update(skip_locked=True)
    )
    return _readable(rows)


def closed_by(connection: Connection, name: str, since: datetime) -> int:
    """How many cases, drills aside, somebody has closed since then."""
    column = tables.escalation.c
    which = (column.closed_by == name, column.closed_at >= since, ~column.drill)
    return connection.execute(select(func.count()).select_from(tables.escalation).where(*which)).scalar_one()


def code_of(connection: Connection, escalation_id: int, person_id: int) -> str | None:
    """The code by which this person acknowledges this case."""
    column = tables.acknowledgement_code.c
    return connection.execute(
        select(column.code).where(column.escalation_id == escalation_id, column.person_id == person_id)
    ).scalar()


def by_code(connection: Connection, code: str) -> tuple[int, int] | None:
    """(escalation id, person id) that a code is bound to."""
    column = tables.acknowledgement_code.c
    row = connection.execute(
        select(column.escalation_id, column.person_id).where(column.code == code.upper())
    ).one_or_none()
    return None if row is None else (row.escalation_id, row.person_id)


def codes_of(connection: Connection, person_id: int) -> Sequence[str]:
    """Codes of the cases that this person was told of, may know of and that are not closed, newest first."""
    code, escalation = tables.acknowledgement_code.c, tables.escalation.c
    left_out = escalation.left_out.contains(left_out_text([person_id]))
    return (
        connection.execute(
            select(code.code)
            .join(tables.escalation, escalation.id == code.escalation_id)
            .where(code.person_id == person_id, escalation.status != "closed", ~left_out)
            .order_by(escalation.id.desc())
        )
        .scalars()
        .all()
    )


def told(connection: Connection, escalation_id: int) -> Sequence[int]:
    """People who were told of a case so far."""
    column = tables.acknowledgement_code.c
    return connection.execute(select(column.person_id).where(column.escalation_id == escalation_id)).scalars().all()


def rung_is_silent(connection: Connection, escalation_id: int, rung: int, round_: int) -> bool:
    """Whether every alert of this rung and round has failed: nobody of it can be reached."""
    column = tables.message.c
    open_alerts = connection.execute(
        select(func.count()).where(
            column.escalation_id == escalation_id,
            column.rung == rung,
            column.round == round_,
            column.status != "failed",
        )
    ).scalar_one()
    return open_alerts == 0


def left_out_text(people: Sequence[int]) -> str:
    """Ids as the row keeps them."""
    return "".join(f",{one}" for one in people) + "," if people else ""


def ladder_json(ladder: Ladder) -> dict[str, Any]:
    """A ladder as its row keeps it (durations in seconds)."""
    return {
        "rungs": [{"people": list(rung.people), "wait": rung.wait.total_seconds()} for rung in ladder.rungs],
        "repeat": ladder.repeat.total_seconds(),
        "hold": ladder.hold.total_seconds(),
        "grace": ladder.grace.total_seconds(),
        "hours": None if ladder.hours is None else _hours_json(ladder.hours),
    }


def _hours_json(hours: SchoolHours) -> dict[str, Any]:
    return {
        "zone": hours.zone,
        "days": list(hours.days),
        "opens": hours.opens.isoformat(),
        "closes": hours.closes.isoformat(),
        "closed": [day.isoformat() for day in hours.closed],
    }


def _hours(value: Mapping[str, Any]) -> SchoolHours:
    return SchoolHours(
        zone=value["zone"],
        days=tuple(value["days"]),
        opens=time.fromisoformat(value["opens"]),
        closes=time.fromisoformat(value["closes"]),
        closed=tuple(date.fromisoformat(day) for day in value["closed"]),
    )


def _ladder(value: Mapping[str, Any]) -> Ladder:
    return Ladder(
        rungs=tuple(Rung(tuple(one["people"]), timedelta(seconds=one["wait"])) for one in value["rungs"]),
        repeat=timedelta(seconds=value["repeat"]),
        hold=timedelta(seconds=value["hold"]),
        grace=timedelta(seconds=value["grace"]),
        hours=_hours(value["hours"]) if value.get("hours") else None,
    )


def _readable(rows: Iterable[Any]) -> list[Escalation]:
    """These cases, but for one whose row is damaged: it holds up no other; when its own time comes, staff are told."""
    found = []
    for row in rows:
        with contextlib.suppress(KeyError, TypeError, ValueError):
            found.append(_escalation(row))
    return found


def _escalation(row: Any) -> Escalation:
    return Escalation(
        id=row.id,
        person_id=row.person_id,
        tier=Tier(row.tier),
        category=row.category,
        reason=row.reason,
        status=EscalationStatus(row.status),
        opened_at=row.opened_at,
        ladder=_ladder(row.ladder),
        next_action_at=row.next_action_at,
        rung=row.rung,
        round=row.round,
        acknowledged_by=row.acknowledged_by,
        acknowledged_person_id=row.acknowledged_person_id,
        acknowledged_at=row.acknowledged_at,
        asked_at=row.asked_at,
        plan=row.plan,
        outcome=row.outcome,
        note=row.note,
        closed_by=row.closed_by,
        closed_at=row.closed_at,
        message_id=row.message_id,
        left_out=tuple(int(one) for one in row.left_out.split(",") if one),
        drill=row.drill,
        policy=row.policy,
        told_at=row.told_at,
        news_at=row.news_at,
        report_at=row.report_at,
        follow_up_at=row.follow_up_at,
        follow_up=row.follow_up,
    )
