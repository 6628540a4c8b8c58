"""The house's own checks: who may import whom, where third parties live, and a few habits. See docs/decisions/."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LEAVES = {"bot.domain", "bot.errors", "bot.making", "bot.clock", "bot.failpoints", "bot.markup"}
PURE = {"bot.domain", "bot.errors", "bot.making"}
ANY = {"bot", "storage", "config"}

# Room -> what it may import of ours (beside itself), and which third parties are at home in it. A file belongs to the
# longest name that fits; a name lets in everything below it. Why it is so: docs/decisions/.
ROOMS: dict[str, tuple[set[str], set[str]]] = {
    "bot.making": (set(), set()),
    "bot.domain": ({"bot.making"}, set()),
    "bot.errors": (set(), set()),
    "bot.clock": (set(), set()),
    "bot.failpoints": (set(), set()),
    "bot.markup": (PURE, set()),
    "bot.proxy": (set(), set()),
    "bot.flows": (PURE, {"pydantic", "pydantic_core"}),
    "bot.flows.syntax": (PURE, {"ruamel"}),
    "bot.kept": (set(), set()),
    "bot.safety": (PURE, {"pydantic", "anyascii"}),
    "bot.safety.ladder": (PURE | {"bot.safety", "bot.planning.hours"}, set()),
    "bot.planning": (PURE, set()),
    "bot.roster": (PURE | {"bot.planning.words"}, set()),
    "bot.adapters.base": (PURE, set()),
    "bot.adapters.terminal": (PURE | {"bot.adapters.base"}, set()),
    "bot.adapters.telegram": (PURE | {"bot.adapters.base", "bot.failpoints"}, {"starlette"}),
    "bot.adapters.slack": (PURE | {"bot.adapters.base", "bot.proxy"}, {"aiohttp", "slack_sdk", "starlette"}),
    "bot.adapters.telegram.network": (PURE, {"h11"}),
    "bot.adapters.email": (PURE | {"bot.adapters.base"}, set()),
    "bot.adapters.sms": (PURE | {"bot.adapters.base"}, {"httpx", "starlette"}),
    "bot.adapters.webhook": (PURE | {"bot.adapters.base"}, {"httpx"}),
    "bot.adapters.web": (PURE | {"bot.adapters.base"}, {"starlette", "sse_starlette", "jinja2", "markupsafe"}),
    "storage": (PURE | {"bot.failpoints"}, {"sqlalchemy", "sqlmodel"}),
    "storage.upgrade": (set(), {"sqlalchemy", "alembic"}),
    "storage.migrations": ({"storage", "bot.failpoints"}, {"sqlmodel", "alembic"}),
    "storage.accounts": (PURE | {"storage"}, {"sqlalchemy", "sqlmodel", "argon2"}),
    "config": (set(), {"pydantic", "pydantic_core", "pydantic_settings"}),
    "bot.plan": (PURE | {"bot.flows", "bot.planning", "bot.safety"}, {"pydantic"}),
    "bot.settings_file": (PURE | {"config"}, set()),
    "bot.instance": (PURE | {"bot.roles", "bot.settings_file", "config"}, set()),
    "bot.content": (PURE | {"bot.flows", "bot.safety", "bot.plan", "bot.settings_file", "config"}, {"pydantic"}),
    "bot.program": (
        PURE
        | {"bot.content", "bot.flows", "bot.kept", "bot.plan", "bot.planning", "bot.safety"}
        | {"bot.settings_file", "config"},
        set(),
    ),
    "bot.disks": (set(), set()),
    "bot.folder": (
        PURE | {"bot.content", "bot.flows", "bot.plan", "bot.roster", "bot.safety", "bot.settings_file", "config"},
        set(),
    ),
    "bot.doctor_adults": (
        PURE
        | {"bot.clock", "bot.folder", "bot.plan", "bot.planning", "bot.roster"}
        | {"bot.settings_file", "bot.ways", "config"},
        set(),
    ),
    "bot.doctor": (
        LEAVES
        | {
            "bot.content",
            "bot.doctor_adults",
            "bot.folder",
            "bot.disks",
            "bot.flows",
            "bot.plan",
            "bot.program",
            "bot.roster",
            "bot.safety",
        }
        | {"bot.settings_file", "bot.ways", "config"},
        set(),
    ),
    "bot.live": (
        PURE
        | {"bot.clock", "bot.plan", "bot.planning.duty", "bot.program", "bot.school"}
        | {"storage.accounts", "storage.drills", "storage.people"},
        {"sqlalchemy"},
    ),
    "bot.drill": (
        PURE | {"bot.clock", "bot.program", "bot.turns.handle", "storage.database", "storage.drills"},
        {"sqlalchemy"},
    ),
    "bot.turns": (
        LEAVES
        | {"bot.flows", "bot.safety", "bot.plan", "bot.planning", "bot.program", "storage.database", "storage.turns"}
        | {"storage.batch", "storage.joining", "storage.prompts", "storage.senders"}
        | {"storage.inbox", "storage.people", "storage.conversations", "storage.escalations", "storage.due"}
        | {"storage.alerts", "storage.drills", "storage.hold", "storage.readers", "storage.silence"}
        | {"storage.leases", "storage.occurrences", "storage.resting", "storage.unanswered", "storage.unread"}
        | {"storage.wake"},
        {"sqlalchemy"},
    ),
    "bot.pacer": (set(), set()),
    "bot.desk": (LEAVES | {"bot.pacer", "storage.database", "storage.leases", "storage.outbox"}, {"sqlalchemy"}),
    "bot.delivery": (
        LEAVES | {"bot.adapters.base", "bot.desk", "bot.pacer", "storage.database", "storage.outbox"},
        set(),
    ),
    "bot.roles": (set(), set()),
    "bot.leases": (LEAVES | {"storage.database", "storage.leases"}, {"sqlalchemy"}),
    "bot.beats": (
        LEAVES
        | {
            "bot.planning",
            "bot.program",
            "bot.turns",
            "storage.database",
            "storage.due",
            "storage.hold",
            "storage.losses",
            "storage.unread",
        },
        {"sqlalchemy"},
    ),
    "bot.heartbeat": (LEAVES | {"storage.database", "storage.due"}, {"apscheduler"}),
    "bot.checks": (PURE | {"storage.faults", "storage.health"}, set()),
    "bot.alarm": (LEAVES, {"httpx"}),
    "bot.auditor": (
        LEAVES | {"bot.alarm", "bot.checks", "storage.database", "storage.faults", "storage.health"},
        {"httpx", "sqlalchemy"},
    ),
    "bot.guard": (set(), {"starlette"}),
    "bot.server": ({"bot.errors", "bot.guard"}, {"starlette", "uvicorn"}),
    "bot.console": (
        LEAVES
        | {"bot.checks", "bot.fairness", "storage.database", "storage.accounts", "storage.audit"}
        | {
            "storage.review",
            "storage.written",
            "storage.answers",
            "storage.timeline",
            "storage.health",
            "storage.drills",
        }
        | {"storage.fairness", "storage.hold"},
        {"starlette", "jinja2", "markupsafe", "sqlalchemy"},
    ),
    "bot.starts": ({"bot.clock", "bot.program", "storage.database", "storage.hold"}, set()),
    "bot.backup": (
        LEAVES
        | {"bot.program", "bot.instance", "bot.starts", "config"}
        | {"storage.backup", "storage.database", "storage.hold"},
        set(),
    ),
    "bot.ways": (PURE | {"bot.program"}, {"phonenumbers"}),
    "bot.school": (
        LEAVES
        | {"bot.program", "bot.roster", "bot.ways"}
        | {
            "storage.accounts",
            "storage.audit",
            "storage.database",
            "storage.escalations",
            "storage.grades",
            "storage.joining",
            "storage.people",
            "storage.ways",
        },
        {"sqlalchemy"},
    ),
    "bot.linking": (
        LEAVES | {"bot.adapters.slack", "bot.program", "config", "storage.audit", "storage.database", "storage.people"},
        {"sqlalchemy"},
    ),
    "bot.fairness": ({"storage.fairness"}, set()),
    "bot.replay": (
        LEAVES
        | {"bot.content", "bot.fairness", "bot.flows", "bot.program", "bot.safety"}
        | {"storage.audit", "storage.database", "storage.fairness", "storage.past"},
        set(),
    ),
    "bot.join_cards": ({"bot.errors", "bot.program", "bot.school"}, {"jinja2", "markupsafe", "segno"}),
    "bot.staff_pages": (
        LEAVES
        | {"bot.checks", "bot.console", "bot.planning.duty", "bot.printed", "bot.program", "bot.server"}
        | {"storage.database", "storage.people"},
        {"sqlalchemy", "starlette"},
    ),
    "bot.printed": (PURE | {"bot.console.words", "bot.content", "bot.program", "bot.safety"}, set()),
    "bot.port": (
        LEAVES
        | {"bot.adapters.base", "bot.leases", "bot.planning.words", "bot.turns"}
        | {"storage.chats", "storage.cursors", "storage.database", "storage.outbox", "storage.people"},
        set(),
    ),
    "bot.speaking": (
        LEAVES | {"bot.adapters.base", "bot.checks", "storage.cursors", "storage.database", "storage.losses"},
        {"sqlalchemy"},
    ),
    "bot.platforms": (
        LEAVES | {"bot.adapters", "bot.program", "bot.proxy", "bot.server", "config", "storage.people"},
        set(),
    ),
    "bot.diagnosis": (
        LEAVES | {"bot.adapters.base", "bot.platforms", "bot.program", "bot.speaking", "config", "storage.database"},
        {"httpx", "sqlalchemy"},
    ),
    "bot.app": (ANY, {"starlette", "sqlalchemy"}),
    "bot.serving": (ANY, set()),
    "bot.rehearsal": (ANY, {"sqlalchemy"}),
    "bot.demo": (ANY, {"starlette", "jinja2", "sqlalchemy"}),
    "bot.cli": (ANY - {"storage"}, {"typer"}),
    "bot.cli_safety": (ANY - {"storage"}, {"typer"}),
    "bot.cli_slack": (ANY - {"storage"}, {"typer"}),
    "bot.cli_folder": (PURE, {"typer"}),
    "bot.__main__": ({"bot.cli"}, set()),
}
# Who alone may import these of our rooms: what stands above the rest must not be leaned on from below.
ABOVE = {
    "bot.platforms": {"bot.cli", "bot.serving", "bot.diagnosis"},
    "bot.diagnosis": {"bot.cli"},
    "bot.app": {"bot.serving", "bot.rehearsal", "bot.demo"},
    "bot.staff_pages": {"bot.app"},
    "bot.serving": {"bot.cli", "bot.demo"},
    "bot.rehearsal": {"bot.cli"},
    "bot.demo": {"bot.cli"},
    "bot.cli": {"bot.__main__"},
    "bot.linking": {"bot.cli_slack"},
}
# Rooms that only name a connection, and never write a query.
CONNECTION_ONLY = (
    "bot.auditor",
    "bot.turns",
    "bot.desk",
    "bot.leases",
    "bot.app",
    "bot.school",
    "bot.linking",
    "bot.rehearsal",
    "bot.console",
    "bot.staff_pages",
    "bot.demo",
)
LONGEST = 320
LONG = {
    "bot/domain.py": "the nouns of the whole house, read as one page",
}
# Where packages come from is the business of whoever installs them. Each name has a bracket, so that it is not in here.
REGISTRIES = re.compile(r"pyp[i]\.org|pythonhoste[d]|npmj[s]|jsdelive?[r]|cdnj[s]|unpk[g]|anacond[a]", re.IGNORECASE)
READS_TIME = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"}


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


FILES = {
    module_of(path): path
    for room in ("bot", "storage", "config")
    for path in sorted((ROOT / room).rglob("*.py"))
    if "versions" not in path.parts
}


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(FILES[module].read_text(encoding="utf-8"))


@cache
def imports(module: str) -> tuple[str, ...]:
    """What a module imports, in full: `from bot.turns import due` is bot.turns.due."""
    found = []
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found += [name if name in FILES or name.startswith("sqlalchemy.") else str(node.module) for name in names]
    return tuple(dict.fromkeys(found))


def within(name: str, rooms: set[str] | dict[str, tuple[set[str], set[str]]]) -> list[str]:
    """The rooms that hold this name, the closest first."""
    return sorted((room for room in rooms if name == room or name.startswith(f"{room}.")), key=len, reverse=True)


def strangers() -> Iterator[str]:
    """Every import that the table does not allow."""
    for module in FILES:
        rooms = within(module, ROOMS)
        if not rooms and imports(module):
            yield f"{module} belongs to no room"
        ours, theirs = ROOMS[rooms[0]] if rooms else (set(), set())
        for name in imports(module):
            top = name.partition(".")[0]
            if top in ANY:
                if not within(name, ours | set(rooms[:1])):
                    yield f"{module} may not import {name}"
            elif top not in sys.stdlib_module_names and top not in theirs:
                yield f"{module}: {top} is not at home here"


def test_every_room_imports_only_what_it_may() -> None:
    assert list(strangers()) == []


def test_what_stands_above_is_not_leaned_on() -> None:
    for room, users in ABOVE.items():
        for module in FILES:
            if within(module, users | {room}):
                continue
            assert not [name for name in imports(module) if within(name, {room})], f"{module} imports {room}"


def test_no_adapter_knows_another() -> None:
    platforms = {path.stem for path in (ROOT / "bot/adapters").iterdir()} - {"__init__", "__pycache__", "base"}
    assert {"web", "terminal"} <= platforms
    for module in FILES:
        parts = module.split(".")
        if parts[:2] == ["bot", "adapters"] and len(parts) > 2 and parts[2] in platforms:
            others = {f"bot.adapters.{name}" for name in platforms - {parts[2]}}
            assert not [name for name in imports(module) if within(name, others)], module


def test_outside_storage_the_database_is_a_connection_and_nothing_more() -> None:
    for module in FILES:
        if within(module, set(CONNECTION_ONLY)):
            names = [name for name in imports(module) if name.startswith("sqlalchemy")]
            assert set(names) <= {"sqlalchemy.Connection"}, f"{module}: {names}"


@pytest.mark.parametrize("room", ["bot.flows", "bot.safety", "bot.planning", "bot.roster"])
def test_a_pure_room_waits_for_nothing_and_touches_nothing(room: str) -> None:
    for module in [module for module in FILES if within(module, {room})]:
        effects = {"asyncio", "threading", "time", "os", "random", "secrets", "socket", "sqlite3", "logging"}
        assert not effects & {name.partition(".")[0] for name in imports(module)}, module
        if module == "bot.flows.loader":  # the one reader of content
            continue
        called = {node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                  for node in ast.walk(tree(module)) if isinstance(node, ast.Call)}  # fmt: skip
        assert not called & {"open", "read_text", "read_bytes", "write_text", "write_bytes", "print"}, module


def test_only_the_clock_reads_the_time() -> None:
    for module in FILES:
        read = {ast.unparse(node) for node in ast.walk(tree(module)) if isinstance(node, ast.Attribute)}
        assert module == "bot.clock" or not read & READS_TIME, module


def test_each_module_opens_by_saying_what_lives_there() -> None:
    for module, path in FILES.items():
        if path.name == "__init__.py":
            assert path.read_bytes() == b"", f"{path} is not empty"
        else:
            assert ast.get_docstring(tree(module)), f"{path} says nothing of itself"


def test_no_file_is_too_long_to_be_read() -> None:
    lengths = {str(path.relative_to(ROOT)): path.read_bytes().count(b"\n") for path in FILES.values()}
    long = {name for name, length in lengths.items() if length > LONGEST}
    assert long <= set(LONG), "split it by what changes together, or give a reason in LONG"


def test_nothing_names_a_registry_or_loads_another_yaml() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.split(b"\0")
    for name in filter(None, map(bytes.decode, tracked)):
        path = ROOT / name
        if path.is_file() and not name.endswith(".min.js"):
            found = REGISTRIES.search(path.read_text(encoding="utf-8", errors="replace"))
            assert not found, f"{name} names {found and found[0]}"
    for wanted in ("base", "dev"):
        assert "pyyaml" not in (ROOT / f"requirements/{wanted}.txt").read_text().casefold()
