"""What people write about time (weekdays, hours, durations, when a match meets) -> values, and how it is told them.

Pure; knows no schedule. Whatever cannot be read raises ValueError with a sentence for the person who wrote it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_WEEKDAYS = (
    ("mon", "monday", "lun", "lunes"),
    ("tue", "tues", "tuesday", "mar", "martes"),
    ("wed", "weds", "wednesday", "mie", "miercoles"),
    ("thu", "thur", "thurs", "thursday", "jue", "jueves"),
    ("fri", "friday", "vie", "viernes"),
    ("sat", "saturday", "sab", "sabado"),
    ("sun", "sunday", "dom", "domingo"),
)
_MONTHS_EN = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_MONTHS_ES = (
    "enero", "febrero", "marzo", "abril", "mayo", "junio",
    "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
)  # fmt: skip
_WEEKDAY = {name: number for number, names in enumerate(_WEEKDAYS) for name in names}
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_CLOCK = re.compile(r"(\d{1,2})(?::(\d{2}))?\s*(?:([ap])\.?\s*m\.?)?", re.IGNORECASE)
_DURATION = re.compile(r"(?:\d+\s*(?:min|[mhdw])\s*)+", re.IGNORECASE)
_MEETING = re.compile(r"(\S+?)[.,]?\s+(.+?)\s+(\d[\d\s]*(?:min|[mh])[\dminh\s]*)", re.IGNORECASE)

EARLIEST_MEETING, LATEST_MEETING = time(6), time(22)
"""A meeting outside these hours is a slip of the pen ("3:00" for 3 pm)."""
LONGEST_MEETING = timedelta(hours=8)


@dataclass(frozen=True, slots=True)
class Meeting:
    """When a match meets each week; `weekday` 0 is Monday, `start` is local."""

    weekday: int
    start: time
    minutes: int


def weekday(text: str) -> int:
    """`Wed`, `miércoles` ... -> 0 (Monday) to 6."""
    found = _WEEKDAY.get(_plain(text).rstrip("."))
    if found is None:
        raise ValueError(f'"{text[:20]}" is no weekday; write Mon, Tue, Wed, Thu, Fri, Sat or Sun')
    return found


def clock_time(text: str) -> time:
    """`15:30`, `3:30 pm`, `3pm` -> the local time."""
    found = _CLOCK.fullmatch(text.strip())
    if not found or (found[2] is None and found[3] is None):
        raise ValueError(f'"{text[:20]}" is no time of day; write 15:30')
    hour, minute, half = int(found[1]), int(found[2] or 0), (found[3] or "").lower()
    if minute > 59 or hour > 23 or (half and not 1 <= hour <= 12):
        raise ValueError(f'"{text[:20]}" is no time of day; write 15:30')
    return time(hour % 12 + (12 if half == "p" else 0) if half else hour, minute)


def duration(text: str) -> timedelta:
    """`45m`, `24h`, `2d`, `1w`, `1h 30m` -> a length of time, more than nothing."""
    if not _DURATION.fullmatch(text.strip()):
        raise ValueError(f'"{text[:20]}" is no length of time; write 45m, 24h, 2d or 1w')
    length = timedelta()
    for number, unit in re.findall(r"(\d+)\s*([mhdw])", text.lower()):
        if len(number) > 4:
            raise ValueError(f'"{text[:20]}" is too long a time')
        length += timedelta(**{_UNITS[unit]: int(number)})
    if not length:
        raise ValueError(f'"{text[:20]}" is no time at all; write 45m, 24h, 2d or 1w')
    return length


def parse_meets(text: str) -> tuple[Meeting, ...]:
    """`Wed 15:00 45m`, several with ";" between them -> meetings, in the order of the week. Empty text: none."""
    meetings = {_meeting(part) for part in text.split(";") if part.strip()}
    return tuple(sorted(meetings, key=lambda meeting: (meeting.weekday, meeting.start)))


def show_meets(meetings: tuple[Meeting, ...]) -> str:
    """The one way in which meetings are kept: what `parse_meets` reads, always written alike."""
    return "; ".join(f"{_WEEKDAYS[m.weekday][0].title()} {m.start:%H:%M} {m.minutes}m" for m in meetings)


def next_meeting(text: str, now: datetime) -> datetime | None:
    """The start of the next meeting after the local `now`, as the clock on the wall will show it; None without any."""
    starts = [
        datetime.combine(now.date() + timedelta(days=days), meeting.start)
        for meeting in parse_meets(text)
        for days in range(8)
        if (now.weekday() + days) % 7 == meeting.weekday
    ]
    return min((start for start in starts if start > now.replace(tzinfo=None)), default=None)


def show_date(day: date, language: str) -> str:
    """`March 5`, `5 de marzo`: a near date, as people say it."""
    if language == "es":
        return f"{day.day} de {_MONTHS_ES[day.month - 1]}"
    return f"{_MONTHS_EN[day.month - 1]} {day.day}"


def show_time(at: time, language: str) -> str:
    """`3:00 pm`, `3:00 p. m.`: a time of day, as people say it."""
    half = ("a. m.", "p. m.") if language == "es" else ("am", "pm")
    return f"{(at.hour - 1) % 12 + 1}:{at.minute:02} {half[at.hour >= 12]}"


def _meeting(text: str) -> Meeting:
    found = _MEETING.fullmatch(text.strip())
    if not found:
        raise ValueError(f'"{text.strip()[:30]}" is not day, time and length; write Wed 15:00 45m')
    start, length = clock_time(found[2]), duration(found[3])
    if not EARLIEST_MEETING <= start <= LATEST_MEETING:
        raise ValueError(f"a meeting at {start:%H:%M} is at night; for the afternoon write 15:00 or 3:00 pm")
    if length > LONGEST_MEETING:
        raise ValueError("a meeting of more than 8 hours is a slip; write Wed 15:00 45m")
    return Meeting(weekday(found[1]), start, int(length.total_seconds() // 60))


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.strip().casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))
