"""`nearpeer play`: a flow in the terminal, through the real path, with a database that is gone afterwards."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TextIO

from sqlalchemy import Connection

from bot.adapters.terminal import Adapter
from bot.app import App
from bot.clock import SystemClock
from bot.content import SHIPPED
from bot.domain import Person, Role
from bot.errors import Refused
from bot.flows.loaded import LoadedFlow, load_flow
from bot.program import Program, create, load_program
from bot.school import import_roster, open_database, read_report
from storage import people

FLOWS = SHIPPED / "programs" / "near-peer" / "flows"


def find_flow(name: str) -> LoadedFlow:
    """A flow by its file, or one that ships by its name. Raises Refused or ContentError."""
    path = Path(name)
    if path.is_file():
        return load_flow(path)
    shipped = sorted(file.stem for file in FLOWS.glob("*.yaml"))
    if name not in shipped:
        raise Refused(f'There is no file "{name}", and no flow of that name ships; there is {", ".join(shipped)}.')
    return load_flow(FLOWS / f"{name}.yaml")


def play(name: str, language: str, *, source: TextIO | None = None, screen: TextIO | None = None) -> None:
    """Rehearse a flow until its person types Ctrl-D or the flow has ended."""
    loaded = find_flow(name)
    with tempfile.TemporaryDirectory(prefix="nearpeer-play-") as folder:
        create(Path(folder) / "school")
        program = load_program(Path(folder) / "school")
        flows = MappingProxyType({**program.flows, loaded.name: loaded})
        quiet = replace(program, flows=flows, schedules=(), first_contact="")
        asyncio.run(_play(quiet, loaded, language, source, screen))


async def _play(
    program: Program, loaded: LoadedFlow, language: str, source: TextIO | None, screen: TextIO | None
) -> None:
    clock, database = SystemClock(), open_database(program)
    try:
        import_roster(database, read_report(database, program, program.folder / "roster.csv"), clock)
        terminal = Adapter(source=source, screen=screen)
        app = App(program, database, clock, [terminal])

        def begin(connection: Connection) -> None:
            everyone = people.everyone(connection)
            person = next(one for one in everyone if one.role is Role(loaded.flow.audience))
            _sit_down(connection, person, language, terminal, clock)
            app.turns.begin(connection, person.id, loaded)

        database.write(begin).result()
        stop = asyncio.Event()
        running = asyncio.create_task(app.run(stop))
        app.kick()
        await terminal.ended.wait()
        await app.settle()
        stop.set()
        await running
    finally:
        database.close()


def _sit_down(connection: Connection, person: Person, language: str, terminal: Adapter, clock: SystemClock) -> None:
    people.change(connection, replace(person, language=language))
    people.add_address(connection, person.id, terminal.address, clock.new_id(), position=0)
