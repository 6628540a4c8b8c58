"""Commands and codes in a text. A command begins with a slash or is an exact phrase; no other sentence is one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from bot.flows.notation import read_span
from bot.flows.wording import plain

CommandName = Literal["stop", "pause", "resume", "help", "adult", "tell", "privacy", "language", "checkin"]

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0, O, 1, I and L, which look alike."""

_SLASHED: dict[str, CommandName] = {
    "stop": "stop", "alto": "stop",
    "pause": "pause", "pausa": "pause",
    "resume": "resume", "seguir": "resume",
    "help": "help", "ayuda": "help", "start": "help",
    "adult": "adult", "adulto": "adult",
    "tell": "tell", "avisar": "tell",
    "privacy": "privacy", "privacidad": "privacy",
    "language": "language", "idioma": "language",
    "checkin": "checkin",
}  # fmt: skip

_ALONE: dict[str, CommandName] = {"stop": "stop", "alto": "stop"}

_LANGUAGES = {"en": "en", "english": "en", "ingles": "en", "es": "es", "spanish": "es", "espanol": "es"}

_AROUND = ("please", "por favor", "porfa", "right now", "now", "ahora mismo", "ahora", "please")
_ADULT_PHRASES = {
    f"{asking} {adult}"
    for asking in ("i want", "i need", "i want to talk to", "i need to talk to", "i want to talk with",
                   "i need to talk with", "can i talk to", "can i talk with", "get me")
    for adult in ("an adult", "a grown up", "a grownup")
} | {
    f"{asking} {adult}"
    for asking in ("necesito", "quiero", "necesito a", "quiero a", "necesito hablar con", "quiero hablar con",
                   "puedo hablar con")
    for adult in ("un adulto", "una adulta", "una persona adulta")
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Command:
    """What a person asked for. `language` is set for /language en, `span` for /pause 2w, `words` for /tell and more."""

    name: CommandName
    language: str = ""
    span: timedelta | None = None
    words: str = field(default="", repr=False)


def read_command(text: str) -> Command | None:
    """The command that a text is, or None. What follows a slashed command and is no argument of it is let be."""
    slashed = re.match(r"\s*/([A-Za-z]{4,10})(?:@\w+)?(?:\s+(.*))?$", text, re.DOTALL)
    if slashed and slashed[1].lower() in _SLASHED:
        return _with_argument(_SLASHED[slashed[1].lower()], (slashed[2] or "").strip())
    said = plain(text[:100])
    if said in _ALONE:
        return Command(_ALONE[said])
    for around in _AROUND:
        said = said.removesuffix(f" {around}").removeprefix(f"{around} ")
    return Command("adult") if said in _ADULT_PHRASES else None


def read_join_code(text: str) -> str | None:
    """The code that binds a chat to a person, or None: `/start CODE`, as Telegram's links say it, or `link CODE`."""
    found = re.fullmatch(r"\s*(?:/start(?:@\w+)?|/?link)\s+([A-Za-z0-9_-]{22})\s*", text, re.IGNORECASE)
    return found[1] if found else None


def read_code(text: str) -> str | None:
    """An adult's acknowledgement code, in capitals, or None: `ACK 4F7K` anywhere, or our label "I have it 4F7K".

    A bare "ok" is none.
    """
    found = re.search(rf"\b(?:ack|i have it|lo tengo|la tengo)[\s:#-]+([{CODE_ALPHABET}]{{4}})\b", text, re.IGNORECASE)
    return found[1].upper() if found else None


def _with_argument(name: CommandName, argument: str) -> Command:
    if name == "language":
        return Command(name, language=_LANGUAGES.get(plain(argument[:20]), ""))
    if name == "tell":
        return Command(name, words=argument)
    if name == "pause":
        try:
            return Command(name, span=read_span(argument.lower()))
        except ValueError:
            return Command(name)
    return Command(name)
