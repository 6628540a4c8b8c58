"""Who writes from an address, with everything that nearly every turn of theirs needs to know, read at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Select, and_, literal_column, select

from bot.domain import Address, Person, PersonStatus, Role
from storage import tables
from storage.hot import Statement, bound

_person, _conversation = tables.person.c, tables.conversation.c
_written_from, _reached_at = tables.address.alias("written_from"), tables.address.alias("reached_at")
_OF_PERSON = ("id", "key", "name", "role", "language", "zone", "status", "paused_until", "email", "phone")
_OF_ADDRESS = ("platform", "account", "chat", "unreachable_at", "position", "id")
_waiting = and_(_conversation.person_id == _person.id, _conversation.status == literal_column("'waiting'"))
_sender = tables.person.join(_written_from, _written_from.c.person_id == _person.id)


def _of_address(query: Select[Any]) -> Select[Any]:
    column = _written_from.c
    return query.where(*(column[name] == bound(column[name]) for name in ("platform", "account", "chat")))


_LOCK = Statement(
    lambda _: _of_address(select(_person.id).select_from(_sender)).with_for_update(of=tables.person, key_share=True)
)
_SENDER = Statement(
    lambda _: _of_address(
        select(
            _conversation.state,
            *(_person[name] for name in _OF_PERSON),
            *(_reached_at.c[name] for name in _OF_ADDRESS),
        ).select_from(
            _sender.join(_reached_at, _reached_at.c.person_id == _person.id).outerjoin(tables.conversation, _waiting)
        )
    )
)


_ROLES = {role.value: role for role in Role}
_STATUSES = {status.value: status for status in PersonStatus}


@dataclass(frozen=True, slots=True)
class Sender:
    """Somebody who writes, as they are before their turn."""

    person: Person
    """The address written from is the first of theirs, also when it took nothing any more: there they are answered."""
    waiting: str | None = field(repr=False)
    """The state of the conversation that waits for their answer."""
    was_lost: bool
    """The address written from took nothing any more until now."""


def sender(connection: Connection, address: Address) -> Sender | None:
    """Who writes from this address, or None for a stranger. Their row is held until the transaction ends."""
    written_from = {"platform": address.platform, "account": address.account, "chat": address.chat}
    if connection.dialect.name == "postgresql":
        # First, and by itself: whoever waited for the row must not see what was there before.
        _LOCK.rows(connection, **written_from)
    rows = _SENDER.rows(connection, **written_from)
    return _read(rows, address) if rows else None


def _read(rows: Sequence[Sequence[Any]], address: Address) -> Sender:
    waiting, id_, key, name, role_name, language, zone, status, paused_until, email, phone, *reached = rows[0]
    role = _ROLES[role_name]
    addresses: tuple[Address, ...] = (address,)
    lost = reached[3] is not None
    if len(rows) > 1:
        others, lost = _places(rows, address, role)
        addresses = (address, *others)
    person = Person(
        id_, key, name, role, language, zone, _STATUSES[status], paused_until, addresses, email=email, phone=phone
    )
    return Sender(person, waiting, lost)


def _places(rows: Sequence[Sequence[Any]], address: Address, role: Role) -> tuple[list[Address], bool]:
    """Where else somebody can be reached, and whether the address written from took nothing any more."""
    others, lost = [], False
    written_from = (address.platform, address.account, address.chat)
    for row in rows:
        *named, unreachable_at, position, id_ = row[1 + len(_OF_PERSON) :]
        if tuple(named) == written_from:
            lost = unreachable_at is not None
        # An adult's lost address stays as the last resort: an alert that fails there moves the ladder on at once.
        elif unreachable_at is None or role.adult:
            others.append((unreachable_at is not None, position, id_, Address(*named)))
    # Reachable ones first, then as they were put in order; the id keeps the order when there is none.
    return [one for *_, one in sorted(others, key=itemgetter(0, 1, 2))], lost
