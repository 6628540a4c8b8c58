"""A school's folder -> one frozen Program: settings, plan, flows, safety packs, crisis cards and texts. Stores nothing.

Safety packs, cards and the house's own texts come from the package, and the school's folder may add packs and
cards; all else is in the school's folder.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from pathlib import Path
from types import MappingProxyType
from zoneinfo import ZoneInfo

from bot.content import (
    SHIPPED,
    Parts,
    Texts,
    read_cards,
    read_changes,
    read_flows,
    read_lines,
    read_plan,
    read_screener,
    read_texts,
    read_tuning,
    uncovered_country,
)
from bot.domain import Person, Role, SchoolHours, Tier
from bot.errors import Refused
from bot.flows.loaded import LoadedFlow
from bot.flows.wording import fill
from bot.kept import Kept
from bot.plan import LadderPlan, ReportEntry, contradictions
from bot.planning.due import Cap, Schedule, Session
from bot.planning.duty import Duty
from bot.planning.hours import is_open, next_morning
from bot.planning.words import show_date, show_time
from bot.safety.cards import Card, Line, card_for, lines_for
from bot.safety.changes import SECOND_LOOK_IS_ON, Mute
from bot.safety.screen import Screener
from bot.safety.tuning import Tuning
from bot.settings_file import read_settings
from config import settings as school_settings
from config.settings import Settings

VALUES = ("name", "partner", "school", "adult", "place")
"""The placeholders that a flow may use: turns fills in exactly these."""


@dataclass(frozen=True, slots=True)
class Program:
    """Everything that one school has written, read and judged once. Nothing in it changes while the house runs."""

    folder: Path
    settings: Settings = field(repr=False)
    name: str
    languages: tuple[str, ...]
    first_contact: str
    """The flow that a student meets first, or empty."""
    terms: tuple[date, ...]
    """On each of these days the first contact is told again, to everybody."""
    flows: Mapping[str, LoadedFlow] = field(repr=False)
    schedules: tuple[Schedule, ...] = field(repr=False)
    ladders: Mapping[Tier, LadderPlan] = field(repr=False)
    hours: SchoolHours
    policy: str = field(repr=False)
    """What decides who is told of a case and when, as JSON: each case names the version that it began with."""
    duty: Duty | None
    report: ReportEntry
    bypass: str
    """The roster key of the adult who is told of what may be about another one, or empty."""
    screener: Screener = field(repr=False)
    cards: tuple[Card, ...] = field(repr=False)
    lines: tuple[Line, ...] = field(repr=False)
    tuning: Tuning = field(repr=False)
    """The rules beyond words."""
    texts: Texts = field(repr=False)
    mutes: tuple[Mute, ...] = ()
    """Built-in rules that somebody has muted for a time."""
    cap: Cap = field(default_factory=Cap)

    @property
    def school(self) -> str:
        return self.settings.school.name

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.settings.school.zone)

    @property
    def country(self) -> str:
        return self.settings.school.country

    def place(self, language: str) -> str:
        """Where a student finds an adult in person, in a language (or the first one that there is)."""
        place = self.settings.school.place
        return place if isinstance(place, str) else place.get(language) or next(iter(place.values()))

    @property
    def safety_contact(self) -> str:
        """The roster key of the adult who is told when nobody else answers."""
        return self.settings.safety.safety_contact

    @property
    def base_url(self) -> str:
        """How links to the pages begin, without a slash at the end."""
        server = self.settings.server
        return server.public_url or f"http://{server.host}:{server.port}"

    @property
    def any_hour(self) -> frozenset[str]:
        """Schedules whose author wants them at night as well."""
        return frozenset(schedule.name for schedule in self.schedules if schedule.any_hour)

    def changed(self, today: date) -> Sequence[str]:
        """Which rules are muted, by whom and until when, and whether there is a second look, in sentences for staff."""
        second_look = [SECOND_LOOK_IS_ON] if self.screener.looks_again else []
        return [*(mute.told(today) for mute in self.mutes), *second_look]

    def card(
        self, language: str, adult: str, *, asked: bool = False, mentor: bool = False, also: Iterable[str] = ()
    ) -> str:
        """The crisis card in a language (or English), with the school's place and the adult's name.

        `asked`: worded for who asked for an adult and wrote nothing alarming; `mentor`: for who told of somebody else.
        `also`: other languages that they wrote in; what the card does not speak has a line with the numbers above it.
        """
        card = card_for(self.cards, self.country, language)
        lines = lines_for(self.lines, self.country, card, (language, *also))
        return "\n\n".join([*lines, card.render(self.place(card.language), adult, asked=asked, mentor=mentor)])

    def text(self, language: str, key: str, **values: str) -> str:
        """One of the house's own texts in a language, or in the program's first."""
        return fill(self.texts.get(language, self.texts[self.languages[0]])[key], values)

    def check_in_for(self, role: Role) -> LoadedFlow | None:
        """What /checkin starts for a role: the flow of its first regular schedule."""
        for schedule in self.schedules:
            if schedule.audience is role and schedule.flow and not isinstance(schedule.when, Session):
                return self.flows[schedule.flow]
        return None

    def zone_of(self, person: Person) -> ZoneInfo:
        """The zone on the person's wall, else the school's."""
        return ZoneInfo(person.zone) if person.zone else self.zone

    def before_flow(self, flow: LoadedFlow, language: str, now: datetime) -> str:
        """What is said before a flow that asks how somebody is, while the school is closed; or nothing."""
        return self.closed_text("closed_before", language, now) if flow.flow.is_sensitive else ""

    def closed_text(self, key: str, language: str, now: datetime) -> str:
        """One of the texts that say when adults are back at school; nothing while it is open."""
        if is_open(self.hours, now):
            return ""
        zone = ZoneInfo(self.hours.zone)
        opens = next_morning(self.hours, now).astimezone(zone)
        today = opens.date() == now.astimezone(zone).date()
        when = show_time(opens.time(), language) if today else show_date(opens.date(), language)
        return self.text(language, key, when=when)

    def local_date(self, moment: datetime, person: Person) -> str:
        """A moment's date on the person's wall, in their words."""
        return show_date(self._local(moment, person).date(), person.language)

    def local_time(self, moment: datetime, person: Person) -> str:
        """A moment's time of day on the person's wall, in their words."""
        return show_time(self._local(moment, person).time(), person.language)

    def _local(self, moment: datetime, person: Person) -> datetime:
        return moment.astimezone(self.zone_of(person))


def kept_of(folder: Path, shipped: Path = SHIPPED) -> Kept:
    """What a school's content came to when it was last read."""
    adds = shipped != SHIPPED or (folder / "safety").exists()
    return Kept(folder, share=None if adds else shipped)


