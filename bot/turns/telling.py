"""How a mentor tells an adult: what it is, who it is about, one line, and whether it is about an adult here.

The first press opens the case and each later answer joins it: who stops in the middle has still told somebody. Every
question is a message with buttons that say all there is to know, so nothing waits and nothing is in the way of a flow.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain import (
    SOME_ADULT,
    Choice,
    Escalation,
    Finding,
    MessageKind,
    Person,
    PersonStatus,
    Priority,
    ReviewKind,
    Role,
    Signal,
    Tier,
)
from bot.safety.rules import SAME_CASE, Case
from bot.turns.around import around
from bot.turns.draft import Draft, initials
from bot.turns.rungs import standing
from storage import escalations, people
from storage.conversations import Sent

TELL = "/tell"
REPORT, OVERLOAD = "mentor-report", "mentor-overload"
DANGER = "danger"
"""The category of the check-ins' answer that someone is in danger."""
WORRIES = frozenset({REPORT, DANGER, "mentor-worried"})
"""Categories of cases that a mentor opens about somebody else, by command or in a check-in."""
MANY, LATELY = 3, timedelta(days=14)
"""So many worries within this time are much for somebody who is a student too."""
RELIEF = timedelta(days=14)
_LINE = "tell-line"
"""Step of the message that asks for the one line; the case's category and what was asked before stand behind it."""
_MORE = "tell-more"
"""Step of a signal that only adds to a case."""
_ADULTS_NAMED = 8
_FIRST = {
    "danger": (Tier.CRISIS, REPORT),
    "worried": (Tier.CONCERN, REPORT),
    "load": (Tier.CONCERN, OVERLOAD),
    "adult": (Tier.URGENT, REPORT),
}
"""What it may be: how urgent that is, and which case it opens."""


def begin(draft: Draft, mentor: Person, words: str) -> None:
    """Ask what it is. What somebody wrote behind the command is told already, as if it could not wait."""
    if words:
        _signal(draft, Tier.URGENT, REPORT, "of")
        _keep_line(draft, REPORT)
        _card(draft, mentor, REPORT, about_adult=False)
    choices = [Choice(draft.text(mentor, f"label_tell_{key}"), "", f"{TELL} {key}") for key in _FIRST]
    draft.say(mentor, "tell_ask", choices)


def pressed(draft: Draft, mentor: Person, value: str) -> None:
    """Do what one of the buttons of this module says: `/tell danger`, `/tell about mentor-report 11 asked`."""
    _, word, *more = value.split() if value != TELL else (TELL, "")
    if not word:
        begin(draft, mentor, "")
    elif word in _FIRST:
        tier, category = _FIRST[word]
        about_adult = word == "adult"
        _signal(draft, tier, category, word, about_adult=SOME_ADULT if about_adult else None)
        if word != "load":
            # Before the question: what was sent last is what a typed label is looked for in.
            _card(draft, mentor, category, about_adult=about_adult)
        if about_adult:
            _ask_which_adult(draft, mentor, category, "adult_named")
        elif word != "load":
            _ask_who(draft, mentor, category, asked=False)
    elif word == "with":
        _with_them(draft, mentor, *more)
    elif word == "about":
        _about(draft, mentor, *more)
    elif word == "of":
        _of_adult(draft, mentor, *more)
    else:
        _after_line(draft, mentor, *more)


def typed(newest: Sent, text: str) -> str:
    """The value of the button of this module whose label was typed: not all platforms have buttons."""
    label = text.strip().casefold()
    values = (choice.value for choice in newest.choices if choice.label.casefold() == label)
    return next((value for value in values if value.split(" ")[0] == TELL), "")


def line(draft: Draft, mentor: Person, newest: Sent) -> bool:
    """Take what a mentor has just written for the one line, if that is what was asked for last."""
    if not newest.step.startswith(_LINE):
        return False
    _, category, asked = newest.step.split(":")
    _keep_line(draft, category)
    _after_line(draft, mentor, category, asked)
    return True


def is_report(draft: Draft, person: Person, case: Case) -> bool:
    """Whether a mentor tells of somebody else: they need other words than who is in danger themselves, and no pause."""
    if person.role is not Role.MENTOR:
        return False
    if any(finding.tier is Tier.CRISIS and finding.about == "self" for finding in draft.findings):
        return False
    return case.category in WORRIES or any(signal.category == REPORT for signal in draft.signals)


