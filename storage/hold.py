"""HOLD: a restored database does not know what went out since its backup; nothing goes out by itself (decisions.md 24).

A file beside the database counts the starts of programs, and so does the database: one that knows fewer starts than the
file is older than what already ran. Messages that lay in it are `held`; time brings no prompts until a person ends it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, func, insert, literal_column, or_, select, update

from storage import stranded, tables
from storage.hot import Statement
from storage.inbox import insert_once

STARTS = "starts"
"""The name in `lease` whose token counts starts; nobody holds it."""


_HELD: ColumnElement[str] = literal_column("'held'")
"""In the statement itself: only so a database sees that the small index fits."""
_STANDS = Statement(lambda _: select(tables.hold.c.id).where(tables.hold.c.ended_at.is_(None)))


@dataclass(frozen=True, slots=True)
class Standing:
    """A hold that stands. `gap_from`: what happened from then to `since` is not in the database."""

    since: datetime
    gap_from: datetime | None
    held: int
    """Messages that wait for a person's word."""


def starts(connection: Connection) -> int:
    """How many starts the database knows of."""
    return connection.execute(select(tables.lease.c.token).where(tables.lease.c.name == STARTS)).scalar() or 0


def count_start(connection: Connection, beside: int, id_: int, now: datetime) -> tuple[int, bool]:
    """Note a start; gives its number, and whether a hold began: `beside` is the number that the file knows."""
    known = starts(connection)
    number = max(known, beside) + 1
    column = tables.lease.c
    if not connection.execute(update(tables.lease).where(column.name == STARTS).values(token=number)).rowcount:
        row = {"name": STARTS, "owner": "", "token": number, "until": now}
        connection.execute(insert_once(connection, tables.lease).values(row))
    restored = 0 < known < beside
    if restored:
        begin(connection, id_, now)
    return number, restored


def begin(connection: Connection, id_: int, now: datetime) -> None:
    """Hold what lay in the outbox, but not alerts and crisis cards; every open case is told again at once."""
    gap_from = stranded.newest_beat(connection)
    if standing(connection) is None:
        row = {"id": id_, "since": now, "gap_from": gap_from, "ended_by": ""}
        connection.execute(insert(tables.hold).values(row))
    message = tables.message.c
    under_way = or_(message.status == "pending", message.status == "sending")
    connection.execute(
        update(tables.message)
        .where(message.direction == "out", under_way, message.priority > 0)
        .values(
            status="held", lease_token=None, lease_until=None, ambiguous=message.ambiguous + 1
        )  # perhaps sent since
    )
    stranded.bring_back(connection, now)


def standing(connection: Connection) -> Standing | None:
    """The hold that stands, if one does."""
    hold, message = tables.hold.c, tables.message.c
    row = connection.execute(select(hold.since, hold.gap_from).where(hold.ended_at.is_(None))).first()
    if row is None:
        return None
    count = select(func.count()).select_from(tables.message).where(message.status == _HELD)
    return Standing(row.since, row.gap_from, connection.execute(count).scalar_one())


def stands(connection: Connection) -> bool:
    """Whether time must bring no prompts now."""
    return bool(_STANDS.rows(connection))


def happened_since(connection: Connection, moment: datetime) -> bool:
    """Whether a hold stands that began after a moment: what was open then may have been handled already."""
    hold = tables.hold.c
    return connection.execute(select(hold.id).where(hold.ended_at.is_(None), hold.since > moment)).first() is not None


def end(connection: Connection, status: str, actor: str, now: datetime) -> None:
    """The school goes on. What was held becomes `status`: pending (sent if it is still wanted) or cancelled."""
    message, hold = tables.message.c, tables.hold.c
    connection.execute(update(tables.message).where(message.status == _HELD).values(status=status))
    connection.execute(update(tables.hold).where(hold.ended_at.is_(None)).values(ended_at=now, ended_by=actor))
