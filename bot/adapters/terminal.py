"""Chat in a terminal, for authors of flows. One person, who types; a number picks from the choices last shown."""

from __future__ import annotations

import asyncio
import secrets
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TextIO

from bot.adapters.base import Capabilities, Finding, Port
from bot.domain import Address, Choice, Inbound, InboundKind, MessageKind, Outbound, Raw, Receipt
from bot.errors import TryLater, Unreachable

_MARKS = {MessageKind.ALERT: "! ", MessageKind.CARD: "* "}


class Adapter:
    """The terminal platform: lines from `source`, messages to `screen`; by default standard input and output."""

    name = "terminal"
    capabilities = Capabilities(buttons=True, length=8_000, per_second=1_000.0, per_chat_second=100.0)

    def __init__(
        self,
        account: str = "terminal",
        *,
        chat: str = "you",
        source: TextIO | None = None,
        screen: TextIO | None = None,
        settle: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """`settle` is awaited before the next line is taken: a script's lines must not run ahead of the replies."""
        self.account = account
        self.address = Address(self.name, account, chat)
        self.ended = asyncio.Event()
        """Set when the source has no more lines and all of them were handed on."""
        self._source, self._screen, self._settle = source, screen, settle
        self._choices: tuple[Choice, ...] = ()
        self._taking: asyncio.Task[None] | None = None

    def translate(self, body: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
        """{chat, text} or {chat, button, label} -> what the person did. Raises ValueError for anything else."""
        chat, text, token, label = (body.get(key, "") for key in ("chat", "text", "button", "label"))
        if not all(isinstance(value, str) for value in (chat, text, token, label)) or not chat:
            raise ValueError("a line needs a chat and its words as text")
        if bool(text) == bool(token):
            raise ValueError("a line is either a text or a choice")
        kind = InboundKind.BUTTON if token else InboundKind.TEXT
        return Inbound(Address(self.name, account, chat), event_id, kind, text=label if token else text, token=token)

    async def start(self, port: Port) -> None:
        """Begin to read lines."""
        if self._taking is None:
            self._taking = asyncio.create_task(self._take_lines(port))

    async def stop(self) -> None:
        """Take no more lines."""
        taking, self._taking = self._taking, None
        if taking is not None:
            taking.cancel()
            await asyncio.gather(taking, return_exceptions=True)

    async def send(self, outbound: Outbound) -> Receipt:
        """Show a message with its choices numbered."""
        if self._taking is None:
            raise TryLater("not_running")
        if outbound.address != self.address:
            raise Unreachable("unknown_chat")
        mark = _MARKS.get(outbound.kind, "")
        self._show("", *(f"{mark}{line}" for line in outbound.text.splitlines()))
        self._show(*(f"  {number}. {choice.label}" for number, choice in enumerate(outbound.choices, 1)))
        self._choices = outbound.choices
        return Receipt(shown=True)

    def routes(self) -> Sequence[Any]:
        """None."""
        return ()

    def trouble(self) -> str:
        """None."""
        return ""

    async def examine(self, *, fix: bool = False, running: bool = False) -> Sequence[Finding]:
        """Nothing to ask."""
        return ()

    async def _take_lines(self, port: Port) -> None:
        lines: asyncio.Queue[str] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        # A thread of its own, for nothing can wake it from reading: it must not hold up the end of the program.
        threading.Thread(target=self._read, args=(loop, lines), daemon=True, name="terminal").start()
        settle = self._settle or _at_once
        await settle()
        while line := await lines.get():
            if text := line.strip():
                await self._hand_on(port, text)
                await settle()
        self.ended.set()

    def _read(self, loop: asyncio.AbstractEventLoop, lines: asyncio.Queue[str]) -> None:
        source = self._source or sys.stdin
        line = "\n"
        while line:
            line = source.readline()
            if loop.is_closed():
                return
            loop.call_soon_threadsafe(lines.put_nowait, line)

    async def _hand_on(self, port: Port, text: str) -> None:
        body = {"chat": self.address.chat} | self._meant(text)
        try:
            await port.receive(Raw(self.name, self.address.account, secrets.token_hex(16), body, self.address.chat))
        except Exception as error:  # the terminal's acknowledgement is silence; without a commit it must speak
            self._show(f"(not kept: {type(error).__name__}; please type it again)")

    def _meant(self, text: str) -> dict[str, str]:
        number = int(text) if text.isdecimal() and len(text) < 4 else 0
        if not 1 <= number <= len(self._choices):
            return {"text": text}
        choice = self._choices[number - 1]
        return {"button": choice.token, "label": choice.label} if choice.token else {"text": choice.label}

    def _show(self, *lines: str) -> None:
        screen = self._screen or sys.stdout
        for line in lines:
            screen.write(line + "\n")
        screen.flush()


async def _at_once() -> None:
    """Nobody to wait for."""
