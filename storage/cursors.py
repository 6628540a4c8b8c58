"""How far a platform's account has been read, and whose chats are looked at first when it is read again."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, exists, or_, select, update

from storage import tables
from storage.inbox import insert_once


def read(connection: Connection, name: str) -> datetime | None:
    """Until when everything has been read; None when never."""
    column = tables.cursor.c
    return connection.execute(select(column.at).where(column.name == name)).scalar()


def move(connection: Connection, name: str, at: datetime) -> None:
    """Everything until then has been read."""
    column = tables.cursor.c
    if not connection.execute(update(tables.cursor).where(column.name == name).values(at=at)).rowcount:
        connection.execute(insert_once(connection, tables.cursor).values(name=name, at=at))


def urgent_chats(connection: Connection, platform: str, account: str) -> Collection[str]:
    """The chats of people with an open question or an open case."""
    place, case, talk = tables.address.c, tables.escalation.c, tables.conversation.c
    has_case = exists().where(case.person_id == place.person_id, case.status != "closed")
    has_question = exists().where(talk.person_id == place.person_id, talk.status == "waiting")
    of_account = (place.platform == platform, place.account == account)
    return set(connection.execute(select(place.chat).where(*of_account, or_(has_case, has_question))).scalars())
