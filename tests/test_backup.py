"""F87 and F88 with a real school: a backup while it runs, three days that it does not know, and the way back."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
import warnings
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot import starts
from bot.backup import back_up, restore, verify
from bot.clock import SystemClock
from bot.errors import Refused
from bot.program import load_program
from bot.school import open_database
from storage.backup import verify_sqlite
from storage.hold import Standing
from tests.crash.outside import Page, School, stop, until_quiet


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> School:
    return School(tmp_path_factory.mktemp("seeded") / "school")


@pytest.fixture
def school(seeded: School, tmp_path: Path) -> School:
    return seeded.moved_to(tmp_path / "school")


@pytest.fixture(scope="module")
def backup(seeded: School, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole backup, to be harmed in copies."""
    return back_up(load_program(seeded.folder), SystemClock(), tmp_path_factory.mktemp("kept") / "kept.zip").path


@contextlib.asynccontextmanager
async def running(school: School) -> AsyncIterator[Page]:
    process = school.run()
    maya = Page("maya", school.links["maya"])
    try:
        async with asyncio.timeout(90):
            await maya.open()
            yield maya
            await until_quiet(school)
        assert await stop(process) == 0
    finally:
        await maya.browser.aclose()
        process.kill()
        process.wait()


def words(school: School) -> list[str]:
    return [row["text"] for row in school.rows("SELECT text FROM message WHERE direction = 'in' ORDER BY id")]


async def test_a_school_is_backed_up_while_it_runs_and_restored_it_holds_until_somebody_looked(school: School) -> None:
    program = load_program(school.folder)
    async with running(school) as maya:
        await maya.say("/checkin")
        await until_quiet(school)
        kept = back_up(program, SystemClock())
        with pytest.raises(Refused, match="already running"):
            restore(school.folder, kept.path, SystemClock())
        await maya.say("Good")
    assert words(school) == ["/checkin", "Good"]
    done = restore(school.folder, kept.path, SystemClock())
    assert done.unpacked == 0
    assert done.replaced is not None
    assert done.replaced.exists()
    assert words(school) == ["/checkin"]
    async with running(school) as maya:
        assert len(school.rows("SELECT 1 FROM hold WHERE ended_at IS NULL")) == 1
        maya.acknowledged.append("")  # her page goes on counting where it was
        await maya.say("/help")
        await until_quiet(school)
    assert "HOLD since" in school.log.read_text()
    replies = school.rows("SELECT status FROM message WHERE direction = 'out' ORDER BY id DESC LIMIT 1")
    assert [row["status"] for row in replies] == ["sent"]


def test_a_database_that_was_copied_back_by_hand_is_recognized(school: School, tmp_path: Path) -> None:
    program = load_program(school.folder)

    def start() -> Standing | None:
        database = open_database(program)
        try:
            return starts.count(program, database, SystemClock())
        finally:
            database.close()

    file, old = school.folder / "nearpeer.db", tmp_path / "old.db"
    assert start() is None
    old.write_bytes(file.read_bytes())
    assert start() is None
    assert school.rows("SELECT 1 FROM hold") == []
    file.write_bytes(old.read_bytes())
    assert start() is not None
    assert len(school.rows("SELECT 1 FROM hold WHERE ended_at IS NULL")) == 1


def test_a_backup_brings_a_whole_school_back_on_another_machine(school: School, tmp_path: Path) -> None:
    kept = back_up(load_program(school.folder), SystemClock(), tmp_path / "elsewhere")
    (mark,) = school.rows("SELECT at FROM beat WHERE name = 'backup'")
    assert abs(mark["at"] / 1000 - kept.path.stat().st_mtime) < 60
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert kept.path.parent == tmp_path / "elsewhere"
    done = restore(tmp_path / "new", kept.path, SystemClock())
    assert done.replaced is None
    assert done.unpacked >= 5
    for name in ("nearpeer.toml", "program.yaml", "roster.csv"):
        assert (tmp_path / "new" / name).read_bytes() == (school.folder / name).read_bytes()
    assert (tmp_path / "new" / "nearpeer.db").stat().st_size > 100_000
    assert starts.read(tmp_path / "new" / "nearpeer.starts") == 1


def test_a_backup_never_overwrites_and_leaves_nothing_half_done(school: School, tmp_path: Path) -> None:
    program, name = load_program(school.folder), tmp_path / "kept.zip"
    name.write_text("precious")
    with pytest.raises(Refused, match="there already"):
        back_up(program, SystemClock(), name)
    assert name.read_text() == "precious"
    (school.folder / "nearpeer.db").write_bytes(b"no database at all, but a file of that name" * 100)
    with pytest.raises(sqlite3.DatabaseError):
        back_up(program, SystemClock(), tmp_path / "other.zip")
    assert [path.name for path in tmp_path.iterdir() if path.suffix in (".zip", ".part")] == ["kept.zip"]


