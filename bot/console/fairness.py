"""Cases, false alarms and waiting by language and grade, for coordinators. Counts only: nobody's words, no name."""

from __future__ import annotations

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from bot import fairness
from bot.console.desk import Desk, seen_or_404
from bot.domain import Role
from storage.accounts import Staff
from storage.fairness import cases, students


async def fairness_page(desk: Desk, request: Request, staff: Staff) -> Response:
    """The report over the last year, by the cases that this coordinator may know of."""
    seen_or_404(staff.role is Role.COORDINATOR or None)
    since = desk.clock.now() - fairness.PERIOD

    def look(connection: Connection) -> tuple[fairness.Table, ...]:
        return fairness.tables(students(connection), cases(connection, since, staff.person_id))

    return desk.page(
        request,
        "fairness.html",
        tables=await desk.read(look),
        columns=fairness.COLUMNS,
        small=fairness.SMALL,
        since=desk.moments().day(since),
    )
