"""What students may ask for by a command. Adults have fewer (bot.turns.adults)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from bot.domain import Choice, Person, PersonStatus, Priority, ReviewKind, Role, Signal, Tier
from bot.flows.commands import Command, CommandName
from bot.turns import prompts, telling
from bot.turns.draft import Draft
from storage import escalations

PAUSE = timedelta(weeks=2)
LONGEST_PAUSE = timedelta(days=180)


def obey(draft: Draft, person: Person, command: Command) -> None:
    """Do what a command says."""
    _COMMANDS[command.name](draft, person, command)


def asked_for_adult(draft: Draft) -> Signal:
    """Whoever says so: an adult is told."""
    return Signal(Tier.URGENT, "adult-requested", draft.staff_text("reason_asked_for_adult"))


def adult_choice(draft: Draft, person: Person) -> Choice:
    """The button that is always near: I want an adult."""
    return Choice(draft.text(person, "label_adult"), "", "/adult")


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
    draft.say(stopped, "stopped", (Choice(draft.text(person, "label_resume"), "", "/resume"),))


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
    choices = [Choice(draft.text(person, "label_checkin"), "", "/checkin"), adult_choice(draft, person)]
    if person.role is Role.MENTOR:
        choices.append(Choice(draft.text(person, "label_tell"), "", telling.TELL))
    draft.say(person, "help", choices)


def _adult(draft: Draft, person: Person, _command: Command) -> None:
    draft.signals.append(asked_for_adult(draft))


def _tell(draft: Draft, person: Person, command: Command) -> None:
    """A mentor tells of somebody; from anybody else it asks for an adult."""
    if person.role is Role.MENTOR:
        telling.begin(draft, person, command.words)
    else:
        _adult(draft, person, command)


def _privacy(draft: Draft, person: Person, _command: Command) -> None:
    draft.say(person, "privacy")


def _language(draft: Draft, person: Person, command: Command) -> None:
    if command.language not in draft.program.languages:
        draft.say(person, "language_ask", language_choices())
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
    "privacy": _privacy,
    "language": _language,
    "checkin": _check_in,
}
