"""The people at the other end of the line: students who answer and ask for help, adults who acknowledge by code.

They know only what is on their phones. What each of them did, and what the house owes them for it, is kept here.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.fakes.line import Line, Taken, Update

CRISIS = "I want to die"
CODE = re.compile(r"\b[Cc]ase ([2-9A-HJ-NP-Z]{4})\b")
QUESTION = "What was it like?"
TODAY = "Yes, today"
ANSWERS = ("Great", "So-so", "Hard", "No, thanks", TODAY, "Yes", "No")
"""Labels of the questions of the tiny program's flows; other buttons ask for nothing that is kept as an answer."""
HARD = "Hard"
"""Twice in a row it is a concern, whose ladder waits for the next morning: longer than these people stay."""
RESUMED = "Your check-ins go on now."
ENDS = ("Thank you, Maya.", "See you next time.", "There is no check-in for you right now")
SETTLED = "Spoke with the student"
RESUME = "Start check-ins again"
PATIENCE = 3.0


@dataclass
class Crowd:
    """Everybody's hands. `busy`: while set, students begin new things by themselves; unset, they only finish."""

    line: Line
    mentees: Iterable[str]
    mentors: Iterable[str]
    adults: Iterable[str]
    seed: int = 1
    crisis: float = 0.04
    """The share of free answers in which a student asks for help."""
    pause: float = 0.15
    """Seconds, on average, before somebody reacts."""
    busy: bool = True
    said: list[Update] = field(default_factory=list)
    """What needs exactly one answer row: replies to questions."""
    in_need: Counter[str] = field(default_factory=Counter)
    """Per chat, how often an adult was asked for: each is a card for the student and an entry in a case."""
    crises: list[Update] = field(default_factory=list)
    acknowledgements: int = 0
    broken: list[str] = field(default_factory=list)
    """What went wrong in a person's own hands: a harness that fails must not look like a house that holds."""

    def __post_init__(self) -> None:
        self.dice = random.Random(self.seed)
        self._serial = itertools.count(1)
        self._hands: dict[str, Student | Mentor | Adult] = {chat: Student(self, chat) for chat in self.mentees}
        self._hands |= {chat: Mentor(self, chat) for chat in self.mentors}
        self._hands |= {chat: Adult(self, chat) for chat in self.adults}
        self._waiting: set[asyncio.TimerHandle] = set()
        self._look: asyncio.TimerHandle | None = None
        self._offered = self._told = 0
        self.line.heard = self._heard

    def begin(self) -> None:
        """The students write first, and one of them needs help at once."""
        for hands in self._hands.values():
            hands.begin()
        self.cry(next(chat for chat, hands in self._hands.items() if isinstance(hands, Mentor)))
        self._look_around()

    def wind_down(self) -> None:
        """Nothing new is begun; what is open is brought to its end, and no adult looks away any more."""
        self.busy = False
        if self._look is not None:
            self._look.cancel()
        for hands in self._hands.values():
            hands.finish()

    def go_home(self) -> None:
        """Nobody does anything any more, whatever still comes."""
        self.wind_down()
        self.line.heard = lambda _taken: None
        for handle in self._waiting:
            handle.cancel()
        self._waiting.clear()

    @property
    def calm(self) -> bool:
        """Whether nobody is about to do something."""
        return not self._waiting

    def serial(self) -> str:
        return f"{next(self._serial)}-{self.seed}"

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def cry(self, chat: str) -> Update:
        """Somebody writes what must alarm."""
        update = self.line.offer(chat, text=f"{CRISIS} {self.serial()}")
        self.crises.append(update)
        self.in_need[chat] += 1
        return update

    def ask_for_an_adult(self, chat: str) -> None:
        """Somebody asks for an adult outright."""
        self.line.offer(chat, text="/adult")
        self.in_need[chat] += 1

    def later(self, do: object, *args: object, after: float | None = None) -> None:
        """Do something after a moment."""
        assert callable(do)
        loop = asyncio.get_running_loop()
        wait = self.dice.uniform(0, 2 * self.pause) if after is None else after

        def now() -> None:
            self._waiting.discard(handle)
            do(*args)

        handle = loop.call_later(wait, now)
        self._waiting.add(handle)

    def _look_around(self) -> None:
        """Who has heard nothing for a while begins something new; when the house falls behind, later."""
        offered, heard = len(self.line.offered), len(self.line.taken)
        if offered - self._offered <= 2 * (heard - self._told):
            self._offered, self._told = offered, heard
            for hands in self._hands.values():
                hands.look()
        self._look = asyncio.get_running_loop().call_later(PATIENCE, self._look_around)

    def _heard(self, taken: Taken) -> None:
        try:
            self._hands[taken.chat].read(taken)
        except Exception as error:
            self.broken.append(f"{type(error).__name__} of {taken.chat}: {error}")


