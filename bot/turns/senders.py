"""Who wrote, and who reads it: a student, an adult, a stranger; and what is told when it cannot be handled at all."""

from __future__ import annotations

from dataclasses import replace

from bot.domain import Inbound, InboundKind, Person, Received, ReviewKind
from bot.flows.commands import read_command, read_join_code
from bot.safety import rules
from bot.safety.screen import Screening
from bot.turns import adults, cases, joining, students
from bot.turns.commands import asked_for_adult
from bot.turns.draft import Draft
from storage import conversations, people


def read(draft: Draft, inbound: Inbound, screening: Screening) -> None:
    """Hand what somebody wrote to whoever reads it: a student's, an adult's, a stranger's."""
    if inbound.kind in (InboundKind.BLOCKED, InboundKind.UNBLOCKED):
        return _moved(draft, inbound)
    if inbound.kind is InboundKind.DELETED:
        return _took_back(draft, inbound)
    person = log(draft, inbound)
    # Words without spaces may look like a code: whatever screening finds in is read as words.
    is_code = inbound.kind is InboundKind.TEXT and not screening.findings
    code = read_join_code(inbound.text) if is_code else None
    if code is not None:
        joining.join(draft, person, inbound, code)
    elif person is None:
        _read_stranger(draft, inbound, screening)
    elif person.role.adult:
        # An adult who mends a code means the code.
        is_edit = inbound.kind is InboundKind.EDIT
        adults.read(draft, person, replace(inbound, kind=InboundKind.TEXT) if is_edit else inbound)
    else:
        students.read(draft, person, inbound, screening)


def _read_stranger(draft: Draft, inbound: Inbound, screening: Screening) -> None:
    """Staff see what nobody on the roster wrote. It is answered with fixed words, at most every ten minutes."""
    draft.review(ReviewKind.STRANGER, "Written by nobody on the roster", None)
    screening = draft.seen(screening)
    command = read_command(inbound.text) if inbound.kind is InboundKind.TEXT else None
    asks = command is not None and command.name in ("adult", "tell")  # Slack offers it on the Home tab to everybody
    verdict = rules.judge(screening.findings, (asked_for_adult(draft),) if asks else ())
    if verdict.case is not None:
        open_about_nobody(draft, replace(verdict.case, reason=_stranger_reason(draft, verdict.case)))
    where = inbound.address
    bucket = int(draft.now.timestamp() // students.QUIET.total_seconds())
    key = f"stranger:{where.platform}:{where.account}:{where.chat}:{bucket}"
    text = draft.program.text(joining.language_of(draft, inbound), "stranger")
    draft.write(None, text, key=key, address=where)


def log(draft: Draft, inbound: Inbound) -> Person | None:
    """Put a message into the log, with who wrote it."""
    sender = draft.sender_at(inbound.address)
    person = sender.person if sender is not None else None
    draft.received = Received(
        id=draft.new_id(),
        address=inbound.address,
        kind=inbound.kind,
        at=draft.now,
        text=inbound.text,
        person_id=person.id if person is not None else None,
        provider_id=inbound.provider_id,
    )
    if sender is not None and sender.was_lost:
        draft.reachable.append(inbound.address)
    return person


def _moved(draft: Draft, inbound: Inbound) -> None:
    """Somebody blocked us, or takes messages again. That is no message of theirs."""
    sender = draft.sender_at(inbound.address)
    if sender is None:
        return
    person, platform = sender.person, inbound.address.platform
    if inbound.kind is InboundKind.UNBLOCKED:
        draft.reachable.append(inbound.address)
        draft.note(person.name, "unblocked the bot", person_id=person.id, detail=platform)
    elif not sender.was_lost:
        draft.unreachable.append(inbound.address)
        draft.review(ReviewKind.UNREACHABLE, f"Blocked the bot on {platform}", person)
        draft.note(person.name, "blocked the bot", person_id=person.id, detail=platform)


def _took_back(draft: Draft, inbound: Inbound) -> None:
    """A student deleted what they had written: it stays as it was, and whoever reads it sees that it was taken back."""
    sender = draft.sender_at(inbound.address)
    if sender is None or sender.person.role.adult:
        return
    person = sender.person
    first = conversations.received_as(draft.past(person), person.id, inbound.address, inbound.provider_id)
    if first is None:
        return
    log(draft, inbound)
    if draft.received is not None:
        draft.received = replace(draft.received, replaces=first)
    draft.review(ReviewKind.UNSOLICITED, "Deleted what they had written; our copy stays", person)


def quarantine(draft: Draft, inbound: Inbound | None) -> None:
    """An event that cannot be handled is a case: nobody knows what it said (decisions.md 8)."""
    person = log(draft, inbound) if inbound is not None else None
    reason = draft.staff_text("reason_failure" if person else "reason_unknown_sender")
    draft.review(ReviewKind.QUARANTINED, reason, person)
    open_failure(draft, person, reason)


def open_failure(draft: Draft, person: Person | None, reason: str) -> None:
    """A fault of ours becomes a case: about the person whom it concerns, if it concerns one."""
    signal = rules.failure(reason)
    case = rules.Case(signal.tier, signal.category, signal.label)
    if person is None:
        open_about_nobody(draft, case)
    else:
        cases.open_or_join(draft, person, case)


def open_about_nobody(draft: Draft, case: rules.Case) -> None:
    """A case about somebody we do not know stands in the safety contact's name, so that it climbs all the same."""
    contact = people.by_key(draft.connection, draft.program.safety_contact)
    if contact is None:  # the roster lost them: any adult, never nobody
        contact = next(iter(people.adults(draft.connection, also_left=True)), None)
    if contact is not None:
        cases.open_or_join(draft, contact, case)


def _stranger_reason(draft: Draft, case: rules.Case) -> str:
    return f"{draft.staff_text('reason_stranger')}: {case.reason}"
