"""A day after a case that a mentor told of: the adult who had it is asked whether they talked with the mentor.

Who tells of a friend in danger carries it too. The answer goes on record, and nothing else hangs on it.
"""

from __future__ import annotations

from bot.domain import Choice, Escalation, MessageKind, Person, PersonStatus, Role
from bot.turns import pages
from bot.turns.draft import Draft, initials
from bot.turns.telling import WORRIES
from storage import people

PREFIX = "debrief:"
"""Begins the value of a button that answers."""
_ANSWERS = {"yes": "said that they talked with the mentor", "no": "said that they did not talk with the mentor yet"}


def ask(draft: Draft, mentor: Person, case: Escalation) -> None:
    """Ask whoever had the case last, if it is one that a mentor told of and they are still in the program."""
    if mentor.role is not Role.MENTOR or case.category not in WORRIES or case.acknowledged_person_id is None:
        return
    adult = people.load(draft.connection, case.acknowledged_person_id)
    if adult is None or adult.status is PersonStatus.STOPPED or adult.id in case.left_out:
        return
    code = pages.code_for(draft, case, adult)
    choices = tuple(Choice(draft.text(adult, f"label_debrief_{answer}"), "", PREFIX + answer) for answer in _ANSWERS)
    where = adult.addresses[0] if adult.addresses else None
    text = draft.adult_text(adult, where, "debrief_ask", code=code, initials=initials(mentor))
    key = f"{PREFIX}{case.id}:{case.round}"
    draft.write(adult, text, kind=MessageKind.STAFF, choices=choices, key=key, escalation_id=case.id)


def answer(draft: Draft, adult: Person, escalation_id: int, given: str) -> None:
    """Put on record what the adult says."""
    draft.note(adult.name, _ANSWERS[given], escalation_id=escalation_id)
    draft.say(adult, f"debrief_{given}")
