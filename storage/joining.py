"""Codes that bind a chat to a person: given once, used once, for a time; and the binding itself."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from bot.domain import Binding
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


def _hash(code: str) -> str:
    return hashlib.sha256(code.encode("utf-8", "replace")).hexdigest()
