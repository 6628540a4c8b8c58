"""Drills: adults practice on the real way, nobody is in danger. Each message says so, and no real case meets a drill.

All adults of the ladder are told at once and answer one by one; after an hour, or when all have answered, it is over
and the safety contact reads how long it took each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain import (
    ActionKind,
    Escalation,
    EscalationStatus,
    Ladder,
    MessageKind,
    Outcome,
    Page,
    PageKind,
    Person,
    PersonStatus,
    Rung,
    StaffAction,
    Tier,
)
from bot.errors import Declined, Refused
from bot.safety.ladder import open_case
from bot.safety.rules import Case
from bot.turns import pages
from bot.turns.draft import Draft
from bot.turns.rungs import standing
from storage import drills, people

CATEGORY = "drill"
AGAIN = timedelta(minutes=10)
"""How often those who have not answered are told again."""
LONGEST = timedelta(hours=1)


def begin(draft: Draft, actor: str) -> None:
    """Begin a drill. Raises Refused where one is under way, or nobody could be told."""
    last = drills.last(draft.connection)
    if last is not None and last.ended_at is None:
        raise Refused("A drill is under way already. It ends by itself within an hour.")
    contact = people.by_key(draft.connection, draft.program.safety_contact)
    if contact is None:
        raise Refused("The safety contact of nearpeer.toml is not in the roster: nobody would be told.")
    everyone = standing(draft, contact, Case(Tier.CRISIS, CATEGORY, "")).ladder
    bypass = [one.id for one in people.adults(draft.connection) if one.key == draft.program.bypass]
    told = dict.fromkeys([*(one for rung in everyone.rungs for one in rung.people), *bypass])
    ladder = Ladder((Rung(tuple(told), AGAIN),), AGAIN, LONGEST)
    reason = draft.staff_text("reason_drill")
    opened, wanted = open_case(draft.new_id(), contact.id, Tier.CRISIS, CATEGORY, reason, ladder, draft.now)
    drill = replace(opened, drill=True)
    draft.escalations.append(drill)
    draft.note(actor, "began a drill", drill)
    pages.send(draft, drill, wanted)


def climb(draft: Draft, drill: Escalation) -> None:
    """Those who have not answered are told again; after an hour it is over."""
    if drill.next_action_at is None or draft.now < drill.next_action_at:
        return
    if draft.now - drill.opened_at >= LONGEST:
        return _end(draft, drill, "Nearpeer")
    again = replace(drill, round=drill.round + 1, next_action_at=draft.now + AGAIN, told_at=draft.now)
    draft.escalations.append(again)
    answered = _answered(draft, drill)
    missing = [one for one in drill.ladder.rungs[0].people if one not in answered]
    pages.send(draft, again, [Page(PageKind.ALERT, one, 0, again.round) for one in missing])


def act(draft: Draft, drill: Escalation, action: StaffAction) -> None:
    """An adult answers, whichever button it was; staff may end it. Raises Refused when it is over."""
    if drill.status is EscalationStatus.CLOSED:
        raise Declined("refused_drill")
    if action.kind is ActionKind.CLOSE:
        return _end(draft, drill, action.actor)
    draft.escalations.append(drill)
    if action.actor_person_id is not None and action.actor_person_id not in _answered(draft, drill):
        draft.note(action.actor, drills.ANSWERED, escalation_id=drill.id, person_id=action.actor_person_id)
    if set(drill.ladder.rungs[0].people) <= _answered(draft, drill).keys():
        _end(draft, drill, "Nearpeer")


def _answered(draft: Draft, drill: Escalation) -> Mapping[int | None, datetime]:
    """Who has answered when: before this turn, and in it."""
    noted = {entry.person_id: entry.at for entry in draft.audit if entry.action == drills.ANSWERED}
    return noted | {one.person_id: one.at for one in drills.answers(draft.connection, drill.id)}


def _end(draft: Draft, drill: Escalation, name: str) -> None:
    ended = replace(
        drill,
        status=EscalationStatus.CLOSED,
        outcome=Outcome.DRILL,
        closed_by=name,
        closed_at=draft.now,
        next_action_at=None,
    )
    draft.escalations.append(ended)
    draft.cancel_alerts_of.append(drill.id)
    draft.note(name, "ended a drill", ended)
    contact = people.load(draft.connection, drill.person_id)
    if contact is not None:
        told, answered = drills.told(draft.connection, drill.id), _answered(draft, drill)
        lines = [
            _line(draft, contact, drill, one, told.get(one), answered.get(one)) for one in drill.ladder.rungs[0].people
        ]
        text = draft.text(contact, "drill_report", results="\n".join(lines))
        draft.write(contact, text, kind=MessageKind.STAFF, escalation_id=drill.id)


def _line(
    draft: Draft, reader: Person, drill: Escalation, person_id: int, told: datetime | None, answered: datetime | None
) -> str:
    adult = people.load(draft.connection, person_id)
    name = adult.name if adult is not None and adult.status is not PersonStatus.STOPPED else "?"
    return draft.text(
        reader,
        "drill_line",
        adult=name,
        told=_after(draft, reader, drill, told),
        answered=_after(draft, reader, drill, answered),
    )


def _after(draft: Draft, reader: Person, drill: Escalation, at: datetime | None) -> str:
    """`after 3 min 12 s`, or that it never happened."""
    if at is None:
        return draft.text(reader, "drill_never")
    seconds = int((at - drill.opened_at).total_seconds())
    return f"{seconds // 60} min {seconds % 60} s"
