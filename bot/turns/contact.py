"""A mentee says that their mentor does something that is not right: contact prompts of that match rest, quietly.

The mentor is not told, by a message or by a change of anything else that they get. An adult lets the prompts go on.
"""

from __future__ import annotations

from bot.domain import Person
from bot.turns.draft import Draft
from storage import people

REPORTED = "reported-mentor"
"""Category of the case."""


def rest(draft: Draft, mentee: Person) -> None:
    """No reminders and no questions about meeting, to either of them, until an adult says so."""
    named = {one.match_id for one in draft.conversations if one.match_id is not None}
    matches = [one for one in people.matches(draft.connection, [mentee.id]) if mentee.id in one.mentees]
    # Asked about one match, it is that one; else it may be any of theirs.
    meant = [one.id for one in matches if one.id in named] or [one.id for one in matches]
    draft.paused_matches.extend(meant)
    draft.note("Nearpeer", "paused contact of the match", person_id=mentee.id)


def rests(draft: Draft, student: Person) -> bool:
    """Whether a match of this student waits for an adult."""
    return any(match.paused for match in people.matches(draft.connection, [student.id]))


def go_on(draft: Draft, student: Person) -> None:
    """An adult lets the prompts of a student's matches go on."""
    draft.resumed_matches.extend(match.id for match in people.matches(draft.connection, [student.id]) if match.paused)
