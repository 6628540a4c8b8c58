"""The nouns of Nearpeer: frozen dataclasses that rooms hand each other. Standard library only, no behavior.

Texts that people wrote are left out of every `repr` (law 5). Moments are aware datetimes in UTC unless named local.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import IntEnum, StrEnum
from typing import Any

from bot.making import quickly_made


class Role(StrEnum):
    MENTEE = "mentee"
    MENTOR = "mentor"
    ADVISOR = "advisor"
    COORDINATOR = "coordinator"

    @property
    def adult(self) -> bool:
        return self in (Role.ADVISOR, Role.COORDINATOR)


STUDENTS = tuple(role for role in Role if not role.adult)
ADULTS = tuple(role for role in Role if role.adult)


class Tier(StrEnum):
    """How urgent. The first three climb a ladder; notice and unscreened become review items."""

    CRISIS = "crisis"
    URGENT = "urgent"
    CONCERN = "concern"
    NOTICE = "notice"
    UNSCREENED = "unscreened"

    @property
    def climbs(self) -> bool:
        return self in (Tier.CRISIS, Tier.URGENT, Tier.CONCERN)

    @property
    def rank(self) -> int:
        """0 is the most urgent."""
        return list(Tier).index(self)


class Priority(IntEnum):
    """Order in the outbox. Alerts and crisis cards share 0: they wait for nothing."""

    ALERT = 0
    REPLY = 1
    REMINDER = 2
    CHECK_IN = 3
    DIGEST = 4


EMAIL, SMS, WEBHOOK = "email", "sms", "webhook"
OUTSIDE = frozenset((EMAIL, SMS, WEBHOOK))
"""Platforms that reach adults where others may read along, or keep it: there no message tells of a student."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a person can be reached: a chat of an account (bot, workspace, site) of a platform."""

    platform: str
    account: str
    chat: str


class PersonStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    STOPPED = "stopped"


@quickly_made
@dataclass(frozen=True, slots=True)
class Person:
    id: int
    key: str
    name: str
    role: Role
    language: str
    zone: str
    status: PersonStatus = PersonStatus.ACTIVE
    paused_until: datetime | None = None
    addresses: tuple[Address, ...] = ()
    """In order of use. A student has one; an adult may have several."""
    email: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)

    @property
    def first_name(self) -> str:
        """How a text calls the person: a title stays with its name ("Ms. Rivera"), else the first word."""
        words = self.name.split()
        return self.name if words and words[0].endswith(".") else (words[0] if words else self.name)


@quickly_made
@dataclass(frozen=True, slots=True)
class Match:
    """Mentors and mentees joined for a time, with the adult who looks after them."""

    id: int
    mentees: tuple[int, ...]
    mentors: tuple[int, ...]
    advisor: int | None
    meets: str = ""
    """When they meet, as the roster says it: `Wed 15:00 45m`."""
    paused: bool = False
    """A mentee told of their mentor: nobody is reminded of meeting until an adult lets it go on."""


# --- what comes in -------------------------------------------------------------------------------------------------


@quickly_made
@dataclass(frozen=True, slots=True)
class Raw:
    """What a platform handed us, not yet understood. `body` is JSON-able; `event_id` is the platform's own."""

    platform: str
    account: str
    event_id: str
    body: Mapping[str, Any] = field(repr=False)
    chat: str = ""
    """The platform's chat, where it can be told before the body is understood: one chat's events keep their order."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to be the only one who does something, until it is lost. The token fences off whoever comes late."""

    name: str
    token: int


class InboundKind(StrEnum):
    TEXT = "text"
    BUTTON = "button"
    MEDIA = "media"
    """Photo, voice, sticker ...: not downloaded, never nothing."""
    EDIT = "edit"
    """What they wrote before now says this."""
    DELETED = "deleted"
    """They took back what they wrote before; our copy stays."""
    OURS = "ours"
    """In the log: a text that is one of our own words, such as a label, a number or a command."""
    BLOCKED = "blocked"
    """They take nothing from us any more; they wrote nothing."""
    UNBLOCKED = "unblocked"


