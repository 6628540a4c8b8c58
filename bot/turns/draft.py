"""A turn while it is being written: texts are rendered, messages get address, tokens and keys. Nothing is stored here.

What a person is told goes through `Draft.write`; there is no other way to a message.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from bot.domain import (
    OUTSIDE,
    Address,
    Answer,
    AuditEntry,
    Binding,
    Choice,
    Code,
    Conversation,
    Due,
    Escalation,
    Finding,
    InboundKind,
    Message,
    MessageKind,
    Person,
    Priority,
    Received,
    ReviewItem,
    ReviewKind,
    Signal,
    Tier,
    Turn,
)
from bot.errors import Declined, Refused
from bot.flows.commands import CODE_ALPHABET
from bot.program import Program
from bot.safety.changes import heeded
from bot.safety.explanation import explanation
from bot.safety.screen import Screening
from storage.batch import Batch
from storage.conversations import Sent, sent, waiting
from storage.senders import Sender, sender


@dataclass
class Draft:
    """Collects what one event causes. `cause` names the event; messages of a repeated event get the same keys."""

    batch: Batch
    program: Program
    now: datetime
    new_id: Callable[[], int]
    cause: str
    conversations: list[Conversation] = field(default_factory=list)
    received: Received | None = None
    messages: list[Message] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    signals: list[Signal] = field(default_factory=list)
    findings: tuple[Finding, ...] = ()
    explanation: Mapping[str, Any] | None = None
    escalations: list[Escalation] = field(default_factory=list)
    codes: list[Code] = field(default_factory=list)
    items: list[ReviewItem] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    unreachable: list[Address] = field(default_factory=list)
    reachable: list[Address] = field(default_factory=list)
    bindings: list[Binding] = field(default_factory=list)
    unlinked: list[Address] = field(default_factory=list)
    occurrence_done: tuple[int, str] | None = None
    occurrence_held: tuple[int, datetime] | None = None
    cancel_prompts_of: list[int] = field(default_factory=list)
    cancel_alerts_of: list[int] = field(default_factory=list)
    paused_matches: list[int] = field(default_factory=list)
    resumed_matches: list[int] = field(default_factory=list)
    reviewed_answers: tuple[int, ...] = ()
    reviewed_items: tuple[int, ...] = ()
    reviewed_by: str = ""
    audit: list[AuditEntry] = field(default_factory=list)
    hold_ended: str = ""
    sender: Sender | None = None
    """Who wrote, where the event is a message."""

    @property
    def connection(self) -> Connection:
        """To read: everything that earlier turns of the same transaction caused is to be seen."""
        return self.batch.connection

    @property
    def is_from_stranger(self) -> bool:
        """Whether the turn is about what somebody wrote whom the roster does not know."""
        return self.received is not None and self.received.person_id is None

    def sender_at(self, address: Address) -> Sender | None:
        """Who writes from an address; their rows are this turn's to read from now on."""
        batch = self.batch
        self.sender = sender(batch.past, address)
        if self.sender is not None and self.sender.person.id in batch.touched:
            # An earlier turn of the same batch was about them.
            self.sender = sender(batch.connection, address)
        return self.sender

    def past(self, person: Person) -> Connection:
        """To read rows of this person alone: cheaper where it is the sender, of whom nothing is left to be written."""
        return self.batch.past if self.sender is not None and self.sender.person.id == person.id else self.connection

    def waiting(self, person: Person) -> str | None:
        """The state of the conversation that waited for this person's answer before the turn."""
        if self.sender is not None and self.sender.person.id == person.id:
            return self.sender.waiting
        return waiting(self.connection, person.id)

    def text(self, person: Person, key: str, **values: str) -> str:
        """One of the house's own texts in the person's language."""
        return self.program.text(person.language, key, **values)

    def adult_text(self, reader: Person, at: Address | None, key: str, **values: str) -> str:
        """What an adult reads at an address: where others may read along, the words that tell nothing of a student."""
        if at is not None and at.platform in OUTSIDE:
            texts = self.program.texts[self.program.languages[0]]
            key = f"{key}_outside" if f"{key}_outside" in texts else key
        return self.text(reader, key, **values)

    def staff_text(self, key: str) -> str:
        """One of the house's own texts in the program's first language, for the record."""
        return self.program.texts[self.program.languages[0]][key]

    def local_now(self, person: Person) -> datetime:
        """Now on the person's wall: the engine reads "tomorrow" by it."""
        return self.now.astimezone(self.program.zone_of(person))

    def pressed(self, person: Person, token: str) -> tuple[Choice, Sent] | None:
        """The choice that a button's token names and its message, if we sent it to this very person.

        The log then holds our own label, whatever the platform said that the button was called.
        """
        id_, _, number = token.partition(".")
        try:
            # A button of this very batch has not been sent yet.
            message = sent(self.batch.past, int(id_, 16))
            if message is None or message.person_id != person.id:
                return None
            choice = message.choices[int(number)]
        except (ValueError, IndexError, OverflowError):
            return None
        if self.received is not None:
            self.received = replace(self.received, text=choice.label)
        return choice, message

    def belongs_to(self, conversation: Conversation, *, ours: bool = False) -> None:
        """Note in the log which conversation and question the message at hand belongs to; `ours`: in our own words."""
        received = self.received
        if received is not None:
            kind = InboundKind.OURS if ours and received.kind is InboundKind.TEXT else received.kind
            self.received = replace(received, conversation_id=conversation.id, step=conversation.step, kind=kind)

    def refusal(self, refused: Refused, reader: Person | None = None) -> str:
        """Why it is refused, in the words of whoever asked; without a `reader` for the record and the staff pages."""
        if not isinstance(refused, Declined):
            return str(refused)
        language = reader.language if reader is not None else self.program.languages[0]
        return self.program.text(language, refused.key, **refused.values)

    def write(
        self,
        person: Person | None,
        text: str,
        *,
        kind: MessageKind = MessageKind.REPLY,
        priority: Priority = Priority.REPLY,
        choices: Sequence[Choice] = (),
        key: str = "",
        address: Address | None = None,
        first: bool = False,
        **more: Any,
    ) -> Message:
        """Add a message to a person, at `address` or the first one they can be reached at; or to a stranger's address.

        `key`: what makes a repeat of it recognizable beyond this event; `more`: fields of domain.Message.
        """
        id_ = self.new_id()
        message = Message(
            id=id_,
            person_id=person.id if person is not None else None,
            kind=kind,
            priority=priority,
            text=text,
            dedupe_key=key or f"{self.cause}:{len(self.messages)}",
            address=address or (person.addresses[0] if person is not None and person.addresses else None),
            choices=tuple(Choice(one.label, f"{id_:x}.{number}", one.value) for number, one in enumerate(choices)),
            **more,
        )
        self.messages.insert(0, message) if first else self.messages.append(message)
        return message

    def say(self, person: Person, key: str, choices: Sequence[Choice] = (), **values: str) -> Message:
        """Reply to a person with one of the house's own texts."""
        return self.write(person, self.text(person, key, **values), choices=choices)

    def take(self, person: Person, turn: Turn) -> None:
        """Take over what the engine wants: its conversation, answers, signals, and its messages with an address."""
        self.conversations.extend(turn.conversations)
        self.answers.extend(turn.answers)
        self.signals.extend(turn.signals)
        for message in turn.messages:
            self.write(
                person,
                message.text,
                kind=message.kind,
                priority=message.priority,
                choices=message.choices,
                step=message.step,
                conversation_id=message.conversation_id,
                expires_at=message.expires_at,
            )

    def seen(self, screening: Screening) -> Screening:
        """Keep what screening saw in the message at hand, and why; gives what counts of it.

        A crisis in which a muted rule believes is no case, and staff see it all the same.
        """
        if screening.findings and self.program.mutes:
            today = self.now.astimezone(self.program.zone).date()
            screening, muted = heeded(screening, self.program.mutes, today)
            for finding in muted:
                if finding.tier is Tier.CRISIS:
                    self.signals.append(Signal(Tier.NOTICE, finding.category, f"{finding.label} (a muted rule)"))
        self.findings = (*self.findings, *screening.findings)
        if screening.findings or screening.unscreened or screening.not_counted:
            self.explanation = explanation(screening)
        return screening

    def note(self, actor: str, action: str, escalation: Escalation | None = None, **more: Any) -> None:
        """Add to the record of who did what."""
        self.audit.append(
            AuditEntry(
                actor=actor,
                action=action,
                at=self.now,
                escalation_id=escalation.id if escalation else more.pop("escalation_id", None),
                person_id=escalation.person_id if escalation else more.pop("person_id", None),
                detail=more.pop("detail", ""),
            )
        )

    def review(self, kind: ReviewKind, reason: str, person: Person | None) -> None:
        """Add something for staff to look at."""
        message_id = self.received.id if self.received else None
        self.items.append(ReviewItem(self.new_id(), kind, reason, self.now, person.id if person else None, message_id))

    def new_code(self, escalation_id: int, person_id: int) -> str:
        """A fresh acknowledgement code for one person and one case."""
        code = ""
        # With a digit in it no word that somebody types is taken for a code.
        while not any(sign.isdigit() for sign in code):
            code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(4))
        self.codes.append(Code(code, escalation_id, person_id))
        return code

    def turn(self) -> Turn:
        """The turn, ready to be saved."""
        return Turn(
            conversations=tuple(self.conversations),
            received=self.received,
            messages=tuple(self.messages),
            answers=tuple(self.answers),
            signals=tuple(self.signals),
            findings=self.findings,
            explanation=self.explanation,
            escalations=tuple(self.escalations),
            codes=tuple(self.codes),
            items=tuple(self.items),
            people=tuple(self.people),
            unreachable=tuple(self.unreachable),
            reachable=tuple(self.reachable),
            bindings=tuple(self.bindings),
            unlinked=tuple(self.unlinked),
            occurrence_done=self.occurrence_done,
            occurrence_held=self.occurrence_held,
            cancel_prompts_of=tuple(self.cancel_prompts_of),
            cancel_alerts_of=tuple(self.cancel_alerts_of),
            paused_matches=tuple(self.paused_matches),
            resumed_matches=tuple(self.resumed_matches),
            reviewed_answers=self.reviewed_answers,
            reviewed_items=self.reviewed_items,
            reviewed_by=self.reviewed_by,
            audit=tuple(self.audit),
            hold_ended=self.hold_ended,
        )


def due_cause(due: Due) -> str:
    """The cause of what a due time brings: the same, whoever acts on it."""
    return f"{due.kind}:{due.id}:{int(due.at.timestamp() * 1000)}"


def initials(person: Person) -> str:
    """How an alert names a student: a notification on a locked screen must not tell more (mission.md L23)."""
    return "".join(f"{word[0]}." for word in person.name.split()[:2])
