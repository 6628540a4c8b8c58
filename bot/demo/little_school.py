"""The little school of the demo: its settings, its people, and what they wrote in the weeks before it opens.

Nobody in it is real. What they wrote goes the real way in; nothing here knows how it is stored.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from config.settings import Backup, ProgramFolder, Safety, School, Server, Settings, Storage

ZONE = ZoneInfo("America/Chicago")
ROSTER = Path(__file__).parent / "roster.csv"
JOINED = datetime(2026, 9, 21, 12, 0, tzinfo=ZONE)
"""A Monday: everybody is on the roster, and the program says hello to its students."""
OPENS = datetime(2026, 10, 6, 15, 24, tzinfo=ZONE)
"""The Tuesday of Maya's weekly check-in, six minutes before it."""


@dataclass(frozen=True, slots=True)
class Character:
    """Somebody whose phone is on the page. `key`: as in the roster."""

    key: str
    name: str
    short: str
    part: str
    adult: bool = False


CAST = (
    Character("maya", "Maya Torres", "Maya", "mentee, grade 9"),
    Character("leo", "Leo Kim", "Leo", "mentor, grade 11"),
    Character("rivera", "Ms. Rivera", "Ms. Rivera", "advisor", adult=True),
    Character("okafor", "Mr. Okafor", "Mr. Okafor", "coordinator", adult=True),
)


@dataclass(frozen=True, slots=True)
class Wrote:
    """What people wrote at a moment, by roster key: one reply to each question as it came."""

    at: datetime
    replies: Mapping[str, Sequence[str]]


def _at(month: int, day: int, hour: int, minute: int) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=ZONE)


_UNDERSTOOD = ("Staff of the program", "Call 911", "Yes, I understand")
HISTORY = (
    Wrote(_at(9, 21, 12, 2), {"maya": _UNDERSTOOD, "leo": _UNDERSTOOD}),
    Wrote(_at(9, 22, 15, 41), {"maya": ("Hard", "I get lost between classes", "Some days", "No", "No, thanks")}),
    Wrote(
        _at(9, 23, 9, 31),
        {
            "maya": ("Yes", "Very much", "He showed me the shortcut", "Start earlier", "Say hi in lab", "Friday", "No"),
            "leo": ("Yes", "Great", "Walking her schedule", "Be on time", "Find the library", "Mine", "Friday", "No"),
        },
    ),
    Wrote(_at(9, 24, 16, 8), {"leo": ("Yes", "Yes", "OK", "No, thanks")}),
    Wrote(
        _at(9, 29, 15, 36),
        {"maya": ("Good", "I found my table at lunch", "Yes, most days", "Yes", "No, thanks")},
    ),
    Wrote(
        _at(9, 30, 9, 30),
        {
            "maya": ("Yes", "Yes", "We made a plan for math", "More time", "Ask a question in class", "Tuesday", "No"),
            "leo": ("Yes", "Well", "The plan was her idea", "Talk less", "Read her notes", "Theirs", "Tuesday", "No"),
        },
    ),
    Wrote(_at(10, 1, 16, 20), {"leo": ("Yes", "Yes", "A lot", "No, thanks")}),
)


def settings(folder: Path, port: int) -> Settings:
    """The school's settings: these and no others. The environment may be set for a real school: it is not asked."""
    return Settings.model_construct(
        school=School(name="Cedar Grove", zone=ZONE.key, place={"en": "room 12", "es": "el salón 12"}),
        safety=Safety(safety_contact="okafor"),
        server=Server(port=port),
        storage=Storage(url=f"sqlite:///{folder / 'nearpeer.db'}"),
        program=ProgramFolder(),
        backup=Backup(warn_after_days=0),
    )
