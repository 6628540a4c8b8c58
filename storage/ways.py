"""Addresses that follow from roster and settings: those wanted are there, those no longer wanted are gone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, delete, insert, select, tuple_, update

from bot.domain import Address
from storage import tables

UNSPOKEN = datetime(1970, 1, 1, tzinfo=UTC)
"""Instead of a moment: what is marked so is not lost, but nobody speaks there."""


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


def heed(connection: Connection, spoken: Collection[tuple[str, str]]) -> None:
    """Nobody is written to at an account (platform, account) for which no program speaks, until one does again.

    A school may take a platform out of its settings, or make a new bot: people's other addresses then come first.
    """
    column = tables.address.c
    is_spoken = tuple_(column.platform, column.account).in_(sorted(spoken))
    for state, then, which in ((None, UNSPOKEN, ~is_spoken), (UNSPOKEN, None, is_spoken)):
        was = column.unreachable_at.is_(None) if state is None else column.unreachable_at == state
        connection.execute(update(tables.address).where(was, which).values(unreachable_at=then))