def load_program(folder: Path, settings: Settings | None = None, *, shipped: Path = SHIPPED) -> Program:
    """Read a school's folder, or raise ContentError with everything that is wrong in it.

    `settings`: these, instead of the folder's nearpeer.toml. `shipped`: where the package's own content is.
    """
    parts, kept = Parts(), kept_of(folder, shipped)
    settings = settings or parts.read(partial(read_settings, folder))
    root = folder / settings.program.folder if settings else folder
    found = parts.read(partial(read_plan, root, kept.find))
    flows = parts.read(partial(read_flows, root, kept.find))
    screener = parts.read(partial(read_screener, folder, shipped, kept.find))
    changes = parts.read(partial(read_changes, folder, kept.find))
    cards = parts.read(partial(read_cards, folder, shipped, kept.find))
    lines = parts.read(partial(read_lines, folder, shipped, kept.find)) if cards else ()
    tuning = parts.read(partial(read_tuning, folder, shipped, kept.find))
    texts = parts.read(partial(read_texts, found[0].languages if found else (), shipped, kept.find))
    if found and flows is not None:
        parts.problems.extend(contradictions(*found, flows, VALUES))
    if settings and cards:
        parts.problems.extend(uncovered_country(settings, cards, folder))
    parts.judge()
    if not (settings and found and flows is not None and screener and changes and cards and tuning and texts):
        raise AssertionError("a part that could not be read left no problem behind")
    kept.save()
    plan = found[0]
    return Program(
        folder=folder,
        settings=settings,
        name=plan.program,
        languages=plan.languages,
        first_contact=plan.first_contact or "",
        terms=plan.terms,
        flows=MappingProxyType(dict(flows)),
        schedules=tuple(entry.schedule() for entry in plan.schedules),
        ladders=MappingProxyType(dict(plan.ladders())),
        hours=plan.school_hours(settings.school.zone),
        policy=plan.policy(settings.safety.safety_contact),
        duty=plan.rotation(settings.school.zone),
        report=plan.report,
        bypass=plan.bypass,
        screener=screener,
        cards=cards,
        lines=lines or (),
        tuning=tuning,
        texts=texts,
        mutes=changes.muted,
    )


def create(folder: Path, name: str = "near-peer", *, shipped: Path = SHIPPED) -> list[Path]:
    """Make a school's folder from a program model that ships; gives the files written. Raises Refused."""
    model = shipped / "programs" / name
    models = sorted(path.name for path in (shipped / "programs").iterdir() if path.is_dir())
    if name not in models:
        raise Refused(f'There is no program model "{name}"; there is {", ".join(models)}.')
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} is not empty; name a new folder, so that nothing in it is lost.")
    sources = {path.relative_to(model): path for path in sorted(model.rglob("*")) if path.is_file()}
    sources[Path(school_settings.FILE)] = shipped / school_settings.FILE
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # names and addresses: for nobody else on this computer
    written = []
    for relative, source in sources.items():
        target = folder / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            file.write(source.read_bytes())
        written.append(target)
    return written
