"""What the chat page itself says, around the messages: labels, states, mistakes. Messages never come from here."""

from __future__ import annotations

from collections.abc import Mapping

_ENGLISH = {
    "title": "Nearpeer",
    "log": "Messages",
    "us": "Nearpeer",
    "you": "You",
    "write": "Write a message",
    "send": "Send",
    "answers": "Answers to choose from",
    "sending": "Sending …",
    "sent": "Sent",
    "failed": "Not sent. Your words are still in the box: check the connection and press Send again.",
    "tap_failed": "Not sent. Check the connection and tap again.",
    "not_kept": "Not kept: something is wrong on our side. Your words are still in the box: press Send again in a "
    "moment. If it cannot wait, tell an adult in person or call; in danger, call your local emergency number.",
    "tap_not_kept": "Not kept: something is wrong on our side. Tap again in a moment. "
    "If it cannot wait, tell an adult in person or call; in danger, call your local emergency number.",
    "too_long": "That is too long for one message (at most 8,000 characters). Please send it in parts.",
    "offline": "No connection. Trying again …",
    "lost": "This page is no longer valid. Ask your coordinator for a new link.",
    "alert": "Alert",
    "card": "Help, right now",
    "empty": "Nothing here yet. Your first message will come here.",
    "watched": "Nobody watches this chat around the clock. In danger, call your local emergency number.",
    "no_script": "This page needs JavaScript. Ask your coordinator for another way to take part.",
}

_SPANISH = {
    "title": "Nearpeer",
    "log": "Mensajes",
    "us": "Nearpeer",
    "you": "Tú",
    "write": "Escribe un mensaje",
    "send": "Enviar",
    "answers": "Respuestas para elegir",
    "sending": "Enviando …",
    "sent": "Enviado",
    "failed": "No se envió. Tu texto sigue en el cuadro: revisa la conexión y vuelve a tocar Enviar.",
    "tap_failed": "No se envió. Revisa la conexión y vuelve a tocar.",
    "not_kept": "No se guardó: algo falla de nuestro lado. Tu texto sigue en el cuadro: vuelve a tocar Enviar en un "
    "momento. Si no puede esperar, habla en persona con un adulto o llama; si hay peligro, llama al número de "
    "emergencias de tu zona.",
    "tap_not_kept": "No se guardó: algo falla de nuestro lado. Vuelve a tocar en un momento. Si no puede esperar, "
    "habla en persona con un adulto o llama; si hay peligro, llama al número de emergencias de tu zona.",
    "too_long": "Es demasiado largo para un mensaje (8.000 caracteres como máximo). Envíalo por partes.",
    "offline": "Sin conexión. Intentando otra vez …",
    "lost": "Esta página ya no es válida. Pide un enlace nuevo a tu coordinación.",
    "alert": "Aviso urgente",
    "card": "Ayuda, ahora mismo",
    "empty": "Todavía no hay nada. Aquí llegará tu primer mensaje.",
    "watched": "Nadie vigila este chat todo el día. Si hay peligro, llama al número de emergencias de tu zona.",
    "no_script": "Esta página necesita JavaScript. Pide a tu coordinación otra forma de participar.",
}


def page_language(language: str) -> str:
    """The language that the page speaks to a person: theirs if we have it, else English."""
    return "es" if language.lower().partition("-")[0] == "es" else "en"


def words(language: str) -> Mapping[str, str]:
    """The page's own words in a language of `page_language`."""
    return _SPANISH if language == "es" else _ENGLISH
