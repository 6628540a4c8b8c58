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
from bot.domain import Role
from bot.errors import Refused
from bot.flows.loaded import LoadedFlow, load_flow
from bot.program import Program, create, load_program
from bot.school import import_roster, open_database, read_report
from storage import conversations, people

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
    if language not in loaded.flow.languages:
        raise Refused(f'The flow "{loaded.name}" speaks {" and ".join(loaded.flow.languages)}, not "{language}".')
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

    async def settle() -> None:
        await app.settle()
        with database.read() as connection:
            if conversations.waiting(connection, person.id) is None:
                print("\n(The conversation ends here.)", file=screen)
                terminal.ended.set()

    try:
        import_roster(database, program, read_report(database, program, program.folder / "roster.csv"), clock)
        terminal = Adapter(source=source, screen=screen, settle=settle)
        app = App(program, database, clock, [terminal])
        with database.read() as connection:
            everyone = people.everyone(connection)
        person = next(one for one in everyone if one.role is Role(loaded.flow.audience))

        def begin(connection: Connection) -> None:
            people.change(connection, replace(person, language=language))
            people.add_address(connection, person.id, terminal.address, clock.new_id(), position=0)
            app.turns.begin(connection, person.id, loaded)

        database.write(begin).result()
        stop = asyncio.Event()
        running = asyncio.create_task(app.run(stop))
        app.kick()
        ended = asyncio.create_task(terminal.ended.wait())
        try:
            await asyncio.wait({ended, running}, return_when=asyncio.FIRST_COMPLETED)
        finally:  # Ctrl-C as well: nobody asks a closed database
            stop.set()
            await running
    finally:
        database.close()
