"""A fan-out: hundreds of check-ins that are due at once, with one start of the engine and a few statements for all.

Only who is in a plain situation is served here: active and reachable, one prompt due, nothing else waiting, within the
day's cap, at a fit hour, and asked in one message. Everybody else is handed back for a turn of their own
(bot.turns.due), which knows every rule; for the plain ones both ways write the same rows (tests/turns/test_fanout.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from bot.domain import (
    Conversation,
    ConversationStatus,
    Due,
    DueKind,
    Message,
    Occurrence,
    Person,
    PersonStatus,
    Priority,
    Prompt,
)
from bot.errors import FlowError
from bot.failpoints import failpoint
from bot.flows import engine, state
from bot.flows.loaded import LoadedFlow
from bot.flows.walk import Bounds
from bot.planning.due import decide, local_day, within_cap
from bot.program import Program
from bot.turns.around import Around, around
from bot.turns.draft import due_cause
from bot.turns.due import fit_moment
from storage import conversations, occurrences, people
from storage.batch import Batch
from storage.prompts import save_prompts

AT_ONCE = 100
"""People in one transaction: it takes well under 50 ms, so that alerts and intake get in between (decisions.md 8)."""
_FIRST_MARK = 0xE000
_MARK = re.compile("([\ue000-\uf8ff])")
"""Letters that no text uses stand for the placeholders until everybody's own values are known."""


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
    new_ids: Callable[[int], Sequence[int]],
    after: tuple[datetime, int] | None = None,
    limit: int = AT_ONCE,
) -> Fired:
    """Fire the next occurrences that are due, in the transaction of `connection`."""
    due = occurrences.next_due(connection, now, after, limit, take=True)
    if not due:
        return Fired(0)
    prompts = _prompts(connection, program, now, new_ids, _plain(connection, program, now, due))
    batch = Batch(connection)
    for name in {prompt.conversation.flow for prompt in prompts}:
        flow = program.flows[name]
        conversations.define(batch, flow.hash, "flow", flow.name, flow.source, now)
    save_prompts(batch, prompts, now, state.dump)
    failpoint("fire.chunk")
    fired = {id_ for prompt in prompts if (id_ := prompt.conversation.occurrence_id) is not None}
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


def _prompts(
    connection: Connection,
    program: Program,
    now: datetime,
    new_ids: Callable[[int], Sequence[int]],
    plain: Sequence[tuple[Occurrence, Person]],
) -> list[Prompt]:
    """What each of them is asked; who cannot be asked in the common way is left out."""
    known = {person.id: person for _, person in plain}
    named = {name for one, _ in plain for name in program.flows[one.flow].flow.placeholders}
    surroundings = around(connection, program, known, named, known)
    finished = conversations.finished_flows(connection, known)
    openings = _Openings(program, now, surroundings)
    ids = new_ids(2 * len(plain))
    asked = []
    for place, (one, person) in enumerate(plain):
        opening = openings.of(one.flow, person.language, finished.get(person.id, ()))
        prompt = opening and openings.prompt(opening, one, person, ids[2 * place], ids[2 * place + 1])
        if prompt:
            asked.append(prompt)
    return asked


@dataclass(frozen=True, slots=True)
class _Opening:
    """What the engine begins with for everybody of one flow, language and past."""

    conversation: Conversation
    message: Message
    pieces: Sequence[tuple[str, str | None]]
    """Of the message's text: a piece, or (mark, name) where somebody's own words belong."""

    def text_for(self, values: Mapping[str, str]) -> str:
        return "".join([piece if name is None else values[name] for piece, name in self.pieces])


class _Openings:
    """Starts flows: the engine once for each flow, language and past, then everybody's own words in its text."""

    def __init__(self, program: Program, now: datetime, surroundings: Around) -> None:
        self._program, self._now, self._surroundings = program, now, surroundings
        self._known: dict[tuple[str, str, tuple[str, ...]], _Opening | None] = {}

    def of(self, name: str, language: str, seen: tuple[str, ...]) -> _Opening | None:
        """How a flow begins; None where it does so in more than one message, or people's words could change it."""
        key = (name, language, seen)
        if key not in self._known:
            self._known[key] = self._begin(self._program.flows[name], language, seen)
        return self._known[key]

    def prompt(self, opening: _Opening, one: Occurrence, person: Person, id_: int, message_id: int) -> Prompt | None:
        """An opening for one person; None where their own words make it longer than one message."""
        begun, like = opening.conversation, opening.message
        values = self._surroundings.values(person, one.match_id, begun.values)
        text = opening.text_for(values)
        if not 0 < len(text) <= Bounds().joined:
            return None
        conversation = Conversation(  # each by name: `replace` takes longer than all the rest
            id=id_,
            person_id=person.id,
            flow=begun.flow,
            flow_hash=begun.flow_hash,
            language=begun.language,
            status=begun.status,
            started_at=begun.started_at,
            step=begun.step,
            tries=begun.tries,
            answers=begun.answers,
            seen=begun.seen,
            values=values,
            due_at=begun.due_at,
            lapses_at=begun.lapses_at,
            nudged=begun.nudged,
            match_id=one.match_id,
            occurrence_id=one.id,
        )
        cause = due_cause(Due(DueKind.OCCURRENCE, one.id, one.due_at))
        return Prompt(conversation, message_id, person.addresses[0], text, f"{cause}:0", like)

    def _begin(self, flow: LoadedFlow, language: str, seen: tuple[str, ...]) -> _Opening | None:
        """The start, with a mark for each placeholder."""
        if _MARK.search(flow.source):
            return None
        marks = {name: chr(_FIRST_MARK + place) for place, name in enumerate(flow.flow.placeholders)}
        conversation = Conversation(
            id=0,
            person_id=0,
            flow=flow.name,
            flow_hash=flow.hash,
            language=language,
            status=ConversationStatus.QUEUED,
            started_at=self._now,
            seen=seen,
            values=marks,
        )
        before = self._program.before_flow(flow, language, self._now)
        try:
            turn = engine.start(flow.flow, conversation, self._now, priority=Priority.CHECK_IN, before=before)
        except FlowError:
            return None  # told to adults by each turn of its own
        if len(turn.messages) != 1 or turn.answers or turn.signals:
            return None
        names = {mark: name for name, mark in marks.items()}
        parts = [(part, names.get(part)) for part in _MARK.split(turn.messages[0].text)]
        return _Opening(turn.conversations[0], turn.messages[0], parts)
