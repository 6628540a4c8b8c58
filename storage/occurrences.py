"""Occurrences: what planning wrote, what it would change, and what has become of each. One row fires once, for ever:
(schedule, person, local date, slot) is unique, and what fired, was missed or cancelled keeps its row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    bindparam,
    delete,
    func,
    literal_column,
    select,
    tuple_,
    type_coerce,
    update,
)

from bot.domain import Firing, Occurrence
from bot.failpoints import failpoint
from storage import tables
from storage.bulk import among, among_given, insert_rows
from storage.hot import Statement, bound
from storage.types import milliseconds

AHEAD = tables.occurrence.c.status.in_((literal_column("'planned'"), literal_column("'held'")))
"""Occurrences that may still fire, in the very words of their partial index: bound values would not find it."""
_COLUMNS = (
    "id", "schedule", "person_id", "slot", "local_date", "local_time",
    "due_at", "expires_at", "flow", "match_id", "values", "status",
)  # fmt: skip
_NOT_YET = (None,)
_column = tables.occurrence.c
_PLANNED = Statement(
    lambda dialect: select(
        _column.schedule,
        _column.local_date,
        _column.person_id,
        _column.slot,
        _column.id,
        type_coerce(_column.due_at, BigInteger),
        type_coerce(_column.expires_at, BigInteger),
        _column.flow,
    ).where(
        among_given(dialect, _column.person_id),
        _column.due_at >= bound(_column.due_at, "begin"),
        _column.due_at < bound(_column.due_at, "end"),
        _column.status == literal_column("'planned'"),
    )
)
_PLANNED_EVER = Statement(
    lambda dialect: select(_column.person_id).where(
        _column.schedule == bound(_column.schedule), among_given(dialect, _column.person_id)
    )
)


@dataclass(frozen=True, slots=True)
class Changes:
    """What planning anew changes: new occurrences, those that moved (with their own ids), and ids of those gone."""

    new: Sequence[tuple[Any, ...]] = ()
    """Rows that have no id yet: most of what is planned is there already."""
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
    wanted: Iterable[Firing],
    people: Collection[int],
    begin: datetime,
    end: datetime,
    keep: Sequence[str] = (),
) -> Changes:
    """What makes the planned occurrences of these people, due from `begin` to `end`, exactly the wanted ones.

    What fired, was missed or cancelled is left alone, so that it never fires again. `keep`: schedules left alone.
    """
    rows = _PLANNED.rows(connection, ids=list(people), begin=begin, end=end)
    planned = {row[:4]: row[4:] for row in map(tuple, rows) if row[0] not in keep}
    new: list[tuple[Any, ...]] = []
    moved: list[Occurrence] = []
    for one in wanted:
        schedule, day, local = one.schedule, one.local_date, (one.local_date.isoformat(), one.local_time)
        stored = milliseconds(one.due_at), milliseconds(one.expires_at), one.flow
        for person_id, slot, match_id in one.seats:
            id_, *before = planned.pop((schedule, day, person_id, slot), _NOT_YET)
            if id_ is None:
                new.append((schedule, person_id, slot, *local, *stored, match_id))
            elif tuple(before) != stored:
                moved.append(_seated(one, id_, person_id, slot, match_id))
    return Changes(new, moved, [id_ for id_, *_ in planned.values()])


def apply(connection: Connection, changes: Changes, new_ids: Callable[[int], Sequence[int]]) -> int:
    """Write what planning changes; gives how many occurrences were new. What fired since it was read is left alone."""
    column = tables.occurrence.c
    if changes.gone:
        gone = delete(tables.occurrence).where(column.status == "planned")
        connection.execute(gone.where(among(connection, column.id, changes.gone)))
    if changes.moved:
        connection.execute(_MOVE, [_moved(one) for one in changes.moved])
    ids = new_ids(len(changes.new))
    rows = [(id_, *row, "{}", "planned") for id_, row in zip(ids, changes.new, strict=True)]
    added = insert_rows(connection, tables.occurrence, _COLUMNS, rows)
    failpoint("plan.inserted")
    return added


def people_without(connection: Connection, schedule: str, people: Collection[int]) -> set[int]:
    """Those of these people for whom this schedule was never planned."""
    planned = _PLANNED_EVER.rows(connection, ids=list(people), schedule=schedule)
    return set(people) - {person_id for (person_id,) in planned}


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


def _seated(one: Firing, id_: int, person_id: int, slot: str, match_id: int | None) -> Occurrence:
    return Occurrence(
        id=id_,
        schedule=one.schedule,
        person_id=person_id,
        local_date=one.local_date,
        slot=slot,
        local_time=one.local_time,
        due_at=one.due_at,
        expires_at=one.expires_at,
        flow=one.flow,
        match_id=match_id,
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