@quickly_made
@dataclass(frozen=True, slots=True)
class Inbound:
    """A person wrote, or pressed a button. For a button `token` is the choice's and `text` its label, if known."""

    address: Address
    event_id: str
    kind: InboundKind
    text: str = field(default="", repr=False)
    token: str = ""
    reply_to: int | None = None
    """Our message that it replies to, by our own id."""
    sent_at: datetime | None = None
    provider_id: str = ""
    """The platform's name of the message; an edit has the name of what it changes."""
    replies_to: str = ""
    """Our message that it replies to, by the name that the platform gave it."""
    media: str = ""
    """What kind of thing it is that is not text, in one word."""
    language: str = ""
    """In which language the writer's own device speaks, as the platform tells it."""


class DueKind(StrEnum):
    OCCURRENCE = "occurrence"
    CONVERSATION = "conversation"
    ESCALATION = "escalation"
    PAUSE = "pause"
    NEWS = "news"
    REPORT = "report"
    SILENCE = "silence"
    """A student has not been heard of for long."""
    FOLLOW_UP = "follow-up"
    """A case was closed a day ago: the student is asked whether someone talked with them."""
    LOST_WORDS = "lost-words"
    """What a person wrote since then may be lost."""
    LOST_PRESS = "lost-press"
    """The buttons that a person pressed since then did nothing."""


@quickly_made
@dataclass(frozen=True, slots=True)
class Due:
    """A due time has come. Whoever handles it looks at the row again: what no longer holds recognizes itself."""

    kind: DueKind
    id: int
    at: datetime


class News(StrEnum):
    FAILED = "failed"
    """The message will never reach this address."""
    LATE = "late"
    """An alert has waited for minutes to leave for this address, whatever keeps it."""


@dataclass(frozen=True, slots=True)
class DeliveryNews:
    """What delivery learned about a message and somebody must act on."""

    message_id: int
    news: News
    code: str = ""


class ActionKind(StrEnum):
    TAKE = "take"
    PASS_ON = "pass-on"  # noqa: S105  (no password)
    NEED_HELP = "need-help"
    PLAN = "plan"
    CLOSE = "close"
    REOPEN = "reopen"
    REVIEW_ANSWER = "review-answer"
    REVIEW_ITEM = "review-item"
    RESUME = "resume"
    """Scheduled prompts and the suspended conversation of a person go on."""
    RELEASE = "release"
    """A restored school goes on; what was held is sent if it is still wanted."""
    DROP_HELD = "drop-held"
    """A restored school goes on; what was held is dropped."""
    DRILL = "drill"
    """Adults practice: nobody is in danger."""
    UNLINK = "unlink"
    """A chat that was linked is not its person's: nothing goes there any more. Named by its review item."""


@dataclass(frozen=True, slots=True)
class StaffAction:
    """Staff acted, on a page or the command line. `object_id`: escalation, answer, item or person, as `kind` says."""

    kind: ActionKind
    actor: str
    """A name for the record: "Ms. Rivera (console)"."""
    object_id: int
    actor_person_id: int | None = None
    outcome: str = ""
    note: str = field(default="", repr=False)
    plan: str = ""
    """A Plan, when a case is taken or planned."""


Event = Inbound | Due | DeliveryNews | StaffAction

# --- what goes out -------------------------------------------------------------------------------------------------


@quickly_made
@dataclass(frozen=True, slots=True)
class Choice:
    """A button. `token` is short, opaque and bound to its message; a person may type the label instead."""

    label: str
    token: str
    value: str = ""


class MessageKind(StrEnum):
    QUESTION = "question"
    SAY = "say"
    REPLY = "reply"
    REMINDER = "reminder"
    CARD = "card"
    """The crisis card."""
    ALERT = "alert"
    STAFF = "staff"
    """About a case, to an adult, but waking nobody: who took it, what is still open."""


@quickly_made
@dataclass(frozen=True, slots=True)
class Message:
    """A message on its way into the outbox. `address` None: the turn could reach nobody, staff see it as failed."""

    id: int
    person_id: int | None
    """None: to a chat that belongs to nobody we know."""
    kind: MessageKind
    priority: Priority
    text: str = field(repr=False)
    dedupe_key: str
    address: Address | None = None
    choices: tuple[Choice, ...] = ()
    step: str = ""
    """The question's id in its flow, for a message that asks."""
    conversation_id: int | None = None
    escalation_id: int | None = None
    rung: int | None = None
    round: int | None = None
    not_before: datetime | None = None
    expires_at: datetime | None = None
    replaces: int | None = None
    """Our message in whose place it stands, where the platform can do that; elsewhere it is not sent."""


