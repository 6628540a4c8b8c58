"""Is it working? What the heartbeat's marks and the queues say, in words. Knows no student."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bot import checks
from bot.console import wording
from bot.console.desk import Desk, see_other
from bot.domain import ActionKind, Role, StaffAction
from storage import health, hold
from storage.accounts import Staff
from storage.health import Health


async def troubles(desk: Desk) -> tuple[Health, tuple[str, ...]]:
    """The state of the house, and what is wrong with it in words."""
    now, wall = desk.clock.now(), desk.clock.wall()
    state = await desk.read(lambda connection: health.health(connection, now, wall))
    found = (
        *checks.storing(desk.database.condition),
        *checks.troubles(state, now, wall),
        *desk.watched(),
        *checks.backups(state, wall, desk.backup_days),
    )
    texts = [one.text for one in found]
    if await desk.read(hold.stands):
        texts.append("A backup was restored: check-ins and reminders wait until a coordinator says so.")
    return state, tuple(dict.fromkeys(texts))


async def health_page(desk: Desk, request: Request, staff: Staff) -> Response:
    """Marks, queues and what was given up."""
    return await _page(desk, request, staff)


async def end_hold(desk: Desk, request: Request, staff: Staff) -> Response:
    """A restored school goes on: what is held is released, or dropped."""
    kind = ActionKind.RELEASE if request.path_params["action"] == "release" else ActionKind.DROP_HELD
    return await _coordinate(desk, request, staff, kind, "let a restored school go on")


async def drill(desk: Desk, request: Request, staff: Staff) -> Response:
    """All adults of the ladder practice; what is refused is said on the page."""
    return await _coordinate(desk, request, staff, ActionKind.DRILL, "begin a drill")


async def _coordinate(desk: Desk, request: Request, staff: Staff, kind: ActionKind, what: str) -> Response:
    """Do for the whole school what only a coordinator may; `what`: in words."""
    refusal = f"Only a coordinator can {what}."
    if staff.role is Role.COORDINATOR:
        refusal = await desk.hand_in(StaffAction(kind, staff.name, 0, staff.person_id))
    return await _page(desk, request, staff, refusal) if refusal else see_other("/staff/health")


async def _page(desk: Desk, request: Request, staff: Staff, refusal: str = "") -> Response:
    state, wrong = await troubles(desk)
    standing = await desk.read(hold.standing)
    moments = desk.moments()
    now, wall = desk.clock.now(), desk.clock.wall()
    return desk.page(
        request,
        "health.html",
        422 if refusal else 200,
        troubles=wrong,
        notes=desk.notes(now.astimezone(desk.zone).date()),
        beats=[(name, wording.lasting(wall - at), wall - at > checks.STALE_BEAT) for name, at in state.beats.items()],
        urgent=wording.lasting(now - state.oldest_urgent) if state.oldest_urgent else "",
        prompt=wording.lasting(now - state.oldest_prompt) if state.oldest_prompt else "",
        new=wording.lasting(wall - state.oldest_new) if state.oldest_new else "",
        state=state,
        held=standing,
        since=moments.when(standing.since) if standing else "",
        gap_from=moments.when(standing.gap_from) if standing and standing.gap_from else "",
        may_end_hold=staff.role is Role.COORDINATOR,
        refusal=refusal,
    )
