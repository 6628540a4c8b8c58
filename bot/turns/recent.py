"""What a person wrote before, where it changes what a message means. Asked for only where a message gives a reason."""

from __future__ import annotations

from dataclasses import replace

from bot.domain import Inbound, InboundKind, Person, Tier
from bot.safety import over_time, second_look, split
from bot.safety.rules import Case
from bot.safety.screen import Screening
from bot.turns.draft import Draft
from storage import conversations, escalations


def across(draft: Draft, person: Person, inbound: Inbound, screening: Screening) -> Screening:
    """With what a free text says only together with what the person wrote just before."""
    if inbound.kind is not InboundKind.TEXT or not inbound.text:
        return screening
    written = conversations.written_since(draft.past(person), person.id, draft.now - split.WITHIN)
    before = [split.Before(id_, text) for id_, text in written]
    found = split.across(draft.program.screener, before, inbound.text, screening)
    if not found:
        return screening
    together = (*screening.findings, *found)  # what a rule found says more than a second look
    ordered = sorted(together, key=lambda finding: (finding.tier.rank, finding.category == second_look.CATEGORY))
    return replace(screening, findings=tuple(ordered))


def added_up(draft: Draft, person: Person, case: Case) -> Case:
    """A concern that is not the first sign within these days is urgent. Asked only where words opened the case."""
    if case.tier is not Tier.CONCERN or not any(one.tier.climbs and one.message_id is None for one in draft.findings):
        return case
    since = draft.now - over_time.WITHIN
    earlier = [over_time.Concern(*one) for one in escalations.worded_since(draft.connection, person.id, since)]
    moods = (*conversations.answers_since(draft.connection, person.id, since), *draft.answers)
    return over_time.added_up(case, earlier, moods, draft.now)
