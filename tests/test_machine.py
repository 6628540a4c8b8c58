"""Everything at once, in any order: what people, time, adults, the platform and crashes do, and what must always hold.

The invariants are those of a house that may lose nothing (reliability.md 7): I1 every event once, I2 every answer kept,
I3 an open case is due, I4 every message in a known state and twice only in doubt, I5 no words of people in a log, I6
nothing sent for a reason that has gone. `make crash` runs thousands of steps of it, the suite a few.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings, stateful
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, run_state_machine_as_test
from sqlalchemy import Table

from bot.domain import ActionKind, MessageKind, Outbound, Plan, Priority
from bot.errors import Ambiguous, Refused, TryLater, Unreachable
from bot.program import Program
from bot.safety.news import BUNDLE
from storage import outbox, people, tables
from storage.database import Database
from tests import school
from tests.fakes.memory import Killed
from tests.school import LEO, MAYA, OKAFOR, RIVERA, House

CRISIS = "I want to die"
TEXTS = (CRISIS, "they hit me", "nobody likes me", "I hate school", "we had a nice day in math", "great", "2", "skip")
COMMANDS = ("/stop", "/resume", "/pause 1w", "/adult", "/checkin", "/language es", "/language en", "/help", "/privacy")
ADULTS = ("ACK {}", "PASS {}", "HELP {}", "CLOSE {}", "PLAN {} today", "ok", "it was a song in the play")
ON_PAGES = (
    ActionKind.TAKE,
    ActionKind.PASS_ON,
    ActionKind.NEED_HELP,
    ActionKind.PLAN,
    ActionKind.CLOSE,
    ActionKind.REOPEN,
)
STATES = {"pending", "sending", "sent", "failed", "cancelled", "expired"}
STUDENTS, STAFF = st.sampled_from((MAYA, LEO)), st.sampled_from((RIVERA, OKAFOR))


class Ear(logging.Handler):
    """Hears everything that is logged."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []
        self.setFormatter(logging.Formatter())

    def emit(self, record: logging.LogRecord) -> None:
        self.heard.append(self.format(record))


RULES: set[str] = set()
"""The names of all rules."""


def rule(**strategies: Any) -> Callable[[Callable[..., None]], Any]:
    """Hypothesis' rule, counted."""

    def counted(step: Callable[..., None]) -> Any:
        RULES.add(step.__name__)

        @functools.wraps(step)
        def taken(self: Little, **drawn: Any) -> None:
            self.steps[step.__name__] += 1
            step(self, **drawn)

        return stateful.rule(**strategies)(taken)

    return counted


