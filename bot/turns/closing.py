"""An account that closes many cases in a short time may not be its owner's: a limit, and another adult is told."""

from __future__ import annotations

from datetime import timedelta

from bot.domain import MessageKind, Person, PersonStatus, Priority, StaffAction
from bot.errors import Refused
from bot.turns.draft import Draft
from storage import escalations, people

MOST = 10
WITHIN = timedelta(minutes=10)


def guard(draft: Draft, action: StaffAction) -> None:
    """Count this closing. The last one that is allowed is told to the safety contact; more raise Refused."""
    before = escalations.closed_by(draft.connection, action.actor, draft.now - WITHIN)
    if before >= MOST:
        raise Refused(
            f"You have closed {MOST} cases within ten minutes, and the safety contact knows. The cases stay open: "
            "take what is urgent, and close the rest in ten minutes, or let another adult close them."
        )
    if before < MOST - 1:
        return
    draft.note(action.actor, "closed many cases", detail=f"{MOST} within ten minutes")
    for adult in _told(draft, action):
        text = draft.text(
            adult, "closed_many", adult=action.actor, count=str(MOST), link=f"{draft.program.base_url}/staff/"
        )
        draft.write(adult, text, kind=MessageKind.STAFF, priority=Priority.ALERT)


def _told(draft: Draft, action: StaffAction) -> list[Person]:
    """The safety contact; where it is their own account, the bypass person, or else all other adults."""
    others = [
        one
        for one in people.adults(draft.connection)
        if one.id != action.actor_person_id and one.name != action.actor and one.status is not PersonStatus.STOPPED
    ]
    for key in (draft.program.safety_contact, draft.program.bypass):
        if found := [one for one in others if one.key == key]:
            return found
    return others
