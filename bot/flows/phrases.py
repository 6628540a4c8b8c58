"""What the engine itself says, and the words that it understands, in every language that ships. No flow's own texts.

Adding a language: one entry in each table. `docs/flows.md` shows how.
"""

from __future__ import annotations

from collections.abc import Mapping

YES_NO_LABELS: Mapping[str, Mapping[str, str]] = {
    "yes": {"en": "Yes", "es": "Sí"},
    "no": {"en": "No", "es": "No"},
    "not_sure": {"en": "Not sure", "es": "No sé"},
}

PHRASES: Mapping[str, Mapping[str, str]] = {
    "skip": {"en": "Skip", "es": "Saltar"},
    "adult": {"en": "I want an adult", "es": "Quiero una persona adulta"},
    "done": {"en": "Done", "es": "Listo"},
    "again": {
        "en": "Sorry, I did not understand that.",
        "es": "Perdón, no entendí eso.",
    },
    "media": {
        "en": "Sorry, I can only read text, not pictures, voice or files.",
        "es": "Perdón, solo puedo leer texto, no imágenes, audios ni archivos.",
    },
    "tap": {
        "en": "Please tap a button, or type its number or words:",
        "es": "Toca un botón, o escribe su número o sus palabras:",
    },
    "write": {"en": "Please write it in words.", "es": "Escríbelo con palabras."},
    "number": {
        "en": "Please type a number from {least} to {most}.",
        "es": "Escribe un número de {least} a {most}.",
    },
    "date": {
        "en": 'Please type a day, like "tomorrow", "Friday" or "3/14".',
        "es": 'Escribe un día, como "mañana", "viernes" o "14 de marzo".',
    },
    "may_skip": {"en": 'Or type "skip".', "es": 'O escribe "saltar".'},
    "several": {
        "en": "You can pick more than one. Tap Done at the end, or type the numbers, like 1 3.",
        "es": "Puedes elegir más de una. Al final toca Listo, o escribe los números, como 1 3.",
    },
    "more": {"en": "Got it: {picked}. Anything else?", "es": "Anotado: {picked}. ¿Algo más?"},
    "unread": {
        "en": "Thank you. I could not read that, so I kept it for the adults of the program.",
        "es": "Gracias. No pude leerlo, así que lo guardé para los adultos del programa.",
    },
    "late": {"en": "Thank you, I kept your answer.", "es": "Gracias, guardé tu respuesta."},
    "nudge": {"en": "Whenever you have a minute:", "es": "Cuando tengas un minuto:"},
}

SKIP_WORDS = ("skip", "skip it", "pass", "saltar", "omitir", "paso")
DONE_WORDS = ("done", "thats all", "no more", "listo", "eso es todo", "nada mas")
YES_NO_WORDS: Mapping[str, tuple[str, ...]] = {
    "yes": ("yes", "y", "yeah", "yep", "yup", "sure", "ok", "okay", "si", "claro", "vale", "sip"),
    "no": ("no", "n", "nope", "nah", "nop", "para nada"),
    "not_sure": (
        "not sure",
        "unsure",
        "maybe",
        "idk",
        "dont know",
        "i dont know",
        "no se",
        "quizas",
        "tal vez",
        "nose",
    ),
}
NUMBER_WORDS: Mapping[str, int] = {
    word: number
    for words in (
        "one two three four five six seven eight nine ten",
        "uno dos tres cuatro cinco seis siete ocho nueve diez",
    )
    for number, word in enumerate(words.split(), start=1)
} | {"una": 1, "un": 1, "zero": 0, "cero": 0}


def phrase(name: str, language: str) -> str:
    """One of the engine's own sentences, in English where a language has none."""
    texts = PHRASES[name]
    return texts.get(language, texts["en"])
