"""Words: placeholders, and reading what a person typed as one of the offered answers, a number or a day.

Reading is by exact, normalized words, never by guessing. What is not understood gives None.
"""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from bot.errors import FlowError
from bot.flows.definition import Option, Question
from bot.flows.phrases import NUMBER_WORDS, SKIP_WORDS, YES_NO_WORDS

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


class _Filler(string.Formatter):
    """Only `{name}`: no attribute, index, conversion or format, so that a text can reach nothing but its values."""

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[Any, str]:
        if field_name not in kwargs:
            raise FlowError(f'the placeholder "{field_name}" has no value')
        return kwargs[field_name], field_name


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
    try:
        names_in(text)
    except ValueError as error:
        raise FlowError(str(error)) from None
    return _Filler().vformat(text, (), values)


def plain(text: str) -> str:
    """Lower case, without accents, punctuation, skin tones and double spaces: what comparisons look at."""
    letters = []
    for letter in unicodedata.normalize("NFKD", text.casefold()):
        category = unicodedata.category(letter)
        if category in ("Mn", "Me", "Cf", "Sk") or letter in "'’":
            continue
        letters.append(letter if category[0] in "LN" or category == "So" else " ")
    return " ".join("".join(letters).split())


def match(text: str, options: Sequence[Option]) -> Option | None:
    """The offered answer that a typed text names: label in any language, value, emoji, number or number word."""
    words = plain(text)
    if not words:
        return None
    for option in options:
        if words in _names(option):
            return option
    if len(set(words)) == 1:  # one emoji, several times
        for option in options:
            if option.emoji and words[0] == plain(option.emoji):
                return option
    return _by_number(words, options)


def match_question(text: str, question: Question) -> Option | None:
    """The same, and where "yes", "no" or "not sure" is offered, any of the many words for it."""
    found = match(text, question.options)
    if found is not None:
        return found
    words = plain(text)
    said = next((set(known) for known in YES_NO_WORDS.values() if words in known), set())
    return next((option for option in question.options if said & _names(option)), None)


def match_several(text: str, options: Sequence[Option]) -> list[Option]:
    """The offered answers in a list like "1, 3", "1 3" or "homework and friends"; empty unless every part is one."""
    whole = match(text, options)
    if whole is not None:
        return [whole]
    for pattern in (r"[,;/&+\n]| and | y | e ", r"[\s,;/&+]+(?:and |y )?"):
        parts = [part for part in re.split(pattern, text.lower()) if part.strip()]
        found = [match(part, options) for part in parts]
        if found and None not in found:
            return [option for option in options if option in found]
    return []


def is_skip(text: str) -> bool:
    """Whether a text says "skip" and nothing else."""
    return plain(text) in SKIP_WORDS


def is_our_words(text: str, options: Iterable[Option]) -> bool:
    """Whether a text only repeats an offered label, value or number, or "skip": such words are not the person's own."""
    return is_skip(text) or match(text, tuple(options)) is not None


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


def _names(option: Option) -> set[str]:
    labels = [plain(label) for label in option.label.values()]
    emoji = plain(option.emoji)
    # A word among the values may be typed; a number is read by `_by_number`, after all labels had their chance.
    names = {*labels, emoji, *(f"{emoji} {label}" for label in labels)}
    if isinstance(option.value, str):
        names.add(plain(option.value))
    return names - {""}


def _by_number(words: str, options: Sequence[Option]) -> Option | None:
    words = re.sub(r"^(?:number|option|numero|opcion) ", "", words)
    number = NUMBER_WORDS.get(words, int(words) if re.fullmatch(r"[0-9]{1,3}", words) else None)
    if number is None:
        return None
    if any(isinstance(option.value, int) for option in options):
        return next((option for option in options if option.value == number), None)
    return options[number - 1] if 1 <= number <= len(options) else None
