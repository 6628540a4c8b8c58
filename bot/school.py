"""What is done to a school's folder from outside the running house: database, roster, links, first staff account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Connection

from bot.clock import Clock
from bot.domain import OUTSIDE, AuditEntry, Match, Person, PersonStatus
from bot.errors import Refused
from bot.failpoints import failpoint
from bot.program import Program
from bot.roster.compare import RosterReport, compare
from bot.roster.rows import RosterMatch, RosterPerson, read_roster
from bot.roster.sheet import LARGEST_FILE
from bot.ways import POSITIONS, ways
from storage import accounts, audit, escalations, grades, joining, people
from storage.database import Database
from storage.ways import follow

CODE_LIVES = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class PersonalLink:
    """Somebody's link to a chat. `url` is empty when they have one already: it was shown once."""

    person: Person
    url: str


def open_database(program: Program) -> Database:
    """The school's database, at this version's schema. Raises Refused for a newer one."""
    url = program.settings.storage.url or f"sqlite:///{program.folder / 'nearpeer.db'}"
    database = Database(url)
    try:
        database.migrate()
    except BaseException:
        database.close()
        raise
    return database


def read_report(database: Database, program: Program, file: Path) -> RosterReport:
    """What importing a roster file would do; writes nothing."""
    with file.open("rb") as opened:
        sheet = read_roster(opened.read(LARGEST_FILE + 1), file.name, program.languages)
    with database.read() as connection:
        everyone, matches = people.everyone(connection), people.matches(connection)
        known = grades.by_key(connection)
    zone, language = program.settings.school.zone, program.languages[0]
    return compare(sheet, everyone, matches, zone=zone, language=language, grades=known, filename=file.name)


def import_roster(
    database: Database, program: Program, report: RosterReport, clock: Clock, *, update: bool = False
) -> None:
    """Write what a report says, all or nothing. Raises Refused on a bad row."""
    rows, matches = report.to_write(update=update)

    def unit(connection: Connection) -> None:
        _write(connection, rows, matches, clock)
        _follow(connection, program, clock)

    database.write(unit).result()
    failpoint("import.commit")


def follow_ways(database: Database, program: Program, clock: Clock) -> None:
    """Adults are reached by e-mail, SMS and webhook as roster and settings say it now."""
    database.write(lambda connection: _follow(connection, program, clock)).result()


def mint_links(
    database: Database, program: Program, clock: Clock, *, renew: bool = False, only: str = ""
) -> Sequence[PersonalLink]:
    """A link for everybody who has none; with `renew` a new one for all, and the old ones end.

    `only`: for the person of this roster key. Raises Refused when there is none.
    """

    def unit(connection: Connection) -> list[PersonalLink]:
        minted = []
        for person in _wanted(connection, only):
            token = people.mint_link(connection, person.id, clock.wall(), renew=renew)
            minted.append(PersonalLink(person, f"{program.base_url}/l/{token}" if token else ""))
        return minted

    return database.write(unit).result()


def mint_codes(
    database: Database,
    clock: Clock,
    begin: str,
    *,
    platform: str,
    min_age: int = 0,
    renew: bool = False,
    only: str = "",
) -> Sequence[PersonalLink]:
    """A link that binds a chat on a platform, for everybody who has none there. Each works once, for CODE_LIVES.

    `begin`: how such a link begins. `min_age`: what the platform asks for, 0 where the school knows that all are old
    enough. `renew`: also for who has one or has joined; unused ones end. Raises Refused.
    """

    def unit(connection: Connection) -> list[PersonalLink]:
        minted, now = [], clock.now()
        for person in _wanted(connection, only):
            code = joining.mint(connection, person.id, now, now + CODE_LIVES, platform=platform, renew=renew)
            minted.append(PersonalLink(person, f"{begin}{code}" if code else ""))
        students = sum(bool(one.url) and not one.person.role.adult for one in minted)
        if min_age and students:
            raise Refused(
                f"{platform.capitalize()}'s terms ask for at least {min_age} years, and {students} of these are "
                "students. If your school knows that each of them is old enough, add --of-age. The web chat is the way "
                "in for the others; --only KEY makes one person's."
            )
        return minted

    return database.write(unit).result()


