"""Who stands on the ladder of a case, and who must not know of it: the words of the plan become people."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bot.domain import ABUSE, SOME_ADULT, Ladder, Person, Role, Rung, Tier
from bot.flows.wording import plain
from bot.plan import ADVISOR, COORDINATOR, ON_DUTY
from bot.planning.duty import on_duty
from bot.safety.rules import Case
from bot.turns.draft import Draft
from storage import people

_JOINTS = re.compile(r"['\u2019\u2018\u02bc`\u00b4\u2010\u2011-]")
"""What joins the parts of a name, as keyboards write it."""
_ASIDE = re.compile(r"\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Standing:
    """The people of one case."""

    ladder: Ladder
    left_out: tuple[int, ...] = ()
    """Adults whom it may be about."""


def standing(draft: Draft, person: Person, case: Case, known: tuple[int, ...] = ()) -> Standing:
    """The program's ladder for a case, with the words for roles replaced by people. The last rung is never empty.

    Whom the case is about is left out; the person whom the school named for that is told first. `known`: who was left
    out of it until now.
    """
    adults = people.adults(draft.connection)
    by_key = {one.key: one for one in adults}
    bypass, contact = by_key.get(draft.program.bypass), by_key.get(draft.program.safety_contact)
    newest = _left_out(draft, case, adults, [one for one in (bypass, contact) if one is not None])
    left_out, told = _those_left((tuple(dict.fromkeys((*known, *newest))), newest), adults)
    plan = draft.program.ladders[case.tier]
    rungs = []
    for rung in plan.rungs:
        named = [one.id for word in rung.who for one in _who(draft, word, person, told)]
        if named:
            rungs.append(Rung(tuple(dict.fromkeys(named)), rung.wait))
    if left_out and bypass in told:
        rungs.insert(0, Rung((bypass.id,), rungs[0].wait if rungs else plan.repeat))
    # The safety contact stands at the end; without one (the roster lost them) every adult does: never nobody.
    last = (contact.id,) if contact in told else tuple(one.id for one in told)
    if last and not any(set(last) <= set(rung.people) for rung in rungs):
        rungs.append(Rung(last, plan.repeat))
    hours = draft.program.hours if case.tier is Tier.CONCERN else None
    return Standing(Ladder(tuple(rungs), plan.repeat, plan.hold, plan.grace, hours), left_out)


def _who(draft: Draft, word: str, student: Person, adults: Sequence[Person]) -> Iterable[Person]:
    """Whom a word of the plan means for this student."""
    if word == ADVISOR:
        own = {match.advisor for match in people.matches(draft.connection, [student.id])}
        advisors = [one for one in adults if one.id in own]
        return advisors or [one for one in adults if one.role is Role.ADVISOR]
    if word == ON_DUTY and draft.program.duty is not None:
        keys = on_duty(draft.program.duty, draft.now)
        # Nobody is on duty: the safety contact is told now, not as the last.
        return [one for one in adults if one.key in keys] or [
            one for one in adults if one.key == draft.program.safety_contact
        ]
    if word == COORDINATOR:
        return [one for one in adults if one.role is Role.COORDINATOR]
    return [one for one in adults if one.key == word]


def _those_left(choices: Iterable[tuple[int, ...]], adults: Sequence[Person]) -> tuple[tuple[int, ...], list[Person]]:
    """Whom to leave out, and who is told: the first of these choices that leaves anybody, or else nobody is left out.

    Whoever names one adult after the other, or the very one who was told instead of the others, is heard all the same.
    """
    for left_out in choices:
        if told := [one for one in adults if one.id not in left_out]:
            return left_out, told
    return (), [*adults]


def _left_out(draft: Draft, case: Case, adults: Sequence[Person], trusted: Sequence[Person]) -> tuple[int, ...]:
    if case.about_adult not in (None, SOME_ADULT):
        return (case.about_adult,)
    named = _named(draft, case, adults)
    if named:
        return named
    # Nobody said which: whoever else is told may be the one.
    kept = {one.id for one in trusted}
    return () if case.about_adult is None else tuple(one.id for one in adults if one.id not in kept)


def _named(draft: Draft, case: Case, adults: Sequence[Person]) -> tuple[int, ...]:
    """Adults of the program whom a text about abuse names, unless that is all of them: it may be about them."""
    if case.category != ABUSE or draft.received is None:
        return ()
    texts = _spellings(draft.received.text)
    named = tuple(one.id for one in adults if _is_named(one.name, texts))
    return named if len(named) < len(adults) else ()


def _is_named(name: str, texts: Iterable[str]) -> bool:
    """Whether the last word of a name, or with an s behind it, is one of the words."""
    last = _ASIDE.sub(" ", name).split()[-1:]
    return any(form in text or f"{form[:-1]}s " in text for form in _spellings(*last) if form.strip() for text in texts)


def _spellings(text: str = "") -> tuple[str, str]:
    """Words without case and accents, each between spaces: once O'Brien and Lopez-Garcia are two, once they are one."""
    apart, together = (f" {plain(_JOINTS.sub(joint, text))} " for joint in (" ", ""))
    return apart, together
