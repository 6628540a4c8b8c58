"""Reading level of a text: Flesch-Kincaid grade for English, Fernandez-Huerta for Spanish. It only advises."""

from __future__ import annotations

import re

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_VOWELS = {"en": re.compile(r"[aeiouy]+"), "es": re.compile(r"[aeiouáéíóúü]+")}
_SPANISH_HIATUS = re.compile(r"[aeo](?=[aeoáéó])|[áéó](?=[aeo])|[íú](?=[aeo])|[aeo](?=[íú])")

# Fernandez-Huerta tells ease, not grade; the scale's usual reading: 80-90 sixth grade, 70-80 seventh.
_SPANISH_GRADES = ((90.0, 5.0), (80.0, 6.0), (70.0, 7.0), (60.0, 9.0), (50.0, 11.0))


def grade(text: str, language: str) -> float | None:
    """The US school grade that reads a text easily; None for other languages and under ten words."""
    words = _WORD.findall(text.lower())
    if language not in _VOWELS or len(words) < 10:
        return None
    sentences = max(1, len(re.findall(r"[.!?…:]+(?=\s|$)", text.strip())))
    syllables = sum(_syllables(word, language) for word in words) / len(words)
    length = len(words) / sentences
    if language == "en":
        return round(0.39 * length + 11.8 * syllables - 15.59, 1)
    ease = 206.84 - 60 * syllables - 1.02 * length
    return next((level for least, level in _SPANISH_GRADES if ease >= least), 13.0)


def _syllables(word: str, language: str) -> int:
    count = len(_VOWELS[language].findall(word))
    if language == "es":
        return max(1, count + len(_SPANISH_HIATUS.findall(word)))
    if count > 1 and re.search(r"[^aeiouyl]e$|[^aeioutdy]ed$", word):  # a silent e, as in "made" and "asked"
        count -= 1
    return max(1, count)
