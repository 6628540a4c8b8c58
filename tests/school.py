"""The little school for tests of the whole house: a tiny program, four people, and short words for their stories."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, Table, insert, select

from bot.app import App
from bot.content import SHIPPED
from bot.domain import (
    ActionKind,
    Match,
    Occurrence,
    Outbound,
    Person,
    Raw,
    Role,
    StaffAction,
)
from bot.kept import FILE
from bot.program import Program, create, load_program
from storage import due, people, tables
from storage.database import Database
from tests.fakes.memory import Hands, Platform

MAYA, LEO, RIVERA, OKAFOR = 11, 12, 13, 14
NAMES = {
    MAYA: ("maya", "Maya Torres", Role.MENTEE),
    LEO: ("leo", "Leo Kim", Role.MENTOR),
    RIVERA: ("rivera", "Ms. Rivera", Role.ADVISOR),
    OKAFOR: ("okafor", "Mr. Okafor", Role.COORDINATOR),
}
NOON = datetime(2026, 10, 5, 16, 0, tzinfo=UTC)
"""Monday noon in New York: the check-in is on Tuesday at 15:30, Maya and Leo meet on Wednesday at 15:00."""
on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For tests of what does not depend on the database."""
on_postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
"""For tests of what several programs do, which share a PostgreSQL database."""
CANARY = "violet-lantern"
"""A word that stands in what people write here, and must stand nowhere but in the database."""

# --- a tiny program ------------------------------------------------------------------------------------------------

PLAN = """
program: tiny
languages: [en, es]
schedules:
  - name: mentee-check-in
    audience: mentee
    flow: mentee-weekly
    weekly: {days: [tue], at: "15:30"}
    catch_up: 24h
  - name: session-reminder
    audience: mentor
    session: {before_start: 60m}
  - name: mentee-reflection
    audience: mentee
    flow: mentee-reflection
    session: {after_end: 15m}
ladder:
  crisis: {rungs: [{tell: [advisor], wait: 5m}, {tell: [coordinator], wait: 5m}], repeat: 10m, hold: 30m}
"""
WEEKLY = """
flow: mentee-weekly
kind: check-in
audience: mentee
languages: [en, es]
window: 24h
nudge: 4h
placeholders: [name]
steps:
  - id: mood
    scale: {en: "How is your week, {name}?", es: "¿Cómo va tu semana, {name}?"}
    topic: mood
    sensitivity: wellbeing
    answers:
      - {value: 3, label: {en: "Great", es: "Muy bien"}}
      - {value: 2, label: {en: "So-so", es: "Regular"}}
      - value: 1
        label: {en: "Hard", es: "Difícil"}
        escalate: {tier: notice, category: mood, why: "Chose the lowest mood"}
  - id: words
    text: {en: "What was it like?", es: "¿Cómo fue?"}
    topic: week
    sensitivity: wellbeing
  - id: adult
    choice: {en: "Would you like an adult to talk with you?", es: "¿Quieres que hable contigo una persona adulta?"}
    topic: adult
    sensitivity: none
    answers:
      - {value: "no", label: {en: "No, thanks", es: "No, gracias"}}
      - value: today
        label: {en: "Yes, today", es: "Sí, hoy"}
        escalate: {tier: urgent, category: adult-requested, why: "Asked to talk with an adult today"}
  - id: bye
    end: {en: "Thank you, {name}.", es: "Gracias, {name}."}
"""
REFLECTION = """
flow: mentee-reflection
kind: reflection
audience: mentee
languages: [en, es]
window: 12h
placeholders: [partner]
steps:
  - id: met
    yes_no: {en: "Did you and {partner} meet?", es: "¿Se reunieron tú y {partner}?"}
    topic: session
    sensitivity: none
  - id: bye
    end: {en: "See you next time.", es: "Hasta la próxima."}
"""
PACK = """
pack: en
language: en
version: 1
rules:
  - {id: wish-to-die, tier: crisis, category: suicide, label: Wish to be dead, phrases: [want to die], negation: false}
  - {id: bullied, tier: urgent, category: bullying, label: Bullied, phrases: [they hit me]}
  - {id: left-out, tier: concern, category: isolation, label: Left out, phrases: [nobody likes me]}
  - {id: no-school, tier: notice, category: school, label: Unhappy with school, phrases: [hate school]}
"""
WORDS = (
    "i we you they it a the and but of in on at to for with my me was is am are not no yes have had do want like good "
    "nice fine week day today school math test lunch friend friends mentor adult help thing things about all more very "
    "really so just still think know feel felt went made take took came hate nobody likes hit die walked river red kite"
)


