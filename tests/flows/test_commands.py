"""Commands are read when a text is one; codes are found anywhere; a bare "ok" is nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.flows.commands import Command, CommandName, read_code, read_command


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("/stop", "stop"),
        ("/ALTO", "stop"),
        ("STOP", "stop"),
        ("Alto.", "stop"),
        (" /ayuda ", "help"),
        ("/help@nearpeer_bot", "help"),
        ("/privacidad", "privacy"),
        ("/seguir", "resume"),
        ("/checkin", "checkin"),
        ("/adulto", "adult"),
        ("/adult please, now", "adult"),
        ("I want an adult", "adult"),
        ("i need to talk to an adult right now please", "adult"),
        ("Necesito hablar con un adulto", "adult"),
        ("quiero una persona adulta, por favor", "adult"),
    ],
)
def test_a_command_is_read_in_both_languages(text: str, name: CommandName) -> None:
    assert read_command(text) == Command(name)


def test_arguments_are_read_and_what_is_none_is_let_be() -> None:
    assert read_command("/pause 2w") == Command("pause", span=timedelta(weeks=2))
    assert read_command("/pausa 3d") == Command("pause", span=timedelta(days=3))
    assert read_command("/pause for a while") == Command("pause")
    assert read_command("/language es") == Command("language", language="es")
    assert read_command("/idioma Español") == Command("language", language="es")
    assert read_command("/language klingon") == Command("language")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "/stopp",
        "please stop him",
        "stop it",
        "help",
        "ayuda",
        "http://stop",
        "I don't want an adult",
        "no quiero un adulto",
    ],
)
def test_no_other_sentence_is_a_command(text: str) -> None:
    assert read_command(text) is None


@pytest.mark.parametrize(
    "text", ["ACK 4F7K", "ack 4f7k", "ok, ack: 4F7K thanks", "I have it 4F7K", "✋ Lo tengo 4f7k", "ACK#4F7K"]
)
def test_a_code_is_found_anywhere(text: str) -> None:
    assert read_code(text) == "4F7K"


@pytest.mark.parametrize(
    "text", ["", "ok", "ack", "4F7K", "ACK 4F7", "ACK 4F7KX", "ACK 0O1I", "pack 4F7K", "I have it"]
)
def test_nothing_else_is_a_code(text: str) -> None:
    assert read_code(text) is None
