"""`make demo`: the little school in a browser. Only clock and roster are its own; everything else is the real house.

Its folder and database are temporary and end with it. It never looks at the environment's settings of a real school.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import tempfile
import webbrowser
from pathlib import Path

from sqlalchemy import Connection

from bot import school
from bot.adapters.web.adapter import Adapter
from bot.app import App
from bot.clock import HandsClock
from bot.demo.hands import Hands
from bot.demo.little_school import CAST, JOINED, ROSTER, settings
from bot.demo.pages import Pages
from bot.domain import Role
from bot.program import Program, create, load_program
from bot.server import asset
from bot.serving import run_until_told
from storage import accounts, people
from storage.database import Database


def run(port: int, *, open_browser: bool) -> None:
    """Serve the demo on this computer until SIGTERM or Ctrl-C. Raises Refused when the port is taken."""
    logging.basicConfig(level=logging.ERROR, format="%(levelname)s %(name)s %(message)s")
    with tempfile.TemporaryDirectory(prefix="nearpeer-demo-") as name:
        folder = Path(name) / "little-school"
        create(folder)
        program = load_program(folder, settings(folder, port))
        database = school.open_database(program)
        try:
            clock = HandsClock(JOINED, runs=True)
            school.import_roster(database, program, school.read_report(database, program, ROSTER), clock)
            asyncio.run(_serve(program, database, clock, open_browser=open_browser))
        finally:
            database.close()


async def _serve(program: Program, database: Database, clock: HandsClock, *, open_browser: bool) -> None:
    adapter = Adapter(people.WEB_ACCOUNT, asset=asset)
    app = App(program, database, clock, [adapter])
    chats, rivera = await asyncio.to_thread(_cast, database)
    account = await asyncio.to_thread(_staff_account, database, clock, rivera)
    hands = Hands(app, adapter, clock, chats)
    pages = Pages(app, adapter, hands, chats, account)
    tasks: list[asyncio.Task[None]] = []

    async def open_up(port: int) -> None:
        address = f"http://127.0.0.1:{port}/"
        print(f"The little school is at {address}  (Ctrl-C ends it)", flush=True)
        try:
            await hands.tell_history()
        except Exception as error:
            # Told by every page that waits for it.
            pages.opening.set_exception(error)
            return
        pages.opening.set_result(None)
        if open_browser:
            await asyncio.to_thread(webbrowser.open, address)

    def ready(port: int) -> None:
        tasks.append(asyncio.create_task(open_up(port)))

    server = program.settings.server
    await run_until_told(app, pages.routes(), server.host, server.port, ready=ready)


def _cast(database: Database) -> tuple[dict[str, str], int]:
    """The chat of everybody on the page, by roster key, and who Ms. Rivera is."""
    with database.read() as connection:
        found = {one.key: one.id for one in people.everyone(connection)}
    return {one.key: str(found[one.key]) for one in CAST}, found["rivera"]


def _staff_account(database: Database, clock: HandsClock, rivera: int) -> int:
    """Ms. Rivera's staff account, with a password that nobody knows: the demo opens her sign-ins itself."""
    account, wall = clock.new_id(), clock.wall()
    hashed = accounts.hash_password(secrets.token_urlsafe(32))

    def unit(connection: Connection) -> None:
        accounts.create_account(
            connection,
            account,
            name="Ms. Rivera",
            login="rivera",
            password_hash=hashed,
            now=wall,
            role=Role.ADVISOR,
            person_id=rivera,
        )

    database.write(unit).result()
    return account
