"""What staff do on a page or the command line."""

from __future__ import annotations

from bot.domain import ActionKind, StaffAction
from bot.errors import Refused
from bot.turns import cases, drills, joining, prompts
from bot.turns.draft import Draft
from storage import hold, people


def do(draft: Draft, action: StaffAction) -> None:
    """Carry out one action. Raises Refused with words for whoever asked."""
    if action.kind in (ActionKind.REVIEW_ANSWER, ActionKind.REVIEW_ITEM):
        done = (action.object_id,)
        if action.kind is ActionKind.REVIEW_ANSWER:
            draft.reviewed_answers = done
        else:
            draft.reviewed_items = done
        draft.reviewed_by = action.actor
        draft.note(action.actor, action.kind, detail=str(action.object_id))
    elif action.kind is ActionKind.RESUME:
        person = people.load(draft.connection, action.object_id, lock=True)
        if person is None:
            raise Refused("This person does not exist.")
        prompts.resume(draft, person, action.actor)
    elif action.kind is ActionKind.DRILL:
        drills.begin(draft, action.actor)
    elif action.kind is ActionKind.UNLINK:
        joining.unlink(draft, action)
    elif action.kind in (ActionKind.RELEASE, ActionKind.DROP_HELD):
        if not hold.stands(draft.connection):
            raise Refused("Nothing is held any more.")
        draft.hold_ended = "pending" if action.kind is ActionKind.RELEASE else "cancelled"
        draft.note(action.actor, action.kind)
    else:
        cases.act(draft, action)
