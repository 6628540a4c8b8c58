"""The mood line as inline SVG: no script, no style attribute, colors from the page's style sheet. Drawing only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

WIDTH, HEIGHT = 420, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 84, 8, 14, 32
MOODS = {5: "Great", 4: "Good", 3: "Okay", 2: "Hard", 1: "Very hard"}


@dataclass(frozen=True, slots=True)
class Point:
    """One mood: where in time, how, and how the page writes its moment."""

    at: datetime
    value: int
    label: str


def mood_line(points: Sequence[Point], title: str, summary: str) -> Markup:
    """A line over time with one dot for each answer; `title` and `summary` are what a screen reader says."""
    places = _places(points)
    path = " ".join(f"{'M' if at == 0 else 'L'}{x} {y}" for at, (x, y) in enumerate(places))
    rows = "".join(
        f'<line class="grid" x1="{_LEFT}" y1="{_y(value)}" x2="{WIDTH - _RIGHT}" y2="{_y(value)}"/>'
        f'<text class="axis" x="{_LEFT - 14}" y="{_y(value) + 5}" text-anchor="end">{word}</text>'
        for value, word in MOODS.items()
    )
    dots = "".join(
        f'<circle class="dot mood-{point.value}" cx="{x}" cy="{y}" r="6">'
        f"<title>{escape(point.label)}: {MOODS[point.value]}</title></circle>"
        for point, (x, y) in zip(points, places, strict=True)
    )
    return Markup(  # noqa: S704 - every text that is not our own is escaped above and below
        f'<svg class="mood-line" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="mood-title mood-summary">'
        f'<title id="mood-title">{escape(title)}</title><desc id="mood-summary">{escape(summary)}</desc>'
        f'{rows}<path class="line" d="{path}"/>{dots}{_ends(points, places)}</svg>'
    )


def _places(points: Sequence[Point]) -> list[tuple[float, float]]:
    """Where each dot goes: time runs from left to right, one mood alone stands in the middle."""
    if not points:
        return []
    first, last = points[0].at.timestamp(), points[-1].at.timestamp()
    room = WIDTH - _LEFT - _RIGHT - 16
    if last == first:
        return [(_LEFT + 8 + room / 2, _y(point.value)) for point in points]
    return [
        (round(_LEFT + 8 + room * (point.at.timestamp() - first) / (last - first), 1), _y(point.value))
        for point in points
    ]


def _y(value: int) -> float:
    return round(_TOP + (HEIGHT - _TOP - _BOTTOM) * (5 - value) / 4, 1)


def _ends(points: Sequence[Point], places: Sequence[tuple[float, float]]) -> str:
    """The moments of the first and the last dot, below the line."""
    if not points:
        return ""
    y = HEIGHT - 4
    if len(points) == 1:
        return f'<text class="axis" x="{places[0][0]}" y="{y}" text-anchor="middle">{escape(points[0].label)}</text>'
    return (
        f'<text class="axis" x="{_LEFT}" y="{y}">{escape(points[0].label)}</text>'
        f'<text class="axis" x="{WIDTH - _RIGHT}" y="{y}" text-anchor="end">{escape(points[-1].label)}</text>'
    )
