"""P15: what screening a message costs with all packs that ship: on ordinary replies, on the worst texts of a window,
and on three ordinary replies in a row, which are read as one as well.

Ordinary replies are the packs' own everyday texts of 30 to 120 characters; nobody real wrote them.

    python -m bench.screening
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.measure import calibration, percentile
from bench.result import Claim, Result, Size
from bot.content import read_packs, read_words
from bot.safety.compiling import compile_packs
from bot.safety.packs import Pack
from bot.safety.screen import WINDOW, Screener, Screening
from bot.safety.split import Before, across

ROUNDS = 7


def ordinary(packs: tuple[Pack, ...]) -> list[str]:
    """Everyday texts of the length of a reply to a check-in."""
    return [text for pack in packs for text in pack.everyday if 30 <= len(text) <= 120]


def worst(packs: tuple[Pack, ...]) -> dict[str, str]:
    """Texts of one window's length that give each part of screening as much to do as possible."""
    phrases = [text for pack in packs for rule in pack.rules for text in rule.match]
    texts = {
        "one letter": "i ",
        "pronouns": "i want to i wanna i am going to ",
        "spaced letters": "k i l l m y s e l f ",
        "written together": "iwanttodietodayandnobodycares",
        "starred": "k*ll m*self ",
        "leet": "k1ll mys3lf 4nd d13 ",
        "stretched": "diiiie kiiiill ",
        "slips": "suicied kil myslef wnat to dei ",
        "other letters": "ĸіӏӏ ṁÿśèłf ",
        "signs": "!$@|*!$@|* ",
        "emoji": "💀🔫😂🏽\u200d",
        "a script without spaces": "我不想活了",
        "every rule's own texts": " ".join(phrases),
    }
    return {name: (text * (WINDOW // len(text) + 1))[:WINDOW] for name, text in texts.items()}


def cpu_of(screener: Screener, text: str) -> float:
    """CPU microseconds of screening a text once."""
    return _cpu(lambda: screener.screen(text))


def _cpu(work: Callable[[], object]) -> float:
    began = time.thread_time()
    work()
    return (time.thread_time() - began) * 1e6


def _in_a_row(screener: Screener, texts: list[str], rounds: int) -> list[float]:
    """CPU microseconds of reading each text together with the two before it."""
    rows = [
        ([Before(1, one), Before(2, two)], three) for one, two, three in zip(texts, texts[1:], texts[2:], strict=False)
    ]
    alone = Screening()
    return sorted(
        statistics.median(_cpu(partial(across, screener, before, text, alone)) for _ in range(rounds))
        for before, text in rows
    )


def measure(rounds: int = ROUNDS) -> dict[str, Any]:
    """Figures of screening in CPU microseconds; of each text the median over the rounds."""
    packs = read_packs(Path())
    screener = Screener(compile_packs(packs, read_words()))
    texts, longest = ordinary(packs), worst(packs)
    for text in texts:
        screener.screen(text)
    usual = sorted(statistics.median(cpu_of(screener, text) for _ in range(rounds)) for text in texts)
    most = {name: statistics.median(cpu_of(screener, text) for _ in range(rounds)) for name, text in longest.items()}
    together = _in_a_row(screener, texts, rounds)
    slowest = max(most, key=lambda name: most[name])
    return {
        "texts": len(texts),
        "median_us": percentile(usual, 0.5),
        "p99_us": percentile(usual, 0.99),
        "three_in_a_row_us": percentile(together, 0.5),
        "worst_window_us": most[slowest],
        "worst_window": slowest,
        "windows_us": most,
        "calibration_us": calibration(),
        "rounds": rounds,
    }


def goal(size: Size) -> Result:
    """P15."""
    figures = measure(size.rounds)
    claims = (
        Claim("CPU of screening an ordinary reply, the median", figures["median_us"], 60.0, "us"),
        Claim("99 of 100 ordinary replies are screened within", figures["p99_us"] / 1e3, 20.0, "ms"),
        Claim(f"the worst text of {WINDOW:,} characters", figures["worst_window_us"] / 1e3, 100.0, "ms"),
    )
    kept = ("texts", "median_us", "p99_us", "three_in_a_row_us", "worst_window_us", "calibration_us")
    return Result(claims, {name: figures[name] for name in kept})


def main() -> None:
    """Print what screening costs."""
    figures = measure(int(os.environ.get("ROUNDS", ROUNDS)))
    print(
        f"ordinary replies ({figures['texts']}): median {figures['median_us']:.0f} us, p99 {figures['p99_us']:.0f} us"
    )
    print(f"read together with the two before it: median {figures['three_in_a_row_us']:.0f} us more")
    for name, spent in sorted(figures["windows_us"].items(), key=lambda item: -item[1]):
        print(f"{WINDOW} characters of {name}: {spent / 1000:.1f} ms")
    print(f"a fixed loop beside it: {figures['calibration_us']:.0f} us (3,000 on a quiet core)")


if __name__ == "__main__":
    main()
