"""P11: what a new process costs until it is ready: the command line, a school with one platform, and the peers.

Each start is a process of its own, in interleaved rounds. The first round is thrown away: it warms the disk, and leaves
behind what a first start leaves on any machine: compiled modules, a database, the kept content of the school.
`python -m bench.cold start telegram|web FOLDER` is what is measured of ours: program loaded, database open, App built.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.measure import PEERS_PYTHON, ROOT, Figures, median, ratio
from bench.result import Claim, Result, Size

HELP, TELEGRAM, WEB = "nearpeer --help", "Nearpeer with Telegram", "Nearpeer with web chat and staff pages"
PTB, AIOGRAM = "python-telegram-bot, application built", "aiogram, dispatcher built"
ALONE = Path(__file__).with_name("alone.py")
_AIOGRAM = "from bench.peers import aiogram_bot as peer; peer.build(peer.MemoryStorage())"


def goal(size: Size) -> Result:
    """P11."""
    from bot.program import create

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
        # Where this machine writes no compiled modules by default, ours would be compiled at each start, and no peer's.
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "compiled")
        found: dict[str, list[Figures]] = {name: [] for name in commands}
        for number in range(size.rounds + 1):
            for name, command in commands.items():
                figures = _started(command, environment)
                if number:
                    found[name].append(figures)
    claims = (
        Claim("CPU of the command line, against python-telegram-bot's", _against(found, HELP, PTB), 0.5, "x"),
        Claim("of a school with Telegram, without pages, against the same", _against(found, TELEGRAM, PTB), 2.3, "x"),
        Claim("of the same school, against aiogram", _against(found, TELEGRAM, AIOGRAM), 0.25, "x"),
        Claim("its memory at most", median(found[TELEGRAM], "peak_mb"), 70, "MB"),
    )
    figures = {name: _figures(found[name]) for name in (HELP, TELEGRAM, WEB)}
    return Result(claims, figures, {name: _figures(found[name]) for name in (PTB, AIOGRAM)})


def start(platform: str, folder: Path) -> None:
    """Build the App of a school, as `nearpeer run` does before it begins; for the web with all its pages."""
    from pydantic import SecretStr

    from bot.app import App
    from bot.clock import SystemClock
    from bot.platforms import telegram_adapter, web_adapter
    from bot.program import load_program
    from bot.school import open_database
    from config.telegram import Telegram

    program = load_program(folder)
    database = open_database(program)
    adapter = web_adapter(program) if platform == "web" else telegram_adapter(Telegram(token=SecretStr("42:TEST")))
    app = App(program, database, SystemClock(), [adapter])
    if platform == "web":
        app.routes()
    database.close()


def _started(command: Sequence[str], environment: Mapping[str, str]) -> Figures:
    alone = (sys.executable, "-I", "-S", str(ALONE), *command)
    done = subprocess.run(alone, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr[-1000:]}")
    cpu_ms, peak_mb = map(float, done.stdout.splitlines()[-1].split())
    return {"cpu_ms": cpu_ms, "peak_mb": peak_mb}


def _against(found: Mapping[str, Sequence[Figures]], ours: str, peer: str) -> float:
    return ratio(found[ours], found[peer], "cpu_ms")


def _figures(rounds: Sequence[Figures]) -> Figures:
    return {key: median(rounds, key) for key in ("cpu_ms", "peak_mb")}


if __name__ == "__main__":
    gc.disable()  # as `nearpeer run` does until its App runs
    start(sys.argv[2], Path(sys.argv[3]))
