"""The roles that the work of a school can be split into: what `nearpeer run --role` names. No role: all of them."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum


class Role(StrEnum):
    """One share of the work. Each may run in several programs at once; what only one may do waits for its lease."""

    INGRESS = "ingress"
    """Takes in from chat platforms, and sends to them."""
    WORKER = "worker"
    """Turns what arrived into answers and alerts."""
    HEARTBEAT = "heartbeat"
    """Asks every second what is due, and plans ahead."""
    WEB = "web"
    """Serves the staff pages and the web chat."""
    AUDITOR = "auditor"
    """Checks every minute that nothing is left lying."""


ALL = frozenset(Role)


def sentence(roles: Collection[Role]) -> str:
    """What a program of these roles does, for its first line."""
    if set(roles) == ALL:
        return "does everything in one program"
    return f"has the role {' and '.join(role for role in Role if role in roles)}"
