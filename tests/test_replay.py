"""`nearpeer replay`: over a school's own messages, with what adults found; words only at a terminal, and recorded."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from bot.domain import ActionKind
from bot.errors import ContentError
from bot.replay import over_corpus, over_messages
from storage import tables
from tests.school import CANARY, LEO, MAYA, NOON, RIVERA, House, on_sqlite

DRAFT = """
pack: lincoln
language: en
version: 1
rules:
  - id: bridge
    tier: urgent
    category: suicide
    label: The bridge
    phrases: [walked to the river]
    match: [we walked to the river]
"""

CORPUS = """
language: en
groups:
  - category: suicide
    tier: crisis
    messages: |
      I want to die
      I want to kill myself
  - category: check-ins
    messages: |
      we won the game
"""


@pytest.fixture
async def told(house: House) -> House:
    await house.says(MAYA, f"I want to die {CANARY}")
    case = house.case().id
    await house.staff(ActionKind.TAKE, case, actor_person_id=RIVERA)
    await house.staff(ActionKind.CLOSE, case, actor_person_id=RIVERA, outcome="not-a-concern", note="song lyrics")
    await house.says(LEO, f"they walked to the river {CANARY}")
    await house.says(RIVERA, "I want to die")
    return house


def lines(house: House, draft: Path | None = None, shown_to: str = "", folder: Path | None = None) -> list[str]:
    folder = folder or house.program.folder
    shipped = folder.parent / "shipped"
    return list(over_messages(folder, house.app.database, house.clock, draft, shown_to=shown_to, shipped=shipped))


async def test_a_false_alarm_that_would_still_alert_counts_against_its_rule(told: House) -> None:
    found = "\n".join(lines(told))
    assert "2 free texts; adults have said of 1 whether they were a concern." in found
    assert "Alerts then: 1. Alerts now: 1." in found
    assert re.search(r"en/wish-to-die +0 concerns +1 false alarms +0%", found)
    assert "Texts by the writers' language\n  en: fewer than 10 students, or needed to hide such a group" in found
    assert found.count("fewer than 10") == 3, "nor is anything told of the cases of so small a school"
    assert CANARY not in found


async def test_a_draft_pack_says_what_it_would_have_matched_and_no_words(told: House, tmp_path: Path) -> None:
    (tmp_path / "draft.yaml").write_text(DRAFT, encoding="utf-8")
    found = "\n".join(lines(told, tmp_path / "draft.yaml"))
    (message,) = [row for row in told.rows(tables.message, direction="in") if row.person_id == LEO]
    assert "The draft lincoln@1 would have matched 1 of the last 2 replies" in found
    assert f"  {message.id}  none -> urgent  lincoln/bridge" in found
    assert "Would alert now, and did not: 1" in found
    assert CANARY not in found


async def test_a_draft_that_fails_its_own_cases_is_refused_with_its_line(told: House, tmp_path: Path) -> None:
    (tmp_path / "draft.yaml").write_text(DRAFT.replace("match: [we walked", "match: [we drove"), encoding="utf-8")
    with pytest.raises(ContentError, match=r"draft\.yaml:11:1: rule bridge: 'we drove to the river' should match"):
        lines(told, tmp_path / "draft.yaml")


async def test_whoever_reads_the_words_is_recorded(told: House, tmp_path: Path) -> None:
    (tmp_path / "draft.yaml").write_text(DRAFT, encoding="utf-8")
    found = "\n".join(lines(told, tmp_path / "draft.yaml", "okafor (command line)"))
    assert f"they walked to the river {CANARY}" in found
    views = [(row.actor, row.person_id, row.detail) for row in told.rows(tables.audit, action="viewed")]
    assert views == [("okafor (command line)", LEO, "replay of messages")]


async def test_what_would_be_missed_is_told_apart_from_false_alarms(told: House, tmp_path: Path) -> None:
    await told.says(LEO, "I want to die")
    shutil.copytree(told.program.folder.parent, tmp_path / "changed")
    pack = tmp_path / "changed/shipped/safety/packs/en.yaml"
    pack.write_text(pack.read_text("utf-8").replace("[want to die]", "[want to vanish]"), encoding="utf-8")
    found = "\n".join(lines(told, folder=tmp_path / "changed/lincoln"))
    assert "Would be missed now: 1" in found
    assert "Were false alarms, and would be quiet now: 1" in found


def test_a_labelled_file_is_counted_by_group(tmp_path: Path) -> None:
    (tmp_path / "corpus.yaml").write_text(CORPUS, encoding="utf-8")
    assert list(over_corpus(tmp_path, tmp_path / "corpus.yaml")) == [
        "suicide: 2 of 2 would alert, 2 at crisis or above",
        "check-ins: 0 of 1 would alert, none should",
    ]


async def test_what_a_mentor_reported_without_any_rule_is_not_missed(house: House) -> None:
    """Its line belongs to the case because they were asked for it."""
    await house.says(LEO, "the river is nice")
    (message,) = house.rows(tables.message, direction="in")
    line = {"id": 1, "message_id": message.id, "tier": "concern", "category": "worried", "rule": "mentor-line"}
    rest = {"pack": "", "label": "What they wrote", "about": "other", "start": 0, "end": 3}
    house.write(lambda connection: connection.execute(insert(tables.finding).values(**line, **rest)))
    found = "\n".join(lines(house))
    assert "Alerts then: 0. Alerts now: 0." in found


@on_sqlite
async def test_a_school_of_some_size_reads_how_each_group_fares(told: House) -> None:
    def more(connection: Connection) -> None:
        for number in range(100, 110):
            row = {"id": number, "key": str(number), "name": str(number), "role": "mentee", "zone": "", "grade": "9"}
            connection.execute(insert(tables.person).values(**row, language="en", status="active", created_at=NOON))

    told.write(more)
    found = lines(told)
    everybody = "students: 12; cases for 100 students: 8; closed as not a concern: too few to tell"
    assert f"    all students: {everybody}; until an adult had it (median): too few to tell" in found
    assert "    9: fewer than 10 students, or needed to hide such a group" in found, "two students have no grade"
