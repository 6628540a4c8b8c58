"""Alerts that stand in chats already when somebody takes or closes their case: they say so from then on."""

from __future__ import annotations

from collections import Counter

from bot.domain import Address, Escalation, EscalationStatus, MessageKind, Person, PersonStatus, Priority
from bot.turns import pages
from bot.turns.draft import Draft
from storage import alerts, escalations, people

EACH = 5
"""So many of a chat, the newest: nobody scrolls back further, and a case may have waited for days."""


def settle(draft: Draft, settled: Escalation) -> None:
    """Put who has a case, or has closed it, in place of its alerts, where the platform can do that.

    What it told of the student goes with it. Where it cannot be changed, the message that says who has the case is all
    there is. An alert that tells of another case as well stands until nobody need take that one either.
    """
    changed: Counter[Address] = Counter()
    for alert in alerts.told_of(draft.connection, settled):
        adult = people.load(draft.connection, alert.person_id)
        if adult is None or adult.status is PersonStatus.STOPPED or adult.id in settled.left_out:
            continue
        cases = [settled if id_ == settled.id else escalations.load(draft.connection, id_) for id_ in alert.tells_of]
        told = [one for one in cases if one is not None]
        if changed[alert.address] == EACH or any(one.status is EscalationStatus.OPEN for one in told):
            continue
        changed[alert.address] += 1
        draft.write(
            adult,
            "\n".join(_line(draft, one, adult) for one in told),
            kind=MessageKind.STAFF,
            priority=Priority.DIGEST,
            address=alert.address,
            escalation_id=settled.id,
            replaces=alert.id,
        )


def _line(draft: Draft, escalation: Escalation, adult: Person) -> str:
    is_closed = escalation.status is EscalationStatus.CLOSED
    return draft.text(
        adult,
        "alert_closed" if is_closed else "alert_taken",
        adult=escalation.closed_by if is_closed else escalation.acknowledged_by,
        code=pages.code_for(draft, escalation, adult),
        link=pages.link_to(draft, escalation),
    )
