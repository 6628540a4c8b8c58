"""Once a day: what an adult must put right before it is needed, and whom nobody has let go on after a case."""

from __future__ import annotations

from bot.domain import MessageKind, ReviewItem, ReviewKind
from bot.planning.duty import AHEAD, Gap, gaps
from bot.turns.draft import Draft
from storage import drills, people, resting, unanswered

WEEK = 7
"""Days until adults are reminded once more of a drill that is due."""


def look(draft: Draft) -> None:
    """Tell the safety contact of days ahead on which nobody is on duty, and of a drill that is due; once a day each.

    Staff find among what to look at whose check-ins still rest after a crisis, and who never said how it went on.
    """
    _resting(draft)
    _unanswered(draft)
    _drill(draft)
    duty = draft.program.duty
    if duty is None:
        return
    present = [one.key for one in people.adults(draft.connection)]
    found = gaps(duty, present, draft.now, draft.now + AHEAD)
    if found:
        _tell(draft, "duty_gap", when="; ".join(_span(draft, gap) for gap in found))
        draft.note("Nearpeer", "duty gap", detail=f"{len(found)} in the next 14 days")


def _resting(draft: Draft) -> None:
    """Who is asked nothing is not missed when they fall silent: after a crisis they must not be forgotten."""
    for student_id, message_id in resting.forgotten(draft.connection, draft.now):
        _notice(draft, student_id, message_id, "On hold, though no case is open: let check-ins go on, or say hello")
        draft.note("Nearpeer", resting.NOTED, person_id=student_id)


def _unanswered(draft: Draft) -> None:
    """Nobody knows whether anybody talked with them: told once for each case."""
    reason = "Has not said whether someone talked with them since their case was closed: perhaps say hello"
    for case_id, student_id, message_id in unanswered.silent(draft.connection, draft.now):
        _notice(draft, student_id, message_id, reason)
        draft.note("Nearpeer", unanswered.NOTED, escalation_id=case_id, person_id=student_id)


def _notice(draft: Draft, student_id: int, message_id: int | None, reason: str) -> None:
    draft.items.append(ReviewItem(draft.new_id(), ReviewKind.NOTICE, reason, draft.now, student_id, message_id))


def _drill(draft: Draft) -> None:
    """When the last drill is no longer fresh: hold another."""
    last = drills.last(draft.connection)
    zone = draft.program.zone
    began = (last.began_at if last is not None else draft.now).astimezone(zone).date()
    days = (draft.now.astimezone(zone).date() - began).days
    overdue = days - drills.FRESH.days
    if overdue >= 0 and overdue % WEEK == 0:
        _tell(draft, "drill_due", days=str(days))


def _tell(draft: Draft, key: str, **values: str) -> None:
    present = people.adults(draft.connection)
    # Where the safety contact has left, whoever is here must know: alerts come to all of them.
    told = [one for one in present if one.key == draft.program.safety_contact] or present
    today = draft.now.astimezone(draft.program.zone).date()
    for adult in told:
        draft.write(adult, draft.text(adult, key, **values), kind=MessageKind.STAFF, key=f"{key}:{today}:{adult.id}")


def _span(draft: Draft, gap: Gap) -> str:
    begin, end = (moment.astimezone(draft.program.zone) for moment in (gap.begin, gap.end))
    return f"{begin:%Y-%m-%d %H:%M} - {end:%Y-%m-%d %H:%M}"
