"""Commands and codes in a text. A command begins with a slash or is an exact phrase; no other sentence is one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from bot.flows.notation import read_span
from bot.flows.wording import plain

CommandName = Literal[
    "stop", "pause", "resume", "help", "adult", "report", "talked", "tell", "privacy", "language", "checkin"
]

CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0, O, 1, I and L, which look alike."""

_SLASHED: dict[str, CommandName] = {
    "stop": "stop", "alto": "stop",
    "pause": "pause", "pausa": "pause",
    "resume": "resume", "seguir": "resume",
    "help": "help", "ayuda": "help", "start": "help",
    "adult": "adult", "adulto": "adult",
    "tell": "tell", "avisar": "tell",
    "report": "report", "reportar": "report",
    "talked": "talked", "hablaron": "talked",
    "privacy": "privacy", "privacidad": "privacy",
    "language": "language", "idioma": "language",
    "checkin": "checkin",
}  # fmt: skip

_ALONE: dict[str, CommandName] = {"stop": "stop", "alto": "stop"}

Given = Literal["", "now", "today", "week", "no", "yes", "private"]
_SOON: dict[str, Given] = {
    "now": "now", "right now": "now", "ahora": "now", "ahora mismo": "now",
    "today": "today", "hoy": "today",
    "week": "week", "this week": "week", "semana": "week", "esta semana": "week",
    "no": "no",
}  # fmt: skip
_TALKED: dict[str, Given] = {"yes": "yes", "si": "yes", "no": "no", "private": "private", "privado": "private"}

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


_LABELS: dict[str, tuple[CommandName, Given]] = {
    "an adult now": ("adult", "now"), "una persona adulta ahora": ("adult", "now"),
    "an adult today": ("adult", "today"), "una persona adulta hoy": ("adult", "today"),
    "an adult this week": ("adult", "week"), "una persona adulta esta semana": ("adult", "week"),
    "no adult needed": ("adult", "no"), "ya no hace falta": ("adult", "no"),
    "yes someone talked with me": ("talked", "yes"), "si alguien hablo conmigo": ("talked", "yes"),
    "no not yet": ("talked", "no"), "no todavia no": ("talked", "no"),
    "id rather not say": ("talked", "private"), "prefiero no decirlo": ("talked", "private"),
    "check in": ("checkin", ""), "contestar ahora": ("checkin", ""),
    "start again": ("resume", ""), "empezar otra vez": ("resume", ""),
    "who can read this": ("privacy", ""), "quien puede leer esto": ("privacy", ""),
}  # fmt: skip
"""Our own buttons outside flows, as they are typed: on some platforms a press is an ordinary text."""


@dataclass(frozen=True, slots=True)
class Command:
    """What a person asked for, with its argument: /language en, /pause 2w, /adult today, /tell and what to tell."""

    name: CommandName
    language: str = ""
    span: timedelta | None = None
    words: str = field(default="", repr=False)
    given: Given = ""


def read_command(text: str) -> Command | None:
    """The command that a text is, or None. What follows a slashed command and is no argument of it is let be."""
    slashed = re.match(r"\s*/([A-Za-z]{4,10})(?:@\w+)?(?:\s+(.*))?$", text, re.DOTALL)
    if slashed and slashed[1].lower() in _SLASHED:
        return _with_argument(_SLASHED[slashed[1].lower()], (slashed[2] or "").strip())
    said = plain(text[:100])
    if said in _ALONE:
        return Command(_ALONE[said])
    if said in _LABELS:
        name, given = _LABELS[said]
        return Command(name, given=given)
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
    if name in ("tell", "report"):
        return Command(name, words=argument)
    if name == "adult":
        return Command(name, given=_SOON.get(plain(argument[:30]), ""))
    if name == "talked":
        return Command(name, given=_TALKED.get(plain(argument[:30]), ""))
    if name == "pause":
        try:
            return Command(name, span=read_span(argument.lower()))
        except ValueError:
            return Command(name)
    return Command(name)