def unlink(database: Database, clock: Clock, key: str) -> int:
    """Take all linked chats of a person away; gives how many. Raises Refused for a key that nobody has."""

    def unit(connection: Connection) -> int:
        (person,) = _wanted(connection, key)
        linked = [one for one in person.addresses if one.platform not in (people.WEB, *OUTSIDE)]
        for address in linked:
            joining.unlink(connection, address)
            entry = AuditEntry("command line", "unlinked a chat", clock.now(), person.id, detail=address.platform)
            audit.record(connection, clock.new_id(), entry)
        return len(linked)

    return database.write(unit).result()


def leave(database: Database, clock: Clock, key: str, *, back: bool = False) -> Person:
    """An adult has left the program, or (`back`) is there again. Raises Refused for a key that no adult has."""

    def unit(connection: Connection) -> Person:
        (person,) = _wanted(connection, key)
        if not person.role.adult:
            raise Refused(f"{person.name} is a {person.role}; students stop by themselves, with /stop.")
        changed = replace(person, status=PersonStatus.ACTIVE if back else PersonStatus.STOPPED)
        people.change(connection, changed)
        if not back:
            accounts.disable_of(connection, person.id, clock.wall())
            escalations.let_go_of(connection, person.id, clock.now())
        entry = AuditEntry("command line", "came back" if back else "left the program", clock.now(), person.id)
        audit.record(connection, clock.new_id(), entry)
        return changed

    return database.write(unit).result()


def invite(database: Database, clock: Clock, key: str) -> tuple[Person, str]:
    """A setup code with which an adult makes their staff account, or sets a new password. Raises Refused."""

    def unit(connection: Connection) -> tuple[Person, str]:
        (person,) = _wanted(connection, key)
        if not person.role.adult or person.status is PersonStatus.STOPPED:
            raise Refused(f"{person.name} is no adult of the program: only these have a staff account.")
        entry = AuditEntry("command line", "was given a setup code", clock.now(), person.id)
        audit.record(connection, clock.new_id(), entry)
        return person, accounts.mint_first_run(connection, clock.wall(), person.id)

    return database.write(unit).result()


def sign_ins(database: Database) -> Sequence[tuple[Person, str]]:
    """Each adult of the program with the login of their staff account; empty where they have none."""
    with database.read() as connection:
        known = accounts.logins(connection)
        return [(one, known.get(one.id, "")) for one in people.adults(connection)]


def _wanted(connection: Connection, only: str) -> Sequence[Person]:
    """Everybody, or the person of this roster key."""
    wanted = [one for one in people.everyone(connection) if only.casefold() in ("", one.key)]
    if only and not wanted:
        raise Refused(f'Nobody has the key "{only}"; the keys are in the first column of the roster.')
    return wanted


def setup_code(database: Database, clock: Clock) -> str | None:
    """The one-time code for the first staff account, or None when there is an account."""

    def unit(connection: Connection) -> str | None:
        return None if accounts.any_account(connection) else accounts.mint_first_run(connection, clock.wall())

    return database.write(unit).result()


def _write(connection: Connection, rows: Sequence[RosterPerson], matches: Sequence[RosterMatch], clock: Clock) -> None:
    by_key = {person.key: person for person in people.everyone(connection)}
    for row in rows:
        known = by_key.get(row.key)
        told = {name: getattr(row, name) for name in ("name", "language", "zone", "email", "phone")}
        if known:
            person = replace(known, **told)
            people.change(connection, person)
        else:
            person = Person(id=clock.new_id(), key=row.key, role=row.role, **told)
            people.add(connection, person, clock.now(), clock.new_id())
        if row.grade:
            grades.put(connection, person.id, row.grade)
        failpoint("import.row")
        by_key[row.key] = person
    for row_match in matches:
        mentee = by_key[row_match.mentee]
        running = people.matches(connection, [mentee.id])
        match = Match(
            id=running[0].id if running else clock.new_id(),
            mentees=(mentee.id,),
            mentors=tuple(by_key[key].id for key in row_match.mentors),
            advisor=by_key[row_match.advisor].id if row_match.advisor else None,
            meets=row_match.meets,
        )
        people.put_match(connection, match)


def _follow(connection: Connection, program: Program, clock: Clock) -> None:
    adults = people.adults(connection, also_left=True)  # who comes back is reached as before
    wanted = {way.address: (way.person_id, way.position) for way in ways(program, adults)}
    follow(connection, POSITIONS, wanted, clock.new_id)
