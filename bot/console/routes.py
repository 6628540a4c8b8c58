"""Every staff page and its address. Default deny: what is not listed as open needs a sign-in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from bot.checks import Trouble
from bot.clock import Clock
from bot.console import answers, cases, fairness, health, items, people, sign_in, status, words
from bot.console.desk import Desk, Handle, Spans, see_other, templates
from bot.console.sign_in import Page, gate
from storage.database import Database

Open = Callable[[Desk, Request], Awaitable[Response]]

_OPEN: tuple[tuple[str, str, Open], ...] = (
    ("GET", "/staff/sign-in", sign_in.sign_in_page),
    ("POST", "/staff/sign-in", sign_in.sign_in),
    ("GET", "/staff/first-run", sign_in.first_run_page),
    ("POST", "/staff/first-run", sign_in.first_run),
)
_SIGNED_IN: tuple[tuple[str, str, Page], ...] = (
    ("POST", "/staff/sign-out", sign_in.sign_out),
    ("GET", "/staff/", cases.home),
    ("GET", "/staff/escalations/{id:int}", cases.case_page),
    ("POST", "/staff/escalations/{id:int}/{action}", cases.act),
    ("GET", "/staff/answers", answers.answers_page),
    ("POST", "/staff/answers/{id:int}/reviewed", answers.mark_answer),
    ("POST", "/staff/items/{id:int}/reviewed", items.mark_item),
    ("POST", "/staff/items/{id:int}/unlink", items.unlink),
    ("GET", "/staff/people", people.people_page),
    ("GET", "/staff/people/{id:int}", people.person_page),
    ("POST", "/staff/people/{id:int}/resume", people.resume),
    ("GET", "/staff/health", health.health_page),
    ("GET", "/staff/words", words.words_page),
    ("GET", "/staff/fairness", fairness.fairness_page),
    ("POST", "/staff/health/hold/{action}", health.end_hold),
    ("POST", "/staff/health/drill", health.drill),
)
_BY_ITSELF: tuple[tuple[str, str, Page], ...] = (
    ("GET", "/staff/now", cases.now),
    ("GET", "/staff/status", status.status),
)
"""Asked by an open page every few seconds: does not keep an idle sign-in alive."""


def routes(
    database: Database,
    clock: Clock,
    handle: Handle,
    *,
    school: str,
    zone: str,
    https: bool = False,
    asset: Callable[[str], str] = "/static/{}".format,
    watched: Callable[[], Sequence[Trouble]] = tuple,
    backup_days: int = 0,
    accounts: Sequence[str] = (),
    notes: Callable[[date], Sequence[str]] = lambda _today: (),
    uncovered: Callable[[Connection, datetime], Spans | None] = lambda _connection, _now: None,
    sheets: Callable[[], words.Sheets] = lambda: words.Sheets((), ()),
) -> list[BaseRoute]:
    """The staff pages under /staff, for the server.

    `handle`: returns after the commit, raises Refused with words for the person. `zone`: the school's, in which times
    are shown. `https`: whether browsers reach us over https (the cookie's name and Secure depend on it). `asset`: file
    in bot/static -> URL. `watched`: what the auditor found. `backup_days`: how old the last backup may be.
    `accounts`: the platforms of which the status line tells, as their marks name them. `notes`: what is muted or added.
    `uncovered`: when nobody is on duty in the days from a moment on; None without a duty list.
    `sheets`: reads all cards and safety packs for the page that counselors print; may take a second.
    """
    desk = Desk(
        database,
        clock,
        handle,
        school,
        ZoneInfo(zone),
        https,
        asset,
        templates(),
        watched,
        backup_days=backup_days,
        accounts=accounts,
        notes=notes,
        uncovered=uncovered,
        sheets=sheets,
    )
    return [
        *(Route(path, _open(page, desk), methods=[method]) for method, path, page in _OPEN),
        *(Route(path, gate(desk, page), methods=[method]) for method, path, page in _SIGNED_IN),
        *(Route(path, gate(desk, page, by_itself=True), methods=[method]) for method, path, page in _BY_ITSELF),
        Route("/staff", _to_home, methods=["GET"]),
    ]


def _open(page: Open, desk: Desk) -> Callable[[Request], Awaitable[Response]]:
    return partial(page, desk)


async def _to_home(request: Request) -> Response:
    return see_other("/staff/")
