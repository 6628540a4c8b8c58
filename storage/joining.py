"""Codes that bind a chat to a person: given once, used once, for a time; and the binding itself."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Table, case, delete, insert, literal_column, select, update

from bot.domain import Address, Binding
from storage import people, tables


@dataclass(frozen=True, slots=True)
class JoinCode:
    """A code that was given to somebody."""

    hash: str
    person_id: int
    expires_at: datetime
    used_at: datetime | None


def mint(
    connection: Connection, person_id: int, now: datetime, expires_at: datetime, *, platform: str, renew: bool = False
) -> str | None:
    """A new code, shown this once; None if the person has one that works or has joined, and `renew` is not asked.

    What they had before and did not use no longer works.
    """
    column, address = tables.join_code.c, tables.address.c
    unused = (column.person_id == person_id) & column.used_at.is_(None)
    if not renew:
        works = select(column.code_hash).where(unused, column.expires_at > now)
        joined = select(address.id).where(address.person_id == person_id, address.platform == platform)
        if connection.execute(works).first() is not None or connection.execute(joined).first() is not None:
            return None
    connection.execute(delete(tables.join_code).where(unused))
    code = secrets.token_urlsafe(16)
    connection.execute(
        insert(tables.join_code).values(
            code_hash=_hash(code), person_id=person_id, created_at=now, expires_at=expires_at
        )
    )
    return code


def find(connection: Connection, code: str) -> JoinCode | None:
    """What a code is, also when it works no longer; None for what was never given."""
    column = tables.join_code.c
    row = connection.execute(
        select(column.code_hash, column.person_id, column.expires_at, column.used_at).where(
            column.code_hash == _hash(code)
        )
    ).one_or_none()
    return None if row is None else JoinCode(*row)


def bind(connection: Connection, binding: Binding, now: datetime, address_id: int) -> None:
    """Use up a code; the chat, where there is one, becomes the first one of its person."""
    column = tables.join_code.c
    connection.execute(update(tables.join_code).where(column.code_hash == binding.code_hash).values(used_at=now))
    if binding.address is None:
        return
    people.put_first(connection, binding.person_id, binding.address, address_id)


def linked_by(connection: Connection, item_id: int) -> tuple[int, Address] | None:
    """Whom and which chat a review item says to be linked; None when they are not, or no longer."""
    item, message, address = tables.review_item.c, tables.message.c, tables.address.c
    row = connection.execute(
        select(address.person_id, address.platform, address.account, address.chat)
        .select_from(tables.review_item)
        .join(tables.message, message.id == item.message_id)
        .join(
            tables.address,
            (address.person_id == item.person_id)
            & (address.platform == message.platform)
            & (address.account == message.account)
            & (address.chat == message.chat),
        )
        .where(item.id == item_id, item.kind == "linked")
    ).one_or_none()
    return None if row is None else (row.person_id, Address(row.platform, row.account, row.chat))


def tried_since(connection: Connection, address: Address, since: datetime) -> bool:
    """Whether a link has been tried in this chat since then, and staff have not looked at that yet."""
    item, message = tables.review_item.c, tables.message
    query = (
        select(item.id)
        .join(message, message.c.id == item.message_id)
        .where(item.reviewed_at.is_(None), item.kind == "linked", item.at >= since, *_at(message, address))
        .limit(1)
    )
    return connection.execute(query).first() is not None


def unlink(connection: Connection, address: Address) -> None:
    """Nothing goes to this chat any more; an alert that still waited for it is news, so that its ladder goes on."""
    connection.execute(delete(tables.address).where(*_at(tables.address, address)))
    message = tables.message
    told = case((message.c.kind == "alert", "failed"), else_="")
    connection.execute(
        update(message)
        .where(*_at(message, address), message.c.status == literal_column("'pending'"))
        .values(status="failed", error="unlinked", news=told)
    )


def _at(table: Table, address: Address) -> Sequence[ColumnElement[bool]]:
    return tuple(table.c[name] == getattr(address, name) for name in ("platform", "account", "chat"))


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
