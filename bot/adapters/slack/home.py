"""What the app shows beside its messages: the Home tab, and that a command was heard. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slack_sdk.models.blocks import ContextBlock, PlainTextObject
from slack_sdk.models.views import View

from bot.adapters.base import Home
from bot.adapters.slack.blocks import buttons, sections
from bot.adapters.slack.reading import COMMAND

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "title": "Your mentoring program",
        "stranger": "I do not know you yet. Ask the coordinator of your program to link your account.",
        "next": "Next meeting: {what}",
        "last": "Your last answer: {what}",
        "paused": "Check-ins are paused.",
        "stopped": "You get no check-ins.",
        "adult": "I write to you here when a student needs an adult.",
        "check_in": "Check in now",
        "pause": "Pause check-ins",
        "resume": "Start check-ins again",
        "language": "Español",
        "privacy": "Who can read this",
        "talk": "I want an adult",
        "watched": "Nobody watches this chat around the clock. In danger, call your local emergency number.",
    },
    "es": {
        "title": "Tu programa de mentoría",
        "stranger": "Todavía no te conozco. Pide a la coordinación de tu programa que vincule tu cuenta.",
        "next": "Próxima reunión: {what}",
        "last": "Tu última respuesta: {what}",
        "paused": "Las preguntas están en pausa.",
        "stopped": "No recibes preguntas.",
        "adult": "Te escribo aquí cuando una o un estudiante necesita a una persona adulta.",
        "check_in": "Responder ahora",
        "pause": "Pausar las preguntas",
        "resume": "Volver a empezar",
        "language": "English",
        "privacy": "Quién puede leer esto",
        "talk": "Quiero hablar con un adulto",
        "watched": "Nadie vigila este chat todo el día. Si hay peligro, llama al número de emergencias de tu zona.",
    },
}
_HEARD = "I have it. My answer is in our direct messages. / Recibido. Mi respuesta está en nuestros mensajes directos."
_OTHER = {"en": "es", "es": "en"}


def heard(payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is shown, to them alone, to who gave a command elsewhere than in the chat where its answer comes."""
    if "command" not in payload or str(payload.get("channel_id", "")).startswith("D"):
        return None
    return {"response_type": "ephemeral", "text": _HEARD}


def view(home: Home | None) -> dict[str, Any]:
    """The `view` of `views.publish`; None stands for a stranger, who may ask for an adult as well."""
    language = home.language if home is not None and home.language in _WORDS else "en"
    words = _WORDS[language]
    lines, acts = _stranger(words) if home is None else _known(home, words, language)
    blocks = [block for line in lines for block in sections(line)]
    blocks += buttons([(words[key], said, f"{COMMAND}-{key}") for key, said in acts])
    blocks.append(ContextBlock(elements=[PlainTextObject(text=words["watched"], emoji=False)]).to_dict())
    return View(type="home", blocks=blocks).to_dict()


def _stranger(words: Mapping[str, str]) -> tuple[list[str], list[tuple[str, str]]]:
    return [words["title"], words["stranger"]], [("talk", "/adult")]


def _known(home: Home, words: Mapping[str, str], language: str) -> tuple[list[str], list[tuple[str, str]]]:
    change = ("language", f"/language {_OTHER[language]}")
    if home.adult:
        return [words["title"], words["adult"]], [change]
    lines = [
        words["title"],
        *([words["next"].format(what=home.next_meeting)] if home.next_meeting else []),
        *([words["last"].format(what=home.last_answer)] if home.last_answer else []),
        *([words["paused"]] if home.paused else [words["stopped"]] if home.stopped else []),
    ]
    rest = ("resume", "/resume") if home.paused or home.stopped else ("pause", "/pause")
    return lines, [("talk", "/adult"), ("check_in", "/checkin"), rest, change, ("privacy", "/privacy")]
