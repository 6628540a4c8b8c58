"""The error tree. An error carries the decision that follows from it: whoever catches it need not guess.

    NearpeerError
    |- ContentError         a file that people write is wrong: `problems` names file, line, column, what to do
    |- FlowError            a conversation cannot go on as its flow is written: open an escalation for staff
    |- Outage               the database cannot be used now: nothing was done, and it counts as nobody's try
    |- Refused              may not happen now (already taken, wrong code, newer schema): `str` is for people
    |  `- Declined          what an adult asks of a case: `turns` words it in their language
    |- LeaseLost            somebody else does it now: stop, and stand by
    `- SendError            a platform did not take a message
       |- TryLater          certainly not sent; try again (`after`: seconds, or None for the usual back-off)
       |  `- SlowDown       too many at once: the whole account keeps silent for `after`, or only that chat
       |- Ambiguous         perhaps sent: the answer was lost
       `- Unreachable       never will be sent to this address (`code` says why)

Messages never hold what a student wrote.
"""

from __future__ import annotations

from dataclasses import dataclass


class NearpeerError(Exception):
    """Base of every error that Nearpeer raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file, worded for its author. Lines and columns count from 1; 0: the whole file."""

    file: str
    line: int
    column: int
    text: str
    hint: str = ""

    def __str__(self) -> str:
        place = self.file + (f":{self.line}:{self.column}" if self.line else "")
        return f"{place}: {self.text}" + (f" ({self.hint})" if self.hint else "")


class ContentError(NearpeerError):
    """A file that people write (flow, program, settings, roster, pack) cannot be used."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class FlowError(NearpeerError):
    """A conversation cannot go on (a bound, a missing value, an unknown step): open an escalation for staff."""


class Outage(NearpeerError):
    """The database cannot be used now; `code` says why. Nothing was done, or nobody can tell: asking again is right."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Refused(NearpeerError):
    """Something may not be done now; the text says why and what to do, in words for the person who asked."""


class Declined(Refused):
    """What an adult asks for cannot be: the `key` of the house's text that says why, and what fills it."""

    def __init__(self, key: str, **values: str) -> None:
        super().__init__(key)
        self.key, self.values = key, values


class LeaseLost(NearpeerError):
    """Another program has taken over what we were doing; nothing of what we come with late is stored."""


class SendError(NearpeerError):
    """A platform did not take a message. `code` is a short fixed word, never the platform's or a person's text."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class TryLater(SendError):
    """Certainly not sent. `after`: seconds to wait as the platform asked, or None."""

    def __init__(self, code: str, after: float | None = None) -> None:
        super().__init__(code)
        self.after = after


class SlowDown(TryLater):
    """The platform takes no more at present; it is no failure of the message, which keeps its place.

    `chat_only`: the platform said that only this chat had too many; else the whole account keeps silent.
    """

    def __init__(self, code: str, after: float | None = None, *, chat_only: bool = False) -> None:
        super().__init__(code, after)
        self.chat_only = chat_only


class Ambiguous(SendError):
    """Perhaps sent: the request left, the answer did not come back."""


class Unreachable(SendError):
    """This address takes nothing (any more): blocked, deactivated, unknown, or nobody is listening."""
