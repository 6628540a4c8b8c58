"""Addresses that follow from roster and settings: those wanted are there, those no longer wanted are gone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from sqlalchemy import Connection, delete, insert, select, update

from bot.domain import Address
from storage import tables


def follow(
    connection: Connection,
    platforms: Collection[str],
    wanted: Mapping[Address, tuple[int, int]],
    new_id: Callable[[], int],
) -> None:
    """Make the addresses on these platforms those wanted (address -> person's id, position). All are tried anew."""
    column = tables.address.c
    rows = connection.execute(select(tables.address).where(column.platform.in_(platforms))).all()
    there = {Address(row.platform, row.account, row.chat): row for row in rows}
    gone = [row.id for address, row in there.items() if address not in wanted]
    if gone:
        connection.execute(delete(tables.address).where(column.id.in_(gone)))
    for address, (person_id, position) in wanted.items():
        values = {"person_id": person_id, "position": position, "unreachable_at": None}
        known = there.get(address)
        if known is not None:
            connection.execute(update(tables.address).where(column.id == known.id).values(**values))
        else:
            named = {"platform": address.platform, "account": address.account, "chat": address.chat}
            connection.execute(insert(tables.address).values(id=new_id(), **named, **values))
