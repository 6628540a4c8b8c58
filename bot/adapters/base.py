"""The contract of a platform. An adapter translates and sends; it never decides, and imports no room beyond this one.

A platform is one file (or package) of that name in this folder, with a class `Adapter` that satisfies the Protocol.
`tests/adapters/test_contract.py` runs one suite over every file. `platforms` and `load` find them by name.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, cast

from bot.domain import Address, Choice, Inbound, Lease, Outbound, Raw, Receipt


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a platform can do, as far as delivery and enrollment need to know."""

    min_age: int = 0
    buttons: bool = True
    hears: bool = True
    """Whether people can write here; else it only sends."""
    length: int = 4096
    """Longest text, in UTF-16 units."""
    edits: bool = False
    """Whether another text can stand in place of a sent message (`Outbound.replaces`)."""
    pager: bool = True
    """Whether an alert may count as delivered when the platform took it (a web page is no pager)."""
    keeps: timedelta | None = None
    """How long the platform keeps what people write while we are away; None: we find all of it afterwards."""
    presses: timedelta | None = None
    """How long we may be away before a press of a button is lost; None: it waits like what people write."""
    per_second: float = 30.0
    per_chat_second: float = 1.0


@dataclass(frozen=True, slots=True)
class Shown:
    """One line of a chat's history, as a page shows it."""

    id: int
    ours: bool
    """True: we wrote it; False: the person did."""
    text: str
    choices: tuple[Choice, ...]
    at: datetime
    kind: str


@dataclass(frozen=True, slots=True)
class Profile:
    """What a chat page must know of the person it belongs to."""

    name: str
    language: str
    zone: str = ""
    """For the times of lines; empty: the zone of the screen."""


@dataclass(frozen=True, slots=True)
class Home:
    """What a person's own page on a platform shows of them; moments are told in their words, "" where there is none."""

    language: str
    adult: bool
    next_meeting: str = ""
    last_answer: str = ""
    paused: bool = False
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What a look from outside says of one thing. `wrong`: what is wrong and how to mend it, for IT people, or ""."""

    id: str
    sentence: str
    """What is so when nothing is wrong."""
    wrong: str = ""
    warns: bool = False
    """It works all the same."""


class Port(Protocol):
    """What `app` hands an adapter; the only way from an adapter into the house."""

    async def receive(self, raw: Raw, lease: Lease | None = None) -> None:
        """Store; returns after the commit, and only then may the platform be told. A repeat is harmless.

        Raises Outage when it could not be stored: the platform must keep it, and offer it again. A poller passes its
        lease: LeaseLost means that another polls now, and that nothing was stored.
        """
        ...

    async def history(self, address: Address, limit: int = 100) -> Sequence[Shown]:
        """The newest `limit` lines of a chat, oldest first."""
        ...

    async def person_for(self, token: str) -> Address | None:
        """The chat that a personal link opens, or None."""
        ...

    async def profile(self, address: Address) -> Profile:
        """Whose chat it is, and in which language a page should speak."""
        ...

    async def home(self, address: Address) -> Home | None:
        """What a page about whose chat this is would show; None for a stranger."""
        ...

    async def cursor(self, name: str) -> datetime | None:
        """Until when everything of this name has been read (by the platform's clock); None when never."""
        ...

    async def move_cursor(self, name: str, at: datetime) -> None:
        """Everything until then has been read, and stored."""
        ...

    async def urgent_chats(self, platform: str, account: str) -> Collection[str]:
        """The chats of people with an open question or an open case: they are looked at first."""
        ...

    async def bounced(self, message_id: int, platform: str, account: str, code: str) -> None:
        """The platform says late that a message which it took did not arrive: the ladder hears of it, and goes on."""
        ...

    def lease(self, name: str) -> AbstractAsyncContextManager[Lease]:
        """Stand by until nobody else polls ("poll:<platform>:<account>"), then poll in the body.

        LeaseLost is raised in the body, wherever it waits, when another has taken over; then stand by again.
        """
        ...


class Adapter(Protocol):
    """One platform."""

    name: str
    account: str
    """Which bot, workspace or site of the platform it speaks for."""
    capabilities: Capabilities

    def translate(self, body: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
        """Raw body -> what the person did, or None for what concerns nobody. Pure. Raises ValueError for nonsense."""
        ...

    async def start(self, port: Port) -> None: ...

    async def stop(self) -> None: ...

    async def send(self, outbound: Outbound) -> Receipt:
        """Hand one message to the platform. Raises TryLater, SlowDown, Ambiguous or Unreachable."""
        ...

    def routes(self) -> Sequence[Any]:
        """Web routes (Starlette) that the platform needs; empty for most."""
        ...

    def trouble(self) -> str:
        """What keeps it from taking in or sending now, in words for IT people and without anybody's data; or "".

        Asked every second from other threads: it looks, and waits for nothing.
        """
        ...

    async def examine(self, *, fix: bool = False, running: bool = False) -> Sequence[Finding]:
        """Ask the platform, with calls that harm nobody, whether all is set up; not between `start` and `stop`.

        `fix`: also set there what can be set. `running`: a program of this school speaks there now, and must not be
        disturbed.
        """
        ...


def platforms() -> tuple[str, ...]:
    """The names of all platforms: the files and packages beside this one."""
    return tuple(
        sorted(found.name for found in pkgutil.iter_modules([str(Path(__file__).parent)]) if found.name != "base")
    )


def load(platform: str) -> Callable[..., Adapter]:
    """The class `Adapter` of a platform; imported here, so that nobody pays for an SDK that is not used.

    In a package it lives in `adapter.py`. Raises KeyError for an unknown name.
    """
    if platform not in platforms():
        raise KeyError(platform)
    module = importlib.import_module(f"bot.adapters.{platform}")
    if hasattr(module, "__path__"):
        module = importlib.import_module(f"bot.adapters.{platform}.adapter")
    return cast("Callable[..., Adapter]", module.Adapter)


def pieces(text: str, length: int) -> list[str]:
    """A text in pieces of at most `length` UTF-16 units: at lines or words where possible, never in a character."""
    found = []
    while (end := _end(text, length)) < len(text):
        cut = max(text.rfind("\n", 1, end), text.rfind(" ", end // 2, end))
        end = cut if cut > 0 else end
        found.append(text[:end].rstrip() or text[:end])
        text = text[end:].lstrip()
    return [*found, text] if text or not found else found


def _end(text: str, length: int) -> int:
    """How many characters of a text fit into so many UTF-16 units."""
    if len(text) * 2 <= length:
        return len(text)
    units = 0
    for index, character in enumerate(text):
        units += 2 if ord(character) > 0xFFFF else 1
        if units > length:
            return index
    return len(text)
