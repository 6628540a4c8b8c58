"""On each school morning adults read how much waits on the staff pages: what wakes nobody must not lie unseen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from bot.domain import MessageKind, Priority
from bot.turns.draft import Draft
from storage import people
from storage.unread import Unread

_HOLDS = timedelta(hours=20)
"""By the next morning there is a newer count."""


def tell(draft: Draft, found: Sequence[Unread]) -> None:
    """One message to each of these adults, once a day: counts and a link, so that it may go anywhere."""
    today = draft.now.astimezone(draft.program.zone).date()
    adults = people.several(draft.connection, [one.adult_id for one in found], addresses=True)
    for one in found:
        adult = adults[one.adult_id]
        text = draft.text(
            adult,
            "to_look_at",
            count=str(one.count),
            unjudged=str(one.unjudged),
            date=draft.program.local_date(one.oldest, adult),
            link=f"{draft.program.base_url}/staff/#items",
        )
        draft.write(
            adult,
            text,
            kind=MessageKind.STAFF,
            priority=Priority.DIGEST,
            key=f"to-look-at:{today}:{adult.id}",
            expires_at=draft.now + _HOLDS,
        )
