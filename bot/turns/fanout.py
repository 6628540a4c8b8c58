"""A fan-out: hundreds of check-ins that are due at once, with one start of the engine and a few statements for all.

Only who is in a plain situation is served here: active and reachable, one prompt due, nothing else waiting, within the
day's cap, at a fit hour. Everybody else is handed back for a turn of their own (bot.turns.due), which knows every rule;
for the plain ones both ways write the same rows (tests/turns/test_fanout.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bot.domain import (
    Conversation,
    Due,
    DueKind,
    Message,
    Occurrence,
    Person,
    PersonStatus,
    Priority,
)
from bot.errors import FlowError
from bot.failpoints import failpoint
from bot.flows import engine, state
from bot.flows.loaded import LoadedFlow
from bot.flows.walk import Bounds
from bot.planning.due import decide, local_day, within_cap
from bot.program import Program
from bot.turns.around import around
from bot.turns.draft import Draft, due_cause
from bot.turns.due import fit_moment
from bot.turns.prompts import new_conversation
from storage import conversations, occurrences, people
from storage.batch import Batch
from storage.turns import save_prompts

AT_ONCE = 100
"""People in one transaction: it takes well under 50 ms, so that alerts and intake get in between (decisions.md 8)."""
_FIRST_MARK = 0xE000
_MARK = re.compile("([\ue000-\uf8ff])")
"""Letters that no text uses stand for the placeholders until everybody's own values are known."""
_OWN = ("id", "person_id", "seen", "values", "match_id", "occurrence_id")
"""What differs between conversations that begin together."""


@dataclass(frozen=True, slots=True)
class Fired:
    """What one chunk came to."""

    count: int
    """Occurrences that fired here."""
    rest: tuple[Due, ...] = ()
    """Those that need a turn of their own."""
    last: tuple[datetime, int] | None = None
    """Where the next chunk begins; None when nothing more is due."""


def fire(
    connection: Connection,
    program: Program,
    now: datetime,
    new_id: Callable[[], int],
    after: tuple[datetime, int] | None = None,
    limit: int = AT_ONCE,
) -> Fired:
    """Fire the next occurrences that are due, in the transaction of `connection`."""
    due = occurrences.next_due(connection, now, after, limit, take=True)
    if not due:
        return Fired(0)
    plain = _plain(connection, program, now, due)
    ids = [person.id for _, person in plain]
    named = {name for one, _ in plain for name in program.flows[one.flow].flow.placeholders}
    surroundings = around(connection, program, ids, named)
    batch = Batch(connection)
    finished = conversations.finished_flows(connection, ids)
    openings = _Openings(now)
    opened: list[Conversation] = []
    written: list[Message] = []
    fired = set()
    for one, person in plain:
        flow = program.flows[one.flow]
        draft = Draft(batch, program, now, new_id, due_cause(Due(DueKind.OCCURRENCE, one.id, one.due_at)))
        values = surroundings.values(person, one.match_id, flow.flow.placeholders)
        conversation = new_conversation(
            draft, person, flow, finished.get(person.id, ()), values, match_id=one.match_id, occurrence_id=one.id
        )
        try:
            openings.start(draft, person, flow, conversation)
        except FlowError:
            continue  # told to adults by a turn of its own
        opened += draft.conversations
        written += draft.messages
        fired.add(one.id)
    for name in {conversation.flow for conversation in opened}:
        flow = program.flows[name]
        conversations.define(batch, flow.hash, "flow", flow.name, flow.source, now)
    save_prompts(batch, opened, written, now, state.dump)
    failpoint("fire.chunk")
    occurrences.mark_fired(connection, fired)
    failpoint("fire.marked")
    rest = _turns_for(one for one in due if one.id not in fired)
    return Fired(len(fired), rest, (due[-1].due_at, due[-1].id))


