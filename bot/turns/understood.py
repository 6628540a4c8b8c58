"""What an event says, translated and screened outside any transaction (decisions.md 7). Nothing is read or stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from bot.domain import Inbound
from bot.safety.screen import Screener, Screening
from storage import inbox

Translate = Callable[[Mapping[str, Any], str, str], Inbound | None]

SHORT = 400
"""Characters of a text that is screened in a millisecond at most."""
_SHORTEST, _REMEMBERED = 16, 1024
"""What so short a text means is remembered: most replies are a label or a number."""


@dataclass(frozen=True, slots=True)
class Understood:
    """An event from the inbox, as far as it was understood."""

    stored: inbox.Stored
    inbound: Inbound | None
    screening: Screening = Screening()  # noqa: RUF009  (frozen)
    error: Exception | None = None

    @property
    def is_long(self) -> bool:
        """Whether screening it takes a thread of its own."""
        return self.inbound is not None and len(self.inbound.text) > SHORT


class Understanding:
    """Understands events of the platforms that `translators` are for."""

    def __init__(self, translators: Mapping[str, Translate], screener: Screener) -> None:
        self._translators = translators
        self._screen = screener.screen
        self._screen_short = lru_cache(_REMEMBERED)(screener.screen)

    def __call__(self, stored: inbox.Stored) -> Understood:
        return self.screened(self.translated(stored))

    def translated(self, stored: inbox.Stored) -> Understood:
        raw = stored.raw
        try:
            return Understood(stored, self._translators[raw.platform](raw.body, raw.account, raw.event_id))
        except Exception as error:
            # Whatever a platform's nonsense raises is this event's own trouble.
            return Understood(stored, None, error=error)

    def screened(self, event: Understood) -> Understood:
        if event.inbound is None:
            return event
        text = event.inbound.text
        return replace(event, screening=(self._screen_short if len(text) <= _SHORTEST else self._screen)(text))
