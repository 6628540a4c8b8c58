"""What was lost for good while a platform was out of reach: noted with the mark that ends the outage, and kept until
everybody concerned was told; and who that is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, select

from bot.domain import STUDENTS
from storage import cursors, tables


@dataclass(frozen=True, slots=True)
class Loss:
    """An account of a platform that was out of reach. `words`: what was written is lost; else only presses are."""

    platform: str
    account: str
    words: bool
    since: datetime
    until: datetime

    @property
    def name(self) -> str:
        """What its cursors are called."""
        return f"{'words' if self.words else 'presses'}:{self.platform}:{self.account}"


def note(connection: Connection, loss: Loss) -> None:
    """Keep it; one that nobody was told of yet is made longer."""
    if noted(connection, loss.platform, loss.account, words=loss.words) is None:
        cursors.move(connection, f"lost-from:{loss.name}", loss.since)
    cursors.move(connection, f"lost-until:{loss.name}", loss.until)


def noted(connection: Connection, platform: str, account: str, *, words: bool) -> Loss | None:
    """The one that people are still to be told of."""
    name = f"{'words' if words else 'presses'}:{platform}:{account}"
    since, until, told = (cursors.read(connection, f"{one}:{name}") for one in ("lost-from", "lost-until", "lost-told"))
    if since is None or until is None or (told is not None and told >= until):
        return None
    return Loss(platform, account, words, since, until)


def told_at(connection: Connection, loss: Loss) -> datetime | None:
    """The end of the last one like it of which everybody was told; None when there was none."""
    return cursors.read(connection, f"lost-told:{loss.name}")


def told(connection: Connection, loss: Loss) -> None:
    """Everybody was told of it."""
    cursors.move(connection, f"lost-told:{loss.name}", loss.until)


def concerned(connection: Connection, loss: Loss) -> Sequence[int]:
    """The ids of students whose words there may be lost, or who have a question with buttons there."""
    place, person = tables.address.c, tables.person.c
    there = (place.platform == loss.platform, place.account == loss.account, place.unreachable_at.is_(None))
    query = (
        select(person.id)
        .distinct()
        .join(tables.address, place.person_id == person.id)
        .where(*there, person.role.in_(STUDENTS), person.status != "stopped")
        .order_by(person.id)
    )
    if not loss.words:
        talk, message = tables.conversation.c, tables.message.c
        query = query.where(
            exists().where(
                talk.person_id == person.id,
                talk.status == "waiting",
                message.person_id == person.id,
                message.conversation_id == talk.id,
                message.direction == "out",
                message.platform == loss.platform,
                message.choices.is_not(None),
                message.created_at <= loss.since,
            )
        )
    return connection.execute(query).scalars().all()
