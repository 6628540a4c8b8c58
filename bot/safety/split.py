"""Sentences that somebody split over several messages: what is found only when the last ones are read as one. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.domain import Finding
from bot.safety.normalize import NEXT_MESSAGE
from bot.safety.screen import Screener, Screening

SPLIT = "split over messages"
"""What staff read beside such a finding."""
MESSAGES = 3
"""How many are read together, the newest one included ..."""
WITHIN = timedelta(minutes=10)
"""... if the others came within this time before it."""
_REACH = 80
"""Characters on each side of a border that are read: more than phrases take, and what stands around them."""
_PLAN = "plan"
"""What the labels of rules say that speak of a plan or of means."""
_TRAILING_OFF = re.compile(r"(?:\.{2,}|…)\s*$")


@dataclass(frozen=True, slots=True)
class Before:
    """A text that the same person wrote just before."""

    message_id: int
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Part:
    """A stretch of one message: where it begins in the joined text, and where in its own."""

    message_id: int | None
    text: str = field(repr=False)
    begins: int
    skipped: int

    def of(self, finding: Finding) -> Finding | None:
        """The finding as far as it lies in this message, by its places there."""
        start, end = max(finding.start, self.begins), min(finding.end, self.begins + len(self.text))
        if start >= end:
            return None
        shift = self.skipped - self.begins
        modifiers = (*finding.modifiers, SPLIT)
        return replace(finding, start=start + shift, end=end + shift, modifiers=modifiers, message_id=self.message_id)


def across(screener: Screener, before: Sequence[Before], text: str, alone: Screening) -> tuple[Finding, ...]:
    """What the messages say together and none of them says alone, a finding for each message that has a part of it.

    `before`: oldest first; `text`: the newest message, which was found to say `alone`. What was found in one of them,
    or across an earlier border, has been told already and is left out.
    """
    if not before or not text.strip():
        return ()
    *earlier, newest = parts = list(_parts([*before[1 - MESSAGES :]], text))
    found = screener.by_rules(NEXT_MESSAGE.join(part.text for part in parts)).findings
    crossing = [finding for finding in found if finding.start < newest.begins < finding.end]
    if not crossing:
        return ()
    told = (*alone.findings, *screener.by_rules(NEXT_MESSAGE.join(part.text for part in earlier)).findings)
    fresh = [finding for finding in crossing if _is_news(finding, told)]
    return tuple(piece for finding in fresh for part in (newest, *earlier) if (piece := part.of(finding)))


def _is_news(finding: Finding, told: Iterable[Finding]) -> bool:
    """Whether it says more than what was told: another matter, more urgent, or a plan, which adults must see first."""
    alike = [one for one in told if one.category == finding.category]
    if any((one.pack, one.rule) == (finding.pack, finding.rule) for one in alike):
        return False
    return _PLAN in finding.label.casefold() or all(finding.tier.rank < one.tier.rank for one in alike)


def _parts(before: Sequence[Before], text: str) -> Iterator[_Part]:
    begins = 0
    for one in before:
        written = _TRAILING_OFF.sub("", one.text)  # "i just want to..." goes on in the next message
        tail = written[-_REACH:]
        if len(tail) < len(written):
            tail = tail[tail.find(" ") + 1 :]  # no part of a word
        yield _Part(one.message_id, tail, begins, len(written) - len(tail))
        begins += len(tail) + 1
    yield _Part(None, text[:_REACH], begins, 0)
