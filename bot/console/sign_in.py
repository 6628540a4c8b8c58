"""Who may enter: the sign-in page, the first account, signing out, and the gate in front of every other staff page."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from bot.console.desk import Desk, from_htmx, see_other
from bot.console.status import entries
from bot.domain import AuditEntry
from bot.errors import Refused
from storage import accounts, audit
from storage.accounts import Staff

Page = Callable[[Desk, Request, Staff], Awaitable[Response]]
_OWN_PAGE = re.compile(r"/staff/[a-z0-9/-]*")
_TOUCH_AFTER = timedelta(minutes=1)
_BUSY = "Too many tries at once. Please wait a minute and try again."


def gate(desk: Desk, page: Page, *, by_itself: bool = False) -> Callable[[Request], Awaitable[Response]]:
    """The page for whoever is signed in; all others are sent to sign in.

    `by_itself`: the browser asks without anybody doing something, so that the idle time runs on.
    """

    async def gated(request: Request) -> Response:
        token = request.cookies.get(desk.cookie, "")
        wall = desk.clock.wall()
        found = await desk.read(lambda connection: accounts.signed_in(connection, token, wall)) if token else None
        if found is None:
            return _please_sign_in(request)
        staff, seen_at = found
        if not by_itself and wall - seen_at > _TOUCH_AFTER:
            await desk.write(lambda connection: accounts.touch(connection, token, wall))
        request.state.staff = staff
        if not by_itself and not from_htmx(request):
            request.state.status = await entries(desk)
        return await page(desk, request, staff)

    return gated


def _please_sign_in(request: Request) -> Response:
    back = request.url.path if request.method == "GET" and _OWN_PAGE.fullmatch(request.url.path) else "/staff/"
    if from_htmx(request):
        return Response(status_code=401, headers={"HX-Redirect": "/staff/sign-in"})
    return see_other("/staff/sign-in" if back == "/staff/" else f"/staff/sign-in?next={back}")


async def sign_in_page(desk: Desk, request: Request) -> Response:
    """The form."""
    first = not await desk.read(accounts.any_account)
    return desk.page(
        request, "sign_in.html", login="", next=_next(request.query_params.get("next", "")), first=first, problem=""
    )


async def sign_in(desk: Desk, request: Request) -> Response:
    """Judge login and password, slowly for whoever guesses; a right pair opens a new sign-in."""
    form = await request.form()
    login, password = str(form.get("login", ""))[:200], str(form.get("password", ""))
    after = _next(str(form.get("next", "")))
    staff, problem = await _judge(desk, request, login.strip().casefold(), password)
    if staff is None:
        status = 429 if problem == _BUSY else 422
        return desk.page(
            request, "sign_in.html", status, login=login, next=after, first=False, problem=problem
        )  # fmt: skip
    return await _enter(desk, request, staff, after)


async def _judge(desk: Desk, request: Request, login: str, password: str) -> tuple[Staff | None, str]:
    source = request.client.host if request.client else ""
    if not desk.attempts.enter(source):
        return None, _BUSY
    try:
        await asyncio.sleep(desk.attempts.wait(login, source, desk.clock.wall()))
        async with desk.hashers:
            staff = await asyncio.to_thread(accounts.verify, desk.database, login, password)
    finally:
        desk.attempts.leave(source)
    if staff is None:
        desk.attempts.failed(login, source, desk.clock.wall())
        await _record(desk, "somebody", "sign-in refused")
        return None, "This login and password do not belong together. Please try again."
    desk.attempts.succeeded(login, source)
    return staff, ""


async def _enter(desk: Desk, request: Request, staff: Staff, after: str) -> Response:
    """A new sign-in each time; an older one of this browser ends."""
    old, wall = request.cookies.get(desk.cookie, ""), desk.clock.wall()
    if old:
        await desk.write(lambda connection: accounts.sign_out(connection, old))
    token = await desk.write(lambda connection: accounts.sign_in(connection, staff.id, wall))
    await _record(desk, staff.name, "signed in")
    response = see_other(after)
    # Lax, not Strict: the link in an alert must find the sign-in that is there. No page acts on GET.
    response.set_cookie(desk.cookie, token, path="/", secure=desk.https, httponly=True, samesite="lax")
    return response


async def sign_out(desk: Desk, request: Request, staff: Staff) -> Response:
    """End this sign-in, or with `everywhere` all of this account's."""
    token = request.cookies.get(desk.cookie, "")
    if (await request.form()).get("everywhere"):
        await desk.write(lambda connection: accounts.sign_out_everywhere(connection, staff.id))
    await desk.write(lambda connection: accounts.sign_out(connection, token))
    await _record(desk, staff.name, "signed out")
    response = see_other("/staff/sign-in")
    response.delete_cookie(desk.cookie, path="/", secure=desk.https, httponly=True, samesite="lax")
    # What was on the screen must not come back by the browser's Back button.
    response.headers["clear-site-data"] = '"cache"'
    return response


async def first_run_page(desk: Desk, request: Request) -> Response:
    """The form for the first account. The code is typed, never part of a link."""
    return desk.page(request, "first_run.html", code="", name="", login="", problem="")


async def first_run(desk: Desk, request: Request) -> Response:
    """Make the first account and sign it in."""
    form = await request.form()
    code, name, login, password, again = (
        str(form.get(key, ""))[:200] for key in ("code", "name", "login", "password", "again")
    )
    try:
        staff = await _first_account(desk, request, code, name, login, password, again)
    except Refused as refused:
        return desk.page(request, "first_run.html", 422, code=code, name=name, login=login, problem=str(refused))
    return await _enter(desk, request, staff, "/staff/")


async def _first_account(
    desk: Desk, request: Request, code: str, name: str, login: str, password: str, again: str
) -> Staff:
    source, wall = (request.client.host if request.client else ""), desk.clock.wall()
    if not desk.attempts.enter(source):
        raise Refused(_BUSY)
    try:
        await asyncio.sleep(desk.attempts.wait("first-run", source, wall))
        if not await desk.read(lambda connection: accounts.first_run_holds(connection, code, wall)):
            desk.attempts.failed("first-run", source, wall)
            raise Refused("This setup code does not work: it is mistyped, used already, or too old.")
        if password != again:
            raise Refused("The two passwords are not the same.")
        async with desk.hashers:
            password_hash = await asyncio.to_thread(accounts.hash_password, password, name, login)
    finally:
        desk.attempts.leave(source)
    account_id = desk.clock.new_id()
    staff = await desk.write(
        lambda connection: accounts.use_first_run(connection, code, account_id, name, login, password_hash, wall)
    )
    await _record(desk, staff.name, "made their account")
    return staff


async def _record(desk: Desk, actor: str, action: str) -> None:
    entry = AuditEntry(actor, action, desk.clock.now())
    await desk.write(lambda connection: audit.record(connection, desk.clock.new_id(), entry))


def _next(path: str) -> str:
    """Where to go after signing in: one of our own pages, whatever the form says."""
    return path if _OWN_PAGE.fullmatch(path) else "/staff/"
