"""What config/safety/rules.yaml may say: the tier and the numbers of each rule beyond words, and of one limit.

What the rules do: rules.py and trends.py. What the limit does: bot.turns.closing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from bot.domain import Tier

Times = Annotated[int, Field(ge=1, le=10)]
Days = Annotated[int, Field(ge=1, le=365)]
Steps = Annotated[int, Field(ge=1, le=9)]
Hours = Annotated[int, Field(ge=12, le=96)]
Topic = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True, populate_by_name=True)


class Rule(_Strict):
    """How urgent it is."""

    tier: Literal[Tier.CRISIS, Tier.URGENT, Tier.CONCERN, Tier.NOTICE]


class Repeated(Rule):
    """So many times within so many days."""

    times: Times
    within_days: Days


class Dropped(Rule):
    """So many steps within so many days."""

    steps: Steps
    within_days: Days


class Held(Repeated):
    """So many steps, so many times in a row."""

    steps: Steps


class Skipped(Repeated):
    """Questions of these topics, skipped so many times in a row."""

    topics: Annotated[tuple[Topic, ...], Field(min_length=1)]


class Missed(Rule):
    """So many times in a row."""

    times: Times


class Silent(Rule):
    """So many school days."""

    school_days: Annotated[int, Field(ge=3, le=60)]


class Raised(_Strict):
    """How many tiers a case rises."""

    by: Annotated[int, Field(ge=1, le=2, alias="raise")]


class Followed(Raised):
    """When a student is asked whether someone talked with them, after a case was closed."""

    after_hours: Hours
    at_most_hours: Hours

    @model_validator(mode="after")
    def _leaves_a_night(self) -> Followed:
        if self.at_most_hours < self.after_hours + 12:
            raise ValueError("at_most_hours must be 12 more than after_hours: nobody is asked at night")
        return self


class Closings(_Strict):
    """How many cases an account may close in a short time."""

    most: Annotated[int, Field(ge=3, le=10_000)]
    within_minutes: Annotated[int, Field(ge=1, le=60)]


class Tuning(_Strict):
    """The file rules.yaml: every rule beyond words, and how fast cases may be closed."""

    lowest_mood: Repeated
    mood_drop: Held
    nobody: Rule
    nobody_again: Repeated
    adult_now: Rule
    adult_today: Rule
    adult_this_week: Rule
    safety_skipped: Skipped
    mentor_reported: Rule
    relationship_drop: Dropped
    relationship_gap: Dropped
    missed_check_ins: Missed
    silent: Silent
    unreachable: Raised
    nobody_talked: Followed
    closings: Closings


def changed(shipped: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The rules that ship, with what a school's file changes of them."""
    return {**shipped, **{name: _with(shipped.get(name), rule) for name, rule in own.items()}}


def lowered(shipped: Tuning, own: Tuning) -> Iterator[tuple[str, str]]:
    """The rules (and their key) that a school's file would make less urgent than they ship."""
    for name in Tuning.model_fields:
        before, after = getattr(shipped, name), getattr(own, name)
        if isinstance(before, Rule) and after.tier.rank > before.tier.rank:
            yield name, "tier"
        elif isinstance(before, Raised) and after.by < before.by:
            yield name, "raise"


def raised(tier: Tier, by: int) -> Tier:
    """So many tiers more urgent; nothing is above crisis."""
    return list(Tier)[max(tier.rank - by, 0)]


def _with(before: Any, rule: Any) -> Any:
    return {**before, **rule} if isinstance(before, Mapping) and isinstance(rule, Mapping) else rule
