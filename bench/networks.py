"""Two network namespaces, each with a cable to this machine: what two other machines would see of it. Needs root."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Network:
    """A namespace whose only way out is its cable."""

    name: str
    number: int

    @property
    def gateway(self) -> str:
        """This machine's address, as seen from inside."""
        return f"10.213.{self.number}.1"

    @property
    def inside(self) -> tuple[str, ...]:
        """The words that run a program in it."""
        return ("ip", "netns", "exec", self.name)

    def cut(self) -> None:
        """Pull the cable: nothing comes through, and nobody is told."""
        _ip("link", "set", self.name, "down")

    def mend(self) -> None:
        _ip("link", "set", self.name, "up")


def lacking() -> str:
    """Why there can be no namespaces here; "" when there can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    return "" if shutil.which("ip") else "the command ip (iproute2) is not here"


@contextlib.contextmanager
def two() -> Iterator[tuple[Network, Network]]:
    """A pair of them, gone afterwards."""
    both = Network(f"np{os.getpid() % 10_000}a", 1), Network(f"np{os.getpid() % 10_000}b", 2)
    with contextlib.ExitStack() as stack:
        for one in both:
            _ip("netns", "add", one.name)
            stack.callback(_ip, "netns", "del", one.name)
            _ip("link", "add", one.name, "type", "veth", "peer", "name", "out", "netns", one.name)
            _ip("addr", "add", f"{one.gateway}/24", "dev", one.name)
            _ip("link", "set", one.name, "up")
            for words in (("link", "set", "lo", "up"), ("link", "set", "out", "up")):
                _ip("-n", one.name, *words)
            _ip("-n", one.name, "addr", "add", f"10.213.{one.number}.2/24", "dev", "out")
        yield both


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)
