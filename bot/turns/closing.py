"""An account that closes many cases in a short time may not be its owner's: a limit, and another adult is told."""

from __future__ import annotations

from datetime import timedelta

from bot.domain import MessageKind, Person, Priority, StaffAction
from bot.errors import Declined
from bot.turns.draft import Draft
from storage import escalations, people


def guard(draft: Draft, action: StaffAction) -> None:
    """Count this closing. The last one that is allowed is told to the safety contact; more raise Refused."""
    limit = draft.program.tuning.closings
    most, minutes = limit.most, limit.within_minutes
    before = escalations.closed_by(draft.connection, action.actor, draft.now - timedelta(minutes=minutes))
    if before >= most:
        raise Declined("refused_many", count=str(most), minutes=str(minutes))
    if before < most - 1:
        return
    draft.note(action.actor, "closed many cases", detail=f"{most} within {minutes} minutes")
    for adult in _told(draft, action):
        link = f"{draft.program.base_url}/staff/"
        text = draft.text(adult, "closed_many", adult=action.actor, count=str(most), minutes=str(minutes), link=link)
        draft.write(adult, text, kind=MessageKind.STAFF, priority=Priority.ALERT)


def _told(draft: Draft, action: StaffAction) -> list[Person]:
    """The safety contact; where it is their own account, the bypass person, or else all other adults."""
    others = [
        one for one in people.adults(draft.connection) if one.id != action.actor_person_id and one.name != action.actor
    ]
    for key in (draft.program.safety_contact, draft.program.bypass):
        if found := [one for one in others if one.key == key]:
            return found
    return others