@quickly_made
@dataclass(frozen=True, slots=True)
class Outbound:
    """A claimed message, as an adapter gets it."""

    id: int
    address: Address
    kind: MessageKind
    priority: Priority
    text: str = field(repr=False)
    choices: tuple[Choice, ...] = ()
    replaces: str = ""
    """The name that the platform gave our message in whose place this one stands from now on."""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A platform took a message. `shown`: an open screen confirmed that it shows it."""

    provider_id: str = ""
    shown: bool = False


# --- conversations -------------------------------------------------------------------------------------------------


class ConversationStatus(StrEnum):
    WAITING = "waiting"
    """For an answer to `step`. One per person."""
    QUEUED = "queued"
    """Behind the waiting one."""
    SUSPENDED = "suspended"
    """Until an adult resumes it."""
    DONE = "done"
    LAPSED = "lapsed"
    STOPPED = "stopped"

    @property
    def ended(self) -> bool:
        return self in (ConversationStatus.DONE, ConversationStatus.LAPSED, ConversationStatus.STOPPED)


@quickly_made
@dataclass(frozen=True, slots=True)
class Conversation:
    """One person's walk through a flow, complete enough to go on from it alone (it is stored as JSON between turns)."""

    id: int
    person_id: int
    flow: str
    flow_hash: str
    language: str
    status: ConversationStatus
    started_at: datetime
    step: str = ""
    """The question that waits for an answer."""
    tries: int = 0
    """How often the waiting question was answered unreadably."""
    answers: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Values by step id; branches look at them. A skipped question has None."""
    seen: tuple[str, ...] = ()
    """Flows that this person finished before: `seen before` conditions look at them."""
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Placeholders: declared names only."""
    due_at: datetime | None = None
    """When to nudge or lapse."""
    lapses_at: datetime | None = None
    nudged: bool = False
    match_id: int | None = None
    occurrence_id: int | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class Reply:
    """What a person gave to a waiting question: a pressed choice's value, or a text."""

    text: str = field(default="", repr=False)
    choice: str | None = field(default=None, repr=False)
    media: bool = False


class AnswerKind(StrEnum):
    ANSWER = "answer"
    SKIPPED = "skipped"
    UNREAD = "unread"
    """Not understood twice; kept for staff."""
    LATE = "late"
    """To a question that was no longer open."""


@quickly_made
@dataclass(frozen=True, slots=True)
class Answer:
    conversation_id: int
    person_id: int
    flow: str
    flow_hash: str
    step: str
    kind: AnswerKind
    at: datetime
    topic: str = ""
    sensitivity: str = "none"
    value: Any = field(default=None, repr=False)
    text: str = field(default="", repr=False)
    id: int = 0
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class Signal:
    """Something other than a text asks for an adult: an answer's mark, /adult, a failure to judge."""

    tier: Tier
    category: str
    label: str
    """For staff: why, in plain words, without the person's own."""
    step: str = ""
    about_adult: int | None = None
    """The adult of the program whom it is about: they must not be told. `SOME_ADULT`: one who was not named."""
    everyone: bool = False
    """All adults of the ladder are told at once: somebody is with the student now and waits."""


SOME_ADULT = 0
"""No person's id: an adult of the program, nobody said which."""


# --- safety --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Finding:
    """What screening saw in a text: the rule, its version, and where in the original text."""

    tier: Tier
    category: str
    rule: str
    pack: str
    label: str
    start: int
    end: int
    about: str = "self"
    modifiers: tuple[str, ...] = ()
    message_id: int | None = None
    """The earlier message in which this part of a split sentence stands; None: the one at hand."""