def test_what_a_killed_backup_left_is_removed_by_a_later_one(school: School, tmp_path: Path) -> None:
    old, new = tmp_path / "nearpeer-abc.part", tmp_path / "nearpeer-def.part"
    for left in (old, new):
        left.mkdir()
        (left / "backup.zip").write_text("words")
    os.utime(old, (1_700_000_000, 1_700_000_000))
    back_up(load_program(school.folder), SystemClock(), tmp_path)
    assert (old.exists(), new.exists()) == (False, True)


def with_a_stowaway(backup: Path, name: str, kept: Path) -> Path:
    """The same backup with one more file, which has no checksum."""
    kept.write_bytes(backup.read_bytes())
    with zipfile.ZipFile(kept, "a") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a name that is there already
        archive.writestr(name, "not from this school")
    return kept


@pytest.mark.parametrize("name", ["../../stowaway.yaml", "flows/stowaway.yaml", "roster.csv"])
def test_a_file_that_was_smuggled_into_a_backup_is_never_written(backup: Path, tmp_path: Path, name: str) -> None:
    new = tmp_path / "far" / "away" / "new"
    with pytest.raises(Refused, match="its list of files does not fit"):
        restore(new, with_a_stowaway(backup, name, tmp_path / "kept.zip"), SystemClock())
    assert not (tmp_path / "far").exists()
    assert not list(tmp_path.rglob("stowaway.yaml"))


def test_a_bit_that_turned_anywhere_is_refused_in_words_or_harms_nothing(backup: Path, tmp_path: Path) -> None:
    whole, damaged = backup.read_bytes(), tmp_path / "damaged.zip"
    refused = 0
    for number in range(30):
        place = len(whole) * number // 30
        damaged.write_bytes(whole[:place] + bytes([whole[place] ^ 255]) + whole[place + 1 :])
        aside = tmp_path / f"aside-{number}"
        aside.mkdir()
        try:
            verify(damaged, aside)
        except Refused as refusal:
            refused += "damaged" in str(refusal)
    assert refused > 20


@pytest.mark.parametrize("harm", ["bits", "short", "other", "database", "list", "stowaway"])
def test_a_damaged_backup_is_refused_and_the_school_stays_as_it_is(
    school: School, backup: Path, tmp_path: Path, harm: str
) -> None:
    whole, damaged = backup.read_bytes(), tmp_path / "damaged.zip"
    if harm == "bits":
        damaged.write_bytes(whole[:20_000] + bytes([whole[20_000] ^ 255]) + whole[20_001:])
    elif harm == "short":
        damaged.write_bytes(whole[: len(whole) // 2])
    elif harm == "other":
        damaged.write_text("name,role\n")
    elif harm == "stowaway":
        with_a_stowaway(backup, "../../stowaway.yaml", damaged)
    else:
        files = '["nearpeer.db"]' if harm == "list" else '{"nearpeer.db": "0"}'
        with zipfile.ZipFile(damaged, "w") as archive:
            archive.writestr("checksums.json", f'{{"files": {files}}}')
            archive.writestr("nearpeer.db", "none")
    before = (school.folder / "nearpeer.db").read_bytes()
    with pytest.raises(Refused, match="damaged"):
        restore(school.folder, damaged, SystemClock())
    assert (school.folder / "nearpeer.db").read_bytes() == before
    assert not [name for name in os.listdir(school.folder) if name.startswith("nearpeer.db.")]


def test_a_copy_with_fewer_people_than_the_school_is_none_and_fewer_beats_are_no_matter(migrated: Path) -> None:
    verify_sqlite(migrated, {"person": 0, "beat": 1})
    with pytest.raises(Refused, match=r"lacks rows of: message, person\."):
        verify_sqlite(migrated, {"message": 1, "beat": 1, "person": 1})


def test_a_backup_holds_what_people_wrote_and_no_other_backup(school: School) -> None:
    program = load_program(school.folder)
    back_up(program, SystemClock(), school.folder / "backups" / "first.zip")
    second = back_up(program, SystemClock())
    assert second.path.parent == school.folder / "backups"
    names = set(zipfile.ZipFile(second.path).namelist())
    assert {"nearpeer.db", "checksums.json", "nearpeer.toml"} <= names
    assert not [name for name in names if name.startswith("backups")]
