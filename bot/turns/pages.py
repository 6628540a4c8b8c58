"""Messages of the ladder: what an adult reads about a case, at which address, with which buttons and code."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bot.domain import (
    ABUSE,
    OUTSIDE,
    SMS,
    ActionKind,
    Address,
    Choice,
    Escalation,
    EscalationStatus,
    MessageKind,
    Page,
    PageKind,
    Person,
    PersonStatus,
    Priority,
    Tier,
)
from bot.turns.draft import Draft, initials
from storage import escalations, hold, people

_TO_TAKE = ("alert", "drill_alert", "alert_again", "alert_reopened", "alert_with")


def send(
    draft: Draft,
    escalation: Escalation,
    pages: Iterable[Page],
    key: str = "alert",
    also: Sequence[Escalation] = (),
) -> bool:
    """Make messages of the ladder's wishes; False if all of those whom it wanted to wake have left the program.

    `key`: the text of an alert; `also`: other cases of the student that the same message tells of.
    """
    student = people.load(draft.connection, escalation.person_id)
    waking = reached = False
    for page in pages:
        adult = people.load(draft.connection, page.person_id)
        stays = adult is not None and adult.status is not PersonStatus.STOPPED
        if stays and adult is not None and student is not None:
            send_one(draft, escalation, page, adult, student, key, also)
        waking = waking or page.kind is not PageKind.TAKEN
        reached = reached or (stays and page.kind is not PageKind.TAKEN)
    return reached or not waking


def send_one(
    draft: Draft,
    escalation: Escalation,
    page: Page,
    adult: Person,
    student: Person,
    key: str,
    also: Sequence[Escalation] = (),
    *,
    everywhere: bool = False,
) -> None:
    """Make a message of one wish, at each address that it goes to."""
    code, key = code_for(draft, escalation, adult), _key(draft, escalation, page, key)
    values = {
        "tier": draft.text(adult, f"tier_{escalation.tier}"),
        "initials": initials(student),
        "program": draft.program.school,
        "reason": escalation.reason,
        "code": code,
        "link": link_to(draft, escalation),
        "minutes": str(_minutes(draft, escalation, page)),
        "adult": escalation.closed_by or escalation.acknowledged_by,
    }
    first = adult.addresses[:1] or (None,)
    if page.kind is PageKind.TAKEN:
        text = _words(draft, adult, first[0], key, escalation, values)
        draft.write(adult, text, kind=MessageKind.STAFF, escalation_id=escalation.id)
        return
    # Crisis goes to every address of an adult, one row each; the rest to the first that works (decisions.md 5).
    everywhere = everywhere or escalation.tier is Tier.CRISIS
    also = also if page.kind is PageKind.ALERT else ()
    choices = (
        *buttons(draft, adult, escalation, code, still=page.kind is PageKind.STILL),
        *(_take(draft, adult, other) for other in also),
    )
    for address in (adult.addresses if everywhere else first) or first:
        where = f"{address.platform}/{address.account}/{address.chat}" if address else f"nowhere/{adult.id}"
        draft.write(
            adult,
            "\n".join((_words(draft, adult, address, key, escalation, values), *_more(draft, adult, address, also))),
            kind=MessageKind.ALERT,
            priority=Priority.ALERT,
            choices=choices,
            key=f"{page.kind}:{escalation.id}:{page.rung}:{page.round}:{where}",
            address=address,
            escalation_id=escalation.id,
            rung=page.rung,
            round=page.round,
        )


def _key(draft: Draft, escalation: Escalation, page: Page, key: str) -> str:
    """The text of one wish, where `key` is the one of an alert."""
    if page.kind is PageKind.STILL:
        return "still_with_it"
    if page.kind is PageKind.TAKEN:
        return "closed_by_other" if escalation.status is EscalationStatus.CLOSED else "taken_by_other"
    if escalation.drill:
        return "drill_alert"
    return "alert_again" if key == "alert" and _minutes(draft, escalation, page) > 0 else key


def _words(
    draft: Draft, adult: Person, address: Address | None, key: str, escalation: Escalation, values: Mapping[str, str]
) -> str:
    lines = [draft.text(adult, "restored")] if hold.happened_since(draft.connection, escalation.opened_at) else []
    inside = address is None or address.platform not in OUTSIDE
    if key == "still_with_it" and escalation.plan and inside:
        lines.append(draft.text(adult, "still_planned", plan=draft.text(adult, f"plan_{escalation.plan}")))
    lines.append(draft.adult_text(adult, address, key, **values))
    if escalation.category == ABUSE and inside and key in _TO_TAKE:
        # Time runs, and the duty to report is theirs: Nearpeer reports to nobody.
        hotline = draft.program.report.hotline
        lines.append(draft.text(adult, "abuse_duty", hours=hours(draft, escalation), hotline=hotline).strip())
    if address is not None and address.platform == SMS and key in _TO_TAKE:
        lines.append(draft.text(adult, "reply_to_take", **values))
    return "\n".join(lines)


def hours(draft: Draft, escalation: Escalation) -> str:
    """Whole hours since it was disclosed."""
    return str(int((draft.now - escalation.opened_at).total_seconds() // 3600))


def _more(draft: Draft, adult: Person, address: Address | None, also: Iterable[Escalation]) -> Iterable[str]:
    """A line for each of the student's other cases."""
    for other in also:
        tier, code = draft.text(adult, f"tier_{other.tier}"), code_for(draft, other, adult)
        yield draft.adult_text(adult, address, "alert_also", tier=tier, reason=other.reason, code=code)


def _take(draft: Draft, adult: Person, other: Escalation) -> Choice:
    label = draft.text(adult, "label_take", code=code_for(draft, other, adult))
    return Choice(label, "", f"{ActionKind.TAKE}:{other.id}")


def _minutes(draft: Draft, escalation: Escalation, page: Page) -> int:
    if page.kind is PageKind.STILL:
        return int(escalation.ladder.grace.total_seconds() // 60)
    return int((draft.now - escalation.opened_at).total_seconds() // 60)


def code_for(draft: Draft, escalation: Escalation, adult: Person) -> str:
    """The adult's code for this case, made at the first alert."""
    made = [one.code for one in draft.codes if (one.escalation_id, one.person_id) == (escalation.id, adult.id)]
    known = escalations.code_of(draft.connection, escalation.id, adult.id)
    return made[0] if made else known or draft.new_code(escalation.id, adult.id)


def buttons(
    draft: Draft, adult: Person, escalation: Escalation, code: str, *, still: bool = False
) -> tuple[Choice, ...]:
    """What an adult can do with a case; each label carries the code, so that it works typed as well."""
    if escalation.drill:
        return (Choice(draft.text(adult, "label_drill", code=code), "", ActionKind.TAKE),)
    keys = [("label_pass", ActionKind.PASS_ON), ("label_help", ActionKind.NEED_HELP)]
    if escalation.acknowledged_person_id == adult.id:
        keys.insert(0, ("label_close", ActionKind.CLOSE))
        if still:
            keys.insert(0, ("label_still", ActionKind.TAKE))
    else:
        keys.insert(0, ("label_take", ActionKind.TAKE))
    return tuple(Choice(draft.text(adult, key, code=code), "", action) for key, action in keys)


def link_to(draft: Draft, escalation: Escalation) -> str:
    """Where staff read the case after signing in."""
    return f"{draft.program.base_url}/staff/escalations/{escalation.id}"
