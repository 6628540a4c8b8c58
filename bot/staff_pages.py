"""The staff pages of a program: what bot.console needs of the school, put together. Only who shows pages loads it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from sqlalchemy import Connection
from starlette.routing import BaseRoute

from bot.checks import Trouble
from bot.clock import Clock
from bot.console.desk import Handle, Spans
from bot.console.routes import routes
from bot.planning.duty import AHEAD, gaps
from bot.printed import sheets
from bot.program import Program
from bot.server import asset
from storage import people
from storage.database import Database


def staff_pages(
    program: Program,
    database: Database,
    clock: Clock,
    handle: Handle,
    *,
    watched: Callable[[], Sequence[Trouble]],
    accounts: Sequence[str],
) -> list[BaseRoute]:
    """The routes under /staff. `watched`, `accounts`: as bot.console.routes takes them."""
    return routes(
        database,
        clock,
        handle,
        school=program.school,
        zone=program.zone.key,
        https=program.settings.server.public_url.startswith("https:"),
        asset=asset,
        watched=watched,
        notes=program.changed,
        backup_days=program.settings.backup.warn_after_days,
        accounts=accounts,
        uncovered=partial(uncovered, program),
        sheets=partial(sheets, program),
    )


def uncovered(program: Program, connection: Connection, now: datetime) -> Spans | None:
    """The times without anybody on duty in the next 14 days; None where the plan has no duty list."""
    if program.duty is None:
        return None
    present = {one.key for one in people.adults(connection)}
    return [(gap.begin, gap.end) for gap in gaps(program.duty, present, now, now + AHEAD)]
