"""The auditor proves that the house works, rings when it does not, and says "all well" outside only when all is."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, event, text

from bot import auditor as auditor_module
from bot.alarm import Alarm, Place
from bot.auditor import Auditor
from bot.errors import Outage, Unreachable
from bot.serving import trouble
from storage import cursors, due, tables
from storage.database import Database, sqlite_file
from storage.faults import Fault
from storage.health import BACKUP, health
from tests.fakes.outside import Outside, outside
from tests.school import MAYA, OKAFOR, RIVERA, House, on_sqlite
from tests.storage.test_faults import held_by_another_process

Told = Callable[[], list[tuple[str, str]]]


@pytest.fixture
def street() -> Iterator[Outside]:
    with outside() as kept:
        yield kept


@pytest.fixture
def alarm(house: House, street: Outside, tmp_path: Path) -> Iterator[Alarm]:
    ringing = Alarm("Lincoln High", Place(street.url), house.clock, tmp_path / "marks")
    yield ringing
    ringing.close()


@pytest.fixture
def auditor(house: House, alarm: Alarm, street: Outside) -> Auditor:
    return Auditor(house.database, house.clock, alarm, dead_man_url=f"{street.url}/alive")


async def beats(house: House) -> None:
    """Everything is done, and the heartbeat leaves its marks."""
    await house.settle()
    wall = house.clock.wall()
    for name in ("due", "leases"):
        house.write(lambda connection, name=name: due.mark_beat(connection, name, wall))


def kinds(auditor: Auditor) -> set[str]:
    return {str(one.kind) for one in auditor.found}


async def test_all_well_is_said_outside_and_nowhere_else(house: House, auditor: Auditor, street: Outside) -> None:
    await house.begins(MAYA, "mentee-weekly")
    await house.says(MAYA, "I need an adult")
    await house.pass_time(minutes=3)
    await beats(house)
    assert auditor.audit()
    assert street.pings == ["/alive"]
    assert (auditor.found, street.alarms) == ((), []) or kinds(auditor) <= {"disk"}


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        ("ladder", lambda now: tables.escalation.update().values(next_action_at=now - timedelta(minutes=3))),
        ("alert", lambda now: tables.message.update().where(tables.message.c.kind == "alert").values(status="pending")),
        ("inbox", lambda now: tables.inbox.update().values(status="new", received_at=now - timedelta(minutes=3))),
        (
            "outbox",
            lambda now: (
                tables.message.update()
                .where(tables.message.c.kind == "card")
                .values(status="pending", created_at=now - timedelta(minutes=3))
            ),
        ),
        ("heartbeat", lambda now: tables.beat.update().values(at=now - timedelta(seconds=91))),
        ("heartbeat", lambda now: tables.beat.delete()),
    ],
)
async def test_what_is_not_as_it_must_be_rings_and_nobody_is_told_that_all_is_well(
    house: House, auditor: Auditor, alarm: Alarm, street: Outside, kind: str, wrong: Callable[[Any], Any]
) -> None:
    await house.says(MAYA, "I want to die")
    await house.jump(minutes=2)
    await beats(house)
    house.write(lambda connection: connection.execute(wrong(house.clock.now())))
    assert not auditor.audit()
    assert kind in kinds(auditor)
    assert street.pings == []
    alarm.close()
    assert kind in {one["kind"] for one in street.told()}
    words = " ".join(one["text"] for one in street.told())
    assert not {"Maya", "die", "Torres"} & set(words.replace(".", " ").split())


@on_sqlite
async def test_a_platform_in_trouble_rings_at_once_and_is_over_by_itself(
    house: House, alarm: Alarm, street: Outside
) -> None:
    auditor = Auditor(house.database, house.clock, alarm, platforms=house.app.platform_troubles)
    house.platform.troubled = "The platform refuses the token."
    assert [one.kind for one in auditor.glance()] == ["platform"]
    assert trouble(house.app)[0] == "The platform refuses the token."
    await beats(house)
    assert not auditor.audit()
    house.platform.troubled = ""
    auditor.glance()
    assert [(told["kind"], told["state"]) for told in street.wait_for(2)] == [("platform", "now"), ("platform", "over")]


async def test_an_alert_that_failed_and_moved_on_is_no_trouble_of_ours(house: House, auditor: Auditor) -> None:
    house.platform.mend()
    house.platform.plan(RIVERA, Unreachable("blocked"))
    await house.says(MAYA, "I need an adult")
    await house.jump(minutes=2)
    await beats(house)
    assert house.newest(OKAFOR).kind == "alert"
    assert auditor.audit()


async def test_1_6_b_when_no_alert_of_a_case_left_at_all_it_rings_whatever_rung_it_stands_on(
    house: House, auditor: Auditor, street: Outside
) -> None:
    for adult in (RIVERA, OKAFOR):
        house.platform.plan(adult, *[Unreachable("blocked")] * 50)
    await house.says(MAYA, "I need an adult")
    await house.jump(minutes=3)
    await beats(house)
    assert house.case().rung > 0
    assert not auditor.audit()
    assert "alert" in kinds(auditor)
    assert street.pings == []


@on_sqlite
async def test_a_platform_that_says_what_is_wrong_with_it_rings_once(
    house: House, alarm: Alarm, street: Outside
) -> None:
    auditor = Auditor(
        house.database, house.clock, alarm, platforms=house.app.platform_troubles, accounts=["telegram:bot"]
    )
    house.platform.troubled = "The platform refuses the token."
    await beats(house)
    auditor.glance()
    assert not auditor.audit()
    alarm.close()
    assert [told["kind"] for told in street.told()] == ["platform"]


async def test_1_6_e_a_platform_of_which_nothing_was_heard_for_90_seconds_rings(
    house: House, alarm: Alarm, street: Outside
) -> None:
    auditor = Auditor(house.database, house.clock, alarm, dead_man_url=f"{street.url}/alive", accounts=["telegram:bot"])
    wall = house.clock.wall()
    house.write(lambda connection: cursors.move(connection, "well:telegram:bot", wall))
    house.write(lambda connection: cursors.move(connection, "well:slack:no longer ours", wall - timedelta(days=9)))
    await house.jump(seconds=90)
    await beats(house)
    assert auditor.audit()
    await house.jump(seconds=1)
    assert not auditor.audit()
    (told,) = street.wait_for(1)
    assert told["text"].endswith("Nothing was heard from Telegram for more than 90 seconds.")
    assert len(street.pings) == 1


@on_sqlite
async def test_1_6_f_disk_clock_and_backup_are_part_of_it(
    house: House, alarm: Alarm, street: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    oddities = [""]
    auditor = Auditor(
        house.database,
        house.clock,
        alarm,
        dead_man_url=f"{street.url}/alive",
        oddity=lambda: oddities[0],
        backup_days=2,
    )
    house.write(lambda connection: due.mark_beat(connection, BACKUP, house.clock.wall()))
    for days, well in ((1, True), (8, True), (1, False)):
        await house.jump(days=days)
        await beats(house)
        assert auditor.audit() is well, days
    assert kinds(auditor) >= {"backup"}
    house.write(lambda connection: due.mark_beat(connection, BACKUP, house.clock.wall()))
    assert auditor.audit()
    oddities[0] = "The clock was set back."
    assert not auditor.audit()
    oddities[0] = ""
    pings = len(street.pings)
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(auditor_module.shutil, "disk_usage", lambda _path: usage._replace(free=1_000_000))
    assert not auditor.audit()
    assert kinds(auditor) >= {"disk"}
    assert len(street.pings) == pings


@on_sqlite
async def test_the_audit_looks_into_indexes_only(house: House) -> None:
    """At five million messages a look must cost what it costs at ten."""
    await house.says(MAYA, "I need an adult")
    statements: list[tuple[str, Any]] = []

    def note(connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        statements.append((statement, parameters))

    event.listen(house.database.engine, "before_cursor_execute", note)
    with house.database.read() as connection:
        health(connection, house.clock.now(), house.clock.wall())
    event.remove(house.database.engine, "before_cursor_execute", note)
    with house.database.read() as connection:
        for statement, parameters in statements[1:]:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            steps = [str(row[-1]) for row in plan]
            scans = [step for step in steps if step.startswith("SCAN") and "INDEX" not in step and "beat" not in step]
            assert scans == [], (statement, steps)


# --- the database at fault ---


def glances(auditor: Auditor, until: Callable[[], bool], within: float = 20.0) -> None:
    """Look as the auditor's thread does, until something is so."""
    end = time.monotonic() + within
    while not until():
        auditor.glance()
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.02)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditor_module, "TRIAL_EVERY", 0.05)


