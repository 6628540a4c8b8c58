"""After an outage in which something was lost for good: people are told, and open questions are asked again."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import Any

from bot.domain import Conversation, ConversationStatus, Due, DueKind, Person, PersonStatus, Priority
from bot.errors import FlowError
from bot.flows import state
from bot.planning.due import fit_hour
from bot.turns import prompts
from bot.turns.draft import Draft
from storage import conversations, people

log = logging.getLogger(__name__)


def tell(draft: Draft, due: Due) -> None:
    """Tell a person, at an hour fit for it, that what they wrote or pressed since `due.at` did not reach us."""
    person = people.load(draft.connection, due.id, lock=True)
    if person is None or person.status is PersonStatus.STOPPED or not person.addresses:
        return
    words = due.kind is DueKind.LOST_WORDS
    asked = _asked(draft, person, due.at if words else None)
    fit = fit_hour(draft.now, draft.program.zone_of(person))
    is_paused = person.status is PersonStatus.PAUSED
    if (asked is None and not words) or (is_paused and fit > draft.now):
        return
    draft.say(person, "lost_words" if words else "lost_press")
    if asked is not None:
        try:
            prompts.ask_again(draft, person, asked)
        except FlowError as error:  # its time comes all the same, and then staff are told
            log.error("question not asked again conversation=%s error=%s", asked.id, type(error).__name__)
    # Who pauses gets no prompts; and a reply that waited for the morning would hold up those to what comes meanwhile.
    how: dict[str, Any] = (
        {} if is_paused else {"priority": Priority.CHECK_IN, "not_before": fit if fit > draft.now else None}
    )
    draft.messages[:] = [replace(message, **how) for message in draft.messages]


def _asked(draft: Draft, person: Person, since: datetime | None) -> Conversation | None:
    """The question that waits for this person; or the one whose time ran out since then."""
    if person.status is not PersonStatus.ACTIVE:
        return None
    waiting = prompts.waiting(draft, person)
    if waiting is not None or since is None:
        return waiting
    found = conversations.lapsed(draft.connection, person.id)
    if found is None:
        return None
    stored, step, asked_at = found
    lapsed = replace(state.load(stored), status=ConversationStatus.SUSPENDED, step=step)
    return lapsed if asked_at + prompts.flow_of(draft, lapsed).flow.window >= since else None
