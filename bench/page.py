"""The tables of docs/performance.md, made from bench/results.json: `python -m bench.page` writes them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bench.goals import GOALS
from bench.measure import ROOT
from bench.result import kept

FILE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- made by `make bench`: begin -->", "<!-- made by `make bench`: end -->"


def write() -> None:
    """Put the tables into the page."""
    FILE.write_text(renewed(FILE.read_text(encoding="utf-8"), kept()), encoding="utf-8")


def renewed(text: str, results: Mapping[str, Any]) -> str:
    """The page with the tables of these results."""
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    return f"{before}{BEGIN}\n\n{tables(results)}\n\n{END}{after}"


def tables(results: Mapping[str, Any]) -> str:
    """The machine, the goals, and the figures of everybody."""
    return "\n".join([*_machine(results["machine"]), "", *_goals(results["goals"]), "", *_figures(results["goals"])])


def measured(value: float, unit: str) -> str:
    """A value with its unit, as short as it may be told."""
    number = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return f"{number} {unit}"


def bound(limit: float, unit: str, *, at_least: bool) -> str:
    return f"at {'least' if at_least else 'most'} {measured(limit, unit)}"


def verdict(holds: bool) -> str:
    return "holds" if holds else "MISSED"


def _machine(machine: Mapping[str, Any]) -> Iterator[str]:
    peers = ", ".join(f"{name} {version}" for name, version in machine["peers"].items())
    yield (
        f"Measured on {machine['date']}: {machine['processor']}, {machine['cores']} cores, Python {machine['python']}, "
        f"SQLite {machine['sqlite']}; the disk keeps 4 KiB in {machine['fdatasync_us']} µs, the calibration loop takes "
        f"{machine['calibration_us']} µs of CPU. Peers: {peers}."
    )


def _goals(goals: Mapping[str, Any]) -> Iterator[str]:
    yield "| | What | Measured | Goal | |"
    yield "| --- | --- | ---: | ---: | --- |"
    for name, found in goals.items():
        for number, claim in enumerate(found["claims"]):
            value, limit = (
                measured(claim["value"], claim["unit"]),
                bound(claim["limit"], claim["unit"], at_least=claim["at_least"]),
            )
            said = claim["text"] if number else f"**{found['goal']}** ({GOALS[name].why}): {claim['text']}"
            yield f"| {'' if number else name} | {said} | {value} | {limit} | {verdict(claim['holds'])} |"


def _figures(goals: Mapping[str, Any]) -> Iterator[str]:
    yield "| | Who | Figures |"
    yield "| --- | --- | --- |"
    for name, found in goals.items():
        for who, figures in {"Nearpeer": found["figures"], **found["peers"]}.items():
            if isinstance(next(iter(figures.values()), None), dict):
                yield from (f"| {name} | {who}, {what} | {_told(some)} |" for what, some in figures.items())
            else:
                yield f"| {name} | {who} | {_told(figures)} |"
        if found["left_out"]:
            yield f"| {name} | not measured | {found['left_out']} |"


def _told(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{key.replace('_', ' ')} {value:,}" for key, value in figures.items())


if __name__ == "__main__":
    write()
