"""People, where they can be reached, whom they are matched with, and their personal web-chat links."""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import BigInteger, Connection, bindparam, delete, func, insert, select, update

from bot.domain import ADULTS, Address, Alike, Match, Person, PersonStatus, Role
from storage import tables
from storage.bulk import among_given
from storage.hot import Statement, bound

WEB = "web"
WEB_ACCOUNT = "web"

_person_of, _address, _match, _member = tables.person.c, tables.address.c, tables.match.c, tables.match_member.c
_ALIKE = select(
    _person_of.id,
    _person_of.role,
    _person_of.zone,
    _person_of.status,
    _person_of.paused_until,
)
_WHOLE = select(
    *(_person_of[name] for name in ("id", "key", "name", "role", "language", "zone")),
    *(_person_of[name] for name in ("status", "paused_until", "email", "phone")),
)
_LOAD = Statement(lambda _: _WHOLE.where(_person_of.id == bound(_person_of.id)))
_LOCK = Statement(lambda _: _WHOLE.where(_person_of.id == bound(_person_of.id)).with_for_update(key_share=True))
_SEVERAL = Statement(lambda dialect: _WHOLE.where(among_given(dialect, _person_of.id)).order_by(_person_of.id))
_TAKE = Statement(
    lambda dialect: (
        _WHOLE.where(among_given(dialect, _person_of.id))
        .order_by(_person_of.id)
        .with_for_update(skip_locked=True, key_share=True)
    )
)
_BY_KEY = Statement(lambda _: select(_person_of.id).where(_person_of.key == bound(_person_of.key)))
_OF_ADDRESS = select(
    *(_address[name] for name in ("person_id", "platform", "account", "chat", "unreachable_at"))
).order_by(_address.unreachable_at.is_not(None), _address.position, _address.id)
_ADDRESSES = Statement(lambda _: _OF_ADDRESS)
_ADDRESSES_OF = Statement(lambda dialect: _OF_ADDRESS.where(among_given(dialect, _address.person_id)))
_PAGE = Statement(
    lambda _: (
        _ALIKE.where(_person_of.id > bound(_person_of.id, "after"))
        .order_by(_person_of.id)
        .limit(bindparam("limit", type_=BigInteger))
    )
)
_THESE = Statement(lambda dialect: _ALIKE.where(among_given(dialect, _person_of.id)))
_theirs = tables.match_member.alias("theirs").c
_RUNNING = (
    select(_match.id, _match.advisor_id, _match.meets, _match.paused_at, _member.side, _member.person_id)
    .select_from(tables.match.outerjoin(tables.match_member, _member.match_id == _match.id))
    .where(_match.ended_at.is_(None))
    .order_by(_match.id, _member.person_id)
)
_MATCHES = Statement(lambda _: _RUNNING)
_MATCHES_OF = Statement(
    lambda dialect: _RUNNING.where(
        _match.id.in_(select(_theirs.match_id).where(among_given(dialect, _theirs.person_id)))
    )
)


def load(connection: Connection, person_id: int, *, lock: bool = False) -> Person | None:
    """One person. `lock`: hold the row until the transaction ends (PostgreSQL), before any other row of theirs."""
    rows = (_LOCK if lock else _LOAD).rows(connection, id=person_id)
    return _people(connection, rows, [person_id])[0] if rows else None


def by_address(connection: Connection, address: Address) -> Person | None:
    """Who has this address, or None for a stranger."""
    column = tables.address.c
    person_id = connection.execute(
        select(column.person_id).where(
            column.platform == address.platform, column.account == address.account, column.chat == address.chat
        )
    ).scalar()
    return None if person_id is None else load(connection, person_id)


def by_key(connection: Connection, key: str) -> Person | None:
    """The person with this roster key."""
    found = _BY_KEY.rows(connection, key=key)
    return load(connection, found[0][0]) if found else None


def everyone(connection: Connection) -> Sequence[Person]:
    """All people, by name."""
    return _people(connection, connection.execute(_WHOLE.order_by(_person_of.name)).all())


