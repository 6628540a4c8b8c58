"""The shipped packs, cards and word lists, read once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.flows.loader import read
from bot.safety.compiled import Compiled
from bot.safety.compiling import compile_packs
from bot.safety.packs import Pack, with_base
from bot.safety.screen import Screener

SAFETY = Path(__file__).resolve().parents[2] / "config" / "safety"


@pytest.fixture(scope="session")
def words() -> dict[str, list[str]]:
    lists = sorted((SAFETY / "words").glob("*.txt"))
    return {
        path.stem: [word for word in path.read_text("utf-8").splitlines() if word[:1] not in ("", "#")]
        for path in lists
    }


@pytest.fixture(scope="session")
def packs() -> dict[str, Pack]:
    alone = {path.stem: read(path, Pack) for path in sorted((SAFETY / "packs").glob("*.yaml"))}
    return {name: with_base(pack, alone.values()) for name, pack in alone.items()}


@pytest.fixture(scope="session")
def compiled(packs: dict[str, Pack], words: dict[str, list[str]]) -> Compiled:
    return compile_packs(list(packs.values()), words)


@pytest.fixture(scope="session")
def screener(compiled: Compiled) -> Screener:
    return Screener(compiled)
