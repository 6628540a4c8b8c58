"""Who can really read what a student writes: the staff accounts whose pages show it, by the pages' own condition."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, exists, select
from sqlmodel import SQLModel

from bot.domain import Role
from storage import tables
from storage.sight import in_caseload

_ACCOUNT = SQLModel.metadata.tables["account"]


def readers(connection: Connection, person_id: int) -> Sequence[tuple[str, Role]]:
    """Name and role of each staff account that opens this person's answers, advisors first."""
    account, person = _ACCOUNT.c, tables.person.c
    rows = connection.execute(
        select(account.name, account.role, account.person_id).where(account.disabled_at.is_(None))
    )
    found = []
    for name, role, own_id in rows.all():
        caseload_of = None if role == Role.COORDINATOR else own_id
        shown = exists().where(person.id == person_id, in_caseload(person.id, caseload_of))
        if connection.execute(select(shown)).scalar():
            found.append((name, Role(role)))
    return sorted(set(found), key=lambda one: (one[1] is not Role.ADVISOR, one[0]))