def adults(connection: Connection, *, also_left: bool = False) -> Sequence[Person]:
    """Everybody who may be told of a case, by name: an alert must not take longer in a larger school.

    `also_left`: those who have left the program as well, who are told of nothing.
    """
    wanted = _WHOLE.where(_person_of.role.in_(ADULTS)).order_by(_person_of.name)
    rows = connection.execute(wanted if also_left else wanted.where(_person_of.status != PersonStatus.STOPPED)).all()
    return _people(connection, rows, [row[0] for row in rows])


def page(connection: Connection, after: int, limit: int) -> Sequence[Alike]:
    """Some of the people, behind `after` by id, as far as planning needs them."""
    return _alike(_PAGE.rows(connection, after=after, limit=limit))


def alike(connection: Connection, ids: Collection[int]) -> Sequence[Alike]:
    """These people, as far as planning needs them."""
    return _alike(_THESE.rows(connection, ids=list(ids)))


def several(
    connection: Connection, ids: Collection[int], *, addresses: bool = False, take: bool = False
) -> dict[int, Person]:
    """People by id. `take`: hold the rows to the commit; on PostgreSQL those that a turn holds are left out."""
    rows = (_TAKE if take else _SEVERAL).rows(connection, ids=list(ids))
    found = _people(connection, rows, ids) if addresses else [_person(row) for row in rows]
    return {person.id: person for person in found}


def add(connection: Connection, person: Person, now: datetime, new_address_id: int) -> None:
    """Add a person, reachable in the web chat from the start: a link opens it whenever they get one."""
    connection.execute(
        insert(tables.person).values(
            id=person.id,
            key=person.key,
            name=person.name,
            role=person.role,
            language=person.language,
            zone=person.zone,
            email=person.email,
            phone=person.phone,
            status=person.status,
            paused_until=person.paused_until,
            created_at=now,
        )
    )
    add_address(connection, person.id, Address(WEB, WEB_ACCOUNT, str(person.id)), new_address_id, position=100)


def add_address(connection: Connection, person_id: int, address: Address, id_: int, position: int) -> None:
    """One more way to reach a person; the lowest position is used first."""
    connection.execute(
        insert(tables.address).values(
            id=id_,
            person_id=person_id,
            platform=address.platform,
            account=address.account,
            chat=address.chat,
            position=position,
        )
    )


def put_first(connection: Connection, person_id: int, address: Address, id_: int) -> None:
    """One more way to reach a person, and from now on the first."""
    column = tables.address.c
    first = connection.execute(select(func.min(column.position)).where(column.person_id == person_id)).scalar()
    add_address(connection, person_id, address, id_, position=(first or 0) - 1)


def mark_address(connection: Connection, address: Address, unreachable_at: datetime | None) -> None:
    """Note that a platform takes nothing for this address any more, or (None) that it does again."""
    column = tables.address.c
    connection.execute(
        update(tables.address)
        .where(
            column.platform == address.platform,
            column.account == address.account,
            column.chat == address.chat,
            column.unreachable_at.is_not(None) if unreachable_at is None else column.unreachable_at.is_(None),
        )
        .values(unreachable_at=unreachable_at)
    )


def change(connection: Connection, person: Person) -> None:
    """Save what can change about a person."""
    connection.execute(
        update(tables.person)
        .where(tables.person.c.id == person.id)
        .values(
            name=person.name,
            role=person.role,
            language=person.language,
            zone=person.zone,
            email=person.email,
            phone=person.phone,
            status=person.status,
            paused_until=person.paused_until,
        )
    )


def matches(connection: Connection, people: Collection[int] | None = None) -> Sequence[Match]:
    """Running matches, all or those of these people (as mentee or mentor)."""
    rows = _MATCHES.rows(connection) if people is None else _MATCHES_OF.rows(connection, ids=list(people))
    found = []
    for (id_, advisor, meets, paused_at), members in groupby(rows, itemgetter(0, 1, 2, 3)):
        sides: dict[str, list[int]] = {"mentee": [], "mentor": []}
        for *_, side, person_id in members:
            if side is not None:
                sides[side].append(person_id)
        paused = paused_at is not None
        found.append(Match(id_, tuple(sides["mentee"]), tuple(sides["mentor"]), advisor, meets, paused))
    return found


