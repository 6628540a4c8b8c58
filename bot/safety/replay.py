"""What packs would have said of messages that were judged before, and what adults found to be true. Pure."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from bot.domain import Finding, Tier
from bot.safety.changes import rule_of
from bot.safety.screen import Screener
from bot.safety.split import MESSAGES, WITHIN, Before, across

LAST = 500
"""Of how many newest messages it is told what a draft pack would have matched."""


@dataclass(frozen=True, slots=True)
class Past:
    """A message as it was judged when it came."""

    message_id: int
    person_id: int | None
    language: str
    at: datetime
    text: str = field(repr=False)
    tier: Tier | None
    """The most urgent of what its words set off then; None where nothing climbed."""
    real: bool | None
    """What an adult found: a concern, a false alarm; None: nobody has said."""
    grade: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """One message then and now."""

    past: Past
    tier: Tier | None
    rules: frozenset[str]
    """All rules that would fire, also those that wake nobody."""


@dataclass
class Tally:
    """How often a rule would fire on messages of which an adult has said what they were."""

    real: int = 0
    false: int = 0

    @property
    def precision(self) -> float:
        return self.real / (self.real + self.false)


@dataclass(frozen=True)
class Spoken:
    """What one group of students wrote, and how many they are."""

    people: int
    messages: int
    alerts: int
    false: int


@dataclass(frozen=True)
class Replay:
    """All messages, oldest first, then and now."""

    seen: tuple[Seen, ...]

    @property
    def fresh(self) -> list[Seen]:
        """Would alert now, and did not."""
        return [one for one in self.seen if one.tier and not one.past.tier]

    @property
    def missed(self) -> list[Seen]:
        """Did alert, and would not now."""
        return [one for one in self.seen if one.past.tier and not one.tier]

    @property
    def lowered(self) -> list[Seen]:
        """Would be less urgent now."""
        return [one for one in self.seen if one.past.tier and one.tier and one.tier.rank > one.past.tier.rank]

    @property
    def rules(self) -> dict[str, Tally]:
        """By rule, what adults have said of the messages that it would fire on."""
        found: dict[str, Tally] = {}
        for one in self.seen:
            if one.past.real is not None:
                for rule in one.rules:
                    tally = found.setdefault(rule, Tally())
                    tally.real += one.past.real
                    tally.false += not one.past.real
        return dict(sorted(found.items()))

    def by(self, group: Callable[[Past], str]) -> dict[str, Spoken]:
        """By group of students; strangers are in none."""
        people: dict[str, set[int]] = {}
        messages, alerts, false = Counter[str](), Counter[str](), Counter[str]()
        for one in self.seen:
            if one.past.person_id is None:
                continue
            name = group(one.past)
            people.setdefault(name, set()).add(one.past.person_id)
            messages[name] += 1
            alerts[name] += one.tier is not None
            false[name] += one.tier is not None and one.past.real is False
        return {name: Spoken(len(people[name]), messages[name], alerts[name], false[name]) for name in people}

    def matched_by(self, pack: str) -> list[Seen]:
        """Of the newest messages, those in which a rule of this pack would fire."""
        return [one for one in self.seen[-LAST:] if any(rule.startswith(f"{pack}/") for rule in one.rules)]


def replay(screener: Screener, past: Iterable[Past]) -> Replay:
    """Judge messages anew, split sentences as well. `past`: oldest first."""
    before: dict[int, deque[Past]] = {}
    found: list[tuple[Past, list[Finding]]] = []
    places: dict[int, int] = {}
    for one in past:
        screening = screener.screen(one.text)
        places[one.message_id] = len(found)
        found.append((one, list(screening.findings)))
        if one.person_id is not None:
            last = before.setdefault(one.person_id, deque(maxlen=MESSAGES - 1))
            near = [Before(other.message_id, other.text) for other in last if one.at - other.at <= WITHIN]
            for part in across(screener, near, one.text, screening):
                found[places[part.message_id or one.message_id]][1].append(part)
            last.append(one)
    return Replay(tuple(Seen(one, _climbing(parts), frozenset(map(rule_of, parts))) for one, parts in found))


def _climbing(findings: Iterable[Finding]) -> Tier | None:
    climbing = [finding.tier for finding in findings if finding.tier.climbs]
    return min(climbing, key=lambda tier: tier.rank, default=None)
