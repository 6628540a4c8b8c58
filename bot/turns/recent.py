"""What a person wrote before, where it changes what a message means. Asked for only where a message gives a reason."""

from __future__ import annotations

from dataclasses import replace

from bot.domain import Inbound, InboundKind, Person
from bot.safety import split
from bot.safety.screen import Screening
from bot.turns.draft import Draft
from storage import conversations


def across(draft: Draft, person: Person, inbound: Inbound, screening: Screening) -> Screening:
    """With what a free text says only together with what the person wrote just before."""
    if inbound.kind is not InboundKind.TEXT or not inbound.text:
        return screening
    written = conversations.written_since(draft.past(person), person.id, draft.now - split.WITHIN)
    before = [split.Before(id_, text) for id_, text in written]
    found = split.across(draft.program.screener, before, inbound.text, screening)
    if not found:
        return screening
    ordered = sorted((*screening.findings, *found), key=lambda finding: finding.tier.rank)
    return replace(screening, findings=tuple(ordered))
