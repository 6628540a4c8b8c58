"""Who alone may do something, as rows that end by themselves: take, renew, give up. Only PostgreSQL needs them.

A lease's token rises with each new holder and never falls: `holds` fences off whoever was paused and comes back late.
Times are wall time as the database tells it (see `database_time`), so that all machines mean the same moment.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, func, select, true, update

from bot.domain import Lease
from storage import tables
from storage.upsert import insert_into

PROGRAMS = "programs"
"""The name whose token counts the programs that were ever started; nobody holds it."""


def take(connection: Connection, name: str, owner: str, wall: datetime, valid: timedelta) -> Lease | None:
    """Become the holder of a lease that is free or has run out; None while somebody else holds it."""
    token = _next_token(connection, name, owner, wall + valid, tables.lease.c.until <= wall)
    return None if token is None else Lease(name, token)


def renew(connection: Connection, lease: Lease, wall: datetime, valid: timedelta) -> bool:
    """Hold it for longer; False when somebody else has taken it meanwhile."""
    return _change(connection, lease, until=wall + valid)


def give_up(connection: Connection, lease: Lease, wall: datetime) -> bool:
    """Let the next one have it at once; False when it was lost already."""
    return _change(connection, lease, until=wall)


def holds(connection: Connection, lease: Lease) -> bool:
    """Whether the lease is still ours, and that it stays so until this transaction ends."""
    if connection.dialect.name == "sqlite":
        return True  # the instance lock is the lease (decisions.md 18)
    column = tables.lease.c
    held = select(column.token).where(column.name == lease.name, column.token == lease.token)
    return connection.execute(held.with_for_update(read=True)).scalar() is not None


def holder(connection: Connection, name: str, wall: datetime) -> str:
    """Who holds a lease now; "" when it is free."""
    column = tables.lease.c
    return connection.execute(select(column.owner).where(column.name == name, column.until > wall)).scalar() or ""


def program_number(connection: Connection, wall: datetime) -> int:
    """How many programs were started on this database until now, this one included."""
    number = _next_token(connection, PROGRAMS, "", wall, true())
    assert number is not None  # nobody ever holds it
    return number


def database_time(connection: Connection) -> datetime:
    """The time by the database's own clock (PostgreSQL): the one clock that all machines share."""
    moment: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return moment.astimezone(UTC)


def _next_token(
    connection: Connection, name: str, owner: str, until: datetime, free: ColumnElement[bool]
) -> int | None:
    new = insert_into(tables.lease, connection.dialect).values(name=name, owner=owner, token=1, until=until)
    return connection.execute(
        new.on_conflict_do_update(
            index_elements=["name"],
            set_={"owner": owner, "token": tables.lease.c.token + 1, "until": until},
            where=free,
        ).returning(tables.lease.c.token)
    ).scalar()


def _change(connection: Connection, lease: Lease, **values: Any) -> bool:
    column = tables.lease.c
    ours = (column.name == lease.name) & (column.token == lease.token)
    return connection.execute(update(tables.lease).where(ours).values(**values)).rowcount == 1
