"""Messages judged anew: what would be found now, what would be missed, and how precise each rule is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain import Tier
from bot.safety.compiling import compile_packs
from bot.safety.packs import Pack
from bot.safety.replay import Past, Replay, replay
from bot.safety.screen import Screener

NOW = datetime(2026, 11, 22, 16, 0, tzinfo=UTC)
PACK = Pack.model_validate(
    {
        "pack": "en",
        "language": "en",
        "version": 1,
        "rules": [
            {"id": "wish", "tier": "crisis", "category": "suicide", "label": "Wish", "phrases": ["want to die"]},
            {"id": "alone", "tier": "concern", "category": "isolation", "label": "Alone", "phrases": ["so alone"]},
            {"id": "tired", "tier": "notice", "category": "mood", "label": "Tired", "phrases": ["so tired"]},
        ],
    }
)
WORDS = {
    "en": [
        "i",
        "want",
        "to",
        "die",
        "am",
        "so",
        "alone",
        "tired",
        "we",
        "won",
        "the",
        "game",
        "today",
        "it",
        "was",
        "fine",
    ]
}


def past(
    number: int,
    text: str,
    tier: Tier | None = None,
    real: bool | None = None,
    person: int | None = 1,
    language: str = "en",
    after: timedelta | None = None,
) -> Past:
    at = NOW + (after if after is not None else timedelta(hours=number))
    return Past(number, person, language, at, text, tier, real)


def replayed(*messages: Past) -> Replay:
    return replay(Screener(compile_packs([PACK], WORDS)), messages)


def ids(seen: list) -> list[int]:  # type: ignore[type-arg]
    return [one.past.message_id for one in seen]


def test_what_is_new_missed_and_lowered_is_told_by_message() -> None:
    found = replayed(
        past(1, "i want to die"),
        past(2, "we won the game today", Tier.URGENT, real=True),
        past(3, "i am so alone", Tier.CRISIS),
        past(4, "i want to die", Tier.CRISIS),
        past(5, "i am so tired"),
        past(6, "it was fine"),
    )
    assert (ids(found.fresh), ids(found.missed), ids(found.lowered)) == ([1], [2], [3])


def test_precision_counts_only_messages_of_which_an_adult_has_said_what_they_were() -> None:
    found = replayed(
        past(1, "i want to die", Tier.CRISIS, real=True),
        past(2, "i want to die", Tier.CRISIS, real=True),
        past(3, "i want to die so alone", Tier.CRISIS, real=False),
        past(4, "i want to die", Tier.CRISIS),
    )
    rules = {name: (tally.real, tally.false, round(tally.precision, 2)) for name, tally in found.rules.items()}
    assert rules == {"en/alone": (0, 1, 0.0), "en/wish": (2, 1, 0.67)}


def test_a_split_sentence_is_found_in_all_its_parts() -> None:
    minute = timedelta(minutes=1)
    parts = [past(1, "i want to", after=0 * minute), past(2, "die", after=minute)]
    assert ids(replayed(*parts).fresh) == [1, 2]
    later = [past(1, "i want to", after=0 * minute), past(2, "die", after=11 * minute)]
    assert ids(replayed(*later).fresh) == []
    others = [past(1, "i want to", after=0 * minute), past(2, "die", person=2, after=minute)]
    assert ids(replayed(*others).fresh) == []


def test_a_draft_is_measured_on_the_newest_five_hundred() -> None:
    messages = [past(number, "i am so alone" if number in (1, 600) else "it was fine") for number in range(1, 601)]
    assert ids(replayed(*messages).matched_by("en")) == [600]
    assert replayed(*messages).matched_by("es") == []


def test_languages_are_counted_with_their_people() -> None:
    found = replayed(
        past(1, "i want to die", Tier.CRISIS, real=False),
        past(2, "it was fine", person=2),
        past(3, "ok", language="es"),
    )
    english = found.by(lambda one: one.language)["en"]
    assert (english.people, english.messages, english.alerts, english.false) == (2, 2, 1, 1)
    assert found.by(lambda one: one.language)["es"].people == 1
