"""Our table of the Bot API's methods is what Telegram says of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.bot_api import METHODS, OBJECTS, UNIONS, Fields, complaints

ROOT = Path(__file__).resolve().parents[2]
PLACES = [folder / "shared/data/telegram-bot-api.json" for folder in ROOT.parents]
"""Beside the clone, or above it."""


@pytest.fixture(scope="module")
def described() -> Any:
    found = [place for place in PLACES if place.exists()]
    if not found:
        pytest.skip("Telegram's description of the Bot API (../shared/data/telegram-bot-api.json) is not at hand")
    return json.loads(found[0].read_text())


def compare(name: str, ours: Fields, theirs: Mapping[str, Any]) -> None:
    fields = {field["name"]: (tuple(field["types"]), field["required"]) for field in theirs.get("fields", ())}
    assert {field: fields.get(field) for field in ours} == dict(ours), name
    assert {field for field, (_, required) in fields.items() if required} <= ours.keys(), name


@pytest.mark.parametrize("method", METHODS)
def test_a_method_takes_what_telegram_says(described: Any, method: str) -> None:
    compare(method, METHODS[method], described["methods"][method])


@pytest.mark.parametrize("kind", OBJECTS)
def test_an_object_holds_what_telegram_says(described: Any, kind: str) -> None:
    compare(kind, OBJECTS[kind], described["types"][kind])


@pytest.mark.parametrize("union", UNIONS)
def test_an_object_is_of_a_kind_that_telegram_knows(described: Any, union: str) -> None:
    assert set(UNIONS[union]) <= set(described["types"][union]["subtypes"])


@pytest.mark.parametrize(
    ("method", "parameters", "wrong"),
    [
        ("sendPhoto", {}, "sendPhoto is not in the table"),
        ("sendMessage", {"chat_id": "1"}, "sendMessage.text is missing"),
        (
            "sendMessage",
            {"chat_id": "1", "text": "Hi", "parse_mod": "HTML"},
            "sendMessage.parse_mod is not in the table",
        ),
        ("getUpdates", {"timeout": "20"}, "getUpdates.timeout is no Integer"),
        ("leaveChat", {"chat_id": True}, "leaveChat.chat_id is no Integer"),
        (
            "sendMessage",
            {"chat_id": "1", "text": "Hi", "reply_markup": {"keyboard": [[{"txt": "Yes"}]]}},
            "sendMessage.reply_markup.txt is not in the table",
        ),
    ],
)
def test_what_the_table_does_not_know_is_refused(method: str, parameters: dict[str, Any], wrong: str) -> None:
    assert any(wrong.partition(" is ")[0].split(".")[0] in told for told in complaints(method, parameters))
    assert list(complaints(method, parameters)) != []


def test_what_the_table_knows_is_taken() -> None:
    keyboard = {"keyboard": [[{"text": "Yes"}]], "resize_keyboard": True}
    assert list(complaints("sendMessage", {"chat_id": "1", "text": "Hi", "reply_markup": keyboard})) == []
