"""What the shipped packs say to our own corpus, as totals and counts per category; never a message, and no measure.

make safety-report
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.content import read_packs, read_words
from bot.domain import Tier
from bot.flows.loader import read
from bot.safety.compiling import compile_packs
from bot.safety.corpus import Corpus
from bot.safety.screen import Screener

CORPUS = Path(__file__).resolve().parent / "corpus"
LABEL = "Our own corpus, not a measure of quality: whoever writes rules writes messages that the rules can find."


@dataclass(frozen=True)
class Count:
    """How many messages of one group fired: at any tier that makes an alert, at the group's own, and as a crisis."""

    language: str
    plain: bool
    category: str
    tier: Tier | None
    messages: int
    alerts: int
    at_tier: int
    crisis: int


def corpora(folder: Path = CORPUS) -> list[Corpus]:
    """The corpus, file by file."""
    return [read(path, Corpus) for path in sorted(folder.glob("*.yaml"))]


def shipped() -> Screener:
    """A screener with all packs that ship, and none of a school's."""
    return Screener(compile_packs(read_packs(Path()), read_words()))


def tier_of(screener: Screener, text: str) -> Tier | None:
    """The tier at which an adult is alerted, or None."""
    tier = screener.screen(text).tier
    return tier if tier is not None and tier.climbs else None


def count(screener: Screener, found: Sequence[Corpus]) -> Iterator[Count]:
    """One count a group."""
    for corpus in found:
        for group in corpus.groups:
            tiers = [tier for text in group.messages if (tier := tier_of(screener, text)) is not None]
            enough = sum(group.tier is not None and tier.rank <= group.tier.rank for tier in tiers)
            yield Count(
                corpus.language,
                corpus.plain,
                group.category,
                group.tier,
                len(group.messages),
                len(tiers),
                enough,
                sum(tier is Tier.CRISIS for tier in tiers),
            )


def lines(counts: Sequence[Count]) -> Iterator[str]:
    """The report: must fire, then must not, each with its totals."""
    yield LABEL
    for title, plain in (("plain statements (none may be missed)", True), ("must fire", False)):
        yield f"\n{title:<58}messages  any alert  at its tier"
        chosen = [one for one in counts if one.tier and one.plain is plain]
        for one in chosen:
            tier = one.tier or ""
            shares = _share(one.messages, one.alerts, one.at_tier)
            yield f"  {one.language} {one.category:<42}{tier:<11}{shares}"
        for language in sorted({one.language for one in chosen}):
            of = [one for one in chosen if one.language == language]
            yield f"  {language} {'all':<53}{_share(_sum(of, 'messages'), _sum(of, 'alerts'), _sum(of, 'at_tier'))}"
    yield f"\n{'must not fire (per 1,000)':<58}messages  any alert       crisis"
    quiet = [one for one in counts if one.tier is None]
    for one in quiet:
        yield f"  {one.language} {one.category:<53}{_per_thousand(one.messages, one.alerts, one.crisis)}"
    for language in sorted({one.language for one in quiet}):
        of = [one for one in quiet if one.language == language]
        yield f"  {language} {'all':<53}{_per_thousand(*(_sum(of, name) for name in ('messages', 'alerts', 'crisis')))}"


def _sum(counts: Sequence[Count], name: str) -> int:
    return sum(getattr(one, name) for one in counts)


def _share(messages: int, alerts: int, at_tier: int) -> str:
    return f"{messages:>8}{alerts / messages:>11.0%}{at_tier / messages:>13.0%}"


def _per_thousand(messages: int, alerts: int, crisis: int) -> str:
    return f"{messages:>8}{alerts * 1000 / messages:>11.1f}{crisis * 1000 / messages:>13.1f}"


if __name__ == "__main__":
    sys.stdout.write("\n".join([*lines(list(count(shipped(), corpora()))), ""]))
