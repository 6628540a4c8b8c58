"""All cards and safety rules on one page, for a counselor to read, print and sign. No student's words are on it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from bot.console import wording
from bot.console.desk import Desk
from bot.domain import Tier
from storage.accounts import Staff


@dataclass(frozen=True, slots=True)
class CardSheet:
    """The crisis card of one language: each of its three forms, as it is sent."""

    language: str
    name: str
    country: str
    version: int
    texts: Sequence[tuple[str, str]]
    """When it is sent, and what it says."""


@dataclass(frozen=True, slots=True)
class RuleSheet:
    """One rule, as its pack writes it."""

    id: str
    pack: str
    tier: Tier
    category: str
    label: str
    phrases: Sequence[str]
    traits: Sequence[str]
    match: Sequence[str]
    no_match: Sequence[str]

    @property
    def tier_word(self) -> str:
        return wording.TIERS[self.tier]


@dataclass(frozen=True, slots=True)
class LanguageSheet:
    """All rules of one language, the most urgent first, and what its packs look past."""

    language: str
    name: str
    packs: Sequence[str]
    """Each with its version."""
    rules: Sequence[RuleSheet]
    masks: Sequence[str]
    modifiers: Sequence[tuple[str, Sequence[str]]]
    everyday: Sequence[str]

    @property
    def phrases(self) -> int:
        return sum(len(rule.phrases) for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Sheets:
    """Everything on the page."""

    cards: Sequence[CardSheet]
    languages: Sequence[LanguageSheet]


_reading = asyncio.Lock()
"""Reading all packs is half a second of work: once at a time."""


async def words_page(desk: Desk, request: Request, _staff: Staff) -> Response:
    """Cards and rules as the files have them now; `?language=es`: of one language only."""
    async with _reading:
        sheets = await asyncio.to_thread(desk.sheets)
    asked = request.query_params.get("language", "")
    now = desk.clock.now()
    return desk.page(
        request,
        "words.html",
        cards=[card for card in sheets.cards if asked in ("", card.language)],
        languages=[one for one in sheets.languages if asked in ("", one.language)],
        known=[(one.language, one.name) for one in sheets.languages],
        asked=asked,
        today=desk.moments().day(now),
        notes=desk.notes(now.astimezone(desk.zone).date()),
    )
