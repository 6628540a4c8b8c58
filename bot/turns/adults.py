"""What advisors and coordinators write: acknowledgements by button or code, notes, and their few commands."""

from __future__ import annotations

import re
from dataclasses import replace

from bot.domain import (
    ABUSE,
    ActionKind,
    Choice,
    Escalation,
    Inbound,
    InboundKind,
    MessageKind,
    Outcome,
    Person,
    PersonStatus,
    Role,
    StaffAction,
)
from bot.errors import Declined, Refused
from bot.failpoints import failpoint
from bot.flows.commands import CODE_ALPHABET, Command, read_code, read_command
from bot.safety.outcomes import NEEDS_NOTE
from bot.turns import cases, contact, debriefs, pages, plans, prompts
from bot.turns.commands import language_choices
from bot.turns.draft import Draft, initials
from storage import conversations, escalations, people

OUTCOME = "outcome:"
RESUME = "resume"
_CODE = re.compile(rf"\b[{CODE_ALPHABET}]{{4}}\b")
_VERBS = {
    ActionKind.PASS_ON: ("pass", "paso"),
    ActionKind.NEED_HELP: ("help", "need", "ayuda", "necesito"),
    ActionKind.CLOSE: ("close", "cerrar", "cierro"),
}


def read(draft: Draft, adult: Person, inbound: Inbound) -> None:
    """Answer an adult. A bare "ok" never acknowledges: it lists what is open (decisions.md 4)."""
    try:
        if adult.status is PersonStatus.STOPPED:
            raise Refused(draft.text(adult, "former_adult"))
        _read(draft, adult, inbound)
    except Refused as refusal:
        draft.note(adult.name, "refused", person_id=adult.id, detail=draft.refusal(refusal))
        draft.write(adult, draft.refusal(refusal, adult), kind=MessageKind.STAFF)


def _read(draft: Draft, adult: Person, inbound: Inbound) -> None:
    if inbound.kind is InboundKind.BUTTON and _pressed(draft, adult, inbound.token):
        return
    bound = _code_in(draft, adult, inbound.text)
    if bound is not None and (plan := plans.read(draft, inbound.text)) is not None:
        return do(draft, adult, ActionKind.PLAN, bound, plan=plan)
    if bound is not None:
        return do(draft, adult, _verb(inbound.text), bound)
    command = read_command(inbound.text)
    if command is not None:
        return _command(draft, adult, command)
    if inbound.kind is InboundKind.TEXT and _typed(draft, adult, inbound.text):
        return
    waiting = cases.asked_for_note(draft, adult)
    if waiting is not None and inbound.kind is InboundKind.TEXT:
        outcome, escalation_id = waiting
        return do(draft, adult, ActionKind.CLOSE, escalation_id, outcome, inbound.text)
    codes = escalations.codes_of(draft.connection, adult.id)
    if codes:
        draft.say(adult, "which_case", codes=", ".join(codes))
    else:
        draft.say(adult, "no_cases")


def _pressed(draft: Draft, adult: Person, token: str) -> bool:
    """Do what a button of ours says; False when the token is none of ours for this person."""
    found = draft.pressed(adult, token)
    if found is None or found[1].escalation_id is None:
        return found is not None and _pressed_command(draft, adult, found[0].value)
    choice, message = found
    assert message.escalation_id is not None
    _chosen(draft, adult, choice, message.escalation_id)
    return True


def _chosen(draft: Draft, adult: Person, choice: Choice, escalation_id: int) -> None:
    if choice.value.startswith(OUTCOME):
        _outcome(draft, adult, escalation_id, choice.value.removeprefix(OUTCOME))
    elif choice.value.startswith(plans.PREFIX):
        do(draft, adult, ActionKind.PLAN, escalation_id, plan=choice.value.removeprefix(plans.PREFIX))
    elif choice.value.startswith(debriefs.PREFIX):
        _known(draft, adult, escalation_id)
        debriefs.answer(draft, adult, escalation_id, choice.value.removeprefix(debriefs.PREFIX))
    elif choice.value == RESUME:
        resume(draft, adult, escalation_id)
    else:
        kind, _, other = choice.value.partition(":")  # the button of another case that the same message told of
        do(draft, adult, ActionKind(kind), int(other) if other else escalation_id)


def _typed(draft: Draft, adult: Person, text: str) -> bool:
    """Do what the label or number of a choice says that stood last before them: not every platform has buttons."""
    newest = conversations.newest_sent(draft.connection, adult.id, asks=True)
    if newest is None or newest.escalation_id is None:
        return False
    typed = text.strip().casefold()
    for number, choice in enumerate(newest.choices, 1):
        # A number may be meant for what stood before an alert that came in between: it never acts on one.
        if typed == choice.label.casefold() or (typed == str(number) and _is_last(draft, newest)):
            _chosen(draft, adult, choice, newest.escalation_id)
            return True
    return False


def _is_last(draft: Draft, question: conversations.Sent) -> bool:
    """Whether it is no alert, and nothing has been told since."""
    return question.rung is None and conversations.is_last(draft.connection, question)


def _pressed_command(draft: Draft, adult: Person, value: str) -> bool:
    command = read_command(value)
    if command is not None:
        _command(draft, adult, command)
    return command is not None


