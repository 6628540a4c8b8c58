"""Who of the roster has an account in the school's Slack workspace, by e-mail; linked when staff say that it is so."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection

from bot.adapters.slack.accounts import find
from bot.adapters.slack.web import Web
from bot.clock import Clock
from bot.domain import Address, AuditEntry, Person
from bot.errors import Refused
from bot.program import Program
from config.slack import Slack
from storage import audit, people
from storage.database import Database

PLATFORM = "slack"


class Link(StrEnum):
    """How a person of the roster stands to the workspace; in words for whoever reads the list."""

    LINKED = "linked"
    FOUND = "found"
    NOBODY = "nobody in the workspace has this e-mail"
    NO_EMAIL = "no e-mail on the roster"
    SHARED = "the same e-mail as somebody else"
    TAKEN = "this account is linked to somebody else"


@dataclass(frozen=True, slots=True)
class Account:
    """A person and the account that their e-mail leads to."""

    person: Person
    link: Link
    user: str = ""


def accounts(program: Program, database: Database) -> Sequence[Account]:
    """Everybody on the roster, with the account that was found. Raises Refused with what to do."""
    settings = program.settings.slack
    if not settings.account:
        raise Refused("There is no Slack app in nearpeer.toml yet: docs/slack.md, from step 1.")
    with database.read() as connection:
        everyone = people.everyone(connection)
    emails = [person.email.strip().casefold() for person in everyone]
    known = asyncio.run(_find(settings, {email for email in emails if email}))
    taken = {
        address.chat: person.id
        for person in everyone
        for address in person.addresses
        if (address.platform, address.account) == (PLATFORM, settings.account)
    }
    return [
        _account(person, known.get(email, ""), taken, emails.count(email))
        for person, email in zip(everyone, emails, strict=True)
    ]


def link(program: Program, database: Database, clock: Clock, found: Sequence[Account], actor: str) -> int:
    """Link what was found, all or nothing, so that messages go there first; gives how many."""
    new, workspace, now = [one for one in found if one.link is Link.FOUND], program.settings.slack.account, clock.now()

    def unit(connection: Connection) -> None:
        for one in new:
            people.put_first(connection, one.person.id, Address(PLATFORM, workspace, one.user), clock.new_id())
            entry = AuditEntry(actor, "linked a chat", now, person_id=one.person.id, detail=PLATFORM)
            audit.record(connection, clock.new_id(), entry)

    database.write(unit).result()
    return len(new)


async def _find(settings: Slack, emails: Collection[str]) -> dict[str, str]:
    web = Web(settings.base_url, settings.bot_token.get_secret_value())
    web.open()
    try:
        return await find(web, settings.account, emails)
    finally:
        await web.close()


def _account(person: Person, user: str, taken: dict[str, int], sharing: int) -> Account:
    if person.id in taken.values():
        return Account(person, Link.LINKED)
    if not person.email.strip():
        return Account(person, Link.NO_EMAIL)
    if sharing > 1:
        return Account(person, Link.SHARED)
    if not user:
        return Account(person, Link.NOBODY)
    return Account(person, Link.TAKEN if user in taken else Link.FOUND, user)
