"""Who is told next, and when, until a person closes the case.

Pure: every function takes a case and gives the case as it is then, with the pages to send.

While a case is not closed, `next_action_at` is set: there is no silent end (law 3).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.domain import Escalation, EscalationStatus, Ladder, Page, PageKind, Rung, Tier
from bot.errors import Declined
from bot.planning.hours import first_open, is_open, next_morning
from bot.safety.outcomes import judge

Step = tuple[Escalation, tuple[Page, ...]]

_DAY = timedelta(days=1)
_NOBODY_REACHED = timedelta(minutes=10)
"""The longest wait when a ladder reaches nobody at all."""


@dataclass(frozen=True, slots=True)
class Times:
    """A ladder's times, before anybody knows its people."""

    wait: timedelta
    repeat: timedelta
    hold: timedelta
    grace: timedelta = timedelta(minutes=10)

    def ladder(self, rungs: Sequence[Sequence[int]]) -> Ladder:
        """The ladder with these people, rung by rung; a rung without people is left out."""
        return Ladder(
            tuple(Rung(tuple(people), self.wait) for people in rungs if people), self.repeat, self.hold, self.grace
        )


def defaults() -> Mapping[Tier, Times]:
    """The default times of each tier that climbs."""
    return {
        Tier.CRISIS: Times(wait=timedelta(minutes=5), repeat=timedelta(minutes=10), hold=timedelta(minutes=30)),
        Tier.URGENT: Times(wait=timedelta(minutes=15), repeat=timedelta(minutes=10), hold=timedelta(hours=2)),
        Tier.CONCERN: Times(wait=timedelta(hours=4), repeat=timedelta(hours=24), hold=timedelta(hours=24)),
    }


# --- opening -------------------------------------------------------------------------------------------------------


def open_case(
    escalation_id: int,
    person_id: int,
    tier: Tier,
    category: str,
    reason: str,
    ladder: Ladder,
    now: datetime,
    message_id: int | None = None,
    *,
    waits_until: datetime | None = None,
) -> Step:
    """A new case, with the pages of its first rung.

    One that waits stands before it (-1): for school to open, or (`waits_until`) to be told together with others.
    """
    opened = Escalation(
        id=escalation_id,
        person_id=person_id,
        tier=tier,
        category=category,
        reason=reason,
        status=EscalationStatus.OPEN,
        opened_at=now,
        ladder=replace(ladder, rungs=tuple(rung for rung in ladder.rungs if rung.people)),
        next_action_at=now,
        message_id=message_id,
    )
    if ladder.hours is not None and not is_open(ladder.hours, now):
        waits_until = next_morning(ladder.hours, now)
    if waits_until is not None:
        return replace(opened, rung=-1, next_action_at=waits_until), ()
    return tell_rung(opened, 0, now)


# --- time ----------------------------------------------------------------------------------------------------------


def climb(escalation: Escalation, now: datetime) -> Step:
    """What a due time brings. A due time that no longer holds changes nothing."""
    due = escalation.next_action_at
    if due is None or now < due:
        return escalation, ()
    hours = escalation.ladder.hours
    if hours is not None and not is_open(hours, now):  # we were late: at night it is nobody's time any more
        return replace(escalation, next_action_at=next_morning(hours, now)), ()
    if escalation.status is EscalationStatus.OPEN:
        return _next(escalation, now)
    if escalation.asked_at is None and escalation.acknowledged_person_id is not None:
        asked = replace(
            escalation, asked_at=now, next_action_at=now + escalation.ladder.grace, round=escalation.round + 1
        )
        return asked, (Page(PageKind.STILL, escalation.acknowledged_person_id, asked.rung, asked.round),)
    return reopen_now(escalation, now)


def advance_now(escalation: Escalation, now: datetime) -> Step:
    """The present rung reaches nobody: the next is told at once. After the last, it waits ten minutes at most."""
    if escalation.status is not EscalationStatus.OPEN:
        return escalation, ()
    if escalation.rung + 1 < len(escalation.ladder.rungs):
        return tell_rung(escalation, escalation.rung + 1, now)
    soon = now + min(escalation.ladder.repeat, _NOBODY_REACHED)
    return replace(escalation, next_action_at=min(soon, escalation.next_action_at or soon)), ()


