"""What screening one message costs with all packs that ship: on ordinary replies, and on the worst texts of a window.

Ordinary replies are the packs' own everyday texts of 30 to 120 characters; nobody real wrote them.

    python -m bench.screening
"""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import Any

from bench.measure import calibration, percentile
from bot.content import read_packs, read_words
from bot.safety.compiling import compile_packs
from bot.safety.packs import Pack
from bot.safety.screen import WINDOW, Screener

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
    began = time.thread_time()
    screener.screen(text)
    return (time.thread_time() - began) * 1e6


def measure(rounds: int = ROUNDS) -> dict[str, Any]:
    """Figures of screening in CPU microseconds; of each text the median over the rounds."""
    packs = read_packs(Path())
    screener = Screener(compile_packs(packs, read_words()))
    texts, longest = ordinary(packs), worst(packs)
    for text in texts:
        screener.screen(text)
    usual = sorted(statistics.median(cpu_of(screener, text) for _ in range(rounds)) for text in texts)
    most = {name: statistics.median(cpu_of(screener, text) for _ in range(rounds)) for name, text in longest.items()}
    slowest = max(most, key=lambda name: most[name])
    return {
        "texts": len(texts),
        "median_us": percentile(usual, 0.5),
        "p99_us": percentile(usual, 0.99),
        "worst_window_us": most[slowest],
        "worst_window": slowest,
        "windows_us": most,
        "calibration_us": calibration(),
        "rounds": rounds,
    }


def main() -> None:
    """Print what screening costs."""
    figures = measure(int(os.environ.get("ROUNDS", ROUNDS)))
    print(
        f"ordinary replies ({figures['texts']}): median {figures['median_us']:.0f} us, p99 {figures['p99_us']:.0f} us"
    )
    for name, spent in sorted(figures["windows_us"].items(), key=lambda item: -item[1]):
        print(f"{WINDOW} characters of {name}: {spent / 1000:.1f} ms")
    print(f"a fixed loop beside it: {figures['calibration_us']:.0f} us (3,000 on a quiet core)")


if __name__ == "__main__":
    main()
