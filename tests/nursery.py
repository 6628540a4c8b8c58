"""`nearpeer` in processes of its own that need not load it: they are forked from one that has it loaded.

A life of theirs is that of `python -m bot ...`: arguments, environment, streams, signals, exit code. Nothing here knows
what they are for.
"""

from __future__ import annotations

import ctypes
import functools
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LOADED = ("bot.cli", "bot.serving", "bot.demo.run", "bot.adapters.web.adapter", "storage.upgrade")
_LONGEST = 1 << 16


class Process:
    """A forked process, with the words of subprocess.Popen."""

    def __init__(self, pid: int, code: Future[int]) -> None:
        self.pid, self._code = pid, code

    @property
    def returncode(self) -> int | None:
        """How it ended: its code, or minus the signal; None while it lives."""
        return self._code.result() if self._code.done() else None

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises TimeoutError."""
        return self._code.result(timeout)

    def send_signal(self, number: int) -> None:
        if not self._code.done():
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The parent of all that is started; it and they end with this process."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        words = [sys.executable, "-m", "tests.nursery", str(theirs.fileno())]
        self._mother = subprocess.Popen(words, cwd=ROOT, pass_fds=[theirs.fileno()])
        theirs.close()
        self._dead: dict[int, Future[int]] = {}
        self._born: Future[Process] = Future()
        self._starting = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def start(self, words: Sequence[str], output: int, environment: Mapping[str, str], load: Sequence[str]) -> Process:
        """`python -m bot` with these words, which writes to `output`. `load`: modules that it needs besides."""
        with self._starting:
            self._born = Future()
            life = {"words": list(words), "environment": dict(environment), "load": list(load)}
            socket.send_fds(self._line, [json.dumps(life).encode()], [output])
            return self._born.result(60)

    def _listen(self) -> None:
        while news := self._line.recv(_LONGEST):
            told: dict[str, int] = json.loads(news)
            if "born" in told:
                dead = self._dead[told["born"]] = Future()
                self._born.set_result(Process(told["born"], dead))
            else:
                self._dead.pop(told["dead"]).set_result(told["code"])


@functools.cache
def _nursery() -> Nursery:
    return Nursery()


def start(*words: str, output: int, environment: Mapping[str, str] = os.environ, load: Sequence[str] = ()) -> Process:
    """Start `python -m bot` with these words in a process that is forked."""
    return _nursery().start(words, output, environment, load)


# --- in the nursery --------------------------------------------------------------------------------------------------


def _work(line: socket.socket) -> None:
    """Fork as we are told, and tell of births and deaths, until whom we work for has gone."""
    for name in LOADED:
        importlib.import_module(name)
    news, bell = os.pipe()
    os.set_blocking(bell, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(bell, warn_on_full_buffer=False)
    while True:
        ready, _, _ = select.select([line.fileno(), news], [], [])
        if news in ready:
            os.read(news, _LONGEST)
            _bury(line)
        if line.fileno() in ready:
            told, streams, _, _ = socket.recv_fds(line, _LONGEST, 1)
            if not told:
                return
            _bear(line, json.loads(told), streams[0])


def _bear(line: socket.socket, life: dict[str, Any], output: int) -> None:
    for name in life["load"]:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    pid = os.fork()
    if not pid:
        line.close()
        _live(life, output)
    os.close(output)
    line.send(json.dumps({"born": pid}).encode())


def _live(life: dict[str, Any], output: int) -> None:
    code = 1
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: nobody is left behind
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for stream in (1, 2):
            os.dup2(output, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.clear()
        os.environ.update(life["environment"])
        code = _command(life["words"])
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)


def _command(words: Sequence[str]) -> int:
    from bot import cli, failpoints

    failpoints.arm(os.environ.get(failpoints.VARIABLE, ""))
    sys.argv = ["nearpeer", *words]
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _bury(line: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        line.send(json.dumps({"dead": pid, "code": os.waitstatus_to_exitcode(status)}).encode())


if __name__ == "__main__":
    _work(socket.socket(fileno=int(sys.argv[1])))