def help_unheard(escalation: Escalation, now: datetime) -> Step:
    """Whoever has the case wanted help and this rung reaches nobody: the next one is told, if there is one."""
    if escalation.status is not EscalationStatus.ACKNOWLEDGED or escalation.rung + 1 >= len(escalation.ladder.rungs):
        return escalation, ()
    return need_help(escalation, escalation.acknowledged_person_id, escalation.acknowledged_by, now)


def reopen_now(escalation: Escalation, now: datetime) -> Step:
    """Nobody holds the case any longer: from the first rung again, at once."""
    return tell_rung(replace(released(escalation), round=escalation.round + 1), 0, now)


# --- what adults do ------------------------------------------------------------------------------------------------


def acknowledge(escalation: Escalation, person_id: int | None, name: str, now: datetime) -> Step:
    """Take the case; the others who were told learn who has it. Refused if another has it.

    Taking it again holds it longer.
    """
    not_closed(escalation)
    held = _after(escalation.ladder, escalation.ladder.hold, now)
    if escalation.status is EscalationStatus.ACKNOWLEDGED:
        if not holds(escalation, person_id, name):
            raise Declined("refused_taken", adult=escalation.acknowledged_by)
        return replace(escalation, asked_at=None, next_action_at=held), ()
    taken = replace(
        escalation,
        status=EscalationStatus.ACKNOWLEDGED,
        acknowledged_by=name,
        acknowledged_person_id=person_id,
        acknowledged_at=now,
        asked_at=None,
        next_action_at=held,
        told_at=None,
    )
    others = [person for person in told_up_to(taken, taken.rung) if person != person_id]
    return taken, pages_to(PageKind.TAKEN, others, taken)


def pass_on(escalation: Escalation, person_id: int | None, name: str, now: datetime) -> Step:
    """Give the case to the next rung, which is told at once. Refused if another has it."""
    not_closed(escalation)
    if escalation.status is EscalationStatus.ACKNOWLEDGED and not holds(escalation, person_id, name):
        raise Declined("refused_not_yours", adult=escalation.acknowledged_by)
    return _next(replace(released(escalation), round=escalation.round + 1), now, without=person_id)


def need_help(escalation: Escalation, person_id: int | None, name: str, now: datetime) -> Step:
    """The next rung is told too. The case stays with who has it; if nobody has, it is now with who asks."""
    not_closed(escalation)
    pages: tuple[Page, ...] = ()
    if escalation.status is EscalationStatus.OPEN:
        escalation, pages = acknowledge(escalation, person_id, name, now)
    rung = max(min(escalation.rung + 1, len(escalation.ladder.rungs) - 1), 0)
    helped = replace(escalation, rung=rung, round=escalation.round + 1)
    people = _without(helped, _repeated(helped, rung), person_id)
    return helped, (*pages, *pages_to(PageKind.ALERT, people, helped))


def close(escalation: Escalation, person_id: int | None, name: str, outcome: str, note: str, now: datetime) -> Step:
    """Close with an outcome. Refused for one that does not fit the case."""
    not_closed(escalation)
    judge(escalation, outcome, note)
    closed = replace(
        escalation,
        status=EscalationStatus.CLOSED,
        outcome=outcome,
        note=note.strip(),
        closed_by=name,
        closed_at=now,
        asked_at=None,
        plan="",
        next_action_at=None,
        news_at=None,
        report_at=None,
    )
    holder = escalation.acknowledged_person_id
    return closed, pages_to(PageKind.TAKEN, [holder] if holder not in (None, person_id) else [], closed)


def reopen(escalation: Escalation, person_id: int | None, name: str, now: datetime) -> Step:
    """Open a closed case again, from the first rung. Refused for one that is not closed."""
    if escalation.status is not EscalationStatus.CLOSED:
        raise Declined("refused_open")
    return reopen_now(replace(escalation, outcome="", closed_by="", closed_at=None), now)