def one_by_one(
    connection: Connection, now: datetime, after: tuple[datetime, int] | None, limit: int = AT_ONCE
) -> Fired:
    """The same occurrences without firing any: all of them need a turn of their own."""
    due = occurrences.next_due(connection, now, after, limit)
    return Fired(0, _turns_for(due), (due[-1].due_at, due[-1].id) if due else None)


def _turns_for(due: Iterable[Occurrence]) -> tuple[Due, ...]:
    return tuple(Due(DueKind.OCCURRENCE, one.id, one.due_at) for one in due)


def _plain(
    connection: Connection, program: Program, now: datetime, due: Sequence[Occurrence]
) -> list[tuple[Occurrence, Person]]:
    """Those whose situation needs no second look, in the order in which they fell due."""
    ids = {one.person_id for one in due}
    everyone = people.several(connection, ids, addresses=True, take=True)
    alone = occurrences.due_once(connection, ids, now)
    waiting = conversations.waited_for(connection, ids)
    begin, end = local_day(now, program.zone)
    fired: dict[int, list[Occurrence]] = {}
    for one in occurrences.fired_between(connection, ids, begin, end):
        fired.setdefault(one.person_id, []).append(one)
    plain = []
    for one in due:
        person = everyone.get(one.person_id)
        if (
            person is not None
            and person.status is PersonStatus.ACTIVE
            and person.addresses
            and person.id in alone
            and person.id not in waiting
            and one.flow in program.flows
            and decide(one, now) == "fire"
            and fit_moment(program, one, person, now) == now
            and within_cap(one, fired.get(person.id, ()), program.cap)
        ):
            plain.append((one, person))
    return plain


@dataclass(frozen=True, slots=True)
class _Begun:
    """What the engine began with: the fields of its conversation, its one message, and the pieces of the text."""

    conversation: dict[str, Any]
    message: Message
    pieces: Sequence[tuple[str, str | None]]
    """A piece, or (mark, name) where somebody's own words belong."""

    def text_for(self, values: Mapping[str, str]) -> str:
        return "".join([piece if name is None else values[name] for piece, name in self.pieces])


class _Openings:
    """Starts flows: the engine once for each flow, language and past, then everybody's own words in its text."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._begun: dict[tuple[str, str, tuple[str, ...]], _Begun | None] = {}

    def start(self, draft: Draft, person: Person, flow: LoadedFlow, conversation: Conversation) -> None:
        """Write what the engine would begin with. Raises FlowError."""
        key = (flow.hash, conversation.language, conversation.seen)
        if key not in self._begun:
            self._begun[key] = self._begin(flow, conversation)
        begun = self._begun[key]
        text = begun.text_for(conversation.values) if begun is not None else ""
        if begun is None or not 0 < len(text) <= Bounds().joined:
            draft.take(person, engine.start(flow.flow, conversation, self._now, priority=Priority.CHECK_IN))
            return
        own = {name: getattr(conversation, name) for name in _OWN}
        draft.conversations.append(Conversation(**(begun.conversation | own)))
        draft.write(
            person,
            text,
            kind=begun.message.kind,
            priority=begun.message.priority,
            choices=begun.message.choices,
            step=begun.message.step,
            conversation_id=conversation.id,
            expires_at=begun.message.expires_at,
        )

    def _begin(self, flow: LoadedFlow, conversation: Conversation) -> _Begun | None:
        """The start with a mark for each placeholder; None where people's own words could change more than words."""
        if _MARK.search(flow.source):
            return None
        marks = {name: chr(_FIRST_MARK + place) for place, name in enumerate(conversation.values)}
        marked = replace(conversation, values=marks)
        turn = engine.start(flow.flow, marked, self._now, priority=Priority.CHECK_IN)
        if len(turn.messages) != 1 or turn.answers or turn.signals:
            return None
        names = {mark: name for name, mark in marks.items()}
        parts = [(part, names.get(part)) for part in _MARK.split(turn.messages[0].text)]
        return _Begun(
            {field.name: getattr(turn.conversations[0], field.name) for field in fields(marked)},
            turn.messages[0],
            parts,
        )
