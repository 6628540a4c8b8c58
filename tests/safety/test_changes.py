"""What a school changes about built-in rules: mutes that end, tiers that only rise."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from bot.domain import Finding, Tier
from bot.safety.changes import Changes, heeded, not_muted, not_raised, raised
from bot.safety.packs import Pack
from bot.safety.screen import Screening

TODAY = date(2026, 11, 22)
MUTE = {
    "rule": "en/wish",
    "by": "Ms. Rivera",
    "since": "2026-11-20",
    "until": "2026-12-01",
    "why": "The drama club rehearses",
}
FINDING = Finding(Tier.CRISIS, "suicide", "wish", "en@2", "Wish to be dead", 3, 9)
OTHER = Finding(Tier.URGENT, "bullying", "hit", "en@2", "Bullied", 12, 15)
SEEN = Screening((FINDING, OTHER))


def changes(**written: Any) -> Changes:
    return Changes.model_validate(written)


def pack(tier: str = "concern") -> Pack:
    rule = {"id": "wish", "tier": tier, "category": "suicide", "label": "Wish to be dead", "phrases": ["want to die"]}
    return Pack.model_validate({"pack": "en", "language": "en", "version": 2, "rules": [rule]})


def test_a_muted_rule_is_not_counted_and_says_who_muted_it() -> None:
    screening, muted = heeded(SEEN, changes(muted=[MUTE]).muted, TODAY)
    assert (screening.findings, muted) == ((OTHER,), (FINDING,))
    (unheeded,) = screening.not_counted
    assert unheeded.why == "muted by Ms. Rivera until 2026-12-01: The drama club rehearses"
    assert (unheeded.rule, unheeded.pack, unheeded.start, unheeded.end) == ("wish", "en@2", 3, 9)


@pytest.mark.parametrize("day", [date(2026, 11, 19), date(2026, 12, 2), date(2030, 1, 1)])
def test_outside_its_dates_a_mute_counts_for_nothing(day: date) -> None:
    assert heeded(SEEN, changes(muted=[MUTE]).muted, day) == (SEEN, ())


@pytest.mark.parametrize("day", [date(2026, 11, 20), date(2026, 12, 1)])
def test_it_holds_on_its_first_and_last_day(day: date) -> None:
    assert heeded(SEEN, changes(muted=[MUTE]).muted, day)[1] == (FINDING,)


@pytest.mark.parametrize(
    "change",
    [
        {"until": "2027-02-19"},
        {"until": "2026-11-19"},
        {"until": None},
        {"by": ""},
        {"by": "???"},
        {"why": ""},
        {"rule": "wish"},
    ],
)
def test_a_mute_needs_a_person_a_reason_and_an_end_within_ninety_days(change: dict[str, Any]) -> None:
    assert changes(muted=[MUTE | {"until": "2027-02-18"}])
    with pytest.raises(ValidationError):
        changes(muted=[MUTE | change])


def test_staff_read_of_mutes_that_hold_will_hold_and_have_ended() -> None:
    (mute,) = changes(muted=[MUTE]).muted
    assert mute.told(TODAY) == "Rule en/wish is muted until 2026-12-01 by Ms. Rivera: The drama club rehearses."
    assert "muted from 2026-11-20" in mute.told(TODAY - timedelta(days=9))
    assert "counts for nothing: take it out" in mute.told(TODAY + timedelta(days=90))


def test_a_school_raises_a_tier() -> None:
    (changed,) = raised([pack()], changes(raised=[{"rule": "en/wish", "tier": "crisis"}]))
    assert changed.rules[0].tier is Tier.CRISIS


def test_a_school_lowers_no_tier_and_unknown_rules_are_named() -> None:
    lower = changes(raised=[{"rule": "en/wish", "tier": "concern"}])
    ((place, text, _),) = not_raised([pack("crisis")], lower)
    assert (place, text) == (0, 'rule "en/wish" is crisis; a school may raise a tier, not lower it')
    unknown = changes(raised=[{"rule": "en/wihs", "tier": "crisis"}], muted=[MUTE | {"rule": "en/wihs"}])
    for complaints in (not_raised([pack()], unknown), not_muted([pack()], unknown)):
        ((_, text, hint),) = complaints
        assert (text, hint) == ('there is no rule "en/wihs"', 'did you mean "en/wish"?')
