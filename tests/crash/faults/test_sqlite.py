"""A real school on SQLite whose file is locked, full, read-only, replaced, damaged or taken: told, and nothing lost."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from copy import copy
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.crash.faults.disk import namespaces, small_disk
from tests.crash.faults.long import LONG, say
from tests.crash.outside import Page, School, ended, stop
from tests.fakes.outside import Outside, outside
from tests.storage.test_faults import held_by_another_process

LOCKED = 30.0 if LONG else 8.0
needs_a_disk = pytest.mark.skipif(not namespaces(), reason="this computer lets nobody mount a small disk")


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> School:
    return School(tmp_path_factory.mktemp("seeded") / "school")


@pytest.fixture
def school(seeded: School, tmp_path: Path) -> School:
    return seeded.moved_to(tmp_path / "school")


@pytest.fixture
def street(monkeypatch: pytest.MonkeyPatch) -> Iterator[Outside]:
    """Where alarms arrive."""
    with outside() as kept:
        monkeypatch.setenv("NEARPEER_ALARM__URL", kept.url)
        yield kept


@pytest_asyncio.fixture
async def maya(school: School) -> AsyncIterator[Page]:
    page = Page("maya", school.links["maya"])
    yield page
    await page.browser.aclose()


async def until(so: Callable[[], Any], within: float = 60.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + within
    while not await asyncio.to_thread(so):
        assert time.monotonic() < end, "it never came to that"
        await asyncio.sleep(0.1)


def health(school: School) -> tuple[int, str]:
    with contextlib.suppress(httpx.TransportError):
        answer = httpx.get(f"http://127.0.0.1:{school.port}/healthz", timeout=15)
        return answer.status_code, answer.text
    return 0, ""


def told(street: Outside) -> list[tuple[str, str]]:
    return [(one["kind"], one["state"]) for one in street.told() if one["kind"] != "disk"]


def log_of(school: School) -> str:
    return school.log.read_text(errors="replace")


async def writes(page: Page, enough: asyncio.Event) -> None:
    """Maya writes line after line, each until the school has it."""
    number = 0
    while not enough.is_set():
        number += 1
        await page.say(f"line {number}")
        await asyncio.sleep(0.05)


def stored(file: Path) -> dict[str, tuple[str, int]]:
    """What the inbox holds: text -> state and tries. Raises when a line is there twice."""
    with contextlib.closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT json_extract(body, '$.text'), status, tries FROM inbox").fetchall()
        texts = connection.execute("SELECT text FROM message WHERE direction = 'in'").fetchall()
    assert len({row[0] for row in rows}) == len(rows)
    assert len(set(texts)) == len(texts)
    return {row[0]: (row[1], row[2]) for row in rows}


async def test_f77_f80_a_locked_file_is_waited_for_and_a_replaced_one_ends_the_process(
    school: School, street: Outside, maya: Page
) -> None:
    process = school.run()
    file = school.folder / "nearpeer.db"
    enough = asyncio.Event()
    try:
        await maya.open()
        writing = asyncio.create_task(writes(maya, enough))
        await until(lambda: len(maya.acknowledged) > 3 and school.rows("SELECT 1 FROM beat WHERE name = 'due'"))
        with held_by_another_process(f"sqlite:///{file}"):
            before = len(maya.acknowledged)
            await asyncio.sleep(LOCKED)
            assert len(maya.acknowledged) <= before + 1, "something was acknowledged that cannot be stored"
            assert told(street) == [("store", "now")]
            assert health(school)[0] == 503
        await until(lambda: len(maya.acknowledged) > before + 3)
        await until(lambda: told(street) == [("store", "now"), ("store", "over")])
        await until(lambda: health(school) == (200, "ok"))
        enough.set()
        await writing
        await until(lambda: set(stored(file).values()) == {("done", 0)})
        assert set(maya.acknowledged) <= stored(file).keys()
        say(f"locked {LOCKED:.0f} s: {len(maya.acknowledged)} acknowledged, 0 lost, 0 double, no try counted")
        shutil.copy(file, file.with_name("copy.db"))
        file.with_name("copy.db").rename(file)
        assert await asyncio.wait_for(ended(process), 60) == 1
    finally:
        process.kill()
        await ended(process)
    assert told(street)[2:] == [("file", "now")]
    assert "deleted or replaced while Nearpeer was running" in log_of(school)
    assert "Put the right file back" in log_of(school)
    assert "Traceback" not in log_of(school)


@needs_a_disk
async def test_f78_on_a_full_disk_nothing_is_acknowledged_and_it_goes_on_when_there_is_space(
    school: School, street: Outside, maya: Page, tmp_path: Path
) -> None:
    enough = asyncio.Event()
    with small_disk(school, tmp_path / "disk") as disk:
        await maya.open()
        writing = asyncio.create_task(writes(maya, enough))
        await until(lambda: len(maya.acknowledged) > 3)
        disk.fill()
        began = time.monotonic()
        await until(lambda: told(street) == [("store", "now")], within=10)
        before = len(maya.acknowledged)
        await until(lambda: health(school)[0] == 503)
        assert "there is no space left" in health(school)[1]
        answer = await maya.browser.post(f"{maya.chat}/say", json={"event_id": "another-one", "text": "help"})
        assert answer.status_code == 503
        await asyncio.sleep(max(0.0, 5 - (time.monotonic() - began)))
        assert len(maya.acknowledged) == before
        assert told(street) == [("store", "now")]
        disk.tidy()
        await until(lambda: len(maya.acknowledged) > before + 3)
        await until(lambda: told(street) == [("store", "now"), ("store", "over")])
        enough.set()
        await writing
        await until(lambda: set(stored(disk.copied_to(tmp_path / "copy")).values()) == {("done", 0)})
        assert set(maya.acknowledged) <= stored(disk.copied_to(tmp_path / "copy")).keys()
    say(f"full disk: {len(maya.acknowledged)} acknowledged, 0 lost, 0 double")


@needs_a_disk
async def test_f79_on_a_read_only_disk_it_refuses_to_start_and_says_why(
    school: School, street: Outside, tmp_path: Path
) -> None:
    with small_disk(school, tmp_path / "disk", remount="ro") as disk:
        assert await asyncio.wait_for(ended(disk.process), 90) == 1
    assert "Read-only file system" in log_of(school)
    assert "Traceback" not in log_of(school)


async def test_f81_a_damaged_file_is_neither_read_nor_written_and_rings(school: School, street: Outside) -> None:
    file = school.folder / "nearpeer.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'person'").fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with file.open("r+b") as opened:
        opened.seek((page - 1) * size + 8)
        opened.write(os.urandom(200))
    before = file.read_bytes()
    assert await asyncio.wait_for(ended(school.run()), 90) == 1
    assert file.read_bytes() == before
    assert told(street) == [("damaged", "now")]
    assert "is damaged" in log_of(school)
    assert "docs/backup.md" in log_of(school)
    assert "Traceback" not in log_of(school)


async def test_f16_a_second_instance_refuses_by_another_way_to_the_file_until_the_first_is_gone(
    school: School, street: Outside, maya: Page, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(school.folder, other, ignore=shutil.ignore_patterns("nearpeer.db*", "nearpeer.lock"))
    (other / "nearpeer.db").symlink_to(school.folder / "nearpeer.db")
    first = school.run()
    try:
        await maya.open()
        again = copy(school)
        again.folder, again.log = other, tmp_path / "second.txt"
        assert await asyncio.wait_for(ended(again.run()), 90) == 1
        assert "Nearpeer is already running for" in log_of(again)
        first.send_signal(signal.SIGKILL)
        await ended(first)
        first = again.run()
        await maya.say("is anybody there?")
        assert await stop(first) == 0
    finally:
        first.kill()
        await ended(first)
