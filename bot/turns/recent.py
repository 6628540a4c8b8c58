"""What a person wrote before, where it changes what a message means. Asked for only where a message gives a reason."""

from __future__ import annotations

from bot.domain import Finding, Inbound, InboundKind, Person
from bot.safety import split
from bot.safety.screen import Screening
from bot.turns.draft import Draft
from storage import conversations


def across(draft: Draft, person: Person, inbound: Inbound, screening: Screening) -> tuple[Finding, ...]:
    """What a free text says together with what the person wrote just before, and does not say alone."""
    if inbound.kind is not InboundKind.TEXT or not inbound.text:
        return ()
    written = conversations.written_since(draft.past(person), person.id, draft.now - split.WITHIN)
    before = [split.Before(id_, text) for id_, text in written]
    return split.across(draft.program.screener, before, inbound.text, screening)