def advise(draft: Draft, mentor: Person, case: Case, opened: Escalation) -> None:
    """What to do now, once at the first word of a case; with it the button that calls an adult to them.

    In a check-in nobody has asked yet who is in danger.
    """
    alarming = any(finding.tier is Tier.CRISIS for finding in draft.findings)
    is_more = all(signal.step == _MORE for signal in draft.signals)
    if (alarming or not is_more) and not any(message.kind is MessageKind.CARD for message in draft.messages):
        _card(draft, mentor, case.category, about_adult=bool(opened.left_out))
        if case.category == DANGER:
            _ask_who(draft, mentor, case.category, asked=False)


def bind(draft: Draft, opened: Escalation) -> None:
    """What belongs to a mentor's telling belongs to its case: shown there, and hidden from whom it is about."""
    if not any(signal.category == REPORT or signal.step == _MORE for signal in draft.signals):
        return
    for number, message in enumerate(draft.messages):
        if message.person_id == opened.person_id and message.escalation_id is None:
            draft.messages[number] = replace(message, escalation_id=opened.id)
    if draft.received is not None and not draft.findings:
        _keep_line(draft, opened.category, "answer")


def beside(draft: Draft, person: Person, case: Case) -> tuple[Choice, ...]:
    """The same button on the crisis card of a mentor who may be quoting somebody; nothing for all others."""
    told = person.role is Role.MENTOR and any(signal.category == REPORT for signal in draft.signals)
    return (_with(draft, person, case.category),) if told else ()


def _with(draft: Draft, mentor: Person, category: str) -> Choice:
    return Choice(draft.text(mentor, "label_with"), "", f"{TELL} with {category}")


def guard_load(draft: Draft, mentor: Person) -> None:
    """A mentor for whom it is too much, or who has told of many worries, has a pause, and an adult knows."""
    new = {signal.category for signal in draft.signals if signal.step != _MORE} & WORRIES
    if new:
        known = escalations.how_many(draft.connection, mentor.id, WORRIES, draft.now - LATELY)
        joins = any(_running(draft, mentor, category) for category in new)
        if known + (not joins) >= MANY:
            _signal(draft, Tier.CONCERN, OVERLOAD, "many")
    if not any(signal.category == OVERLOAD for signal in draft.signals):
        return
    mentor = next((one for one in reversed(draft.people) if one.id == mentor.id), mentor)
    if mentor.status is PersonStatus.ACTIVE:
        relieved = replace(mentor, status=PersonStatus.PAUSED, paused_until=draft.now + RELIEF)
        draft.people.append(relieved)
        draft.cancel_prompts_of.append(mentor.id)
        draft.note("Nearpeer", "paused check-ins", person_id=mentor.id, detail="too much for a mentor")
        draft.say(mentor, "relieved")


def _card(draft: Draft, mentor: Person, category: str, *, about_adult: bool) -> None:
    running = _running(draft, mentor, category)
    about_adult = about_adult or (running is not None and bool(running.left_out))
    adult = "" if about_adult else around(draft.connection, draft.program, [mentor.id]).advisor_name(mentor)
    card = draft.program.card(mentor.language, adult or draft.text(mentor, "adult_you_trust"), mentor=True)
    choices = (_with(draft, mentor, category),)
    draft.write(mentor, card, kind=MessageKind.CARD, priority=Priority.ALERT, choices=choices, first=True)


# --- the questions -------------------------------------------------------------------------------------------------


def _ask_who(draft: Draft, mentor: Person, category: str, *, asked: bool) -> None:
    nearby = around(draft.connection, draft.program, [mentor.id])
    ids = dict.fromkeys(id_ for match in nearby.matches.get(mentor.id, ()) for id_ in match.mentees)
    mentees = [nearby.people[id_] for id_ in ids if id_ in nearby.people]
    after = f"{category} {{}} {_flag(asked)}"
    choices = [Choice(one.first_name, "", f"{TELL} about {after.format(one.id)}") for one in mentees]
    choices.append(Choice(draft.text(mentor, "label_somebody_else"), "", f"{TELL} about {after.format(0)}"))
    choices.append(_with(draft, mentor, category))
    draft.say(mentor, "tell_who", choices)


