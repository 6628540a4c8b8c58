"""`nearpeer replay`: the present packs, or a draft, over a program's own past messages or a labelled file.

Counts and message ids; people's words only for whoever asks for them at a terminal, and that is recorded.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from bot import fairness
from bot.clock import Clock
from bot.content import (
    SHIPPED,
    read_changes,
    read_draft,
    read_packs,
    read_screener,
    read_second_look,
    read_words,
)
from bot.domain import AuditEntry, Outcome
from bot.flows.loader import read
from bot.program import kept_of
from bot.safety.compiling import compile_packs
from bot.safety.corpus import Corpus
from bot.safety.packs import Pack
from bot.safety.replay import LAST, Past, Replay, Seen, Spoken, replay
from bot.safety.screen import Screener
from storage import audit
from storage.database import Database
from storage.fairness import cases, students
from storage.past import Written, written

_SHOWN = 50


def over_messages(
    folder: Path,
    database: Database,
    clock: Clock,
    draft: Path | None = None,
    *,
    shown_to: str = "",
    shipped: Path = SHIPPED,
) -> Iterator[str]:
    """What would be said of the school's own messages, in lines. Raises ContentError for a draft that is wrong.

    `shown_to`: the name of whoever reads the words as well, for the record.
    """
    screener, pack = _screener(folder, draft, shipped)
    with database.read() as connection:
        found = replay(screener, map(_past, written(connection)))
        groups = students(connection), cases(connection, clock.now() - fairness.PERIOD, None)
    if shown_to:
        _record(database, clock, found, pack, shown_to)
    yield from _lines(found, pack, words=bool(shown_to))
    yield from _fairness(fairness.tables(*groups))


def over_corpus(folder: Path, corpus: Path, draft: Path | None = None) -> Iterator[str]:
    """What would be said of a file of labelled messages, by group: counts only."""
    screener, _ = _screener(folder, draft, SHIPPED)
    for group in read(corpus, Corpus).groups:
        tiers = [tier for text in group.messages if (tier := screener.screen(text).tier) is not None and tier.climbs]
        enough = sum(group.tier is not None and tier.rank <= group.tier.rank for tier in tiers)
        wanted = f"{enough} at {group.tier} or above" if group.tier else "none should"
        yield f"{group.category}: {len(tiers)} of {len(group.messages)} would alert, {wanted}"


def _screener(folder: Path, draft: Path | None, shipped: Path) -> tuple[Screener, Pack | None]:
    if draft is None:
        return read_screener(folder, shipped, kept_of(folder, shipped).find), None
    packs = read_packs(folder, shipped)
    pack = read_draft(draft, packs)
    together = [*(one for one in packs if one.pack != pack.pack), pack]
    again = read_second_look(shipped) if read_changes(folder).second_look else None
    return Screener(compile_packs(together, read_words(shipped)), again), pack


def _past(one: Written) -> Past:
    climbing = [tier for tier in one.tiers if tier.climbs]
    verdicts = [outcome != Outcome.FALSE_ALARM for outcome in one.outcomes if outcome != Outcome.DRILL]
    tier = min(climbing, key=lambda tier: tier.rank, default=None)
    real = any(verdicts) if verdicts else None
    return Past(one.message_id, one.person_id, one.language, one.at, one.text, tier, real, one.grade)


def _lines(found: Replay, pack: Pack | None, *, words: bool) -> Iterator[str]:
    judged = sum(one.past.real is not None for one in found.seen)
    then, now = sum(one.past.tier is not None for one in found.seen), sum(one.tier is not None for one in found.seen)
    yield f"{len(found.seen):,} free texts; adults have said of {judged:,} whether they were a concern."
    yield f"Alerts then: {then:,}. Alerts now: {now:,}."
    yield from _listed("Would alert now, and did not", found.fresh, words=words)
    real = [one for one in found.missed if one.past.real is not False]
    yield from _listed("Would be missed now", real, words=words)
    yield from _listed(
        "Were false alarms, and would be quiet now", [one for one in found.missed if one not in real], words=words
    )
    yield from _listed("Would be less urgent now", found.lowered, words=words)
    if pack is not None:
        matched = found.matched_by(pack.pack)
        of = min(LAST, len(found.seen))
        title = f"The draft {pack.mark} would have matched {len(matched)} of the last {of} replies"
        yield from _listed(title, matched, words=words, counted=False)
    yield from _rules(found)
    yield from _spoken("language", found.by(lambda one: one.language))
    if any(one.past.grade for one in found.seen):
        yield from _spoken("grade", found.by(lambda one: fairness.year(one.grade)))


def _listed(title: str, seen: Sequence[Seen], *, words: bool, counted: bool = True) -> Iterator[str]:
    yield f"\n{title}: {len(seen)}" if counted else f"\n{title}"
    for one in seen[:_SHOWN]:
        tiers = f"{one.past.tier or 'none'} -> {one.tier or 'none'}"
        said = {True: ", a concern", False: ", a false alarm", None: ""}[one.past.real]
        yield f"  {one.past.message_id}  {tiers}{said}  {' '.join(sorted(one.rules))}"
        if words:
            yield f"    {one.past.text!r}"
    if len(seen) > _SHOWN:
        yield f"  and {len(seen) - _SHOWN} more"


def _rules(found: Replay) -> Iterator[str]:
    rules = found.rules
    yield "\nPrecision per rule, where adults have closed the case" + ("" if rules else ": there is none yet")
    for rule, tally in rules.items():
        yield f"  {rule:<40} {tally.real:>4} concerns {tally.false:>4} false alarms {tally.precision:>5.0%}"


def _spoken(what: str, groups: Mapping[str, Spoken]) -> Iterator[str]:
    yield f"\nTexts by the writers' {what}"
    unseen = fairness.hidden({name: spoken.people for name, spoken in groups.items()}, fairness.FEWEST)
    for name in fairness.in_order(groups):
        spoken = groups[name]
        rate = spoken.alerts * 1000 / spoken.messages
        alerts = f"{spoken.messages:,} texts, {rate:.1f} alerts in 1,000, {spoken.false} of them false alarms"
        yield f"  {name}: {fairness.SMALL if name in unseen else alerts}"


def _fairness(tables: Sequence[fairness.Table]) -> Iterator[str]:
    yield f"\nCases of the last {fairness.PERIOD.days} days, but for those that may be about an adult here"
    for table in tables:
        yield f"  {table.title}"
        for line in table.lines:
            told = "; ".join(
                f"{name.lower()}: {cell}" for name, cell in zip(fairness.COLUMNS, line.cells, strict=False)
            )
            yield f"    {line.name}: {told or fairness.SMALL}"


def _record(database: Database, clock: Clock, found: Replay, pack: Pack | None, reader: str) -> None:
    """Law 9: whose words are about to be read, and by whom."""
    seen: Iterable[Seen] = (*found.fresh, *found.missed, *found.lowered, *(found.matched_by(pack.pack) if pack else ()))
    people = dict.fromkeys(one.past.person_id for one in seen)
    now = clock.now()
    entries = [AuditEntry(reader, "viewed", now, person, None, "replay of messages") for person in people]
    if entries:
        database.write(lambda connection: audit.record_all(connection, clock.new_id, entries)).result()
