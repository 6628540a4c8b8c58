"""A chat platform in memory for the whole house, which judges what is sent to it, and a clock that a test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bot.adapters.base import Capabilities, Finding, Port
from bot.clock import HandsClock
from bot.domain import Address, Inbound, InboundKind, Outbound, Priority, Receipt
from bot.errors import Ambiguous
from storage import people


class Hands(HandsClock):
    """A clock whose two faces both stand still: a test moves them."""

    def wall(self) -> datetime:
        return self.now()


class Killed(Exception):
    """The process dies when the platform has taken the message and before that is written down."""


@dataclass
class Platform:
    """A chat platform in memory. It keeps a journal of what arrived on whose phone, and enforces its rules.

    `plan(chat, ...)` says what the next sends to a chat come to: an error to raise; None takes the message. After an
    Ambiguous error the message has arrived all the same, unless the error's code is "lost"; after `Killed` as well.
    `witness` looks at each message before it is taken, and says what is wrong with it.
    """

    name: str = people.WEB
    account: str = people.WEB_ACCOUNT
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(per_second=1e6, per_chat_second=1e6))
    journal: list[Outbound] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)
    troubled: str = ""
    hold: asyncio.Event | None = None
    """While set, sends wait for it."""
    witness: Callable[[Outbound], str] | None = None
    _plans: dict[str, list[Exception | None]] = field(default_factory=dict)
    _in_flight: dict[str, int] = field(default_factory=dict)
    _unsure: set[int] = field(default_factory=set)

    def plan(self, person: int | str, *results: Exception | None) -> None:
        self._plans.setdefault(str(person), []).extend(results)

    def forget_what_is_under_way(self) -> None:
        """The process that was sending is dead."""
        self._in_flight.clear()

    def mend(self) -> None:
        """From now on everything is taken."""
        self._plans.clear()

    def translate(self, body: Mapping[str, Any], account: str, event_id: str) -> Inbound | None:
        if body.get("nothing"):
            return None
        if "nonsense" in body:
            raise ValueError("nonsense")
        return Inbound(
            address=Address(self.name, account, body["chat"]),
            event_id=event_id,
            kind=InboundKind(body.get("kind", "text")),
            text=body.get("text", ""),
            token=body.get("token", ""),
            sent_at=datetime.fromtimestamp(body["sent_at"], UTC) if "sent_at" in body else None,
            reply_to=body.get("reply_to"),
            provider_id=body.get("provider_id", ""),
            replies_to=body.get("replies_to", ""),
            media=body.get("media", ""),
            language=body.get("language", ""),
        )

    async def start(self, port: Port) -> None:
        """Nothing to connect to."""

    async def stop(self) -> None:
        """Nothing to let go."""

    def routes(self) -> Sequence[Any]:
        return ()

    def trouble(self) -> str:
        return self.troubled

    async def examine(self, *, fix: bool = False, running: bool = False) -> Sequence[Finding]:
        """Nothing to ask."""
        return ()

    async def send(self, outbound: Outbound) -> Receipt:
        chat = outbound.address.chat
        self._keep_the_rules(outbound)
        self.attempts.append(outbound.id)
        ordinary = outbound.priority > Priority.ALERT
        self._in_flight[chat] = self._in_flight.get(chat, 0) + ordinary
        try:
            if self.hold is not None:
                await self.hold.wait()
            planned = self._plans.get(chat)
            error = planned.pop(0) if planned else None
            doubt = isinstance(error, Ambiguous) or not hasattr(error, "code")
            if error is None or isinstance(error, Killed) or (isinstance(error, Ambiguous) and error.code != "lost"):
                self.journal.append(outbound)
            if error is not None and doubt:
                self._unsure.add(outbound.id)
            if isinstance(error, Killed):
                raise asyncio.CancelledError
            if error is not None:
                raise error
        finally:
            self._in_flight[chat] -= ordinary
        return Receipt(provider_id=f"p{len(self.journal)}")

    def _keep_the_rules(self, outbound: Outbound) -> None:
        units = len(outbound.text.encode("utf-16-le")) // 2
        tokens = [choice.token for choice in outbound.choices]
        rules = {
            "an empty message": outbound.text.strip(),
            "a message that is too long": units <= self.capabilities.length,
            "a button without a label": all(choice.label for choice in outbound.choices),
            "two buttons with one token": len(set(tokens)) == len(tokens),
            "a button's token that is too long": all(0 < len(token) <= 64 for token in tokens),
            "two messages at once into a chat": not self._in_flight.get(outbound.address.chat) or not outbound.priority,
            "a message twice without doubt": outbound.id in self._unsure or outbound.id not in self.arrived(),
        }
        self.wrongs += [wrong for wrong, kept in rules.items() if not kept]
        if self.witness is not None and (wrong := self.witness(outbound)):
            self.wrongs.append(wrong)

    def arrived(self) -> list[int]:
        """Ids of the messages on the phones, in order."""
        return [outbound.id for outbound in self.journal]

    def doubt(self, ids: Collection[int]) -> None:
        """Whoever sent these died before it was written down: they may come again."""
        self._unsure.update(ids)

    def doubt_all(self) -> None:
        """A database that was restored does not know what arrived: what comes again was in doubt."""
        self._unsure.update(self.arrived())

    def judge(self) -> None:
        """Fail when a rule of the platform was broken: delivery takes an adapter's exceptions for doubt."""
        assert not self.wrongs, self.wrongs
