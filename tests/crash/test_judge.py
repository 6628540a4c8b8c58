"""The judge of `make crash` is judged: which duplicates a kill explains, and which it does not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.crash.judge import Kill, Verdict, _twice
from tests.fakes.line import Taken

ALERT = 9


def judged(came: list[int], *kills: Kill, doubts: int = 0) -> Verdict:
    """The verdict when these messages came in this order. Nine is an alert."""
    seen: set[int] = set()
    taken = []
    for message in came:
        taken.append(Taken(0.0, message, "maya", "", (), message in seen))
        seen.add(message)

    def rows(query: str) -> list[Any]:
        if "ambiguous" in query:
            return [(0,)]
        return [SimpleNamespace(id=message) for message in seen - {ALERT}]

    verdict = Verdict()
    _twice(SimpleNamespace(line=SimpleNamespace(taken=taken), rows=rows), list(kills), doubts, verdict)  # type: ignore[arg-type]
    return verdict


def kill(after: int, *window: int, sender: bool = True) -> Kill:
    """A kill after so many messages, with these under way."""
    return Kill(in_flight=True, sender=sender, window=frozenset(window), taken=after)


@pytest.mark.parametrize(
    ("came", "kills"),
    [
        ([1, 2, 2, 3], [kill(2, 2)]),
        ([1, 1, 1], [kill(1, 1), kill(2, 1)]),
        ([1, 2, 3, 2], [kill(2, 2), kill(3, 3)]),
        ([1, 2, 2], [kill(1, sender=False), kill(2, 2)]),
    ],
    ids=["in the window", "by two kills", "later", "a worker dies as well"],
)
def test_a_kill_explains_what_it_found_sent_and_unrecorded(came: list[int], kills: list[Kill]) -> None:
    verdict = judged(came, *kills)
    assert verdict.double == []
    assert verdict.duplicates == len(came) - len(set(came))
    assert verdict.most_at_once == 1


@pytest.mark.parametrize(
    ("came", "kills"),
    [
        ([1, 1], []),
        ([1, 2, 1], [kill(2, 2)]),
        ([1, 1, 2], [kill(2, 1)]),
        ([1, 2, 2], [kill(1, 2)]),
        ([1, 1, 1], [kill(1, 1)]),
        ([1, 1], [kill(1, 1, sender=False)]),
    ],
    ids=["no kill", "recorded", "within one life", "a later life", "twice for one kill", "it could not send"],
)
def test_any_other_duplicate_is_a_fault(came: list[int], kills: list[Kill]) -> None:
    assert len(judged(came, *kills).double) == 1
    assert judged(came, *kills, doubts=1).double == []


def test_what_one_kill_doubled_is_counted_with_alerts_and_without() -> None:
    verdict = judged([1, ALERT, 2, ALERT, 1, 3, 3], kill(3, 1, ALERT), kill(6, 3))
    assert (verdict.most_at_once, verdict.most_with_alerts, verdict.duplicates) == (1, 2, 3)
    assert judged([1, 2, 1, 2], kill(2, 1, 2)).most_at_once == 2
