"""What the bot says of itself on Telegram: its commands, and a word to groups. No message comes from here."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("en", "es")

COMMANDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "en": (
        ("adult", "I want to talk to an adult"),
        ("tell", "Tell an adult about someone"),
        ("checkin", "Check in now"),
        ("pause", "No check-ins for a while"),
        ("resume", "Check-ins again"),
        ("stop", "No more check-ins"),
        ("language", "Choose your language"),
        ("privacy", "Who reads what you write"),
        ("help", "What you can do here"),
    ),
    "es": (
        ("adulto", "Quiero hablar con una persona adulta"),
        ("avisar", "Avisar a una persona adulta de alguien"),
        ("checkin", "Hacer el check-in ahora"),
        ("pausa", "Sin check-ins por un tiempo"),
        ("seguir", "Volver a los check-ins"),
        ("alto", "No más check-ins"),
        ("idioma", "Elegir tu idioma"),
        ("privacidad", "Quién lee lo que escribes"),
        ("ayuda", "Qué puedes hacer aquí"),
    ),
}

DESCRIPTIONS: Mapping[str, str] = {
    "en": "Check-ins of your school's mentoring program. Staff can read what you write here. Nobody watches this chat "
    "all day, and it is no emergency service: in danger, call your local emergency number.",
    "es": "Preguntas del programa de mentoría de tu escuela. El personal puede leer lo que escribes aquí. Nadie mira "
    "este chat todo el día y no es un servicio de emergencia: en peligro, llama al número de emergencias.",
}
"""What people read before they press Start, where the school has written nothing of its own."""

PRIVATELY: Mapping[str, str] = {
    "en": "I only talk in private chats. Please write to me privately; I keep nothing of this group, and leave it now.",
    "es": "Solo hablo en chats privados. Escríbeme en privado; no guardo nada de este grupo y ahora salgo de él.",
}
