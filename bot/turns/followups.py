"""The loop back to the student: a day after a case is closed they are asked whether someone talked with them.

"Not yet" opens the case again, more urgently. Nobody is asked at night, nor while another question waits for them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from bot.domain import Choice, Escalation, EscalationStatus, Person, PersonStatus, ReviewKind
from bot.flows.commands import Given
from bot.flows.phrases import YES_NO_WORDS, phrase
from bot.flows.wording import plain
from bot.safety import ladder as ladders
from bot.safety.rules import Case, joined
from bot.safety.tuning import raised
from bot.turns import cases, debriefs, reports, telling
from bot.turns.afterwards import fit
from bot.turns.draft import Draft
from bot.turns.rungs import standing
from storage import conversations, escalations, people, unanswered

LATER = timedelta(hours=1)
"""How long a question waits that would come on top of another."""
STEP = "talked"
SHORT = 60
"""A longer text than this is read by staff, like anything that a student writes."""
_BEGINS_NO = frozenset(
    {*YES_NO_WORDS["no"], "not", "nobody", "none", "never", "nadie", "nunca", "todavia", "aun", "ninguno"}
)
_ANSWERS: tuple[Given, ...] = ("yes", "no", "private")


def ask(draft: Draft, escalation_id: int) -> None:
    """Its time has come. Several cases of one student are one question."""
    person_id = escalations.person_of(draft.connection, escalation_id)
    student = people.load(draft.connection, person_id, lock=True) if person_id is not None else None
    escalation = escalations.load(draft.connection, escalation_id, lock=True)
    if student is None or escalation is None or escalation.follow_up_at is None or draft.now < escalation.follow_up_at:
        return
    if escalation.status is not EscalationStatus.CLOSED:
        draft.escalations.append(replace(escalation, follow_up_at=None))
        return
    later = _later(draft, student, escalation)
    if later is not None:
        draft.escalations.append(replace(escalation, follow_up_at=later))
        return
    others = escalations.to_follow_up(draft.connection, student.id)
    asked = min((escalation, *others), key=lambda one: (one.tier.rank, -one.id))
    before = escalations.followed_up(draft.connection, student.id)  # what they answer from now on is not about that
    known = [one for one in (before, escalation, *others) if one is not None]
    for one in {one.id: one for one in known}.values():
        draft.escalations.append(replace(one, follow_up_at=None, follow_up="asked" if one.id == asked.id else ""))
    debriefs.ask(draft, student, asked)
    if student.status is PersonStatus.STOPPED:
        draft.review(
            ReviewKind.STOPPED, "Was not asked whether someone talked with them: they want no messages", student
        )
        return
    draft.note("Nearpeer", unanswered.ASKED, asked)
    choices = [Choice(draft.text(student, f"label_talked_{answer}"), "", f"/talked {answer}") for answer in _ANSWERS]
    choices.append(Choice(phrase("adult", student.language), "", "/adult"))
    # What a mentor told of was about somebody else.
    key = "talked_ask_mentor" if asked.category in telling.WORRIES else "talked_ask"
    text = draft.text(student, key, name=student.first_name)
    draft.write(student, text, choices=choices, step=STEP, key=f"{STEP}:{asked.id}:{asked.round}")


def is_asked(draft: Draft, student: Person) -> bool:
    """Whether this student was ever asked, so that our own answers mean this question."""
    return escalations.followed_up(draft.connection, student.id) is not None


def is_answer(draft: Draft, student: Person, text: str) -> bool:
    """Answer a yes, or a short text that begins as a no, typed right after the question; False for any other text.

    A no that was none opens a case for nothing; a no that is not seen leaves a student alone.
    """
    words = plain(text[:SHORT]).split() or [""]
    given: Given = ""
    if " ".join(words) in YES_NO_WORDS["yes"]:
        given = "yes"
    elif len(text) < SHORT and words[0] in _BEGINS_NO:
        given = "no"
    if not given:
        return False
    newest = conversations.newest_sent(draft.connection, student.id, asks=True)
    if newest is None or newest.step != STEP:
        return False
    answer(draft, student, given)
    return True


def answer(draft: Draft, student: Person, given: Given) -> None:
    """What the student says. "No" opens the case again, more urgently, unless it is open already."""
    case = escalations.followed_up(draft.connection, student.id)
    if case is None or not given:
        draft.say(student, "late_gone")
        return
    draft.note(student.name, f"said whether someone talked with them: {given}", case)
    if given == "no" and case.status is EscalationStatus.CLOSED:
        _open_again(draft, student, case)
    elif given != case.follow_up:
        draft.escalations.append(replace(case, follow_up=given))
    draft.say(student, f"talked_{given}")


def _open_again(draft: Draft, student: Person, case: Escalation) -> None:
    tier = raised(case.tier, draft.program.tuning.nobody_talked.by)
    reason = joined([draft.staff_text("reason_nobody_talked"), *case.reason.split("; ")])
    who = standing(draft, student, Case(tier, case.category, reason), case.left_out)
    more_urgent = replace(
        case, tier=tier, ladder=who.ladder, left_out=who.left_out, reason=reason, follow_up="no", follow_up_at=None
    )
    opened, wanted = ladders.reopen(more_urgent, None, student.name, draft.now)
    opened = reports.clocked(draft, opened)
    draft.note("Nearpeer", "re-opened", opened, detail=f"{tier}: {draft.staff_text('reason_nobody_talked')}")
    cases.tell(draft, (opened, wanted), "alert_reopened")


def _later(draft: Draft, student: Person, escalation: Escalation) -> datetime | None:
    """When to ask instead of now: at night in the morning; while another question waits, up to the longest time."""
    morning = fit(draft, student, draft.now)
    if morning > draft.now:
        return morning
    assert escalation.closed_at is not None
    latest = escalation.closed_at + timedelta(hours=draft.program.tuning.nobody_talked.at_most_hours)
    waits = conversations.waiting(draft.connection, student.id) is not None
    next_try = fit(draft, student, draft.now + LATER)
    return next_try if waits and next_try <= latest else None
