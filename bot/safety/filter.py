"""`nearpeer screen`: one JSON object per line in, one per line out, in the same order: how anyone measures the product.

No reading of files here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from bot.domain import Tier
from bot.safety.screen import Screener, Screening


def screen_lines(lines: Iterable[str], screener: Screener) -> Iterator[str]:
    """For each `{"text": ...}` an object with `tier` first; for any other line one with `error`. Never stops early."""
    for line in lines:
        try:
            asked = json.loads(line)
        except (ValueError, RecursionError):
            yield _error("this line is not JSON")
            continue
        text = asked.get("text") if isinstance(asked, dict) else None
        if not isinstance(text, str):
            yield _error('this line is not an object like {"text": "..."}')
            continue
        yield json.dumps(explanation(screener.screen(text)), ensure_ascii=False)


def explanation(screening: Screening) -> dict[str, Any]:
    """A screening as plain values: the tier, then why. Spans count characters of the original text; no words of it."""
    tier = screening.tier
    first = screening.findings[0] if screening.findings else None
    # What could not be judged outweighs a quiet signal in it.
    said = Tier.UNSCREENED if screening.unscreened and not (tier and tier.climbs) else tier
    return {
        "tier": said or "none",
        "category": first.category if first else "",
        "about": first.about if first else "",
        "unscreened": screening.unscreened,
        "packs": list(screening.packs),
        "idioms_not_counted": screening.masked,
        "reasons": [asdict(finding) for finding in screening.findings],
    }


def _error(text: str) -> str:
    # The tier is the fail-safe one: a line that could not be read was not judged.
    return json.dumps({"tier": Tier.UNSCREENED, "error": text})
