"""Is it working? What the heartbeat's marks and the queues say, in words. Knows no student."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from bot.clock import Clock
from bot.console import wording
from bot.console.desk import Desk
from storage import health
from storage.accounts import Staff
from storage.health import Health

STALE_BEAT = timedelta(minutes=1)
"""Beats come every second; a minute without one is a stop."""
SLOW = timedelta(minutes=5)


def troubles(state: Health, clock: Clock) -> Sequence[str]:
    """What is wrong now, in words for staff; empty when all is well."""
    found = []
    stopped = [name for name, at in state.beats.items() if clock.wall() - at > STALE_BEAT]
    if not state.beats:
        found.append("The heartbeat has not begun: nothing is sent by itself.")
    elif stopped:
        found.append(f"The heartbeat has stopped ({wording.people(stopped)}): alerts may not climb by themselves.")
    if state.failed_alerts:
        count = wording.counted(state.failed_alerts, "alert")
        found.append(f"{count} about open cases could not be delivered.")
    if state.oldest_pending and clock.now() - state.oldest_pending > SLOW:
        found.append("Messages have been waiting to be sent for more than five minutes.")
    if state.oldest_new and clock.now() - state.oldest_new > SLOW:
        found.append("What students wrote has been waiting to be read for more than five minutes.")
    return found


async def health_page(desk: Desk, request: Request, staff: Staff) -> Response:
    """Marks, queues and what was given up."""
    state = await desk.read(lambda connection: health.health(connection, desk.clock.now()))
    now, wall = desk.clock.now(), desk.clock.wall()
    return desk.page(
        request,
        "health.html",
        troubles=troubles(state, desk.clock),
        beats=[(name, wording.lasting(wall - at), wall - at > STALE_BEAT) for name, at in state.beats.items()],
        pending=wording.lasting(now - state.oldest_pending) if state.oldest_pending else "",
        new=wording.lasting(now - state.oldest_new) if state.oldest_new else "",
        state=state,
    )
