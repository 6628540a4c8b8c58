"""The line on every staff page that says whether Nearpeer works: last beat, each platform, what waits, duty, drill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from bot import checks
from bot.console import wording
from bot.console.desk import Desk
from storage import health
from storage.accounts import Staff
from storage.health import Health


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that the line tells. `mood`: well, late, or unset for what a school has not set up."""

    label: str
    value: str
    mood: str = "well"


async def entries(desk: Desk) -> tuple[Entry, ...]:
    """What the line says now."""
    now, wall = desk.clock.now(), desk.clock.wall()
    state = await desk.read(lambda connection: health.health(connection, now, wall))
    return (_beat(state, wall), *(_platform(state, name, wall) for name in desk.accounts), _oldest(state, now))


async def status(desk: Desk, request: Request, _staff: Staff) -> Response:
    """The line alone, for a page that stays open."""
    request.state.status = await entries(desk)
    return desk.page(request, "status_alone.html")


def _beat(state: Health, wall: datetime) -> Entry:
    if not state.beats:
        return Entry("Last beat", "none yet", "late")
    slowest = min(state.beats.values())
    return _age("Last beat", wall - slowest, checks.STALE_BEAT)


def _platform(state: Health, account: str, wall: datetime) -> Entry:
    label = account.partition(":")[0].capitalize()
    heard = state.heard.get(account)
    return Entry(label, "not heard yet", "late") if heard is None else _age(label, wall - heard, checks.SILENT)


def _oldest(state: Health, now: datetime) -> Entry:
    moments = [moment for moment in (state.oldest_urgent, state.oldest_prompt) if moment is not None]
    if not moments:
        return Entry("Waits to be sent", "nothing")
    span = now - min(moments)
    late = (state.oldest_urgent is not None and now - state.oldest_urgent > checks.LATE) or span > checks.LATE_PROMPT
    return Entry("Waits to be sent", f"oldest for {wording.lasting(span)}", "late" if late else "well")


def _age(label: str, span: timedelta, limit: timedelta) -> Entry:
    seconds = max(int(span.total_seconds()), 0)
    said = wording.counted(seconds, "second") if seconds < 90 else wording.lasting(span)
    return Entry(label, f"{said} ago", "late" if span > limit else "well")
