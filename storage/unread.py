"""How much waits for each adult of what staff look at without a ladder: what their own pages show. Reading only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, case, func, select

from bot.domain import ReviewKind, Role
from storage import people, tables
from storage.sight import in_caseload, words_may_be_read

_UNJUDGED = (ReviewKind.UNSCREENED, ReviewKind.MEDIA, ReviewKind.QUARANTINED)


@dataclass(frozen=True, slots=True)
class Unread:
    """What waits for one adult: how much, how much of it could not be judged, and since when."""

    adult_id: int
    count: int
    unjudged: int
    oldest: datetime


def waiting(connection: Connection, before: datetime) -> Sequence[Unread]:
    """For every adult of the program for whom anything has been waiting since before a moment."""
    item = tables.review_item.c
    unjudged = func.sum(case((item.kind.in_(_UNJUDGED), 1), else_=0))
    query = select(func.count(), unjudged, func.min(item.at)).where(item.reviewed_at.is_(None), item.at < before)
    found = []
    for adult in people.adults(connection):
        mine = in_caseload(item.person_id, None if adult.role is Role.COORDINATOR else adult.id)
        count, of_these, oldest = connection.execute(
            query.where(mine, words_may_be_read(item.message_id, adult.id))
        ).one()
        if count:
            found.append(Unread(adult.id, count, int(of_these), oldest))
    return found
