"""Words: placeholders, what comparisons look at, and reading what a person typed as a number or a day.

Reading is by exact, normalized words, never by guessing. What is not understood gives None.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache

from bot.errors import FlowError
from bot.flows.phrases import NUMBER_WORDS

_MONTHS = {
    word: number
    for words in (
        "jan feb mar apr may jun jul aug sep oct nov dec",
        "january february march april may june july august september october november december",
        "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "ene feb mar abr may jun jul ago sep oct nov dic",
    )
    for number, word in enumerate(words.split(), start=1)
}
_WEEKDAYS = {
    word: number
    for words in (
        "monday tuesday wednesday thursday friday saturday sunday",
        "lunes martes miercoles jueves viernes sabado domingo",
        "mon tue wed thu fri sat sun",
    )
    for number, word in enumerate(words.split())
}
_DAYS = {"today": 0, "hoy": 0, "tomorrow": 1, "manana": 1, "pasado manana": 2}
_NAMED_DAY = re.compile(
    r"([a-z]+) ([0-9]{1,2})(?: ([0-9]{4}))?"  # march 14 2026
    r"|([0-9]{1,2})(?: de)? ([a-z]+)(?: (?:de )?([0-9]{4}))?"  # 14 de marzo de 2026
)


def names_in(text: str) -> list[str]:
    """The placeholders of a text, in order. Raises ValueError for anything in braces that is not a plain name."""
    names = []
    for _, name, layout, conversion in string.Formatter().parse(text):
        if name is None:
            continue
        if layout or conversion or re.fullmatch(r"[a-z][a-z_]*", name) is None:
            raise ValueError(f"{{{name}}} is not a plain placeholder like {{name}}")
        names.append(name)
    return names


def fill(text: str, values: Mapping[str, str]) -> str:
    """Put values for placeholders. Raises FlowError for one that has no value or is no plain name."""
    written = []
    for literal, name in _parts(text):
        written.append(literal)
        if name:
            if name not in values:
                raise FlowError(f'the placeholder "{name}" has no value')
            written.append(f"{values[name]}")
    return "".join(written)


@lru_cache(maxsize=4096)
def _parts(text: str) -> tuple[tuple[str, str], ...]:
    """(text, placeholder after it) in order. Remembered: only what authors wrote has placeholders."""
    try:
        names_in(text)
    except ValueError as error:
        raise FlowError(str(error)) from None
    return tuple((literal, name or "") for literal, name, _, _ in string.Formatter().parse(text))


class _Letters(dict[int, str]):
    """For `str.translate`: what becomes of each character in `plain`."""

    def __missing__(self, code: int) -> str:
        letter = chr(code)
        category = unicodedata.category(letter)
        if category in ("Mn", "Me", "Cf", "Sk") or letter in "'’":
            kept = ""
        else:
            kept = letter if category[0] in "LN" or category == "So" else " "
        if code < 0x3000:  # of the rest there are too many to remember
            self[code] = kept
        return kept


_LETTERS = _Letters()


def plain(text: str) -> str:
    """Lower case, without accents, punctuation, skin tones and double spaces: what comparisons look at."""
    folded = text.lower() if text.isascii() else unicodedata.normalize("NFKD", text.casefold())
    return " ".join(folded.translate(_LETTERS).split())


def read_number(text: str) -> float | None:
    """The one number in a text, as digits or a word: "3", "like 3 hours", "tres", "2,5"."""
    digits = re.findall(r"(?<![\w.,])-?[0-9]{1,9}(?:[.,][0-9]{1,6})?(?![\w]|[.,][0-9])", text)
    if len(digits) == 1:
        return float(digits[0].replace(",", "."))
    if digits or re.search(r"[0-9]", text):
        return None
    words = [NUMBER_WORDS[word] for word in plain(text).split() if word in NUMBER_WORDS]
    return float(words[0]) if len(words) == 1 else None


def read_date(text: str, today: date) -> date | None:
    """A day: ISO, 3/14 (month first, as US schools write), "March 14", "14 de marzo", "tomorrow", a weekday to come."""
    words = plain(re.sub(r"(?<=[0-9])(st|nd|rd|th)\b", "", text.lower()))
    words = re.sub(r"^(?:on|by|next|this|el|este|proximo|para el) (?:proximo )?", "", words)
    try:
        if words in _DAYS:
            return today + timedelta(days=_DAYS[words])
        if words in _WEEKDAYS:
            return today + timedelta(days=(_WEEKDAYS[words] - today.weekday() - 1) % 7 + 1)
        if re.fullmatch(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}", text.strip()):
            year, month, day = (int(part) for part in text.strip().split("-"))
            return date(year, month, day)
        return _calendar_day(words, today)
    except (ValueError, OverflowError):
        return None


def _calendar_day(words: str, today: date) -> date | None:
    slashed = re.fullmatch(r"([0-9]{1,2}) ([0-9]{1,2})(?: ([0-9]{4}|[0-9]{2}))?", words)
    if slashed:
        month, day = int(slashed[1]), int(slashed[2])
        if month > 12:
            month, day = day, month
        year = slashed[3]
    else:
        named = _NAMED_DAY.fullmatch(words)
        if named is None:
            return None
        month = _MONTHS.get(named[1] or named[5], 0)
        day, year = int(named[2] or named[4]), named[3] or named[6]
    if year:
        return date(int(year) + (2000 if len(year) == 2 else 0), month, day)
    # Without a year the nearest such day is meant: "12/20" in January was three weeks ago.
    near = [date(today.year + shift, month, day) for shift in (-1, 0, 1) if _exists(today.year + shift, month, day)]
    return min(near, key=lambda day: abs(day - today), default=None)


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
