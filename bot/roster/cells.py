"""What one cell of a roster may say, column by column. Pure.

Each reader raises ValueError with a sentence for the author; the sentence does not repeat the cell.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from zoneinfo import ZoneInfo

from bot.domain import Role

LONGEST_NAME = 100

_HEADERS = {
    "key": "key id studentid clave identificador codigo",
    "name": "name fullname nombre nombrecompleto nombreyapellido nombreyapellidos",
    "role": "role rol papel",
    "language": "language lang idioma lengua",
    "grade": "grade gradelevel schoolgrade grado",
    "zone": "zone timezone zona zonahoraria husohorario",
    "email": "email mail emailaddress correo correoelectronico",
    "phone": "phone phonenumber telephone mobile cell telefono movil celular",
    "mentors": "mentors mentor mentores mentora mentoras",
    "advisor": "advisor adviser asesor asesora consejero consejera",
    "meets": "meets meet meeting meetings reunion reuniones sereunen sesion sesiones",
}
COLUMN = {header: column for column, headers in _HEADERS.items() for header in headers.split()}
"""Header, as `plain` makes it -> the column that it means."""

_ROLES = {
    Role.MENTEE: "mentee mentees aprendiz mentoreado mentoreada mentorizado mentorizada",
    Role.MENTOR: "mentor mentors mentora",
    Role.ADVISOR: "advisor adviser asesor asesora consejero consejera",
    Role.COORDINATOR: "coordinator coordinador coordinadora",
}
_ROLE = {word: role for role, words in _ROLES.items() for word in words.split()}
_LANGUAGE = {"english": "en", "ingles": "en", "spanish": "es", "espanol": "es", "castellano": "es"}
_KEY = re.compile(r"\w[\w.@-]{0,63}")
_EMAIL = re.compile(r"\w[\w.+'-]{0,63}@[a-z0-9-]+(\.[a-z0-9-]+)+")
_PHONE = re.compile(r"\+?[\d(][\d ().x/-]{5,24}")
_GRADE = re.compile(r"(?:grade |grado )?(?:(pk|tk|k)|0?(1[0-3]|[1-9])(?:st|nd|rd|th|\.?º|°)?(?:[ -]?([a-z]))?)")
_ROUNDED = re.compile(r"[\d.,]+e\+\d+", re.IGNORECASE)


def plain(text: str) -> str:
    """A header or word without case, accents, blanks and marks: `Correo electrónico` -> `correoelectronico`."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if letter.isalnum())


def key(cell: str) -> str:
    """The one spelling of a key: keys differ in more than case."""
    spelled = unicodedata.normalize("NFKC", cell).casefold()
    if not _KEY.fullmatch(spelled):
        raise ValueError('a key is one word of letters, digits, ".", "-" and "_", at most 64 of them')
    return spelled


def keys(cell: str) -> tuple[str, ...]:
    """Several keys, with commas, semicolons or blanks between them; each once."""
    return tuple(dict.fromkeys(key(part) for part in re.split(r"[;,\s]+", cell) if part))


def name(cell: str) -> str:
    """A name, which a spreadsheet will not take for a formula when it is exported again."""
    if unicodedata.normalize("NFKC", cell)[:1] in ("=", "+", "-", "@"):
        raise ValueError("a name must not begin with = + - or @: a spreadsheet would take it for a formula")
    if len(cell) > LONGEST_NAME:
        raise ValueError(f"this name is longer than {LONGEST_NAME} characters")
    if not any(letter.isalpha() for letter in cell):
        raise ValueError("there is no letter in this name")
    return cell


def role(cell: str) -> Role:
    """`mentee`, `Mentora`, `Coordinador` ..."""
    found = _ROLE.get(plain(cell))
    if found is None:
        raise ValueError("write mentee, mentor, advisor or coordinator")
    return found


def language(cell: str, languages: Collection[str]) -> str:
    """`en`, `Spanish`, `español` -> one of the program's languages."""
    word = plain(cell)
    found = _LANGUAGE.get(word, word)
    if found not in languages:
        raise ValueError(f"the program does not speak this language; write {' or '.join(languages)}")
    return found


def grade(cell: str) -> str:
    """The one spelling of a grade: `9th` and `Grade 09` are 9; `8A` is a class of grade 8, and stays 8A."""
    found = _GRADE.fullmatch(cell.casefold())
    if not found:
        raise ValueError("write a grade like K, 6, 10 or 8A, or leave it empty")
    return "".join(part or "" for part in found.groups()).upper()


def zone(cell: str) -> str:
    """A time zone by its name in the tz database."""
    try:
        return ZoneInfo(cell).key
    except (OSError, ValueError, KeyError):
        raise ValueError("this is no time zone; write one like America/New_York, or leave it empty") from None


def email(cell: str) -> str:
    """One email address, in lower case."""
    lowered = cell.casefold()
    if not _EMAIL.fullmatch(lowered):
        raise ValueError("this is no email address")
    return lowered


def phone(cell: str) -> str:
    """A phone number as people write it; it may begin with +."""
    number = unicodedata.normalize("NFKC", cell)
    if _ROUNDED.fullmatch(number):
        raise ValueError("the spreadsheet rounded this number; format the column as text and enter it again")
    if not _PHONE.fullmatch(number) or sum(letter.isdigit() for letter in number) < 7:
        raise ValueError("this is no phone number")
    return number
