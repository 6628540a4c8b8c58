"""Planning's rows: what schedules and matches say for the next days, kept true when people or plans change."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy import Connection

from bot.domain import Occurrence, Person, PersonStatus
from bot.planning.due import fit_hour, plan
from bot.program import Program
from storage import due, people

AHEAD = timedelta(days=14)
FIRST_CONTACT = "first-contact"
FIRST_CONTACT_WAITS = timedelta(days=30)


def plan_ahead(connection: Connection, program: Program, now: datetime, new_id: Callable[[], int]) -> int:
    """Plan from `now` on: new occurrences are written, changed ones moved, those no longer meant removed.

    What has fired stays as it is. Gives how many occurrences were new.
    """
    everyone = people.everyone(connection)
    active = [one for one in everyone if one.status is PersonStatus.ACTIVE]
    wanted = plan(program.schedules, active, people.matches(connection), program.zone, now, now + AHEAD, new_id)
    new = due.replan(connection, wanted, now, now + AHEAD, keep=(FIRST_CONTACT,))
    if program.first_contact:
        newcomers = set(due.people_without(connection, FIRST_CONTACT))
        first = [
            _first_contact(program, one, now, new_id()) for one in active if one.id in newcomers and not one.role.adult
        ]
        new += due.add(connection, first)
    return new


def _first_contact(program: Program, person: Person, now: datetime, id_: int) -> Occurrence:
    """The very first conversation: now, or at the next hour at which prompts may go out."""
    at = fit_hour(now, program.zone)
    return Occurrence(
        id=id_,
        schedule=FIRST_CONTACT,
        person_id=person.id,
        local_date=at.astimezone(program.zone).date(),
        slot="",
        local_time=f"{at.astimezone(program.zone):%H:%M}",
        due_at=at,
        expires_at=at + FIRST_CONTACT_WAITS,
        flow=program.first_contact,
    )
