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

from bot.domain import Occurrence, Person, PersonStatus
from bot.planning.due import fit_hour, plan
from bot.program import Program
from storage import occurrences, people
from storage.database import Database
from storage.occurrences import Changes

AHEAD = timedelta(days=14)
FIRST_CONTACT = "first-contact"
FIRST_CONTACT_WAITS = timedelta(days=30)
PEOPLE_AT_ONCE = 250
ROWS_AT_ONCE = 1000


async def plan_ahead(database: Database, program: Program, now: datetime, new_id: Callable[[], int]) -> int:
    """Plan from `now` on: new occurrences are written, changed ones moved, those no longer meant removed.

    What has fired stays as it is. Gives how many occurrences were new. Raises what went wrong with some people's plans
    after all others are planned.
    """

    def some_people(after: int) -> Sequence[Person]:
        with database.read() as connection:
            return people.page(connection, after, PEOPLE_AT_ONCE)

    def look(some: Sequence[Person]) -> Changes:
        with database.read() as connection:
            return changes_for(connection, program, some, now)

    new, after = 0, 0
    fault: Exception | None = None
    while some := await asyncio.to_thread(some_people, after):
        after = some[-1].id
        try:
            changes = await asyncio.to_thread(look, some)
        except Exception as error:
            fault = error  # theirs; everybody else is planned first
            continue
        for part in changes.parts(ROWS_AT_ONCE):
            new += await asyncio.wrap_future(database.write(partial(occurrences.apply, changes=part, new_id=new_id)))
    if fault is not None:
        raise fault
    return new


def changes_for(connection: Connection, program: Program, some: Sequence[Person], now: datetime) -> Changes:
    """What planning changes for some of the school's people.

    It only reads: whatever happens to these people until the changes are written shows when they are planned anew, and
    at the latest when an occurrence falls due.
    """
    ids = [one.id for one in some]
    matches = people.matches(connection, ids)
    others = {id_ for match in matches for id_ in (*match.mentees, *match.mentors)} - set(ids)
    partners = people.several(connection, others).values()
    wanted = plan(
        program.schedules,
        _active(some),
        matches,
        program.zone,
        now,
        now + AHEAD,
        partners=_active(partners),
    )
    changes = occurrences.differences(connection, wanted, ids, now, now + AHEAD, keep=(FIRST_CONTACT,))
    if program.first_contact:
        students = [one.id for one in _active(some) if not one.role.adult]
        newcomers = occurrences.people_without(connection, FIRST_CONTACT, students)
        first = [_first_contact(program, one, now) for one in some if one.id in newcomers]
        changes = Changes([*changes.new, *first], changes.moved, changes.gone)
    return changes


def _active(everyone: Iterable[Person]) -> list[Person]:
    return [one for one in everyone if one.status is PersonStatus.ACTIVE]


def _first_contact(program: Program, person: Person, now: datetime) -> Occurrence:
    """The very first conversation: now, or at the next hour at which prompts may go out."""
    at = fit_hour(now, program.zone)
    return Occurrence(
        id=0,
        schedule=FIRST_CONTACT,
        person_id=person.id,
        local_date=at.astimezone(program.zone).date(),
        slot="",
        local_time=f"{at.astimezone(program.zone):%H:%M}",
        due_at=at,
        expires_at=at + FIRST_CONTACT_WAITS,
        flow=program.first_contact,
    )
