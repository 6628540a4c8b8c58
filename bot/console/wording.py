"""How the staff pages say things: moments in the school's zone, tiers, states and outcomes in plain words. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.domain import ABUSE, EscalationStatus, Outcome, Plan, Tier
from storage.review import Case, Told
from storage.written import Mark

OUTCOMES: Mapping[str, str] = {
    Outcome.SPOKE: "I spoke with the student",
    Outcome.PARENT: "A parent or guardian was contacted",
    Outcome.REPORTED: "I made a report (date, agency and reference in the note)",
    Outcome.HANDED_ON: "Handed to a counselor",
    Outcome.NOT_REPORTABLE: "Nothing that must be reported (reason in the note)",
    Outcome.FALSE_ALARM: "Not a concern (reason in the note)",
    Outcome.DRILL: "This was a drill",
}
DRILL = "Drill, nobody is in danger"
PLANS: Mapping[str, str] = {
    Plan.NOW: "Talk with them now",
    Plan.TODAY: "Talk with them today",
    Plan.NEXT_DAY: "Talk with them next school day",
    Plan.HOME: "Call home first",
}
TIERS = {
    Tier.CRISIS: "Crisis",
    Tier.URGENT: "Urgent",
    Tier.CONCERN: "Concern",
    Tier.NOTICE: "Notice",
    Tier.UNSCREENED: "Not screened",
}
ANSWER_KINDS = {"answer": "", "skipped": "Skipped", "unread": "Not understood", "late": "Came late"}
TOLD = {"alert": "alert", "staff": "message", "card": "crisis card"}
SENDING = {
    "pending": "waiting to be sent",
    "sending": "being sent",
    "sent": "delivered",
    "failed": "could not be delivered",
    "cancelled": "no longer needed",
    "held": "waits: a backup was restored",
    "expired": "not sent, its time was over",
}
DONE = {
    "opened": "opened the case",
    "take": "took the case",
    "pass-on": "passed it on",
    "need-help": "asked for help",
    "plan": "said what they plan",
    "close": "closed it",
    "reopen": "opened it again",
    "release": "released what was held",
    "drop-held": "dropped what was held",
    "re-opened": "opened it again",
    "climbed": "told the next adult",
    "nobody reached": "reached nobody",
}
"""What the record's actions say on a page."""
CODES = {
    "no_listener": "no page was open",
    "no_address": "no address is known",
    "blocked": "the chat is blocked",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text; `label` says what screening saw in it, or is empty."""

    text: str = field(repr=False)
    label: str = ""


@dataclass(frozen=True, slots=True)
class When:
    """A moment for people and for machines."""

    iso: str
    text: str


class Moments:
    """Writes moments in the school's zone, seen from now."""

    def __init__(self, zone: ZoneInfo, now: datetime) -> None:
        self._zone, self._now = zone, now

    def when(self, moment: datetime) -> When:
        """`3:04 PM CST` today, else with the day: `Tue, Nov 3, 3:04 PM CST`."""
        local, today = moment.astimezone(self._zone), self._now.astimezone(self._zone).date()
        clock = self.clock(moment).text
        days = (local.date() - today).days
        named = {0: clock, -1: f"yesterday {clock}", 1: f"tomorrow {clock}"}
        return When(local.isoformat(timespec="seconds"), named.get(days, f"{self.day(moment)}, {clock}"))

    def clock(self, moment: datetime) -> When:
        """The time of day alone, for a list under its day."""
        local = moment.astimezone(self._zone)
        return When(local.isoformat(timespec="seconds"), f"{local:%I:%M %p}".lstrip("0") + f" {local.tzname()}")

    def day(self, moment: datetime) -> str:
        """`Tue, Nov 3`, with the year if it is another."""
        local = moment.astimezone(self._zone)
        year = "" if local.year == self._now.astimezone(self._zone).year else f", {local.year}"
        return f"{local:%a}, {local:%b} {local.day}{year}"

    def since(self, moment: datetime) -> str:
        """How long ago, in the largest whole unit: `4 minutes`."""
        return lasting(self._now - moment)


def lasting(span: timedelta) -> str:
    """`less than a minute`, `4 minutes`, `2 hours`, `3 days`."""
    minutes = int(span.total_seconds() // 60)
    if minutes < 1:
        return "less than a minute"
    for size, word in ((1440, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            return counted(minutes // size, word)
    raise AssertionError(minutes)


def counted(number: int, word: str) -> str:
    """`1 student`, `2 students`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def people(names: Sequence[str], last: str = "and") -> str:
    """`Ms. Rivera, Mr. Okafor and Ms. Chen`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {last} {names[-1]}" if names else ""


def pieces(text: str, marks: Sequence[Mark]) -> tuple[Piece, ...]:
    """A text cut where findings begin and end; what overlaps is joined."""
    cut: list[Piece] = []
    at = 0
    for start, end, label in _joined(len(text), marks):
        if start > at:
            cut.append(Piece(text[at:start]))
        cut.append(Piece(text[start:end], label))
        at = end
    if at < len(text):
        cut.append(Piece(text[at:]))
    return tuple(cut)


def _joined(length: int, marks: Sequence[Mark]) -> list[tuple[int, int, str]]:
    spans: list[tuple[int, int, str]] = []
    for mark in sorted(marks, key=lambda one: (one.start, -one.end)):
        start, end = max(0, mark.start), min(length, mark.end)
        if start >= end:
            continue
        if spans and start < spans[-1][1]:
            first, last, label = spans[-1]
            both = label if mark.label in label.split("; ") else f"{label}; {mark.label}"
            spans[-1] = (first, max(last, end), both)
        else:
            spans.append((start, end, mark.label))
    return spans


def standing(case: Case, moments: Moments) -> tuple[str, str]:
    """Who has a case, and what comes next: a headline and a sentence."""
    if case.status is EscalationStatus.CLOSED:
        how = OUTCOMES.get(case.outcome, case.outcome)
        closed = moments.when(case.closed_at).text if case.closed_at else ""
        if case.rests:
            how = f"{how}. Check-ins are on hold until an adult lets them go on, on the student's page"
        return f"Closed by {case.closed_by or 'an adult'}, {closed}", how
    clock = f" Disclosed {moments.since(case.opened_at)} ago." if case.category == ABUSE else ""
    next_at = moments.when(case.next_action_at).text if case.next_action_at else ""
    if case.status is EscalationStatus.ACKNOWLEDGED:
        plan = f"Plan: {PLANS[case.plan].lower()}. " if case.plan in PLANS else ""
        since = f" since {moments.when(case.acknowledged_at).text}" if case.acknowledged_at else ""
        headline = f"{case.acknowledged_by or 'An adult'} has this{since}"
        if case.asked_at:
            return (
                headline,
                f"{plan}Asked whether they are still with it. Without an answer it opens again at {next_at}.{clock}",
            )
        return headline, f"{plan}They will be asked whether they are still with it: {next_at}.{clock}"
    if case.drill:
        return "A drill: nobody is in danger", "Press the button to say that you got it. It ends within an hour."
    headline = f"Nobody has this yet. Waiting for {moments.since(case.opened_at)}"
    if case.undelivered:
        headline = f"UNDELIVERED: no alert has reached anybody. {headline}"
    told = people(case.next_people) or "the next adult"
    if case.rung < 0:
        return headline, f"{told} will be told at {next_at}, when school is open.{clock}"
    return headline, f"If nobody takes it, {told} will be told at {next_at}.{clock}"


def outcomes(case: Case) -> tuple[tuple[str, str], ...]:
    """What a case can be closed with; a drill ends by itself."""
    return tuple((one, OUTCOMES[one]) for one in Outcome if one.fits(case.category))


def plans(case: Case, reader: int | None, name: str) -> tuple[tuple[str, str], ...]:
    """What a reader may plan: with the taking, or once it is theirs, beside what they plan already."""
    theirs = case.acknowledged_person_id == reader and (reader is not None or case.acknowledged_by == name)
    if case.drill or case.status is EscalationStatus.CLOSED:
        return ()
    if case.status is EscalationStatus.ACKNOWLEDGED and not theirs:
        return ()
    return tuple((one, PLANS[one]) for one in Plan if one.fits(case.tier) and one != case.plan)


def told_line(told: Told, moments: Moments) -> str:
    """How far a message got: `alert delivered 3:01 PM CST (web)`."""
    state = f"{TOLD.get(told.kind, told.kind)} {SENDING.get(told.status, told.status)}"
    if told.status == "sent" and told.sent_at:
        state = f"{state} {moments.when(told.sent_at).text}"
    if told.status in ("failed", "pending") and told.error:
        state = f"{state}: {CODES.get(told.error, told.error.replace('_', ' '))}"
    return f"{state} ({told.platform})" if told.platform else state
