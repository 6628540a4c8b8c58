"""May real students be let in? What must stand before that, beyond a folder that can be read: in plain sentences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from bot.clock import SystemClock
from bot.domain import Person, Role
from bot.plan import ADVISOR, COORDINATOR, ON_DUTY
from bot.planning.duty import AHEAD, gaps
from bot.program import Program, load_program
from bot.school import open_database
from storage import accounts, drills, people
from storage.people import WEB


def ask(folder: Path) -> list[str]:
    """What is still missing in a school's folder and its database."""
    program = load_program(folder)
    with closing(open_database(program)) as database, database.read() as connection:
        return missing(program, connection, SystemClock().now())


def missing(program: Program, connection: Connection, now: datetime) -> list[str]:
    """What is still missing, in plain sentences; empty when a school may begin."""
    adults = people.adults(connection)
    return [
        *_named(program, adults),
        *_reached(program, adults),
        *_read(connection, _on_ladder(program, adults)),
        *_duty(program, adults, now),
        *_drilled(connection, _on_ladder(program, adults), now),
        *_watched(program),
    ]


def _named(program: Program, adults: Iterable[Person]) -> Iterator[str]:
    keys = {one.key for one in adults}
    if program.safety_contact not in keys:
        yield f'The safety contact "{program.safety_contact}" is no adult of the imported roster.'
    if not program.bypass:
        yield "program.yaml names no bypass person: who is told of what may be about an adult of the program?"
    elif program.bypass not in keys:
        yield f'The bypass person "{program.bypass}" is no adult of the imported roster.'
    for language in program.languages:
        place = program.settings.school.place
        if not isinstance(place, str) and not place.get(language):
            yield f'The crisis card names no place in "{language}": write it at place in [school] of nearpeer.toml.'


def _reached(program: Program, adults: Iterable[Person]) -> Iterator[str]:
    """The web chat is no pager (docs/decisions/0009): who is told must be reached in another way as well."""
    found = {one.key for one in adults} | {ADVISOR, COORDINATOR, ON_DUTY, ""}
    for word in sorted(_words(program) - found):
        yield f'The ladder names "{word}", who is no adult of the imported roster.'
    for adult in _on_ladder(program, adults):
        if all(address.platform == WEB for address in adult.addresses):
            yield f"{adult.name} is reached in the web chat only: link another chat, or set up e-mail or SMS."
    kinds = _kinds(_on_ladder(program, adults))
    if len(kinds) == 1:
        yield f"All adults are told by {kinds[0]} alone: when it is down, nobody hears. Set up a second way for them."


def _read(connection: Connection, adults: Iterable[Person]) -> Iterator[str]:
    """An alert says little on purpose: what happened is read on the staff pages."""
    known = accounts.logins(connection)
    for adult in adults:
        if adult.id not in known:
            yield f"{adult.name} has no staff account and cannot read a case: nearpeer account DIR {adult.key}."


def _kinds(adults: Iterable[Person]) -> list[str]:
    """The platforms over which these adults are told; a web page that nobody has open is no fault: it is no pager."""
    return sorted({address.platform for adult in adults for address in adult.addresses if address.platform != WEB})


def _words(program: Program) -> set[str]:
    """Everybody whom the plan names, by key or by role."""
    words = {word for plan in program.ladders.values() for rung in plan.rungs for word in rung.who}
    words |= {program.safety_contact, program.bypass}
    if program.duty is not None and ON_DUTY in words:
        words |= {key for week in program.duty.weeks for key in week}
        words |= {key for entry in program.duty.instead for key in entry.who}
    return words


def _on_ladder(program: Program, adults: Iterable[Person]) -> list[Person]:
    words = _words(program)
    return [one for one in adults if {one.key, ADVISOR if one.role is Role.ADVISOR else COORDINATOR} & words]


def _duty(program: Program, adults: Iterable[Person], now: datetime) -> Iterator[str]:
    if program.duty is None:
        return
    for gap in gaps(program.duty, {one.key for one in adults}, now, now + AHEAD):
        begin, end = (moment.astimezone(program.zone) for moment in (gap.begin, gap.end))
        yield f"Nobody is on duty from {begin:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M}."


def _drilled(connection: Connection, adults: Iterable[Person], now: datetime) -> Iterator[str]:
    last = drills.last(connection)
    if last is None:
        yield "There was no drill yet: nearpeer drill, while nearpeer run is running."
        return
    if now - last.began_at > drills.FRESH:
        yield f"The last drill was {(now - last.began_at).days} days ago: hold one again, nearpeer drill."
        return
    if not drills.answers(connection, last.id):
        yield "Nobody has answered the last drill: nearpeer drill DIR --report shows who was told."
    arrived = drills.arrived(connection, last.id)
    for platform in _kinds(adults):
        if platform not in arrived:
            yield f"The last drill did not go out by {platform}, by which adults are told now: hold one again."
        elif not arrived[platform]:
            yield f"The last drill reached nobody by {platform}: see nearpeer doctor, and hold one again."


def _watched(program: Program) -> Iterator[str]:
    if not program.settings.alarm.dead_man_url:
        yield "Nobody hears when this computer is off: set dead_man_url in [alarm], see docs/alarms.md."
