"""`nearpeer drill`: begins a drill in a school's database, or says how the last one went. Whoever runs sends it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from bot.clock import Clock
from bot.domain import ActionKind, StaffAction
from bot.program import Program
from bot.turns.handle import Turns
from storage import drills
from storage.database import Database


def begin(database: Database, program: Program, clock: Clock) -> None:
    """Put a drill into the outbox: `nearpeer run` sends it. Raises Refused with words for people."""
    turns = Turns(database, program, clock, {}, lambda: None)
    action = StaffAction(ActionKind.DRILL, "command line", 0)

    def unit(connection: Connection) -> None:
        turns.save(connection, action)

    database.write(unit).result()


def report(database: Database) -> str:
    """How the last drill went, in lines for people."""
    with database.read() as connection:
        last = drills.last(connection)
        if last is None:
            return "There was no drill yet. Begin one: nearpeer drill DIR"
        found = drills.results(connection, last.id)
    lines = [f"Drill of {last.began_at:%Y-%m-%d %H:%M} UTC{'' if last.ended_at else ', under way'}:"]
    for one in found:
        told = _after(one.told_at - last.began_at) if one.told_at else "NOT TOLD"
        answered = _after(one.answered_at - last.began_at) if one.answered_at else "NOT ANSWERED"
        lines.append(f"  {one.name}: told {told}, answered {answered}")
    return "\n".join(lines)


def _after(span: timedelta) -> str:
    minutes, seconds = divmod(int(span.total_seconds()), 60)
    return f"after {minutes} min {seconds} s"
