"""P11: what a new process costs until it is ready: the command line, a school with one platform, and the peers.

Each start is a process of its own, in interleaved rounds; the first round only warms the disk and is thrown away.
`python -m bench.cold start telegram|web FOLDER` is what is measured of ours: program loaded, database open, App built.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.measure import PEERS_PYTHON, ROOT, Figures, median, ratio
from bench.result import Claim, Result, Size
from bot.program import create

HELP, TELEGRAM, WEB = "nearpeer --help", "Nearpeer with Telegram", "Nearpeer with the web chat"
PTB, AIOGRAM = "python-telegram-bot, application built", "aiogram, dispatcher built"
_AIOGRAM = "from bench.peers import aiogram_bot as peer; peer.build(peer.MemoryStorage())"


def goal(size: Size) -> Result:
    """P11."""
    with tempfile.TemporaryDirectory() as folder:
        school = str(Path(folder) / "school")
        create(Path(school))
        ours, peers = sys.executable, str(PEERS_PYTHON)
        commands = {
            HELP: (ours, "-m", "bot", "--help"),
            TELEGRAM: (ours, "-m", "bench.cold", "start", "telegram", school),
            WEB: (ours, "-m", "bench.cold", "start", "web", school),
            PTB: (peers, "-c", "from bench.peers.telegram_bot import build; build()"),
            AIOGRAM: (peers, "-c", _AIOGRAM),
        }
        found: dict[str, list[Figures]] = {name: [] for name in commands}
        for number in range(size.rounds + 1):
            for name, command in commands.items():
                figures = _started(command)
                if number:
                    found[name].append(figures)
    claims = (
        Claim("CPU of the command line, against python-telegram-bot's", _against(found, HELP, PTB), 0.5, "x"),
        Claim("of a school with Telegram, against the same", _against(found, TELEGRAM, PTB), 2.3, "x"),
        Claim("of a school with Telegram, against aiogram", _against(found, TELEGRAM, AIOGRAM), 0.25, "x"),
        Claim("its memory at most", median(found[TELEGRAM], "peak_mb"), 70, "MB"),
    )
    figures = {name: _figures(found[name]) for name in (HELP, TELEGRAM, WEB)}
    return Result(claims, figures, {name: _figures(found[name]) for name in (PTB, AIOGRAM)})


def start(platform: str, folder: Path) -> None:
    """Build the App of a school, as `nearpeer run` does before it begins."""
    from bot.adapters.base import load
    from bot.app import App, web_adapter
    from bot.clock import SystemClock
    from bot.program import load_program
    from bot.school import open_database

    program = load_program(folder)
    database = open_database(program)
    adapter = web_adapter(program) if platform == "web" else load(platform)("bench", None)
    app = App(program, database, SystemClock(), [adapter])
    app.routes()
    database.close()


def _started(command: Sequence[str]) -> Figures:
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=ROOT, stdin=quiet, stdout=quiet, stderr=subprocess.PIPE)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    with process.stderr as stderr:  # type: ignore[union-attr]
        if process.returncode:
            raise RuntimeError(f"{' '.join(command)} failed:\n{stderr.read().decode()[-1000:]}")
    return {"cpu_ms": (used.ru_utime + used.ru_stime) * 1e3, "peak_mb": used.ru_maxrss / 1024}


def _against(found: Mapping[str, Sequence[Figures]], ours: str, peer: str) -> float:
    return ratio(found[ours], found[peer], "cpu_ms")


def _figures(rounds: Sequence[Figures]) -> Figures:
    return {key: median(rounds, key) for key in ("cpu_ms", "peak_mb")}


if __name__ == "__main__":
    start(sys.argv[2], Path(sys.argv[3]))
