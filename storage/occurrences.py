"""Occurrences: what planning wrote, what it would change, and what has become of each. One row fires once, for ever:
(schedule, person, local date, slot) is unique, and what fired, was missed or cancelled keeps its row.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, literal_column, select, tuple_, update

from bot.domain import Occurrence
from bot.failpoints import failpoint
from storage import tables
from storage.bulk import among, insert_rows
from storage.types import milliseconds

AHEAD = tables.occurrence.c.status.in_((literal_column("'planned'"), literal_column("'held'")))
"""Occurrences that may still fire, in the very words of their partial index: bound values would not find it."""
_COLUMNS = (
    "id", "schedule", "person_id", "local_date", "slot", "local_time",
    "due_at", "expires_at", "flow", "match_id", "values", "status",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Changes:
    """What planning anew changes: new occurrences, those that moved (with their own ids), and ids of those gone."""

    new: Sequence[Occurrence] = ()
    moved: Sequence[Occurrence] = ()
    gone: Sequence[int] = ()

    def parts(self, size: int) -> Iterator[Changes]:
        """The same in transactions of at most `size` rows, so that alerts and intake get in between."""
        for begin in range(0, len(self.gone), size):
            yield Changes(gone=self.gone[begin : begin + size])
        for begin in range(0, len(self.moved), size):
            yield Changes(moved=self.moved[begin : begin + size])
        for begin in range(0, len(self.new), size):
            yield Changes(new=self.new[begin : begin + size])


def differences(
    connection: Connection,
    wanted: Iterable[Occurrence],
    people: Collection[int],
    begin: datetime,
    end: datetime,
    keep: Sequence[str] = (),
) -> Changes:
    """What makes the planned occurrences of these people, due from `begin` to `end`, exactly the wanted ones.

    What fired, was missed or cancelled is left alone, so that it never fires again. `keep`: schedules left alone.
    """
    column = tables.occurrence.c
    rows = connection.execute(
        select(
            column.id,
            column.schedule,
            column.person_id,
            column.local_date,
            column.slot,
            column.due_at,
            column.expires_at,
            column.flow,
        ).where(
            among(connection, column.person_id, people),
            column.due_at >= begin,
            column.due_at < end,
            column.status == "planned",
            column.schedule.not_in(keep),
        )
    )
    planned = {(row.schedule, row.person_id, row.local_date, row.slot): row for row in rows}
    new, moved = [], []
    for one in wanted:
        row = planned.pop((one.schedule, one.person_id, one.local_date, one.slot), None)
        if row is None:
            new.append(one)
        elif (row.due_at, row.expires_at, row.flow) != (one.due_at, one.expires_at, one.flow):
            moved.append((row.id, one))
    return Changes(new, [replace(one, id=id_) for id_, one in moved], [row.id for row in planned.values()])


def apply(connection: Connection, changes: Changes, new_id: Callable[[], int]) -> int:
    """Write what planning changes; gives how many occurrences were new. What fired since it was read is left alone."""
    column = tables.occurrence.c
    if changes.gone:
        gone = delete(tables.occurrence).where(column.status == "planned")
        connection.execute(gone.where(among(connection, column.id, changes.gone)))
    if changes.moved:
        connection.execute(_MOVE, [_moved(one) for one in changes.moved])
    stored: dict[datetime, int] = {}
    rows = [_row(one, one.id or new_id(), stored) for one in changes.new]
    added = insert_rows(connection, tables.occurrence, _COLUMNS, rows)
    failpoint("plan.inserted")
    return added


def people_without(connection: Connection, schedule: str, people: Collection[int]) -> set[int]:
    """Those of these people for whom this schedule was never planned."""
    column = tables.occurrence.c
    planned = select(column.person_id).where(column.schedule == schedule, among(connection, column.person_id, people))
    return set(people) - set(connection.execute(planned).scalars())


def occurrence(connection: Connection, occurrence_id: int, *, lock: bool = False) -> Occurrence | None:
    """An occurrence that may still fire; None when it has fired, was missed or cancelled meanwhile.

    `lock`: hold the row until the transaction ends (PostgreSQL), so that two heartbeats cannot both fire it.
    """
    column = tables.occurrence.c
    query = select(tables.occurrence).where(column.id == occurrence_id, AHEAD)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    return None if row is None else _occurrence(row)


def next_due(
    connection: Connection, now: datetime, after: tuple[datetime, int] | None, limit: int, *, take: bool = False
) -> Sequence[Occurrence]:
    """The occurrences that are due, earliest first, beginning behind `after` (due time and id).

    `take`: hold them to the commit; on PostgreSQL those that another heartbeat holds are left to it.
    """
    column = tables.occurrence.c
    query = select(tables.occurrence).where(column.due_at <= now, AHEAD)
    if after is not None:
        query = query.where(tuple_(column.due_at, column.id) > after)
    query = query.order_by(column.due_at, column.id).limit(limit)
    rows = connection.execute(query.with_for_update(skip_locked=True) if take else query)
    return [_occurrence(row) for row in rows]


def due_of(connection: Connection, people: Collection[int], now: datetime) -> Sequence[Occurrence]:
    """Every occurrence of these people that is due."""
    column = tables.occurrence.c
    query = select(tables.occurrence).where(column.due_at <= now, AHEAD)
    return [_occurrence(row) for row in connection.execute(query.where(among(connection, column.person_id, people)))]


def due_once(connection: Connection, people: Collection[int], now: datetime) -> set[int]:
    """Those of these people for whom exactly one occurrence is due."""
    column = tables.occurrence.c
    query = select(column.person_id).where(column.due_at <= now, AHEAD)
    query = query.where(among(connection, column.person_id, people)).group_by(column.person_id)
    return set(connection.execute(query.having(func.count() == 1)).scalars())


def fired_between(
    connection: Connection, people: Collection[int], begin: datetime, end: datetime
) -> Sequence[Occurrence]:
    """What fired for these people with a due time in a stretch of time."""
    column = tables.occurrence.c
    query = select(tables.occurrence).where(column.due_at >= begin, column.due_at < end, column.status == "fired")
    return [_occurrence(row) for row in connection.execute(query.where(among(connection, column.person_id, people)))]


def mark_fired(connection: Connection, ids: Collection[int]) -> None:
    """These have fired: in the transaction of what they brought."""
    those = among(connection, tables.occurrence.c.id, ids)
    connection.execute(update(tables.occurrence).where(those).values(status="fired"))


_MOVE = (
    update(tables.occurrence)
    .where(tables.occurrence.c.id == bindparam("id_"), tables.occurrence.c.status == "planned")
    .values({name: bindparam(f"{name}_") for name in ("local_time", "due_at", "expires_at", "flow", "match_id")})
)


def _moved(one: Occurrence) -> dict[str, Any]:
    return {
        "id_": one.id,
        "local_time_": one.local_time,
        "due_at_": one.due_at,
        "expires_at_": one.expires_at,
        "flow_": one.flow,
        "match_id_": one.match_id,
    }


def _row(one: Occurrence, id_: int, stored: dict[datetime, int]) -> tuple[Any, ...]:
    """As the driver stores it; `stored` remembers moments, because thousands share a few."""
    due_at = stored.get(one.due_at) or stored.setdefault(one.due_at, milliseconds(one.due_at))
    expires_at = stored.get(one.expires_at) or stored.setdefault(one.expires_at, milliseconds(one.expires_at))
    return (
        id_,
        one.schedule,
        one.person_id,
        one.local_date.isoformat(),
        one.slot,
        one.local_time,
        due_at,
        expires_at,
        one.flow,
        one.match_id,
        json.dumps(dict(one.values)) if one.values else "{}",
        "planned",
    )


def _occurrence(row: Any) -> Occurrence:
    return Occurrence(
        id=row.id,
        schedule=row.schedule,
        person_id=row.person_id,
        local_date=row.local_date,
        slot=row.slot,
        local_time=row.local_time,
        due_at=row.due_at,
        expires_at=row.expires_at,
        flow=row.flow,
        match_id=row.match_id,
        values=dict(row._mapping["values"] or {}),
    )
