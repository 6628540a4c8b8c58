"""Staff accounts, their sign-ins, and the one-time tokens that make an account. Secrets are kept as hashes only.

All moments here are wall time (decisions.md 16). Hashing a password takes long on purpose, so it never runs inside a
transaction: `hash_password` and `verify` are for a worker thread, the rest are units of work.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update
from sqlmodel import SQLModel

from bot.domain import ADULTS, PersonStatus, Role
from bot.errors import Refused
from storage import tables
from storage.database import Database

FIRST_RUN_LIFE = timedelta(hours=24)
INVITE_LIFE = timedelta(days=7)
IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
PASSWORD_LENGTH = (12, 128)

_ACCOUNT = SQLModel.metadata.tables["account"]
_SIGN_IN = SQLModel.metadata.tables["sign_in"]
_FIRST_RUN = SQLModel.metadata.tables["first_run"]

# No 0, 1, 8 or 9: the token is read from a terminal and typed by a person. 26 signs of 32 make 130 bits.
_SIGNS = "abcdefghijklmnopqrstuvwxyz234567"
_LENGTH = 26

# OWASP's profile for small servers: 19 MiB, two passes, one lane. The default would take 64 MiB for each sign-in.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

# What people choose when twelve signs are asked for. Compared without case, and without digits and marks at the end.
_COMMON = frozenset(
    """
    password passwordpassword passwordpass mypassword mypasswordis thisismypassword changeme changemenow changemeplease
    letmein letmeinplease letmeinnow welcome welcomewelcome welcomehome welcometoschool iloveyou iloveyousomuch
    iloveschool qwerty qwertyqwerty qwertyuiop qwertyuiopasdf qwertyuiopasdfghjkl asdfghjkl asdfasdfasdf
    asdfghjklzxcvbnm zxcvbnm
    administrator adminadmin adminadminadmin adminpassword abcabcabc abcdefghijkl abcdefghijklm abcdefghijklmnop
    nearpeer nearpeernearpeer nearpeerstaff nearpeerpassword school schoolschool schoolpassword highschool
    teacherteacher counselor counselorpassword mentoring mentoringprogram football basketball princess sunshine
    superman dragon monkey
    trustno computer internet whatever correcthorsebatterystaple
    """.split()  # noqa: SIM905 - a list of a hundred quoted words reads worse
)


@dataclass(frozen=True, slots=True)
class Staff:
    """Who is signed in. An advisor is also a person of the roster: their students are what they may see."""

    id: int
    name: str
    login: str
    role: Role
    person_id: int | None = None

    @property
    def caseload_of(self) -> int | None:
        """The advisor whose caseload bounds what is shown, or None for the whole program (mission.md L4)."""
        return None if self.role is Role.COORDINATOR else self.person_id


# --- making an account ---------------------------------------------------------------------------------------------


def mint_first_run(connection: Connection, now: datetime, person_id: int | None = None) -> str:
    """A new one-time token for the first account, shown this once; it replaces an older unused one.

    `person_id`: for the account of this adult of the roster instead, or their new password.
    """
    column = _FIRST_RUN.c
    older = and_(column.used_at.is_(None), column.person_id.is_not_distinct_from(person_id))
    connection.execute(delete(_FIRST_RUN).where(older))
    token = "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH))
    values = {"token_hash": _first_run_hash(token), "person_id": person_id, "created_at": now}
    connection.execute(insert(_FIRST_RUN).values(values))
    return "-".join(token[at : at + 5] for at in range(0, _LENGTH, 5))


def first_run_holds(connection: Connection, token: str, now: datetime) -> bool:
    """Whether the token was minted not too long ago and not used yet. Case, spaces and dashes do not count."""
    return connection.execute(select(_FIRST_RUN.c.token_hash).where(_holds(token, now))).first() is not None


def _holds(token: str, now: datetime) -> ColumnElement[bool]:
    column = _FIRST_RUN.c
    fresh = and_(column.person_id.is_(None), column.created_at > now - FIRST_RUN_LIFE)
    invited = and_(column.person_id.is_not(None), column.created_at > now - INVITE_LIFE)
    return and_(column.token_hash == _first_run_hash(token), column.used_at.is_(None), or_(fresh, invited))


def use_first_run(
    connection: Connection, token: str, account_id: int, name: str, login: str, password_hash: str, now: datetime
) -> Staff:
    """Make the account that the token is for, and spend the token. Raises Refused if it does not hold.

    The first account is a coordinator's; an adult of the roster with this e-mail address as login is who it belongs to.
    An invited adult has the role of the roster.
    """
    spent = connection.execute(
        update(_FIRST_RUN).where(_holds(token, now)).values(used_at=now).returning(_FIRST_RUN.c.person_id)
    ).first()
    if spent is None:
        raise Refused("This setup code does not work: it is mistyped, used already, or too old.")
    make = partial(create_account, connection, account_id, login=login, password_hash=password_hash, now=now)
    if spent.person_id is not None:
        name, role = _invited(connection, spent.person_id)
        return make(name=name, role=role, person_id=spent.person_id)
    person = tables.person.c
    adults = connection.execute(select(person.id, person.name, person.email).where(person.role.in_(ADULTS)))
    own = [row for row in adults if row.email and row.email.casefold() == _login(login)]
    known = own[0] if len(own) == 1 else None
    # The name that students and the other adults know.
    return make(name=known.name if known else name, person_id=known.id if known else None)


def _invited(connection: Connection, person_id: int) -> tuple[str, Role]:
    """Name and role of an adult of the roster. Their account of before, with its password, is gone."""
    person = tables.person.c
    present = and_(person.id == person_id, person.role.in_(ADULTS), person.status != PersonStatus.STOPPED)
    adult = connection.execute(select(person.name, person.role).where(present)).one_or_none()
    if adult is None:
        raise Refused("This setup code is for somebody who is no longer an adult of the program.")
    before = connection.execute(select(_ACCOUNT.c.id, _ACCOUNT.c.role).where(_ACCOUNT.c.person_id == person_id)).all()
    for known in before:
        connection.execute(delete(_SIGN_IN).where(_SIGN_IN.c.account_id == known.id))
        connection.execute(delete(_ACCOUNT).where(_ACCOUNT.c.id == known.id))
    return adult.name, Role(before[0].role if before else adult.role)


def create_account(
    connection: Connection,
    account_id: int,
    *,
    name: str,
    login: str,
    password_hash: str,
    now: datetime,
    role: Role = Role.COORDINATOR,
    person_id: int | None = None,
) -> Staff:
    """Add a staff account. Raises Refused for a login that is taken, and for an advisor who is nobody of the roster."""
    name, login = name.strip(), _login(login)
    if not name or not login:
        raise Refused("Please give a name and a login.")
    if not role.adult or (role is Role.ADVISOR and person_id is None):
        raise Refused("An account belongs to a coordinator, or to an advisor of the roster.")
    if connection.execute(select(_ACCOUNT.c.id).where(_ACCOUNT.c.login == login)).first() is not None:
        raise Refused("This login is taken. Please choose another.")
    connection.execute(
        insert(_ACCOUNT).values(
            id=account_id,
            name=name,
            login=login,
            password_hash=password_hash,
            role=role,
            person_id=person_id,
            created_at=now,
        )
    )
    return Staff(account_id, name, login, role, person_id)


def disable(connection: Connection, account_id: int, now: datetime) -> None:
    """Close an account and end its sign-ins."""
    connection.execute(update(_ACCOUNT).where(_ACCOUNT.c.id == account_id).values(disabled_at=now))
    connection.execute(delete(_SIGN_IN).where(_SIGN_IN.c.account_id == account_id))


def disable_of(connection: Connection, person_id: int, now: datetime) -> None:
    """Close the account of somebody of the roster."""
    theirs = select(_ACCOUNT.c.id).where(_ACCOUNT.c.person_id == person_id)
    for account_id in connection.execute(theirs).scalars().all():
        disable(connection, account_id, now)


def logins(connection: Connection) -> Mapping[int, str]:
    """With which login each adult of the roster can sign in, by person id."""
    enabled = select(_ACCOUNT.c.person_id, _ACCOUNT.c.login).where(
        _ACCOUNT.c.disabled_at.is_(None), _ACCOUNT.c.person_id.is_not(None)
    )
    return {row.person_id: row.login for row in connection.execute(enabled)}


def any_account(connection: Connection) -> bool:
    """Whether somebody can sign in at all."""
    enabled = select(_ACCOUNT.c.id).where(_ACCOUNT.c.disabled_at.is_(None))
    return connection.execute(enabled.limit(1)).first() is not None


# --- passwords -----------------------------------------------------------------------------------------------------


def hash_password(password: str, *personal: str) -> str:
    """Judge a new password and hash it (argon2id, slow on purpose). Raises Refused with what to change.

    `personal`: name and login, which the password may not simply repeat.
    """
    shortest, longest = PASSWORD_LENGTH
    if not shortest <= len(password) <= longest:
        raise Refused(
            f"Please choose a password of {shortest} to {longest} characters. A few unrelated words work well."
        )
    bare = re.sub(r"[\W\d_]+$", "", password.casefold())
    counted = password in "1234567890" * 13 or password in "0987654321" * 13
    repeats = password.casefold() in {word.casefold() for word in personal}
    if bare in _COMMON or counted or repeats or len(set(password)) < 5:
        raise Refused("This password is easy to guess. A few unrelated words work well.")
    return _HASHER.hash(password.encode("utf-8", "surrogatepass"))


def verify(database: Database, login: str, password: str) -> Staff | None:
    """Whose login and password these are, or None. An unknown login takes as long as a wrong password."""
    with database.read() as connection:
        row = connection.execute(
            select(_ACCOUNT).where(_ACCOUNT.c.login == _login(login), _ACCOUNT.c.disabled_at.is_(None))
        ).one_or_none()
    try:
        _HASHER.verify(_nobody() if row is None else row.password_hash, password.encode("utf-8", "surrogatepass"))
    except (VerificationError, InvalidHashError):
        return None
    return None if row is None else _staff(row)


@cache
def _nobody() -> str:
    """A hash that no password fits, so that an unknown login costs the same work."""
    return _HASHER.hash(secrets.token_bytes(32))


# --- sign-ins ------------------------------------------------------------------------------------------------------


def sign_in(connection: Connection, account_id: int, now: datetime) -> str:
    """Open a new sign-in and give its 256-bit token for the cookie. Sign-ins that are over are cleared away."""
    connection.execute(
        delete(_SIGN_IN).where((_SIGN_IN.c.created_at <= now - LONGEST) | (_SIGN_IN.c.seen_at <= now - IDLE))
    )
    token = secrets.token_urlsafe(32)
    connection.execute(
        insert(_SIGN_IN).values(token_hash=_hash(token), account_id=account_id, created_at=now, seen_at=now)
    )
    return token


def signed_in(connection: Connection, token: str, now: datetime) -> tuple[Staff, datetime] | None:
    """Who holds this token and when they last did something; None after 30 idle minutes, 12 hours, or a sign-out."""
    row = connection.execute(
        select(_ACCOUNT, _SIGN_IN.c.seen_at)
        .join(_SIGN_IN, _SIGN_IN.c.account_id == _ACCOUNT.c.id)
        .where(
            _SIGN_IN.c.token_hash == _hash(token),
            _SIGN_IN.c.created_at > now - LONGEST,
            _SIGN_IN.c.seen_at > now - IDLE,
            _ACCOUNT.c.disabled_at.is_(None),
        )
    ).one_or_none()
    return None if row is None else (_staff(row), row.seen_at)


def touch(connection: Connection, token: str, now: datetime) -> None:
    """Note that the person did something: the idle time begins again."""
    connection.execute(update(_SIGN_IN).where(_SIGN_IN.c.token_hash == _hash(token)).values(seen_at=now))


def sign_out(connection: Connection, token: str) -> None:
    """End one sign-in."""
    connection.execute(delete(_SIGN_IN).where(_SIGN_IN.c.token_hash == _hash(token)))


def sign_out_everywhere(connection: Connection, account_id: int) -> None:
    """End every sign-in of an account."""
    connection.execute(delete(_SIGN_IN).where(_SIGN_IN.c.account_id == account_id))


def _staff(row: Any) -> Staff:
    return Staff(row.id, row.name, row.login, Role(row.role), row.person_id)


def _login(login: str) -> str:
    return login.strip().casefold()


def _first_run_hash(token: str) -> str:
    return _hash(re.sub(r"[\s-]", "", token).casefold())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
