"""What whoever has a case plans to do next. Pure; taking a case is complete without it (bot/safety/ladder.py)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from bot.domain import Escalation, EscalationStatus, Plan
from bot.errors import Declined
from bot.safety import ladder


def fits(escalation: Escalation, wanted: str) -> bool:
    """Whether this code is a plan that the case can have."""
    return wanted in list(Plan) and Plan(wanted).fits(escalation.tier)


def plan(escalation: Escalation, person_id: int | None, name: str, wanted: str, now: datetime) -> Escalation:
    """The case with this plan. Refused for who does not have it, and for a plan that does not fit.

    Who was asked whether they are still with it has answered by it.
    """
    ladder.not_closed(escalation)
    if escalation.status is not EscalationStatus.ACKNOWLEDGED:
        raise Declined("refused_nobody")
    if not ladder.holds(escalation, person_id, name):
        raise Declined("refused_not_yours", adult=escalation.acknowledged_by)
    if not fits(escalation, wanted):
        raise Declined("refused_plan")
    if escalation.asked_at is not None:
        escalation, _ = ladder.acknowledge(escalation, person_id, name, now)
    return replace(escalation, plan=wanted)