def _about(draft: Draft, mentor: Person, category: str, person_id: str, asked: str) -> None:
    mentee = people.load(draft.connection, int(person_id)) if int(person_id) else None
    said = _label(draft, "about", initials=initials(mentee)) if mentee else _label(draft, "else")
    # Whoever was told of one student must be told of the next one as well, though it is the same case.
    running = _running(draft, mentor, category)
    second = running is not None and _label(draft, "about", initials="\n").partition("\n")[0] in running.reason
    draft.signals.append(Signal(Tier.CONCERN, category, said, _MORE, everyone=second))
    if mentee is not None:
        draft.review(ReviewKind.NOTICE, "A mentor has told an adult about this student", mentee)
    skip = Choice(draft.text(mentor, "label_skip"), "", f"{TELL} line {category} {asked}")
    draft.write(
        mentor,
        draft.text(mentor, "tell_line"),
        choices=(skip, _with(draft, mentor, category)),
        step=f"{_LINE}:{category}:{asked}",
    )


def _keep_line(draft: Draft, category: str, key: str = "line") -> None:
    """What a mentor wrote or chose belongs to the case, whatever screening finds in it."""
    label = _label(draft, key)
    if key == "line":
        draft.signals.append(Signal(Tier.CONCERN, category, label, _MORE))
    length = len(draft.received.text) if draft.received else 0
    line = Finding(Tier.CONCERN, category, "mentor-line", "", label, 0, length, about="other")
    draft.findings = (*draft.findings, line)


def _after_line(draft: Draft, mentor: Person, category: str, asked: str) -> None:
    if asked == _flag(True):
        draft.say(mentor, "tell_done", (_with(draft, mentor, category),))
    else:
        _ask_which_adult(draft, mentor, category, "adult_asked")


def _ask_which_adult(draft: Draft, mentor: Person, category: str, key: str) -> None:
    """`adult_named`: it is about one; `adult_asked`: is it?"""
    ladder = standing(draft, mentor, Case(Tier.CRISIS, category, "")).ladder
    ids = list(dict.fromkeys(id_ for rung in ladder.rungs for id_ in rung.people))[:_ADULTS_NAMED]
    known = people.several(draft.connection, ids)
    then = "ask" if key == "adult_named" else "end"
    value = f"{TELL} of {category} {{}} {then}"
    choices = [Choice(known[id_].name, "", value.format(id_)) for id_ in ids if id_ in known]
    choices.append(Choice(draft.text(mentor, "label_other_adult"), "", value.format(SOME_ADULT)))
    choices.append(_with(draft, mentor, category))
    if key == "adult_asked":
        choices.insert(0, Choice(draft.text(mentor, "label_no_adult"), "", value.format("no")))
    draft.say(mentor, f"tell_{key}", choices)


def _of_adult(draft: Draft, mentor: Person, category: str, adult: str, then: str) -> None:
    if adult != "no":
        _signal(draft, Tier.URGENT, category, "adult", step=_MORE, about_adult=int(adult))
    if then == "ask":
        _ask_who(draft, mentor, category, asked=True)
    else:
        draft.say(mentor, "tell_done", (_with(draft, mentor, category),))


def _with_them(draft: Draft, mentor: Person, category: str) -> None:
    _signal(draft, Tier.CRISIS, category, "with", step=_MORE, everyone=True)
    draft.say(mentor, "with_told", place=draft.program.place(mentor.language))


def _running(draft: Draft, mentor: Person, category: str) -> Escalation | None:
    return escalations.running(draft.connection, mentor.id, category, draft.now - SAME_CASE)


def _signal(draft: Draft, tier: Tier, category: str, key: str, **more: object) -> None:
    draft.signals.append(replace(Signal(tier, category, _label(draft, key)), **more))  # type: ignore[arg-type]


def _label(draft: Draft, key: str, **values: str) -> str:
    """Why, in plain words for staff and in the program's first language."""
    return draft.program.text(draft.program.languages[0], f"reason_tell_{key}", **values)


def _flag(asked: bool) -> str:
    """Whether they were asked about an adult, as buttons say it."""
    return "asked" if asked else "not-asked"
