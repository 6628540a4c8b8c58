"""Whether a pack catches what it says it catches: its own cases, each with its line. No reading of files."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bot.errors import Problem
from bot.safety.compiling import compile_packs
from bot.safety.packs import Pack
from bot.safety.screen import Screener


def problems(pack: Pack, words: Mapping[str, Collection[str]], file: str = "", source: str = "") -> tuple[Problem, ...]:
    """Which of a pack's own cases fail; a pack with any is refused. `source`, the file's text, gives the lines."""
    screener = Screener(compile_packs([pack], words))
    found: list[Problem] = []
    for rule in pack.rules:
        for text in rule.match:
            fired = {finding.tier for finding in screener.screen(text).findings if finding.rule == rule.id}
            if rule.tier not in fired:
                seen = f"it was lowered to {min(fired)}" if fired else "nothing fired"
                found.append(
                    _problem(file, source, text, f"rule {rule.id}: {text!r} should match at {rule.tier}, but {seen}")
                )
        for text in rule.no_match:
            if any(finding.rule == rule.id and finding.tier is rule.tier for finding in screener.screen(text).findings):
                found.append(_problem(file, source, text, f"rule {rule.id}: {text!r} should not match at {rule.tier}"))
    for text in pack.everyday:
        for finding in screener.screen(text).findings:
            if finding.tier.climbs:
                found.append(_problem(file, source, text, f"everyday text {text!r} sets off rule {finding.rule}"))
    return tuple(found)


def _problem(file: str, source: str, text: str, complaint: str) -> Problem:
    line = next((number for number, written in enumerate(source.splitlines(), 1) if text in written), 0)
    return Problem(file, line, 1 if line else 0, complaint, "change the phrases, or the case")
