"""What a school changes about built-in rules, in DIR/safety/screening.yaml: a rule is muted for a time, a tier raised.

Nothing lowers a tier. A muted rule is still looked for: its findings are shown, and are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

from bot.domain import Finding, Tier
from bot.safety.packs import Pack
from bot.safety.screen import NotCounted, Screening

SECOND_LOOK_IS_ON = "The second look is on: what no rule finds may be a concern by its wording (docs/screening.md)."
LONGEST_MUTE = timedelta(days=90)
RuleName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]+/[a-z0-9-]+$")]
"""pack/rule, as the staff pages and `nearpeer screen` name it."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Mute(_Strict):
    """From `since` to `until` a rule's findings are not counted, because `by` says so."""

    rule: RuleName
    by: Annotated[str, StringConstraints(strip_whitespace=True, min_length=3, max_length=80)]
    since: date
    until: date
    why: Annotated[str, StringConstraints(strip_whitespace=True, min_length=5, max_length=200)]

    @field_validator("by")
    @classmethod
    def _names_a_person(cls, by: str) -> str:
        if not any(sign.isalpha() for sign in by):
            raise ValueError("write the name of the adult who answers for it")
        return by

    @model_validator(mode="after")
    def _ends(self) -> Mute:
        if not self.since <= self.until <= self.since + LONGEST_MUTE:
            raise ValueError(f"until must be after since, by {LONGEST_MUTE.days} days at most")
        return self

    def counts(self, today: date) -> bool:
        """Whether it holds on this day."""
        return self.since <= today <= self.until

    def told(self, today: date) -> str:
        """In a sentence for staff."""
        by = f"by {self.by}: {self.why}"
        if today > self.until:
            return f"The mute of {self.rule} ended on {self.until} and counts for nothing: take it out ({by})."
        when = f"until {self.until}" if today >= self.since else f"from {self.since} until {self.until}"
        return f"Rule {self.rule} is muted {when} {by}."


class Raise(_Strict):
    """A rule is more urgent here than as it ships."""

    rule: RuleName
    tier: Literal[Tier.CRISIS, Tier.URGENT, Tier.CONCERN]


class Changes(_Strict):
    """The file DIR/safety/screening.yaml."""

    muted: tuple[Mute, ...] = ()
    raised: tuple[Raise, ...] = ()
    second_look: Annotated[bool, Field(strict=True)] = False
    """Whether texts in which no rule found anything are looked at again: second_look.py."""


def raised(packs: Sequence[Pack], changes: Changes) -> tuple[Pack, ...]:
    """The packs with the tiers that the school wants."""
    wanted = {one.rule: one.tier for one in changes.raised}
    return tuple(
        pack.model_copy(
            update={
                "rules": tuple(
                    rule.model_copy(update={"tier": tier}) if (tier := wanted.get(f"{pack.pack}/{rule.id}")) else rule
                    for rule in pack.rules
                )
            }
        )
        for pack in packs
    )


Complaint = tuple[int, str, str]
"""The place in its list, what is wrong, and what to do."""


def not_raised(packs: Iterable[Pack], changes: Changes) -> Iterator[Complaint]:
    """Raises of rules that are not there, and those that would lower one."""
    tiers = _tiers(packs)
    yield from _unknown(tiers, (one.rule for one in changes.raised))
    for place, one in enumerate(changes.raised):
        if one.rule in tiers and one.tier.rank > tiers[one.rule].rank:
            text = f'rule "{one.rule}" is {tiers[one.rule]}; a school may raise a tier, not lower it'
            yield place, text, "take it out, or name a more urgent tier"


def not_muted(packs: Iterable[Pack], changes: Changes) -> Iterator[Complaint]:
    """Mutes of rules that are not there: they count for nothing."""
    yield from _unknown(_tiers(packs), (one.rule for one in changes.muted))


def _tiers(packs: Iterable[Pack]) -> dict[str, Tier]:
    return {f"{pack.pack}/{rule.id}": rule.tier for pack in packs for rule in pack.rules}


def _unknown(tiers: Mapping[str, Tier], rules: Iterable[str]) -> Iterator[Complaint]:
    for place, rule in enumerate(rules):
        if rule not in tiers:
            near = get_close_matches(rule, tiers, 1)
            hint = f'did you mean "{near[0]}"?' if near else "the staff pages name rules beside each message"
            yield place, f'there is no rule "{rule}"', hint


def heeded(screening: Screening, mutes: Iterable[Mute], today: date) -> tuple[Screening, tuple[Finding, ...]]:
    """What counts of a screening, which says what was muted; and the findings that were."""
    standing = {mute.rule: mute for mute in mutes if mute.counts(today)}
    if not standing:
        return screening, ()
    muted = tuple(finding for finding in screening.findings if rule_of(finding) in standing)
    if not muted:
        return screening, ()
    unheeded = tuple(_unheeded(finding, standing[rule_of(finding)]) for finding in muted)
    counted = tuple(finding for finding in screening.findings if finding not in muted)
    return replace(screening, findings=counted, not_counted=(*screening.not_counted, *unheeded)), muted


def rule_of(finding: Finding) -> str:
    """A finding's rule as such a file names it."""
    return f"{finding.pack.partition('@')[0]}/{finding.rule}"


def _unheeded(finding: Finding, mute: Mute) -> NotCounted:
    why = f"muted by {mute.by} until {mute.until}: {mute.why}"
    return NotCounted(why, finding.start, finding.end, finding.pack, finding.rule, finding.label)
