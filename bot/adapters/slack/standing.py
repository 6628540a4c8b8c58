"""Whether the way to Slack and back is open, and for how long it has not been: what the health page is told."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from bot.adapters.slack.answers import DEAD, UNFIT

PATIENCE = 30.0
"""Seconds without a connection that are usual: at a start, and when one is made anew."""
_REFUSED = "Slack refuses the {name} ({error}). Put a good one in its file, and start Nearpeer again: docs/slack.md."
_UNFIT = "Slack says that the app is not set up for this ({error}). Compare it with nearpeer slack manifest."
_NO_SOCKET = "Slack has handed us nothing for {seconds:.0f} seconds: no connection. What is written there waits."
_NO_ANSWER = "Slack has not answered for {seconds:.0f} seconds: nothing can be sent there."


@dataclass
class Standing:
    """Each thing that must go well: what stands in its way, and since when it does not. Read from any thread."""

    refused: dict[str, str] = field(default_factory=dict)
    """What must be mended by people, by the name of what was tried."""
    since: dict[str, float] = field(default_factory=dict)
    """Since when there has been none of it: "socket", "answer"."""

    def begins(self, *names: str) -> None:
        """From now on these are waited for."""
        self.refused.clear()
        self.since = dict.fromkeys(names, time.monotonic())

    def ends(self) -> None:
        """Nothing is waited for any more."""
        self.refused.clear()
        self.since = {}

    def well(self, name: str, what: str = "") -> None:
        """It is there; `what` was accepted."""
        self.since.pop(name, None)
        self.refused.pop(what, None)

    def missing(self, name: str) -> None:
        """It is not there any more."""
        self.since.setdefault(name, time.monotonic())

    def judge(self, what: str, error: str) -> None:
        """Slack said this word about what was tried: perhaps people must mend it."""
        if error in DEAD:
            self.refused[what] = _REFUSED.format(name=what, error=error)
        elif error in UNFIT:
            self.refused[what] = _UNFIT.format(error=error)

    def text(self) -> str:
        """What is wrong, in words; "" when nothing is."""
        for text in tuple(self.refused.values()):
            return text
        now = time.monotonic()
        for name, text in (("socket", _NO_SOCKET), ("answer", _NO_ANSWER)):
            since = self.since.get(name)
            if since is not None and now - since > PATIENCE:
                return text.format(seconds=now - since)
        return ""