# --- inside --------------------------------------------------------------------------------------------------------


def _next(escalation: Escalation, now: datetime, without: int | None = None) -> Step:
    """The rung after this one, or, from the last, the same again."""
    if escalation.rung + 1 < len(escalation.ladder.rungs):
        return tell_rung(escalation, escalation.rung + 1, now, without)
    following = _after(escalation.ladder, repeat_of(escalation.ladder), now)
    again = replace(escalation, round=escalation.round + 1, next_action_at=following, told_at=now)
    return again, pages_to(PageKind.ALERT, _without(again, _repeated(again, again.rung), without), again)


def tell_rung(escalation: Escalation, rung: int, now: datetime, without: int | None = None) -> Step:
    """Stand on a rung: its people are told, its wait starts."""
    rungs = escalation.ladder.rungs
    if not rungs:  # nobody to tell is no reason to stop trying; the caller shows it to staff
        return replace(escalation, rung=0, next_action_at=now + repeat_of(escalation.ladder), told_at=now), ()
    last = rung == len(rungs) - 1
    wait = repeat_of(escalation.ladder) if last else rungs[rung].wait
    told = replace(escalation, rung=rung, next_action_at=_after(escalation.ladder, wait, now), told_at=now)
    return told, pages_to(PageKind.ALERT, _without(told, rungs[rung].people, without), told)


def _after(ladder: Ladder, wait: timedelta, now: datetime) -> datetime:
    """When it goes on after a wait: within school hours, and after a day or more on a school morning."""
    if ladder.hours is None:
        return now + wait
    if wait >= _DAY:
        return next_morning(ladder.hours, now + wait - _DAY)
    return first_open(ladder.hours, now + wait)


def repeat_of(ladder: Ladder) -> timedelta:
    """How often its last rung is told again."""
    return ladder.repeat if ladder.rungs else min(ladder.repeat, _NOBODY_REACHED)


def told_up_to(escalation: Escalation, rung: int) -> tuple[int, ...]:
    """The people of the rungs up to this one, each once."""
    people = (person for step in escalation.ladder.rungs[: rung + 1] for person in step.people)
    return tuple(dict.fromkeys(people))


def _repeated(escalation: Escalation, rung: int) -> tuple[int, ...]:
    """Who is told again from this rung: for a crisis everyone so far."""
    if escalation.tier is Tier.CRISIS:
        return told_up_to(escalation, rung)
    return escalation.ladder.rungs[rung].people if escalation.ladder.rungs else ()


def _without(escalation: Escalation, people: Iterable[int], leaver: int | None) -> tuple[int, ...]:
    """The people but for who passes on; nobody left: all others on the ladder; no others: they themselves."""
    given = tuple(people)
    left = tuple(person for person in given if person != leaver)
    everyone = told_up_to(escalation, len(escalation.ladder.rungs))
    return left or tuple(person for person in everyone if person != leaver) or given


def pages_to(kind: PageKind, people: Iterable[int | None], escalation: Escalation) -> tuple[Page, ...]:
    """A page to each of these people."""
    told = dict.fromkeys(person for person in people if person is not None)
    return tuple(Page(kind, person, escalation.rung, escalation.round) for person in told)


def released(escalation: Escalation) -> Escalation:
    """The case as nobody's."""
    return replace(
        escalation,
        status=EscalationStatus.OPEN,
        acknowledged_by="",
        acknowledged_person_id=None,
        acknowledged_at=None,
        asked_at=None,
        plan="",
        news_at=None,
    )


def holds(escalation: Escalation, person_id: int | None, name: str) -> bool:
    """Whether this adult has the case, once somebody has it."""
    if escalation.acknowledged_person_id is None or person_id is None:
        return escalation.acknowledged_person_id == person_id and escalation.acknowledged_by == name
    return escalation.acknowledged_person_id == person_id


def not_closed(escalation: Escalation) -> None:
    """Raise Refused for a closed case."""
    if escalation.status is EscalationStatus.CLOSED:
        raise Declined("refused_closed", adult=escalation.closed_by)