def put_match(connection: Connection, match: Match) -> None:
    """Add a match, or change it to what is given."""
    values = {"advisor_id": match.advisor, "meets": match.meets}
    changed = connection.execute(update(tables.match).where(tables.match.c.id == match.id).values(values)).rowcount
    if not changed:
        connection.execute(insert(tables.match).values(id=match.id, **values))
    connection.execute(delete(tables.match_member).where(tables.match_member.c.match_id == match.id))
    sides = [("mentee", id_) for id_ in match.mentees] + [("mentor", id_) for id_ in match.mentors]
    for side, person_id in sides:
        connection.execute(insert(tables.match_member).values(match_id=match.id, person_id=person_id, side=side))


def pause_matches(connection: Connection, match_ids: Collection[int], now: datetime | None) -> None:
    """Nobody is reminded of meeting in these matches from now on; None: they are again."""
    column = tables.match.c
    is_new = column.paused_at.is_(None) if now is not None else column.paused_at.is_not(None)
    connection.execute(update(tables.match).where(column.id.in_(match_ids), is_new).values(paused_at=now))
    if now is not None:
        planned = tables.occurrence.c
        ahead = planned.status.in_(("planned", "held"))
        connection.execute(delete(tables.occurrence).where(planned.match_id.in_(match_ids), ahead))


def mint_link(connection: Connection, person_id: int, now: datetime, *, renew: bool = False) -> str | None:
    """A new personal link's token, shown this once; None if the person has one and `renew` is not asked."""
    column = tables.link.c
    of_person = (column.person_id == person_id) & column.revoked_at.is_(None)
    if renew:
        connection.execute(update(tables.link).where(of_person).values(revoked_at=now))
    elif connection.execute(select(column.token_hash).where(of_person)).first() is not None:
        return None
    token = secrets.token_urlsafe(16)
    connection.execute(insert(tables.link).values(token_hash=_hash(token), person_id=person_id, created_at=now))
    return token


def for_token(connection: Connection, token: str) -> Person | None:
    """Whose personal link this is."""
    column = tables.link.c
    person_id = connection.execute(
        select(column.person_id).where(column.token_hash == _hash(token), column.revoked_at.is_(None))
    ).scalar()
    return None if person_id is None else load(connection, person_id)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _people(connection: Connection, rows: Sequence[Sequence[Any]], ids: Collection[int] | None = None) -> list[Person]:
    """With their addresses; `ids`: whose those are, unless it is everybody."""
    reachable: dict[int, list[Address]] = defaultdict(list)
    lost: dict[int, list[Address]] = defaultdict(list)
    known = _ADDRESSES.rows(connection) if ids is None else _ADDRESSES_OF.rows(connection, ids=list(ids))
    for person_id, platform, account, chat, unreachable_at in known:
        (reachable if unreachable_at is None else lost)[person_id].append(Address(platform, account, chat))
    return [_person(row, reachable[row[0]], lost[row[0]]) for row in rows]


def _alike(rows: Iterable[Sequence[Any]]) -> list[Alike]:
    groups: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for id_, *rest in rows:
        groups[tuple(rest)].append(id_)
    return [
        Alike(Role(role), zone, PersonStatus(status), paused_until, ids)
        for (role, zone, status, paused_until), ids in groups.items()
    ]


def _person(row: Sequence[Any], reachable: Sequence[Address] = (), lost: Sequence[Address] = ()) -> Person:
    id_, key, name, role, language, zone, status, paused_until, email, phone = row
    role = Role(role)
    return Person(
        id=id_,
        key=key,
        name=name,
        role=role,
        language=language,
        zone=zone,
        status=PersonStatus(status),
        paused_until=paused_until,
        # An adult's lost address stays as the last resort: an alert that fails there moves the ladder on at once.
        addresses=(*reachable, *lost) if role.adult else tuple(reachable),
        email=email,
        phone=phone,
    )
