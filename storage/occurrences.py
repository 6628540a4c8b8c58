"""Occurrences: what planning wrote, what it would change, and what has become of each. One row fires once, for ever:
(schedule, person, local date, slot) is unique, and what fired, was missed or cancelled keeps its row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    and_,
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
    "id", "schedule", "person_id", "local_date", "slot", "local_time",
    "due_at", "expires_at", "flow", "match_id", "values", "status",
)  # fmt: skip
"""As domain.Occurrence has them; the status comes last."""
_NOT_YET = (None,)
_EPOCH = datetime.fromtimestamp(0, UTC)

_column = tables.occurrence.c
_WHOLE = select(*(_column[name] for name in _COLUMNS[:-1]))
_ONE = Statement(lambda _: _WHOLE.where(_column.id == bound(_column.id), AHEAD))
_LOCK = Statement(lambda _: _WHOLE.where(_column.id == bound(_column.id), AHEAD).with_for_update())
_DUE = _column.due_at <= bound(_column.due_at, "now")
_NEXT_DUE = (
    _WHOLE.where(_DUE, AHEAD)
    .where(tuple_(_column.due_at, _column.id) > tuple_(bound(_column.due_at, "begin"), bound(_column.id, "after")))
    .order_by(_column.due_at, _column.id)
    .limit(bindparam("limit", type_=BigInteger))
)
_NEXT = Statement(lambda _: _NEXT_DUE)
_TAKE = Statement(lambda _: _NEXT_DUE.with_for_update(skip_locked=True))
_DUE_OF = Statement(lambda dialect: _WHOLE.where(_DUE, AHEAD, among_given(dialect, _column.person_id)))
_DUE_ONCE = Statement(
    lambda dialect: (
        select(_column.person_id)
        .where(_DUE, AHEAD, among_given(dialect, _column.person_id))
        .group_by(_column.person_id)
        .having(func.count() == literal_column("1"))
    )
)
_BETWEEN = and_(_column.due_at >= bound(_column.due_at, "begin"), _column.due_at < bound(_column.due_at, "end"))
_FIRED = Statement(
    lambda dialect: _WHOLE.where(
        _BETWEEN, _column.status == literal_column("'fired'"), among_given(dialect, _column.person_id)
    )
)
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
    ).where(_BETWEEN, _column.status == literal_column("'planned'"), among_given(dialect, _column.person_id))
)
_PLANNED_EVER = Statement(
    lambda dialect: select(_column.person_id).where(
        _column.schedule == bound(_column.schedule),
        _column.slot == bound(_column.slot),
        among_given(dialect, _column.person_id),
    )
)
_MARK_FIRED = Statement(
    lambda dialect: (
        update(tables.occurrence).where(among_given(dialect, _column.id)).values(status=literal_column("'fired'"))
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
    planned = {tuple(row[:4]): row[4:] for row in rows if row[0] not in keep}
    new: list[tuple[Any, ...]] = []
    moved: list[Occurrence] = []
    for one in wanted:
        schedule, date, day = one.schedule, one.local_date, one.local_date.isoformat()
        stored = milliseconds(one.due_at), milliseconds(one.expires_at), one.flow
        for person_id, slot, match_id in one.seats:
            id_, *before = planned.pop((schedule, date, person_id, slot), _NOT_YET)
            if id_ is None:
                new.append((schedule, person_id, day, slot, one.local_time, *stored, match_id))
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


def people_without(connection: Connection, schedule: str, slot: str, people: Collection[int]) -> set[int]:
    """Those of these people for whom this schedule was never planned with this slot."""
    planned = _PLANNED_EVER.rows(connection, ids=list(people), schedule=schedule, slot=slot)
    return set(people) - {person_id for (person_id,) in planned}


def occurrence(connection: Connection, occurrence_id: int, *, lock: bool = False) -> Occurrence | None:
    """An occurrence that may still fire; None when it has fired, was missed or cancelled meanwhile.

    `lock`: hold the row until the transaction ends (PostgreSQL), so that two heartbeats cannot both fire it.
    """
    rows = (_LOCK if lock else _ONE).rows(connection, id=occurrence_id)
    return _occurrence(rows[0]) if rows else None


def next_due(
    connection: Connection, now: datetime, after: tuple[datetime, int] | None, limit: int, *, take: bool = False
) -> Sequence[Occurrence]:
    """The occurrences that are due, earliest first, beginning behind `after` (due time and id).

    `take`: hold them to the commit; on PostgreSQL those that another heartbeat holds are left to it.
    """
    begin, last = after or (_EPOCH, 0)
    rows = (_TAKE if take else _NEXT).rows(connection, now=now, begin=begin, after=last, limit=limit)
    return [_occurrence(row) for row in rows]


def due_of(connection: Connection, people: Collection[int], now: datetime) -> Sequence[Occurrence]:
    """Every occurrence of these people that is due."""
    return [_occurrence(row) for row in _DUE_OF.rows(connection, now=now, ids=list(people))]


def due_once(connection: Connection, people: Collection[int], now: datetime) -> set[int]:
    """Those of these people for whom exactly one occurrence is due."""
    return {person_id for (person_id,) in _DUE_ONCE.rows(connection, now=now, ids=list(people))}


def fired_between(
    connection: Connection, people: Collection[int], begin: datetime, end: datetime
) -> Sequence[Occurrence]:
    """What fired for these people with a due time in a stretch of time."""
    rows = _FIRED.rows(connection, ids=list(people), begin=begin, end=end)
    return [_occurrence(row) for row in rows]


def mark_fired(connection: Connection, ids: Collection[int]) -> None:
    """These have fired: in the transaction of what they brought."""
    _MARK_FIRED.run(connection, [{"ids": list(ids)}])


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


def _occurrence(row: Sequence[Any]) -> Occurrence:
    known = [*row[:-1], row[-1] or {}]
    return Occurrence(*known)