_kept = b""
"""What was read for the last tiny program: most of it is in the next one."""


def tiny_program(folder: Path, *, weekly: str = WEEKLY, plan: str = PLAN, pack: str = PACK) -> Program:
    """The tiny program, made as `nearpeer init` makes one, with the texts and cards that ship."""
    global _kept
    shipped = folder / "shipped"
    written = {
        "programs/tiny/program.yaml": plan,
        "programs/tiny/flows/mentee-weekly.yaml": weekly,
        "programs/tiny/flows/mentee-reflection.yaml": REFLECTION,
        "safety/packs/en.yaml": pack,
        "safety/words/en.txt": "\n".join(WORDS.split()) + "\n",
    }
    for name, text in written.items():
        (shipped / name).parent.mkdir(parents=True, exist_ok=True)
        (shipped / name).write_text(text, encoding="utf-8")
    for name in ("nearpeer.toml", "safety/cards.yaml", "safety/rules.yaml", "texts/en.yaml", "texts/es.yaml"):
        (shipped / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(SHIPPED / name, shipped / name)
    create(folder / "lincoln", "tiny", shipped=shipped)
    kept = folder / "lincoln" / FILE
    kept.parent.mkdir()
    kept.write_bytes(_kept)
    program = load_program(folder / "lincoln", shipped=shipped)
    _kept = kept.read_bytes()
    return program


_engines: dict[str, Engine] = {}
_compiled: dict[Any, Any] = {}


def compile_once(engine: Engine) -> None:
    """Statements that another test has compiled need not be compiled again: that takes longer than most tests."""
    first = _engines.setdefault(engine.dialect.name, engine)
    if first is engine:
        engine.connect().close()  # now it knows its server
    engine.dialect = engine.pool._dialect = first.dialect
    engine.update_execution_options(compiled_cache=_compiled)


def move_in(connection: Connection) -> None:
    """Maya and Leo, who meet on Wednesdays; Ms. Rivera, who looks after them; Mr. Okafor behind her."""
    for id_, (key, name, role) in NAMES.items():
        people.add(connection, Person(id_, key, name, role, "en", ""), NOON, id_ + 100)
    people.put_match(connection, Match(21, (MAYA,), (LEO,), RIVERA, "Wed 15:00 45m"))


def plan(connection: Connection, *wanted: Occurrence) -> None:
    """Occurrences as if a schedule had brought them."""
    connection.execute(insert(tables.occurrence), [asdict(one) | {"status": "planned"} for one in wanted])


# --- the house -----------------------------------------------------------------------------------------------------


class House:
    """An App whose loops a test turns by hand, and short words for what people do in a story."""

    _events = itertools.count(1)

    def __init__(self, database: Database, program: Program, clock: Hands, platforms: Sequence[Platform]) -> None:
        self.database, self.program, self.clock = database, program, clock
        self.platforms = platforms
        self.platform = platforms[0]
        self.app = App(program, database, clock, platforms)

    def restarted(self, program: Program | None = None) -> House:
        """The same school after its process was started anew."""
        return House(self.database, program or self.program, self.clock, self.platforms)

    # --- time ---

    async def settle(self) -> None:
        """Let the house do everything that there is to do now."""
        app, done = self.app, 1
        await app.beat_leases()
        while done:
            done = await app.turns.drain() + await app.beat_due()
            for delivery in app.deliveries:
                done += await delivery.sweep()
                while delivery.busy:  # noqa: ASYNC110  (delivery tells nobody when it is idle)
                    await asyncio.sleep(0.0005)

    async def pass_time(self, **span: float) -> None:
        """Time goes by while the house runs: nothing that falls due on the way is late."""
        end = self.clock.now() + timedelta(**span)
        while True:
            await self.settle()
            with self.database.read() as connection:
                following = due.next_due(connection)
            if following is None or following > end or following <= self.clock.now():
                break
            self.clock.set(following)
        await self.jump_to(end)

    async def jump(self, **span: float) -> None:
        """Time goes by while the house is down; then it runs."""
        await self.jump_to(self.clock.now() + timedelta(**span))

    async def jump_to(self, moment: datetime) -> None:
        self.clock.set(moment)
        await self.settle()

    # --- what people do ---

    async def offer(self, body: Mapping[str, Any], *, event: str = "", platform: Platform | None = None) -> str:
        """The platform hands an event over; gives its id."""
        event = event or f"e{next(self._events)}"
        platform = platform or self.platform
        await self.app.port.receive(Raw(platform.name, platform.account, event, dict(body)))
        return event

    async def says(self, person: int, text: str, *, reply_to: int | None = None) -> None:
        """A person writes, and the house reacts."""
        await self.offer({"chat": str(person), "text": text, "reply_to": reply_to})
        await self.settle()

    async def taps(self, person: int, label: str) -> None:
        """A person presses the newest button whose label begins so."""
        await self.offer(self.button(person, label))
        await self.settle()

    def button(self, person: int, label: str) -> dict[str, str]:
        """What the platform tells us when somebody presses that button."""
        choice = next(
            choice
            for outbound in reversed(self.platform.journal)
            if outbound.address.chat == str(person)
            for choice in outbound.choices
            if choice.label.startswith(label)
        )
        return {"chat": str(person), "kind": "button", "token": choice.token, "text": choice.label}

    async def begins(self, person: int, flow: str) -> None:
        """A flow starts with somebody, outside any schedule."""
        turns, loaded = self.app.turns, self.app.program.flows[flow]
        self.write(lambda connection: turns.begin(connection, person, loaded))
        await self.settle()

    async def staff(self, kind: ActionKind, object_id: int, **more: Any) -> None:
        """Staff act on a page."""
        await self.app.turns.handle(StaffAction(kind, "Ms. Chen (console)", object_id, **more))
        await self.settle()

    # --- what is to be seen ---

    def phone(self, person: int) -> list[str]:
        """The texts that arrived on somebody's phone."""
        return [outbound.text for outbound in self.platform.journal if outbound.address.chat == str(person)]

    def newest(self, person: int) -> Outbound:
        """What arrived last on somebody's phone."""
        return [outbound for outbound in self.platform.journal if outbound.address.chat == str(person)][-1]

    def newest_alert(self, person: int) -> Outbound:
        """The alert that arrived last on somebody's phone."""
        mine = [one for one in self.platform.journal if one.address.chat == str(person)]
        return [one for one in mine if one.kind == "alert"][-1]

    def labels(self, person: int) -> list[str]:
        """The buttons of what arrived last."""
        return [choice.label for choice in self.newest(person).choices]

    def rows(self, table: Table, **where: Any) -> list[Any]:
        """Rows of a table, by id where there is one."""
        query = select(table).where(*(table.c[name] == value for name, value in where.items()))
        with self.database.read() as connection:
            return list(connection.execute(query.order_by(*table.primary_key.columns)))

    def case(self) -> Any:
        """The one case that there is."""
        (row,) = self.rows(tables.escalation)
        return row

    def code(self, person: int) -> str:
        """Somebody's code for the one case that they were told of."""
        (row,) = self.rows(tables.acknowledgement_code, person_id=person)
        return str(row.code)

    def text(self, key: str, language: str = "en", **values: str) -> str:
        """One of the house's own texts."""
        text = self.program.texts[language][key]
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", value)
        return text

    def write(self, unit: Any) -> Any:
        """Run a unit of work and wait for its commit."""
        return self.database.write(unit).result()


def house(database: Database, program: Program, *more: Platform) -> House:
    """The little school in an empty database, on Monday at noon. `more`: platforms beside the web."""
    database.write(move_in).result()
    return House(database, program, Hands(NOON), (Platform(), *more))
