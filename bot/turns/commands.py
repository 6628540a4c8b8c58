"""What students may ask for by a command. Adults have fewer (bot.turns.adults)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from bot.domain import Choice, Person, PersonStatus, Priority, ReviewKind, Role, Signal, Tier
from bot.flows.commands import Command, CommandName, Given
from bot.flows.phrases import phrase
from bot.safety import rules
from bot.turns import cases, contact, followups, prompts, telling
from bot.turns.draft import Draft
from bot.turns.rungs import standing
from storage import escalations, people
from storage.readers import readers

ADULT_REQUESTED = "adult-requested"
PAUSE = timedelta(weeks=2)
LONGEST_PAUSE = timedelta(days=180)
READERS = 6
"""So many are named; of more than these, how many they are."""
_WHEN: tuple[Given, ...] = ("now", "today", "week", "no")


def applies(draft: Draft, person: Person, command: Command, *, is_label: bool) -> bool:
    """Whether a command is one here and now: our own labels are words like any others where nobody asked."""
    if command.name == "talked":
        return followups.is_asked(draft, person)
    if command.name == "resume" and is_label:
        return person.status is not PersonStatus.ACTIVE
    if command.name == "adult" and command.given == "no":
        return cases.running(draft, person, ADULT_REQUESTED) is not None
    return True


def obey(draft: Draft, person: Person, command: Command) -> None:
    """Do what a command says."""
    _COMMANDS[command.name](draft, person, command)


def asked_for_adult(draft: Draft, given: Given = "") -> Signal:
    """Whoever says so: an adult is told. Until they say for when, it is for now."""
    tuning = draft.program.tuning
    rule = {"today": tuning.adult_today, "week": tuning.adult_this_week}.get(given, tuning.adult_now)
    reason = f"reason_asked_{given}" if given else "reason_asked_for_adult"
    return Signal(rule.tier, ADULT_REQUESTED, draft.staff_text(reason), step=given)


def adult_choice(draft: Draft, person: Person) -> Choice:
    """The button that is always near: I want an adult."""
    return Choice(phrase("adult", person.language), "", "/adult")


def adult_when(draft: Draft, person: Person) -> tuple[Choice, ...]:
    """For when somebody wants an adult, where the turn's request does not say so itself."""
    if any(signal.step for signal in draft.signals if signal.category == ADULT_REQUESTED):
        return ()
    return tuple(Choice(draft.text(person, f"label_adult_{when}"), "", f"/adult {when}") for when in _WHEN)


def language_choices() -> tuple[Choice, ...]:
    """One button per language, each in its own words."""
    return (Choice("English", "", "/language en"), Choice("Español", "", "/language es"))


def _stop(draft: Draft, person: Person, _command: Command) -> None:
    stopped = replace(person, status=PersonStatus.STOPPED, paused_until=None)
    draft.people.append(stopped)
    draft.cancel_prompts_of.append(person.id)
    prompts.stop_all(draft, person)
    draft.review(ReviewKind.STOPPED, "Asked for no more check-ins", person)
    draft.note(person.name, "stopped check-ins", person_id=person.id)
    again = Choice(draft.text(person, "label_resume"), "", "/resume")
    draft.say(stopped, "stopped", (again, adult_choice(draft, person)))


def _pause(draft: Draft, person: Person, command: Command) -> None:
    if prompts.is_paused_by_crisis(person):
        return _help(draft, person, command)
    until = draft.now + min(command.span or PAUSE, LONGEST_PAUSE)
    draft.people.append(replace(person, status=PersonStatus.PAUSED, paused_until=until))
    draft.cancel_prompts_of.append(person.id)
    prompts.stop_all(draft, person)
    draft.note(person.name, "paused check-ins", person_id=person.id)
    draft.say(person, "paused", date=draft.program.local_date(until, person))


def _resume(draft: Draft, person: Person, command: Command) -> None:
    if prompts.is_paused_by_crisis(person):
        return _help(draft, person, command)
    if any(case.tier is Tier.CRISIS for case in escalations.not_closed(draft.connection, person.id)):
        # Stopping and starting again does not end the pause that only an adult ends.
        draft.people.append(replace(person, status=PersonStatus.PAUSED, paused_until=None))
        return _help(draft, person, command)
    resumed = replace(person, status=PersonStatus.ACTIVE, paused_until=None)
    draft.people.append(resumed)
    draft.note(person.name, "resumed check-ins", person_id=person.id)
    draft.say(resumed, "resumed")


