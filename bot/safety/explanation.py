"""The record of why a message was judged as it was: kept beside its findings, and what `nearpeer screen` prints.

Spans count characters of the original text; no words of it.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bot.domain import Finding, Tier
from bot.safety.screen import Screening


def explanation(screening: Screening) -> dict[str, Any]:
    """A screening as plain values: the tier, then why, then what was seen and not counted."""
    tier = screening.tier
    first = screening.findings[0] if screening.findings else None
    # What could not be judged outweighs a quiet signal in it.
    said = Tier.UNSCREENED if screening.unscreened and not (tier and tier.climbs) else tier
    record: dict[str, Any] = {
        "tier": said or "none",
        "category": first.category if first else "",
        "about": first.about if first else "",
        "unscreened": screening.unscreened,
        "packs": list(screening.packs),
        "reasons": [_reason(finding) for finding in screening.findings if finding.message_id is None],
        "not_counted": [asdict(one) for one in screening.not_counted],
    }
    if screening.second_look:
        record["second_look"] = asdict(screening.second_look)
    return record


def _reason(finding: Finding) -> dict[str, Any]:
    reason = asdict(finding)
    del reason["message_id"]  # a record is about one message
    return reason
