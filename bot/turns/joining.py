"""Somebody opens a chat with the code that they were given: whose chat it is from now on, and who is told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.domain import OUTSIDE, Address, Binding, Inbound, Person, ReviewKind, StaffAction
from bot.errors import Refused
from bot.turns import prompts
from bot.turns.draft import Draft
from storage import joining, people

QUIET = timedelta(minutes=10)
"""In this time somebody who guesses codes is answered, and seen by staff, once."""


def join(draft: Draft, sender: Person | None, inbound: Inbound, code: str) -> None:
    """Bind the chat to whom the code was given. A code that works no longer binds nobody, and staff see who tried.

    What the chat says is answered in the same words whether the code was used, is too old or was never given.
    """
    found = joining.find(draft.connection, code)
    if found is not None and draft.received is not None:  # a code that may still work is no word for the log
        draft.received = replace(draft.received, text="/start")
    if inbound.address.platform in OUTSIDE:
        # Others may read there what a student is asked; and those addresses follow the roster, nothing else.
        return _refuse(
            draft, sender, inbound, f"A link was tried by {inbound.address.platform}, where none works", sender
        )
    # The row of the person first: whoever uses the same code in this moment waits here, and then sees that it is used.
    person = people.load(draft.connection, found.person_id, lock=True) if found is not None else None
    found = joining.find(draft.connection, code)
    if found is None or person is None:
        # Who guesses fills no list: staff see the first of a chat's tries in some minutes.
        if joining.tried_since(draft.connection, inbound.address, draft.now - QUIET):
            return
        return _refuse(draft, sender, inbound, "Opened a link that was never given", sender)
    if sender is not None and sender.id == person.id:
        if found.used_at is None:
            draft.bindings.append(Binding(found.hash, person.id))
        draft.write(person, draft.text(person, "link_again"), address=inbound.address)
    elif found.used_at is not None:
        _refuse(draft, sender, inbound, "Somebody else opened the link that this person has used", person)
    elif found.expires_at <= draft.now:
        _refuse(draft, sender, inbound, "Opened a link that is too old", person)
    elif sender is not None:
        # Used up all the same: it has been seen by somebody for whom it was not.
        draft.bindings.append(Binding(found.hash, person.id))
        _refuse(draft, sender, inbound, f"Their link was opened by {sender.name}, and no longer works", person)
    else:
        _bind(draft, person, inbound.address, found.hash)


def unlink(draft: Draft, action: StaffAction) -> None:
    """Staff say that the chat which a review item is about is not its person's. Raises Refused with words for them."""
    found = joining.linked_by(draft.connection, action.object_id)
    if found is None:
        raise Refused("This chat is not linked any more.")
    person_id, address = found
    draft.unlinked.append(address)
    draft.reviewed_items, draft.reviewed_by = (action.object_id,), action.actor
    draft.note(action.actor, "unlinked a chat", person_id=person_id, detail=address.platform)


def _bind(draft: Draft, person: Person, address: Address, code_hash: str) -> None:
    draft.bindings.append(Binding(code_hash, person.id, address))
    if draft.received is not None:
        draft.received = replace(draft.received, person_id=person.id)
    draft.review(ReviewKind.LINKED, f"Linked a chat on {address.platform.capitalize()}: is it really theirs?", person)
    draft.note(person.name, "linked a chat", person_id=person.id, detail=address.platform)
    person = replace(person, addresses=(address, *person.addresses))
    key, name = ("linked_adult", person.name) if person.role.adult else ("linked", person.first_name)
    draft.say(person, key, name=name, school=draft.program.school)
    waiting = prompts.waiting(draft, person)
    if waiting is not None:
        prompts.ask_again(draft, person, waiting)


def _refuse(draft: Draft, sender: Person | None, inbound: Inbound, reason: str, about: Person | None) -> None:
    draft.review(ReviewKind.LINKED, reason, about)
    draft.note("Nearpeer", "link refused", person_id=about.id if about is not None else None, detail=reason)
    language = sender.language if sender is not None else language_of(draft, inbound)
    draft.write(sender, draft.program.text(language, "link_gone"), address=inbound.address)


def language_of(draft: Draft, inbound: Inbound) -> str:
    """In which of the program's languages a stranger is answered."""
    told = inbound.language.partition("-")[0].lower()
    return told if told in draft.program.languages else draft.program.languages[0]
