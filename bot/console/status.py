"""The line on every staff page that says whether Nearpeer works: last beat, each platform, what waits, duty, drill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from bot import checks
from bot.console import wording
from bot.console.desk import Desk, Spans
from storage import drills, health
from storage.accounts import Staff
from storage.drills import Drill, Result
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

    def look(connection: Connection) -> tuple[Health, Spans | None, Drill | None, Sequence[Result]]:
        drill = drills.last(connection)
        results = drills.results(connection, drill.id) if drill is not None else ()
        return health.health(connection, now, wall), desk.uncovered(connection, now), drill, results

    state, spans, drill, results = await desk.read(look)
    return (
        _beat(state, wall),
        *(_platform(state, name, wall) for name in desk.accounts),
        _oldest(state, now),
        _duty(desk, spans, now),
        _drill(drill, results, now),
    )


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


def _duty(desk: Desk, spans: Spans | None, now: datetime) -> Entry:
    label = "Duty, next 14 days"
    if spans is None:
        return Entry(label, "no list set up", "unset")
    if not spans:
        return Entry(label, "covered")
    begin, count = spans[0][0], wording.counted(len(spans), "gap")
    first = "now" if begin <= now else f"from {desk.moments().when(begin).text}"
    return Entry(label, f"{count}, the first {first}", "late")


def _drill(drill: Drill | None, results: Sequence[Result], now: datetime) -> Entry:
    label = "Last drill"
    if drill is None:
        return Entry(label, "none yet", "unset")
    answered = sum(one.answered_at is not None for one in results)
    said = (
        f"{wording.lasting(now - drill.began_at)} ago, {answered} of {wording.counted(len(results), 'adult')} answered"
    )
    silent = answered < len(results) and drill.ended_at is not None
    return Entry(label, said, "late" if silent or now - drill.began_at > drills.FRESH else "well")


def _age(label: str, span: timedelta, limit: timedelta) -> Entry:
    seconds = max(int(span.total_seconds()), 0)
    said = wording.counted(seconds, "second") if seconds < 90 else wording.lasting(span)
    return Entry(label, f"{said} ago", "late" if span > limit else "well")
