"""What a measurement comes to: claims with a value and a limit, and the file that keeps them (bench/results.json)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("results.json")


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured. `share` of the full size, so that a quick run goes through every line."""

    rounds: int
    share: float = 1.0

    def of(self, full: int, least: int = 1) -> int:
        """So many instead of `full`."""
        return max(least, round(full * self.share))


FULL = Size(rounds=5)
QUICK = Size(rounds=1, share=0.02)


@dataclass(frozen=True, slots=True)
class Claim:
    """One figure and what it may be at most (or must be at least)."""

    text: str
    value: float
    limit: float
    unit: str
    at_least: bool = False

    @property
    def holds(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(frozen=True, slots=True)
class Result:
    """Everything measured for one goal. The first claim is the one that the goal is known by."""

    claims: Sequence[Claim]
    figures: Mapping[str, Any]
    """Ours, by name."""
    peers: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    left_out: str = ""
    """What could not be measured here, and why."""

    @property
    def holds(self) -> bool:
        return all(claim.holds for claim in self.claims)


def row(goal: str, result: Result, command: str) -> dict[str, Any]:
    """A result as the file keeps it."""
    first = result.claims[0]
    return {
        "goal": goal,
        "value": rounded(first.value),
        "unit": first.unit,
        "holds": result.holds,
        "claims": [
            {
                "text": claim.text,
                "value": rounded(claim.value),
                "limit": claim.limit,
                "at_least": claim.at_least,
                "unit": claim.unit,
                "holds": claim.holds,
            }
            for claim in result.claims
        ],
        "figures": rounded(result.figures),
        "peers": rounded(result.peers),
        "left_out": result.left_out,
        "command": command,
    }


def rounded(value: Any) -> Any:
    """Three figures that mean something: what is measured here does not bear more."""
    if isinstance(value, Mapping):
        return {key: rounded(one) for key, one in value.items()}
    if isinstance(value, float):
        return int(value) if abs(value) >= 1_000 else float(f"{value:.3g}")
    return value


def kept() -> dict[str, Any]:
    """What the file holds: `machine`, and `goals` by id."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return {"machine": {}, "goals": {}} | found


def keep(machine: Mapping[str, Any], goals: Mapping[str, Any]) -> None:
    """Write the file anew; goals that were not measured this time stay as they are."""
    together = {"machine": dict(machine), "goals": kept()["goals"] | dict(goals)}
    together["goals"] = dict(sorted(together["goals"].items(), key=lambda pair: int(pair[0][1:])))
    FILE.write_text(json.dumps(together, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