@on_sqlite
@pytest.mark.usefixtures("quick")
async def test_f77_a_long_lock_rings_and_is_over_by_itself(
    house: House, auditor: Auditor, street: Outside, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.writer.PATIENCE", 0.2)
    monkeypatch.setattr("bot.checks.STUCK", 0.5)
    await beats(house)
    with held_by_another_process(database_url):
        house.database.write(lambda connection: due.mark_beat(connection, "due", house.clock.wall()))
        glances(auditor, lambda: bool(street.alarms))
        glances(auditor, lambda: house.database.condition.fault is Fault.LOCKED)
        assert not auditor.audit()
    glances(auditor, lambda: len(street.alarms) == 2)
    assert [(one["kind"], one["state"]) for one in street.told()] == [("store", "now"), ("store", "over")]
    assert house.database.condition.fault is None


def limit(database: Database, more: int) -> None:
    """So many more pages than there are now."""

    def unit(connection: Connection) -> None:
        pages = connection.execute(text("PRAGMA page_count")).scalar_one()
        connection.execute(text(f"PRAGMA max_page_count = {pages + more}"))

    database.write(unit).result()


@on_sqlite
@pytest.mark.usefixtures("quick")
async def test_f78_a_full_disk_rings_at_once_and_is_over_when_there_is_space(
    house: House, auditor: Auditor, street: Outside
) -> None:
    limit(house.database, 0)
    with pytest.raises(Outage):
        await asyncio.gather(*(house.offer({"chat": str(MAYA), "text": "x" * 900}) for _ in range(200)))
    began = time.monotonic()
    glances(auditor, lambda: bool(street.alarms))
    assert "there is no space left" in street.told()[0]["text"]
    glances(auditor, lambda: time.monotonic() - began > 0.5)
    assert len(street.alarms) == 1, "small writes that still fit are no end of it"
    limit(house.database, 1_000)
    glances(auditor, lambda: len(street.alarms) == 2)
    await house.settle()
    stored = [row for row in house.rows(tables.inbox) if row.status == "done"]
    assert len(stored) < 200


@on_sqlite
async def test_f80_a_replaced_file_rings_and_ends_the_process(
    house: House, alarm: Alarm, street: Outside, database_url: str
) -> None:
    lost: list[str] = []
    auditor = Auditor(house.database, house.clock, alarm, lost=lost.append)
    auditor.glance()
    assert lost == []
    file = sqlite_file(database_url)
    assert file is not None
    file.rename(file.with_name("elsewhere.db"))
    auditor.glance()
    street.wait_for(1)
    assert "deleted or replaced" in lost[0]
    assert not auditor.audit()


@on_sqlite
async def test_the_thread_goes_on_after_what_went_wrong_in_it(
    house: House, auditor: Auditor, street: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = iter([lambda: 1 / 0, tuple, tuple])
    monkeypatch.setattr(auditor_module, "FIRST", 0.0)
    monkeypatch.setattr(Auditor, "glance", lambda _self: next(results)())
    await beats(house)
    auditor.start()
    with street.changed:
        assert street.changed.wait_for(lambda: street.pings, 10)
    auditor.stop()