def _help(draft: Draft, person: Person, _command: Command) -> None:
    choices = [
        Choice(draft.text(person, "label_checkin"), "", "/checkin"),
        adult_choice(draft, person),
        Choice(draft.text(person, "label_privacy"), "", "/privacy"),
    ]
    if person.role is Role.MENTOR:
        choices.append(Choice(draft.text(person, "label_tell"), "", telling.TELL))
        draft.write(person, f"{draft.text(person, 'help')}\n{draft.text(person, 'help_tell')}", choices=choices)
        return
    draft.say(person, "help", choices)


def _adult(draft: Draft, person: Person, command: Command) -> None:
    """The case is open before anybody asks for when; what they say then is added to it and lowers nothing."""
    signal = asked_for_adult(draft, command.given)
    if not command.given:
        draft.signals.append(signal)
        return
    if cases.running(draft, person, ADULT_REQUESTED) is None:
        draft.signals.append(signal)
    else:
        # They have the card already: another one would say nothing new.
        cases.open_or_join(draft, person, rules.Case(signal.tier, signal.category, signal.label))
    draft.say(person, f"adult_{command.given}", (adult_choice(draft, person),) if command.given == "no" else ())


def _talked(draft: Draft, person: Person, command: Command) -> None:
    followups.answer(draft, person, command.given)


def _tell(draft: Draft, person: Person, command: Command) -> None:
    """A mentor tells of somebody; from anybody else it asks for an adult."""
    if person.role is Role.MENTOR:
        telling.begin(draft, person, command.words)
    else:
        _adult(draft, person, command)


def _report(draft: Draft, person: Person, command: Command) -> None:
    """A mentee tells of their mentor; a mentor has more to say about whom."""
    if person.role is Role.MENTOR:
        return _tell(draft, person, command)
    tier = draft.program.tuning.mentor_reported.tier
    draft.signals.append(Signal(tier, contact.REPORTED, draft.staff_text("reason_reported_mentor")))
    draft.say(person, "reported")


def _privacy(draft: Draft, person: Person, _command: Command) -> None:
    """Who can really read this, by name: those whom the staff pages show it, and those on the ladder."""
    known = readers(draft.connection, person.id)
    named = [f"{name} ({draft.text(person, f'role_{role}')})" for name, role in known[:READERS]]
    if len(known) > READERS:
        named.append(draft.text(person, "readers_more", count=str(len(known) - READERS)))
    ladder = standing(draft, person, rules.Case(Tier.CRISIS, "privacy", "")).ladder
    ids = dict.fromkeys(one for rung in ladder.rungs for one in rung.people)
    told = [adult.name for id_ in [*ids][:READERS] if (adult := people.load(draft.connection, id_)) is not None]
    draft.say(
        person,
        "privacy",
        (adult_choice(draft, person),),
        readers=", ".join(named) or draft.text(person, "readers_none"),
        told=", ".join(told),
    )


def _language(draft: Draft, person: Person, command: Command) -> None:
    if command.language not in draft.program.languages:
        draft.say(person, "language_ask", (*language_choices(), adult_choice(draft, person)))
        return
    changed = replace(person, language=command.language)
    draft.people.append(changed)
    draft.say(changed, "language_set")
    open_one = prompts.waiting(draft, person)
    if open_one is not None:
        prompts.ask_again(draft, changed, open_one)


def _check_in(draft: Draft, person: Person, _command: Command) -> None:
    open_one = prompts.waiting(draft, person)
    flow = draft.program.check_in_for(person.role)
    if open_one is not None:
        prompts.ask_again(draft, person, open_one)
    elif flow is None or prompts.is_paused_by_crisis(person):
        draft.say(person, "checkin_none", (adult_choice(draft, person),))
    else:
        prompts.start(draft, person, flow, priority=Priority.REPLY)


_COMMANDS: Mapping[CommandName, Callable[[Draft, Person, Command], None]] = {
    "stop": _stop,
    "pause": _pause,
    "resume": _resume,
    "help": _help,
    "adult": _adult,
    "tell": _tell,
    "talked": _talked,
    "report": _report,
    "privacy": _privacy,
    "language": _language,
    "checkin": _check_in,
}
