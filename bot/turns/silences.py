"""Who has fallen silent: looked for once on each school day, and told once for each silence."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.domain import Due, DueKind, Signal
from bot.planning.due import Session
from bot.planning.hours import in_session, school_days
from bot.program import Program
from bot.safety import trends
from bot.turns.draft import Draft
from bot.turns.students import conclude
from storage import people, silence
from storage.silence import Quiet

AT_ONCE = 250
BACK = timedelta(days=180)
"""Silence that began longer ago was told of long ago."""


def some(connection: Connection, program: Program, now: datetime, after: int) -> tuple[Sequence[Due], int | None]:
    """Those of the next students who have fallen silent, and behind whom the next ones stand; None: that was all."""
    page = silence.students(connection, after, AT_ONCE)
    quiet = _quiet(connection, program, now, page)
    due = tuple(Due(DueKind.SILENCE, one.person_id, now) for one, _ in quiet)
    return due, page[-1].person_id if len(page) == AT_ONCE else None


def come(draft: Draft, person_id: int) -> None:
    """A student has fallen silent, unless they have written meanwhile."""
    person = people.load(draft.connection, person_id, lock=True)
    page = silence.students(draft.connection, 0, 1, only=person_id)
    found = _quiet(draft.connection, draft.program, draft.now, page)
    if person is None or not found:
        return
    draft.signals.append(found[0][1])
    draft.note("Nearpeer", silence.NOTED, person_id=person_id)
    conclude(draft, person)


def _quiet(
    connection: Connection, program: Program, now: datetime, page: Sequence[Quiet]
) -> Sequence[tuple[Quiet, Signal]]:
    flows = {one.flow for one in program.schedules if one.flow and not isinstance(one.when, Session)}
    windows = [program.flows[name].flow.window for name in flows if name in program.flows]
    asked = [one for one in page if not one.is_noted]
    if not asked or not windows:
        return ()
    fired = silence.check_ins(connection, [one.person_id for one in asked], flows, now - BACK)
    found = []
    for one in asked:
        since = [at for at in fired.get(one.person_id, ()) if one.heard_at is None or at > one.heard_at]
        if not since:
            continue  # nobody asked them anything: it is not they who are silent
        hours = program.hours
        missed = sum(at + max(windows) <= now and in_session(hours, at) for at in since)
        signals = trends.fell_silent(missed, school_days(hours, one.heard_at or since[0], now), program.tuning)
        found += [(one, signal) for signal in signals]
    return found