class Little(RuleBasedStateMachine):
    """The little school, through whatever Hypothesis thinks of."""

    program: Program
    new_database: Callable[[], str]
    """Makes a migrated, empty database; gives its URL."""
    steps: ClassVar[Counter[str]] = Counter()
    """How often each rule was taken, in all runs."""

    def __init__(self) -> None:
        super().__init__()
        self.url = type(self).new_database()
        self.logs = Ear()
        logging.getLogger().addHandler(self.logs)
        self.runner = asyncio.Runner()
        self.house = school.house(self._opened(), self.program)
        self.platform = self.house.platform
        self.platform.witness = self._why_not
        self.offered: dict[str, dict[str, Any]] = {}
        self.numbers = itertools.count(1)
        self.looked: dict[str, list[Any]] = {}
        """Whole tables as they are since something happened last."""

    def teardown(self) -> None:
        try:
            self._everything_comes_to_its_end()
        finally:
            logging.getLogger().removeHandler(self.logs)
            self.house.database.close()
            self.runner.close()

    # --- what happens ---

    @rule(person=STUDENTS, text=st.sampled_from((*TEXTS, *COMMANDS)), at_once=st.booleans())
    def a_student_writes(self, person: int, text: str, at_once: bool) -> None:
        self._offer({"chat": str(person), "text": text}, at_once)

    @rule(person=st.sampled_from((MAYA, LEO, RIVERA, OKAFOR)), which=st.integers(0, 40), at_once=st.booleans())
    def somebody_taps_a_button_new_or_old(self, person: int, which: int, at_once: bool) -> None:
        buttons = [
            choice for sent in self.platform.journal if sent.address.chat == str(person) for choice in sent.choices
        ]
        if buttons:
            choice = buttons[-1 - which % len(buttons)]
            self._offer({"chat": str(person), "kind": "button", "token": choice.token, "text": choice.label}, at_once)

    @rule(person=STUDENTS, texts=st.tuples(st.sampled_from(TEXTS), st.sampled_from((*TEXTS, *COMMANDS))))
    def a_student_writes_twice_at_once(self, person: int, texts: tuple[str, str]) -> None:
        for text in texts:
            self._offer({"chat": str(person), "text": text}, at_once=False)
        self._do(self._two_at_work())
        self._do(self.house.settle())

    @precondition(lambda self: self.offered)
    @rule(which=st.integers(0, 100))
    def an_event_is_delivered_again(self, which: int) -> None:
        event, body = list(self.offered.items())[which % len(self.offered)]
        self._do(self.house.offer(body, event=event))

    @rule(adult=STAFF, words=st.sampled_from(ADULTS), which=st.integers(0, 5))
    def an_adult_writes(self, adult: int, words: str, which: int) -> None:
        codes = [row.code for row in self.house.rows(tables.acknowledgement_code, person_id=adult)] or ["4F7K"]
        self._offer({"chat": str(adult), "text": words.format(codes[which % len(codes)])}, at_once=True)

    @precondition(lambda self: self._rows(tables.escalation))
    @rule(kind=st.sampled_from(ON_PAGES), which=st.integers(0, 5), plan=st.sampled_from(("", *Plan)))
    def staff_act_on_a_page(self, kind: ActionKind, which: int, plan: str) -> None:
        cases = self._rows(tables.escalation)
        self._staff(kind, cases[which % len(cases)].id, outcome="spoke-with-student", plan=plan)

    @rule(person=STUDENTS)
    def staff_let_check_ins_go_on(self, person: int) -> None:
        self._staff(ActionKind.RESUME, person)

    @rule(person=STUDENTS)
    def a_check_in_begins(self, person: int) -> None:
        flow = "mentee-weekly" if person == MAYA else "mentee-reflection"
        if self.house.rows(tables.person, id=person, status="active"):
            self._do(self.house.begins(person, flow))

    @rule(minutes=st.sampled_from((1, 6, 31, 120)))
    def time_passes(self, minutes: int) -> None:
        self._do(self.house.pass_time(minutes=minutes))

    @rule(minutes=st.sampled_from((6, 300, 1500, 9000)))
    def the_house_is_down_for_a_while(self, minutes: int) -> None:
        self._restart()
        self._do(self.house.jump(minutes=minutes))

    @rule(
        person=st.sampled_from((MAYA, LEO, RIVERA, OKAFOR)),
        error=st.sampled_from(
            (TryLater("busy", 40), TryLater("busy"), Ambiguous("reset"), Ambiguous("lost"), Unreachable("gone"),
             ValueError("a fault in the adapter"), Killed())
        ),
    )  # fmt: skip
    def the_platform_will_refuse(self, person: int, error: Exception) -> None:
        self.platform.plan(person, error)

    @rule(half=st.sampled_from(("drain", "beat", "sweep", "claim")))
    def the_process_is_killed_half_way(self, half: str) -> None:
        app = self.house.app
        if half == "drain":
            self._do(app.turns.drain())
        elif half == "beat":
            self._do(app.beat_due())
        elif half == "sweep":
            self._do(app.deliveries[0].sweep())
        else:
            wall, token = self.house.clock.wall(), self.house.clock.new_id()
            self.house.write(lambda c: outbox.claim(c, people.WEB, people.WEB_ACCOUNT, token, wall, 3))
            self.looked.clear()
        self._restart()

    @rule()
    def everything_settles(self) -> None:
        self._do(self.house.settle())
        if not self.house.database.is_sqlite:  # what a killed worker had in hand is free when its lease has ended
            self._do(self.house.jump(seconds=31))
        now = self.house.clock.now()
        overdue = [
            row for row in self.house.rows(tables.escalation) if row.next_action_at and row.next_action_at <= now
        ]
        assert not overdue, "a case is overdue although the house has settled"
        assert not [row for row in self.house.rows(tables.inbox) if row.status != "done"], "an event was left"

    # --- what must always hold ---

    @invariant()
    def every_event_is_there_once(self) -> None:
        """I1."""
        rows = self._rows(tables.inbox)
        assert sorted(row.event_id for row in rows) == sorted(self.offered)
        assert {row.status for row in rows} <= {"new", "done"}
        done = Counter((row.body["chat"], row.body["text"]) for row in rows if row.status == "done")
        log = Counter((row.chat, row.text) for row in self._rows(tables.message, direction="in"))
        assert log == done

    @invariant()
    def every_answer_is_kept_and_one_answers_the_question(self) -> None:
        """I2."""
        answers = self._rows(tables.answer)
        assert max(Counter(row.message_id for row in answers).values(), default=0) <= 1
        first = Counter((row.conversation_id, row.step) for row in answers if row.kind != "late")
        assert max(first.values(), default=0) <= 1
        kept = {row.message_id for row in answers}
        for row in self._rows(tables.message, direction="in", kind="button"):
            if row.step:
                assert row.id in kept, f"an answer to {row.step} is not kept"

    @invariant()
    def whoever_must_know_is_told(self) -> None:
        """I3."""
        cases = self._rows(tables.escalation)
        alerts = self._rows(tables.message, kind="alert")
        for case in cases:
            assert case.status == "closed" or case.next_action_at is not None
            assert case.status == "acknowledged" or not case.plan, "a plan of nobody"
            assert self._is_told(case, alerts) or self._may_wait(case)
        wrote = Counter(row.person_id for row in self._rows(tables.message, direction="in") if row.text == CRISIS)
        cards = Counter(row.person_id for row in self._rows(tables.message, kind="card"))
        for person in (MAYA, LEO):
            assert cards[person] >= wrote[person], "a crisis without its card"
            if wrote[person]:
                assert any(case.person_id == person and case.tier == "crisis" for case in cases)

    @invariant()
    def every_message_is_in_a_known_state(self) -> None:
        """I4; and I6, which the platform's witness judges at the moment of each send."""
        arrived = Counter(self.platform.arrived())
        for row in self._rows(tables.message, direction="out"):
            assert row.status in STATES
            assert arrived[row.id] <= 1 + row.ambiguous + (row.status == "sending")
            assert row.status != "sent" or arrived[row.id] >= 1
            assert row.priority or row.expires_at is None
        self.platform.judge()

    @invariant()
    def no_word_of_a_person_is_logged(self) -> None:
        """I5."""
        heard, self.logs.heard = self.logs.heard, []
        words = [text for text in TEXTS if " " in text]
        assert not [line for line in heard for word in words if word in line], "a person's words are in a log"

    # --- inside ---

    def _is_told(self, case: Any, alerts: list[Any]) -> bool:
        """Whether an alert is about it, or names its code among those of the same student."""
        codes = {row.code for row in self._rows(tables.acknowledgement_code, escalation_id=case.id)}
        return any(alert.escalation_id == case.id or any(code in alert.text for code in codes) for alert in alerts)

    def _may_wait(self, case: Any) -> bool:
        """A concern for the next school morning, what follows another case of the student for a minute."""
        if case.status != "open":  # somebody has found it on the staff pages
            return True
        now = self.house.clock.now()
        return now < case.next_action_at and (case.tier == "concern" or case.next_action_at <= now + BUNDLE)

    def _why_not(self, outbound: Outbound) -> str:
        """What speaks against sending this message at this moment (I6)."""
        (row,) = self.house.rows(tables.message, id=outbound.id)
        (person,) = self.house.rows(tables.person, id=row.person_id)
        if row.priority >= Priority.REMINDER and person.status != "active":
            return f"a prompt to somebody who is {person.status}"
        if row.kind == MessageKind.QUESTION:
            (conversation,) = self.house.rows(tables.conversation, id=row.conversation_id)
            if conversation.status != "waiting":
                return f"a question of a conversation that is {conversation.status}"
        if row.kind == MessageKind.ALERT:
            (case,) = self.house.rows(tables.escalation, id=row.escalation_id)
            if case.status == "closed" and not self._tells_of_open(row):
                return "an alert of a closed case"
        if row.expires_at is not None and row.expires_at < self.house.clock.now():
            return "a message that has expired"
        return ""

    def _tells_of_open(self, row: Any) -> bool:
        """Whether the message tells of another case as well that nobody has: then it is still meant."""
        values = [one["value"] for one in row.choices or ()]
        others = [int(value.removeprefix("take:")) for value in values if value.startswith("take:")]
        return any(self.house.rows(tables.escalation, id=other)[0].status == "open" for other in others)

    def _offer(self, body: dict[str, Any], at_once: bool) -> None:
        event = f"event {next(self.numbers)}"
        self.offered[event] = body
        self._do(self.house.offer(body, event=event))
        if at_once:
            self._do(self.house.settle())

    async def _two_at_work(self) -> None:
        """The loop and somebody who settles the house take up the same events."""
        turns = self.house.app.turns
        await asyncio.gather(turns.drain(), turns.drain())

    def _staff(self, kind: ActionKind, object_id: int, **more: str) -> None:
        # What no longer fits is refused with words, and nothing has changed.
        with contextlib.suppress(Refused):
            self._do(self.house.staff(kind, object_id, **more))

    def _opened(self) -> Database:
        database = Database(self.url)
        school.compile_once(database.engine)
        return database

    def _restart(self) -> None:
        self.runner.close()  # whatever was under way dies with its loop
        self.platform.doubt([row.id for row in self.house.rows(tables.message, status="sending")])
        self.house.database.close()
        self.runner = asyncio.Runner()
        platforms, clock = self.house.platforms, self.house.clock
        self.platform.forget_what_is_under_way()
        self.house = House(self._opened(), self.program, clock, platforms)

    def _do(self, coroutine: Any) -> None:
        self.looked.clear()
        self.runner.run(coroutine)

    def _rows(self, table: Table, **where: Any) -> list[Any]:
        """Rows of a table that is read once after each step, whoever looks at it."""
        if table.name not in self.looked:
            self.looked[table.name] = self.house.rows(table)
        return [row for row in self.looked[table.name] if all(getattr(row, name) == its for name, its in where.items())]

    def _everything_comes_to_its_end(self) -> None:
        """With a platform that works again, what was on its way arrives, and open cases have been told to somebody."""
        self.platform.mend()
        self._do(self.house.jump(seconds=61))
        for _ in range(4):
            self._do(self.house.pass_time(minutes=6))
        left = {row.status for row in self.house.rows(tables.message, direction="out")} & {"pending", "sending"}
        assert not left, f"messages are left {left}"
        self.looked.clear()
        sent = self._rows(tables.message, kind="alert", status="sent")
        for case in self.house.rows(tables.escalation):
            assert self._is_told(case, sent) or self._may_wait(case), "an open case that nobody was told of"
        self.every_event_is_there_once()
        self.every_message_is_in_a_known_state()


def run_for(program: Program, new_database: Callable[[], str], examples: int, steps: int) -> Counter[str]:
    """Run so many lives of so many steps; gives how often each rule was taken. Raises what Hypothesis found."""
    Little.program, Little.new_database, Little.steps = program, staticmethod(new_database), Counter()
    checks = list(HealthCheck)
    slow = settings(max_examples=examples, stateful_step_count=steps, deadline=None, suppress_health_check=checks)
    run_state_machine_as_test(Little, settings=slow)
    return Little.steps


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_whatever_happens_nothing_is_lost_and_nothing_goes_out_in_vain(
    engine: str, program: Program, request: pytest.FixtureRequest, migrated: Path, fast_path: Path
) -> None:
    numbers = itertools.count()

    def new_file() -> str:
        path = fast_path / f"school{next(numbers)}.db"
        path.write_bytes(migrated.read_bytes())
        return f"sqlite:///{path}"

    wanted = settings.default.max_examples if settings.default else 100
    if engine == "sqlite":
        run_for(program, new_file, max(wanted // 12, 5), 30)
    else:
        run_for(program, request.getfixturevalue("postgres").new_database, max(wanted // 30, 3), 20)
