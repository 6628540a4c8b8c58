"""What every staff page stands on: the database, the clock, the way to act, templates. No page lives here."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlalchemy import Connection
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.checks import Trouble
from bot.clock import Clock
from bot.console.attempts import Attempts
from bot.console.wording import Moments
from bot.domain import AuditEntry, StaffAction
from bot.errors import Refused
from bot.markup import visible
from storage import audit
from storage.accounts import Staff
from storage.database import Database

T = TypeVar("T")
Spans = Sequence[tuple[datetime, datetime]]
"""Times, each from a moment to another."""
Handle = Callable[[StaffAction], Awaitable[None]]
_LARGEST_ID = 2**63 - 1
_HASHERS = 2
VIEWED = "viewed"
"""The action in the record for every sight of a student's words."""


@dataclass(frozen=True, slots=True)
class Desk:
    """One per server. `handle` is the only way in which a page changes anything but sign-ins and the record."""

    database: Database
    clock: Clock
    handle: Handle
    school: str
    zone: ZoneInfo
    https: bool
    asset: Callable[[str], str]
    templates: Environment
    watched: Callable[[], Sequence[Trouble]] = tuple
    """What the auditor of this process has found beside what stands in the database."""
    backup_days: int = 0
    """How old the last backup may be; 0: however old."""
    uncovered: Callable[[Connection, datetime], Spans | None] = lambda _connection, _now: None
    """When nobody is on duty in the days from a moment on; None: there is no duty list."""
    sheets: Callable[[], Any] = tuple
    """Reads all cards and safety packs, as bot.console.words shows them."""
    accounts: Sequence[str] = ()
    """Platforms beside the web, each with its account: `telegram:school_bot`."""
    notes: Callable[[date], Sequence[str]] = lambda _today: ()
    """What staff should know of how screening is set up, on this day."""
    attempts: Attempts = field(default_factory=Attempts)
    hashers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_HASHERS))
    """Each password check takes 19 MiB; this many run at once."""

    @property
    def cookie(self) -> str:
        """The name of the cookie that holds a sign-in."""
        return cookie_name(self.https)

    def moments(self) -> Moments:
        """Wording of moments, seen from now."""
        return Moments(self.zone, self.clock.now())

    async def read(self, look: Callable[[Connection], T]) -> T:
        """Run a reading function in a worker thread."""

        def reading() -> T:
            with self.database.read() as connection:
                return look(connection)

        return await asyncio.to_thread(reading)

    async def write(self, unit: Callable[[Connection], T]) -> T:
        """Run a unit of work; returns after its commit."""
        return await asyncio.wrap_future(self.database.write(unit))

    async def hand_in(self, action: StaffAction) -> str:
        """Let an action of staff be done; what was refused, in words, or nothing."""
        try:
            await self.handle(action)
        except Refused as refused:
            return str(refused)
        return ""

    async def viewed(self, staff: Staff, what: str, seen: Iterable[tuple[int | None, int | None]]) -> None:
        """Record what is about to be shown, as (person, escalation) pairs.

        A view that cannot be recorded raises, and the page is not shown.
        """
        now = self.clock.now()
        pairs = dict.fromkeys(seen)
        entries = [AuditEntry(staff.name, VIEWED, now, person, case, what) for person, case in pairs]
        if entries:
            await self.write(lambda connection: audit.record_all(connection, self.clock.new_id, entries))

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Render a template."""
        common = {
            "school": self.school,
            "staff": getattr(request.state, "staff", None),
            "path": request.url.path,
            "asset": self.asset,
            "status": getattr(request.state, "status", ()),
        }
        return HTMLResponse(self.templates.get_template(template).render({**common, **values}), status_code=status)


def cookie_name(https: bool) -> str:
    """Browsers accept the `__Host-` name over https only, and then only as we set it (path /, no domain)."""
    return "__Host-nearpeer-staff" if https else "nearpeer-staff"


@functools.cache
def templates() -> Environment:
    """The staff pages' templates, compiled once: everything escaped, a missing value is an error."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_shown,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: object) -> object:
    """Everything that a template writes out: what hides in a text is shown (F74). Markup of ours stays as it is."""
    return visible(value) if type(value) is str else value


def from_htmx(request: Request) -> bool:
    """Whether htmx asks, for a part of a page."""
    return request.headers.get("hx-request") == "true"


def seen_or_404(found: T | None) -> T:
    """What does not exist and what is not theirs look the same."""
    if found is None:
        raise HTTPException(404)
    return found


def path_id(request: Request) -> int:
    """The id in the path."""
    id_ = int(request.path_params["id"])
    if id_ > _LARGEST_ID:
        raise HTTPException(404)
    return id_


def query_id(request: Request, name: str) -> int | None:
    """An id in the query, or None. What is no id is as good as none."""
    value = request.query_params.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and int(value) <= _LARGEST_ID else None


def see_other(path: str) -> Response:
    """Go there, as a reading request."""
    return RedirectResponse(path, status_code=303)