@dataclass
class Student:
    """Answers each question once, now and then badly in need; at the end of one check-in asks for the next."""

    crowd: Crowd
    chat: str
    _wrote: bool = False
    """The free question is answered; asked again before something else comes, it is the same one."""
    _heard_something: bool = True

    def begin(self) -> None:
        self.crowd.later(self._something_new)

    def finish(self) -> None:
        """What is open is finished by reading what still comes."""

    def look(self) -> None:
        if not self._heard_something:
            self._something_new()
        self._heard_something = False

    def read(self, taken: Taken) -> None:
        self._heard_something = True
        if taken.text == QUESTION:
            if not self._wrote:
                self._wrote = True
                self.crowd.later(self._write)
            return
        if taken.text == RESUMED or any(taken.text.startswith(end) for end in ENDS):
            self._wrote = False
            self.crowd.later(self._something_new)
        elif sum(label in ANSWERS for label, _ in taken.choices) > 1:
            self._wrote = False
            self.crowd.later(self._press, taken)

    def _press(self, taken: Taken) -> None:
        crowd = self.crowd
        fit = set(ANSWERS) - ({HARD} if crowd.busy else {HARD, TODAY})
        label, token = crowd.dice.choice([choice for choice in taken.choices if choice[0] in fit])
        crowd.in_need[self.chat] += label == TODAY
        crowd.said.append(crowd.line.offer(self.chat, text=label, token=token))

    def _write(self) -> None:
        crowd = self.crowd
        if crowd.busy and crowd.chance(crowd.crisis):
            crowd.said.append(crowd.cry(self.chat))
        else:
            crowd.said.append(crowd.line.offer(self.chat, text=f"we had a nice day {crowd.serial()}"))

    def _something_new(self) -> None:
        crowd = self.crowd
        if crowd.busy and crowd.chance(crowd.crisis / 2):
            crowd.ask_for_an_adult(self.chat)
            crowd.later(self._something_new)
        elif crowd.busy:
            crowd.line.offer(self.chat, text="/checkin")


@dataclass
class Mentor:
    """Is asked nothing, so writes whatever and whenever: several lines at once, now and then in need."""

    crowd: Crowd
    chat: str

    def begin(self) -> None:
        self.crowd.later(self._chat)

    def finish(self) -> None:
        """Nothing is open."""

    def look(self) -> None:
        self._chat()

    def read(self, taken: Taken) -> None:
        """They look at it."""

    def _chat(self) -> None:
        crowd = self.crowd
        if not crowd.busy or crowd.chance(0.8):
            return
        for _ in range(3):
            crowd.line.offer(self.chat, text=f"hello {crowd.serial()}")
        if crowd.chance(crowd.crisis):
            crowd.cry(self.chat)
        elif crowd.chance(crowd.crisis):
            crowd.ask_for_an_adult(self.chat)


@dataclass
class Adult:
    """Acknowledges by code or button, looks away now and then, and closes what they have; at the end, everything."""

    crowd: Crowd
    chat: str
    _open: dict[str, None] = field(default_factory=dict)
    """Codes of cases that they were told of and have not seen closed."""

    def begin(self) -> None:
        """An adult waits for an alert."""

    def look(self) -> None:
        """An adult waits for an alert."""

    def finish(self) -> None:
        for code in self._open:
            self.crowd.later(self._close, code)

    def read(self, taken: Taken) -> None:
        crowd = self.crowd
        found = CODE.search(taken.text)
        buttons = dict(taken.choices)
        if RESUME in buttons:
            crowd.later(self._press, RESUME, buttons[RESUME])
        elif SETTLED in buttons:
            crowd.later(self._press, SETTLED, buttons[SETTLED])
        elif found is None:
            return
        elif f"I have it {found[1]}" in buttons and taken.text.startswith(("CRISIS", "URGENT", "Still open")):
            self._open[found[1]] = None
            if not crowd.busy or crowd.chance(0.8):
                crowd.later(self._take, found[1], buttons)
        elif taken.text.startswith(("You have case", f"Case {found[1]} (")) and "is closed" not in taken.text:
            self._open[found[1]] = None
            if not crowd.busy or crowd.chance(0.8):
                crowd.later(self._close, found[1])
        elif "closed" in taken.text:
            self._open.pop(found[1], None)

    def _take(self, code: str, buttons: dict[str, str]) -> None:
        self.crowd.acknowledgements += 1
        if self.crowd.chance(0.5):
            self._press(f"I have it {code}", buttons[f"I have it {code}"])
        else:
            self.crowd.line.offer(self.chat, text=f"ACK {code}")

    def _close(self, code: str) -> None:
        if code in self._open:
            self.crowd.line.offer(self.chat, text=f"CLOSE {code}")

    def _press(self, label: str, token: str) -> None:
        self.crowd.line.offer(self.chat, text=label, token=token)