class EscalationStatus(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    CLOSED = "closed"


class Outcome(StrEnum):
    """What came of a case."""

    SPOKE = "spoke-with-student"
    PARENT = "parent-contacted"
    REPORTED = "report-made"
    HANDED_ON = "handed-to-counselor"
    NOT_REPORTABLE = "not-reportable"
    """Of possible abuse alone: it was one, and there is nothing that the law wants reported."""
    FALSE_ALARM = "not-a-concern"
    DRILL = "drill"
    """Of drills, and of nothing else."""

    def fits(self, category: str) -> bool:
        """Whether a real case of this category may close with it: possible abuse with a report or why there is none."""
        if category == ABUSE:
            return self in (Outcome.REPORTED, Outcome.NOT_REPORTABLE, Outcome.FALSE_ALARM)
        return self not in (Outcome.NOT_REPORTABLE, Outcome.DRILL)


class Plan(StrEnum):
    """What whoever has a case means to do next, beside the acknowledgement, which is complete without it."""

    NOW = "now"
    TODAY = "today"
    NEXT_DAY = "next-day"
    HOME = "home-first"
    """The student never reads of it."""

    def fits(self, tier: Tier) -> bool:
        """Whether a case of this tier can have it: a crisis does not wait for the next school day."""
        return not (tier is Tier.CRISIS and self is Plan.NEXT_DAY)


ABUSE = "abuse"
"""The category of cases in which a report may be due, by an adult and within hours."""


@dataclass(frozen=True, slots=True)
class SchoolHours:
    """When adults are at school: what is no danger waits for it. Local times in `zone`; day 0 is Monday."""

    zone: str
    days: tuple[int, ...] = (0, 1, 2, 3, 4)
    opens: time = time(8)
    closes: time = time(16)
    closed: tuple[date, ...] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """People told together, and how long until the next rung is told."""

    people: tuple[int, ...]
    wait: timedelta


@dataclass(frozen=True, slots=True)
class Ladder:
    """Who is told, in which order, for one tier; copied into the escalation, so that no edit changes a running case."""

    rungs: tuple[Rung, ...]
    repeat: timedelta
    """The last rung is told again every so often, for ever."""
    hold: timedelta
    """How long an acknowledgement lasts before the adult is asked again."""
    grace: timedelta = timedelta(minutes=10)
    """Silence after that question re-opens the case."""
    hours: SchoolHours | None = None
    """Adults are told within these only, and again on school mornings; None: at any time."""


@dataclass(frozen=True, slots=True)
class Escalation:
    """A case that an adult must look at. While it is not closed, `next_action_at` is set: there is no silent end."""

    id: int
    person_id: int
    tier: Tier
    category: str
    reason: str
    """Plain words for staff, without the student's own."""
    status: EscalationStatus
    opened_at: datetime
    ladder: Ladder
    next_action_at: datetime | None
    rung: int = 0
    round: int = 0
    """Rises at each repeat or re-opening, so that no alert is taken for an older one."""
    acknowledged_by: str = ""
    acknowledged_person_id: int | None = None
    acknowledged_at: datetime | None = None
    asked_at: datetime | None = None
    """When "Still with it?" was asked; None while the acknowledgement is fresh."""
    plan: str = ""
    """The Plan of whoever has it, or empty; gone with the hold."""
    outcome: str = ""
    note: str = field(default="", repr=False)
    closed_by: str = ""
    closed_at: datetime | None = None
    message_id: int | None = None
    """The inbound message that opened it."""
    left_out: tuple[int, ...] = ()
    """Adults whom it may be about: they are never told of it and cannot read it."""
    drill: bool = False
    """Nobody is in danger: adults practice."""
    policy: str = ""
    """Content hash of the plan that its ladder was made of."""
    told_at: datetime | None = None
    """When the people of its rung were last told; for who has it, when they were last told of news."""
    news_at: datetime | None = None
    """When whoever has it is told of what came in since they were last told."""
    report_at: datetime | None = None
    """When adults are reminded that a report of abuse is due."""
    follow_up_at: datetime | None = None
    """When the student is asked whether someone talked with them."""
    follow_up: str = ""
    """asked, or what they said: yes, no, private."""


class PageKind(StrEnum):
    ALERT = "alert"
    STILL = "still-with-it"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class Page:
    """The ladder's wish to tell one adult something; turns makes messages of it, one per address."""

    kind: PageKind
    person_id: int
    rung: int
    round: int


# --- time ----------------------------------------------------------------------------------------------------------

Seat = tuple[int, str, int | None]
"""Whom a firing is for: person, slot, and the match where it belongs to one."""


@quickly_made
@dataclass(frozen=True, slots=True)
class Occurrence:
    """One planned firing for one person. (schedule, person, local_date, slot) is unique: it never fires twice."""

    id: int
    schedule: str
    person_id: int
    local_date: date
    slot: str
    local_time: str
    """Nominal local time, HH:MM."""
    due_at: datetime
    expires_at: datetime
    """Later than this it is missed, and listed as such."""
    flow: str = ""
    """The flow to start, or empty for a reminder."""
    match_id: int | None = None
    values: Mapping[str, str] = field(default_factory=dict, repr=False)


@quickly_made
@dataclass(frozen=True, slots=True)
class Firing:
    """One moment of a schedule and everybody for whom it comes then: an occurrence for each of them."""

    schedule: str
    local_date: date
    local_time: str
    """Nominal local time, HH:MM."""
    due_at: datetime
    expires_at: datetime
    flow: str
    seats: Sequence[Seat]


@dataclass(frozen=True, slots=True)
class Alike:
    """People whom planning need not tell apart."""

    role: Role
    zone: str
    status: PersonStatus
    paused_until: datetime | None
    ids: Sequence[int]


class ReviewKind(StrEnum):
    NOTICE = "notice"
    UNSCREENED = "unscreened"
    UNREADABLE = "unreadable"
    UNSOLICITED = "unsolicited"
    MEDIA = "media"
    QUARANTINED = "quarantined"
    STRANGER = "stranger"
    LINKED = "linked"
    """Who joined with a code, and who tried to with somebody else's."""
    UNREACHABLE = "unreachable"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """Something that staff should look at, without a ladder."""

    id: int
    kind: ReviewKind
    reason: str
    at: datetime
    person_id: int | None = None
    message_id: int | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what to what, when. `detail` never holds a person's words."""

    actor: str
    action: str
    at: datetime
    person_id: int | None = None
    escalation_id: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Code:
    """What an adult types to acknowledge: bound to one escalation and one person."""

    code: str
    escalation_id: int
    person_id: int


@quickly_made
@dataclass(frozen=True, slots=True)
class Received:
    """The inbound message as the log keeps it."""

    id: int
    address: Address
    kind: InboundKind
    at: datetime
    text: str = field(repr=False)
    person_id: int | None = None
    conversation_id: int | None = None
    step: str = ""
    provider_id: str = ""
    replaces: int | None = None
    """The message of theirs that this one changes."""


@quickly_made
@dataclass(frozen=True, slots=True)
class Prompt:
    """One person's share of a fan-out: a conversation that begins, and the one message that it begins with."""

    conversation: Conversation
    message_id: int
    address: Address
    text: str = field(repr=False)
    dedupe_key: str
    like: Message
    """The same message to everybody else: everything of it that is not said above."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A code is used up. `address`: the chat that now is its person's first one; None: refused."""

    code_hash: str
    person_id: int
    address: Address | None = None


@quickly_made
@dataclass(frozen=True, slots=True)
class Turn:
    """Everything that one event causes, saved at once. The pure rooms fill in their part, turns joins the parts."""

    conversations: tuple[Conversation, ...] = ()
    received: Received | None = None
    messages: tuple[Message, ...] = ()
    answers: tuple[Answer, ...] = ()
    signals: tuple[Signal, ...] = ()
    """For turns to make escalations of; not saved as such."""
    findings: tuple[Finding, ...] = ()
    explanation: Mapping[str, Any] | None = None
    """Why the received message was judged as it was: bot/safety/explanation.py."""
    escalations: tuple[Escalation, ...] = ()
    codes: tuple[Code, ...] = ()
    items: tuple[ReviewItem, ...] = ()
    people: tuple[Person, ...] = ()
    """Changed status or language."""
    unreachable: tuple[Address, ...] = ()
    """Addresses that take nothing any more, until somebody writes from them."""
    reachable: tuple[Address, ...] = ()
    """Addresses that took nothing any more, and from which somebody has written now."""
    bindings: tuple[Binding, ...] = ()
    unlinked: tuple[Address, ...] = ()
    occurrence_done: tuple[int, str] | None = None
    """(occurrence id, fired | missed | cancelled)."""
    occurrence_held: tuple[int, datetime] | None = None
    """(occurrence id, when it may go out): late, and the hour is unfit."""
    cancel_prompts_of: tuple[int, ...] = ()
    """People whose pending check-ins and reminders are cancelled."""
    paused_matches: tuple[int, ...] = ()
    """Matches whose contact prompts rest until an adult lets them go on."""
    resumed_matches: tuple[int, ...] = ()
    cancel_alerts_of: tuple[int, ...] = ()
    """Escalations whose alerts that are still on their way are cancelled: somebody has taken the case."""
    reviewed_answers: tuple[int, ...] = ()
    reviewed_items: tuple[int, ...] = ()
    reviewed_by: str = ""
    audit: tuple[AuditEntry, ...] = ()
    hold_ended: str = ""
    """After a restore: pending or cancelled, as what was held shall be."""
