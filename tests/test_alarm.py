"""Alarms reach the outside without the database, not too often, and say when it is over."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot import alarm as alarm_module
from bot.alarm import Alarm, Place
from bot.checks import Kind
from tests.fakes.memory import Hands
from tests.fakes.outside import Outside, outside
from tests.school import NOON

FULL = "Messages cannot be stored. The database cannot be used now: there is no space left."


@pytest.fixture
def street() -> Iterator[Outside]:
    with outside() as kept:
        yield kept


@pytest.fixture
def clock() -> Hands:
    return Hands(NOON)


def rung(street: Outside, clock: Hands, folder: Path, shape: str = "json") -> Alarm:
    return Alarm("Lincoln High", Place(f"{street.url}/alarms", shape), clock, folder / "nearpeer.alarms")


def test_an_alarm_is_posted_at_once_and_is_over_once(street: Outside, clock: Hands, tmp_path: Path) -> None:
    alarm = rung(street, clock, tmp_path)
    alarm.over("store")
    alarm.stands("store", FULL)
    alarm.over("store")
    alarm.over("store")
    alarm.close()
    assert street.told() == [
        {"school": "Lincoln High", "kind": "store", "state": "now", "text": f"Nearpeer at Lincoln High: {FULL}"},
        {
            "school": "Lincoln High",
            "kind": "store",
            "state": "over",
            "text": f"Nearpeer at Lincoln High: It is over: {FULL}",
        },
    ]


def test_what_lasts_is_told_every_ten_minutes_and_what_comes_and_goes_not_oftener(
    street: Outside, clock: Hands, tmp_path: Path
) -> None:
    alarm = rung(street, clock, tmp_path)
    for _ in range(25 * 60):
        alarm.stands("store", FULL)
        alarm.stands("inbox", "Late.")
        alarm.over("inbox")
        clock.set(clock.now() + timedelta(seconds=1))
    alarm.close()
    states = [(one["kind"], one["state"]) for one in street.told()]
    assert states.count(("store", "now")) == 3
    assert (states.count(("inbox", "now")), states.count(("inbox", "over"))) == (3, 3)


def test_a_service_that_fails_at_each_start_does_not_ring_each_time(
    street: Outside, clock: Hands, tmp_path: Path
) -> None:
    for _ in range(5):
        alarm = rung(street, clock, tmp_path)
        alarm.stands("damaged", "The database is damaged.")
        alarm.close()
        clock.set(clock.now() + timedelta(seconds=30))
    healthy = rung(street, clock, tmp_path)
    healthy.over("damaged")
    healthy.close()
    assert [one["state"] for one in street.told()] == ["now", "over"]


def test_an_alarm_is_posted_again_until_it_is_taken(
    street: Outside, clock: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarm_module, "_TRIES", (0.0, 0.01, 0.01))
    street.refuse = 2
    alarm = rung(street, clock, tmp_path)
    alarm.stands("store", FULL)
    alarm.close()
    assert len(street.told()) == 1


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/secret-word", "https://\x00/secret-word", "http://[::/secret-word"]
)
def test_an_outside_that_cannot_be_reached_holds_nobody_up_and_its_address_is_not_told(
    url: str, clock: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(alarm_module, "_TRIES", (0.0, 0.01))
    alarm = Alarm("Lincoln High", Place(url), clock, tmp_path / "no such folder" / "marks")
    alarm.stands("store", FULL)
    alarm.stands("file", "Replaced.")
    alarm.close()
    criticals = [record.getMessage() for record in caplog.records if record.levelno == logging.CRITICAL]
    assert f"alarm kind=store {FULL}" in criticals
    assert len([line for line in criticals if "could not be posted" in line]) == 2
    assert "secret-word" not in caplog.text


def test_the_shapes_of_a_chat_and_of_ntfy(street: Outside, clock: Hands, tmp_path: Path) -> None:
    for shape in ("slack", "ntfy"):
        alarm = rung(street, clock, tmp_path / shape, shape)
        alarm.stands("store", "Voll: ä.")
        alarm.close()
    (_, slack), (headers, ntfy) = street.alarms
    assert slack.decode() == '{"text":"Nearpeer at Lincoln High: Voll: ä."}'
    assert (headers["Title"], headers["Priority"]) == ("Nearpeer: store", "urgent")
    assert ntfy.decode() == "Nearpeer at Lincoln High: Voll: ä."


def test_marks_that_are_no_marks_are_done_without(street: Outside, clock: Hands, tmp_path: Path) -> None:
    harmed = (
        "",
        "[]",
        '{"store": 3}',
        '{"store": ["yesterday", "x"]}',
        f'{{"store": ["{NOON:%Y-%m-%d}", "x"]}}',
        "\x00",
    )
    for number, content in enumerate(harmed, 1):
        (tmp_path / "nearpeer.alarms").write_text(content)
        alarm = rung(street, clock, tmp_path)
        alarm.stands("store", FULL)
        alarm.close()
        assert len(street.told()) == number, content
        assert FULL in (tmp_path / "nearpeer.alarms").read_text()


def test_the_page_for_it_people_names_every_kind_of_alarm() -> None:
    page = Path("docs/alarms.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z]+)` \|", page, re.MULTILINE)) == {str(kind) for kind in Kind}


def test_a_proxy_that_cannot_be_used_silences_no_alarm(
    street: Outside, clock: Hands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:9")
    alarm = rung(street, clock, tmp_path)
    alarm.stands("store", FULL)
    alarm.close()
    assert len(street.told()) == 1
