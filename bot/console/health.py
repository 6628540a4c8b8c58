"""Is it working? What the heartbeat's marks and the queues say, in words. Knows no student."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bot import checks
from bot.console import wording
from bot.console.desk import Desk
from storage import health
from storage.accounts import Staff
from storage.health import Health


async def troubles(desk: Desk) -> tuple[Health, tuple[str, ...]]:
    """The state of the house, and what is wrong with it in words."""
    now, wall = desk.clock.now(), desk.clock.wall()
    state = await desk.read(lambda connection: health.health(connection, now, wall))
    found = (*checks.storing(desk.database.condition), *checks.troubles(state, now, wall), *desk.watched())
    return state, tuple(dict.fromkeys(one.text for one in found))


async def health_page(desk: Desk, request: Request, staff: Staff) -> Response:
    """Marks, queues and what was given up."""
    state, wrong = await troubles(desk)
    now, wall = desk.clock.now(), desk.clock.wall()
    return desk.page(
        request,
        "health.html",
        troubles=wrong,
        beats=[(name, wording.lasting(wall - at), wall - at > checks.STALE_BEAT) for name, at in state.beats.items()],
        urgent=wording.lasting(now - state.oldest_urgent) if state.oldest_urgent else "",
        prompt=wording.lasting(now - state.oldest_prompt) if state.oldest_prompt else "",
        new=wording.lasting(wall - state.oldest_new) if state.oldest_new else "",
        state=state,
    )
