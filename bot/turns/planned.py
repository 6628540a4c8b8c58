"""Planning's rows: what schedules and matches say for the next days, kept true when people or plans change.

A school is planned some people at a time: read and thought out in a worker thread, then written in short transactions,
so that neither the writer nor the event loop is ever held up by the size of a school.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from bot.domain import Alike, Firing, PersonStatus
from bot.planning.due import FIRST_CONTACT, fit_hour, plan
from bot.program import Program
from storage import occurrences, people
from storage.database import Database
from storage.occurrences import Changes

AHEAD = timedelta(days=14)
FIRST_CONTACT_WAITS = timedelta(days=30)
PEOPLE_AT_ONCE = 250
ROWS_AT_ONCE = 1000


async def plan_ahead(
    database: Database, program: Program, now: datetime, new_ids: Callable[[int], Sequence[int]]
) -> int:
    """Plan from `now` on: new occurrences are written, changed ones moved, those no longer meant removed.

    What has fired stays as it is. Gives how many occurrences were new. Raises what went wrong with some people's plans
    after all others are planned.
    """

    def some_people(after: int) -> Sequence[Alike]:
        with database.read() as connection:
            return people.page(connection, after, PEOPLE_AT_ONCE)

    def look(some: Sequence[Alike]) -> Changes:
        with database.read() as connection:
            return changes_for(connection, program, some, now)

    new, after = 0, 0
    fault: Exception | None = None
    while some := await asyncio.to_thread(some_people, after):
        after = max(_ids(some))
        try:
            changes = await asyncio.to_thread(look, some)
        except Exception as error:
            fault = error  # theirs; everybody else is planned first
            continue
        for part in changes.parts(ROWS_AT_ONCE):
            new += await database.run(partial(occurrences.apply, changes=part, new_ids=new_ids))
    if fault is not None:
        raise fault
    return new


def changes_for(connection: Connection, program: Program, some: Sequence[Alike], now: datetime) -> Changes:
    """What planning changes for some of the school's people.

    It only reads: whatever happens to these people until the changes are written shows when they are planned anew, and
    at the latest when an occurrence falls due.
    """
    ids, active = set(_ids(some)), _active(some)
    matches = [match for match in people.matches(connection, ids) if not match.paused]
    others = {id_ for match in matches for id_ in (*match.mentees, *match.mentors)} - ids
    partners = _active(people.alike(connection, others)) if others else ()
    wanted = plan(program.schedules, active, matches, program.zone, now, now + AHEAD, partners=partners)
    if program.first_contact:
        students = _ids(one for one in active if not one.role.adult)
        slot = _edition(program, now)
        newcomers = occurrences.people_without(connection, FIRST_CONTACT, slot, students)
        wanted = (*wanted, _first_contact(program, [id_ for id_ in students if id_ in newcomers], slot, now))
    return occurrences.differences(connection, wanted, ids, now, now + AHEAD, keep=(FIRST_CONTACT,))


def _ids(some: Iterable[Alike]) -> list[int]:
    return [id_ for one in some for id_ in one.ids]


def _active(some: Iterable[Alike]) -> list[Alike]:
    return [one for one in some if one.status is PersonStatus.ACTIVE]


def _edition(program: Program, now: datetime) -> str:
    """Which telling of the first contact counts now: a new version of its words and a new term are new ones."""
    today = now.astimezone(program.zone).date()
    begun = [term for term in program.terms if term <= today]
    version = f"v{program.flows[program.first_contact].flow.version}"
    return f"{version} {max(begun)}" if begun else version


def _first_contact(program: Program, newcomers: Iterable[int], slot: str, now: datetime) -> Firing:
    """The very first conversation: now, or at the next hour at which prompts may go out."""
    at = fit_hour(now, program.zone)
    local = at.astimezone(program.zone)
    return Firing(
        schedule=FIRST_CONTACT,
        local_date=local.date(),
        local_time=f"{local:%H:%M}",
        due_at=at,
        expires_at=at + FIRST_CONTACT_WAITS,
        flow=program.first_contact,
        seats=[(id_, slot, None) for id_ in newcomers],
    )
