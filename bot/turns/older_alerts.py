"""Alerts that stand in chats already when somebody takes or closes their case: they say so from then on."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import cache

from bot.domain import Address, Escalation, EscalationStatus, MessageKind, Person, PersonStatus, Priority
from bot.turns import pages
from bot.turns.draft import Draft
from storage import alerts, escalations, people

EACH = 5
"""So many of a chat, the newest: nobody scrolls back further, and a case may have waited for days."""
_HOLDS = timedelta(days=1)
"""What could not be changed by then stands as it was."""


def settle(draft: Draft, settled: Escalation) -> None:
    """Put who has a case, or has closed it, in place of its alerts, where the platform can do that.

    What it told of the student goes with it. Where it cannot be changed, the message that says who has the case is all
    there is. An alert that tells of another case as well stands until nobody need take that one either; one that is
    about its reader by now is no longer spoken of.
    """
    found = alerts.told_of(draft.connection, settled)
    adults = people.several(draft.connection, {alert.person_id for alert in found})
    others = {id_ for alert in found for id_ in alert.tells_of} - {settled.id}
    cases = escalations.several(draft.connection, others) | {settled.id: settled}
    changed: Counter[Address] = Counter()
    line = cache(lambda id_, adult_id: _line(draft, cases[id_], adults[adult_id]))
    for alert in found:
        adult = adults.get(alert.person_id)
        if adult is None or adult.status is PersonStatus.STOPPED or adult.id in settled.left_out:
            continue
        told = [cases.get(id_) for id_ in alert.tells_of]
        known = [one for one in told if one is not None and adult.id not in one.left_out]
        stands = None in told or any(one.status is EscalationStatus.OPEN for one in known)
        if stands or changed[alert.address] == EACH:
            continue
        changed[alert.address] += 1
        draft.write(
            adult,
            "\n".join(line(one.id, adult.id) for one in known),
            kind=MessageKind.STAFF,
            priority=Priority.DIGEST,
            address=alert.address,
            escalation_id=settled.id,
            expires_at=draft.now + _HOLDS,
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