def _code_in(draft: Draft, adult: Person, text: str) -> int | None:
    """The case whose code of this adult stands anywhere in a text. Raises Refused for an ACK with another code."""
    for code in _CODE.findall(text.upper()):
        bound = escalations.by_code(draft.connection, code)
        if bound is not None and bound[1] == adult.id:
            return bound[0]
    unknown = read_code(text)
    if unknown is not None:
        raise Refused(draft.text(adult, "no_such_code", code=unknown))
    return None


def _verb(text: str) -> ActionKind:
    if read_code(text) is not None:
        return ActionKind.TAKE  # "ACK 4F7K, I can help": what was said outright counts
    words = text.casefold().split()
    return next((kind for kind, verbs in _VERBS.items() if any(verb in words for verb in verbs)), ActionKind.TAKE)


def do(
    draft: Draft,
    adult: Person,
    kind: ActionKind,
    escalation_id: int,
    outcome: str = "",
    note: str = "",
    plan: str = "",
) -> None:
    """Act on a case and tell the adult what follows. Closing asks for an outcome first."""
    escalation = _known(draft, adult, escalation_id)
    code = pages.code_for(draft, escalation, adult)
    student = people.load(draft.connection, escalation.person_id)
    if kind is ActionKind.TAKE:
        failpoint("ack.received")
    if escalation.drill:
        cases.act(draft, StaffAction(ActionKind.TAKE, adult.name, escalation_id, adult.id))
        return reply(draft, adult, "drill_answered", escalation_id, (), code=code)
    if kind is ActionKind.CLOSE and not outcome:
        return _ask_outcome(draft, adult, escalation, code)
    cases.act(draft, StaffAction(kind, adult.name, escalation_id, adult.id, outcome, note, plan))
    changed = draft.escalations[-1]
    who = initials(student) if student else ""
    buttons = (*plans.choices(draft, adult, changed, code), *pages.buttons(draft, adult, changed, code))
    if kind is ActionKind.TAKE:
        reply(draft, adult, "taken", changed.id, buttons, code=code, initials=who)
    elif kind is ActionKind.PLAN:
        said = draft.text(adult, f"plan_{changed.plan}")
        reply(draft, adult, "planned", changed.id, buttons, code=code, initials=who, plan=said)
    elif kind is ActionKind.PASS_ON:
        reply(draft, adult, "passed_on", changed.id, (), code=code)
    elif kind is ActionKind.NEED_HELP:
        reply(draft, adult, "help_asked", changed.id, buttons, code=code)
    elif kind is ActionKind.CLOSE:
        # A mentor who told of somebody carries it as well.
        key = "closed_mentor" if student is not None and student.role is Role.MENTOR else "closed"
        reply(draft, adult, key, changed.id, (), code=code, initials=who)
        if student is not None and (prompts.is_paused_by_crisis(student) or contact.rests(draft, student)):
            choice = Choice(draft.text(adult, "label_resume_checkins"), "", RESUME)
            reply(draft, adult, "resume_ask", changed.id, (choice,), initials=who)


def _known(draft: Draft, adult: Person, escalation_id: int) -> Escalation:
    """A case that this adult may know of: from whom it is about by now, old buttons and codes get nothing."""
    escalation = escalations.load(draft.connection, escalation_id)
    if escalation is None:
        raise Refused(draft.text(adult, "no_cases"))
    if adult.id in escalation.left_out:
        raise Declined(cases.NO_CASE)
    return escalation


def reply(
    draft: Draft, adult: Person, key: str, escalation_id: int, choices: tuple[Choice, ...], **values: str
) -> None:
    """Tell an adult about a case, with its buttons."""
    text = draft.adult_text(adult, adult.addresses[0] if adult.addresses else None, key, **values)
    draft.write(adult, text, kind=MessageKind.STAFF, choices=choices, escalation_id=escalation_id)


def _ask_outcome(draft: Draft, adult: Person, escalation: Escalation, code: str) -> None:
    choices = tuple(
        Choice(draft.text(adult, f"outcome_{outcome}"), "", OUTCOME + outcome)
        for outcome in Outcome
        if outcome.fits(escalation.category)
    )
    key = "outcome_ask_abuse" if escalation.category == ABUSE else "outcome_ask"
    reply(draft, adult, key, escalation.id, choices, code=code)


def _outcome(draft: Draft, adult: Person, escalation_id: int, outcome: str) -> None:
    if outcome not in NEEDS_NOTE:
        return do(draft, adult, ActionKind.CLOSE, escalation_id, outcome)
    escalation = _known(draft, adult, escalation_id)
    code = pages.code_for(draft, escalation, adult)
    draft.write(
        adult,
        draft.text(adult, "note_ask", code=code),
        kind=MessageKind.STAFF,
        step=f"{cases.NOTE}{outcome}:{escalation_id}",
        escalation_id=escalation_id,
    )


def resume(draft: Draft, adult: Person, escalation_id: int) -> None:
    """Start a student's scheduled check-ins again."""
    escalation = _known(draft, adult, escalation_id)
    student = people.load(draft.connection, escalation.person_id, lock=True)
    if student is None:
        raise Refused(draft.text(adult, "no_cases"))
    prompts.resume(draft, student, adult.name)
    reply(draft, adult, "resumed_adult", escalation_id, (), initials=initials(student))


def _command(draft: Draft, adult: Person, command: Command) -> None:
    if command.name == "language" and command.language in draft.program.languages:
        changed = replace(adult, language=command.language)
        draft.people.append(changed)
        draft.say(changed, "language_set")
    elif command.name == "language":
        draft.say(adult, "language_ask", language_choices())
    else:
        draft.say(adult, "adult_help")
