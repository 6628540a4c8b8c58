"""`nearpeer screen`: one JSON object per line in, one per line out, in the same order: how anyone measures the product.

No reading of files here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from bot.domain import Tier
from bot.safety.explanation import explanation
from bot.safety.screen import Screener


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


def _error(text: str) -> str:
    # The tier is the fail-safe one: a line that could not be read was not judged.
    return json.dumps({"tier": Tier.UNSCREENED, "error": text})
