"""The first page, its live part, one case, and acting on it. That a student's words are shown is recorded first."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.console import wording
from bot.console.desk import VIEWED, Desk, from_htmx, path_id, query_id, see_other, seen_or_404
from bot.console.health import troubles
from bot.console.items import item_view
from bot.console.why import Quote, quote
from bot.console.wording import Moments, When
from bot.domain import ActionKind, EscalationStatus, StaffAction
from bot.errors import Refused
from storage import answers, review
from storage.accounts import Staff
from storage.review import Case

_RECENTLY = timedelta(days=7)
_NOTE_LENGTH = 2_000
ACTIONS = (
    ActionKind.TAKE,
    ActionKind.PASS_ON,
    ActionKind.NEED_HELP,
    ActionKind.PLAN,
    ActionKind.CLOSE,
    ActionKind.REOPEN,
)


@dataclass(frozen=True, slots=True)
class Card:
    """A case as it is drawn. `version` changes with what is drawn, so that an open page asks for news only."""

    id: int
    person_id: int
    person: str
    tier: str
    tier_word: str
    category: str
    reason: str
    opened: When
    status: str
    asked: bool
    """Whoever has it was asked whether they still do."""
    headline: str
    next: str
    told: tuple[tuple[str, str], ...]
    plans: tuple[tuple[str, str], ...]
    """What the reader may plan beside what is planned: codes and words."""
    outcomes: tuple[tuple[str, str], ...]
    """What it may close with: codes and words."""
    note: str = field(repr=False)
    quotes: tuple[Quote, ...] = field(repr=False)

    @property
    def version(self) -> str:
        return f"{_mark((self.status, self.headline, self.next, self.told))}.{self.matter}"

    @property
    def matter(self) -> str:
        """The part of the version that changes with what it is about: what else changes is drawn without the words."""
        return _mark((self.tier, self.reason, len(self.quotes)))


@dataclass(frozen=True, slots=True)
class Summary:
    """Whether anybody needs an adult now, in one headline."""

    mood: str
    headline: str
    detail: str
    waiting: int
    troubles: tuple[str, ...]

    @property
    def version(self) -> str:
        return _mark(self)


def _mark(drawn: object) -> str:
    return hashlib.sha256(repr(drawn).encode("utf-8", "replace")).hexdigest()[:12]


async def home(desk: Desk, request: Request, staff: Staff) -> Response:
    """Open cases first, then what else to look at."""
    mine, me, before = staff.caseload_of, staff.person_id, query_id(request, "before")
    since = desk.clock.now() - _RECENTLY
    cases = await desk.read(lambda connection: review.waiting_cases(connection, mine, me))
    closed = await desk.read(lambda connection: review.closed_cases(connection, mine, since, me))
    items, left = await desk.read(lambda connection: review.items(connection, mine, me, before=before, limit=20))
    unread = await desk.read(lambda connection: answers.to_review(connection, mine, me))
    summary = await _summary(desk, cases)
    await desk.viewed(staff, "open cases", ((case.person_id, case.id) for case in cases))
    await desk.viewed(staff, "review items", ((item.person_id, None) for item in items if item.words))
    moments = desk.moments()
    return desk.page(
        request,
        "home.html",
        summary=summary,
        cards_open=[card(case, moments, staff) for case in cases],
        closed=[card(case, moments) for case in closed],
        items=[item_view(item, moments) for item in items],
        items_left=left,
        more=items[-1].id if len(items) < left and items else None,
        unread=unread,
        refusal="",
        draft=_draft(),
        home=True,
    )


async def now(desk: Desk, request: Request, staff: Staff) -> Response:
    """What changed since the page was drawn: the headline, its cases, new cases. Nothing: 204.

    Forms are never sent again, so that half-typed notes stay.
    """
    cases = await desk.read(lambda connection: review.waiting_cases(connection, staff.caseload_of, staff.person_id))
    moments = desk.moments()
    drawn = dict(mark.split(":", 1) for mark in request.query_params.getlist("seen") if ":" in mark)
    gone = await _closed_since(desk, staff, drawn.keys() - {str(case.id) for case in cases} - {"now"})
    cards = [card(case, moments, staff) for case in [*cases, *gone]]
    fresh = [one for one in cards if str(one.id) not in drawn]
    changed = [one for one in cards if drawn.get(str(one.id), one.version) != one.version]
    summary = await _summary(desk, cases)
    if not fresh and not changed and drawn.get("now") == summary.version:
        return Response(status_code=204)
    told_more = [one for one in changed if not drawn[str(one.id)].endswith(one.matter)]
    await desk.viewed(staff, "open cases", ((one.person_id, one.id) for one in (*fresh, *told_more)))
    response = desk.page(
        request,
        "now.html",
        summary=summary,
        fresh=fresh,
        changed=changed,
        told_more=told_more,
        refusal="",
        draft=_draft(),
        home=True,
    )
    if drawn.get("now") == summary.version:
        response.headers["HX-Reswap"] = "none"  # a headline that says the same is not read out again
    return response


async def case_page(desk: Desk, request: Request, staff: Staff) -> Response:
    """One case whole."""
    return await _case_page(desk, request, staff, path_id(request))


async def act(desk: Desk, request: Request, staff: Staff) -> Response:
    """Take, pass on, ask for help, plan, close, open again. What is refused is said next to the button."""
    case_id = path_id(request)
    kind = seen_or_404(next((one for one in ACTIONS if one == request.path_params["action"]), None))
    seen_or_404(await _whole(desk, staff, case_id))
    form = await request.form()
    outcome, note, plan = (str(form.get(name, "")).strip() for name in ("outcome", "note", "plan"))
    refusal = ""
    try:
        _judge(kind, outcome, note)
        await desk.handle(StaffAction(kind, staff.name, case_id, staff.person_id, outcome, note, plan))
    except Refused as refused:
        refusal = str(refused)
    draft = _draft(outcome, note, closing=kind is ActionKind.CLOSE) if refusal else _draft()
    if from_htmx(request):
        return await _card_again(desk, request, staff, case_id, refusal, draft)
    if refusal:
        return await _case_page(desk, request, staff, case_id, refusal, draft)
    return see_other("/staff/" if form.get("from") == "home" else f"/staff/escalations/{case_id}")


def card(case: Case, moments: Moments, staff: Staff | None = None) -> Card:
    """A case as it is drawn, with what this reader may plan."""
    headline, following = wording.standing(case, moments)
    return Card(
        id=case.id,
        person_id=case.person_id,
        person=wording.DRILL if case.drill else case.person,
        tier="notice" if case.drill else case.tier,
        tier_word="DRILL" if case.drill else wording.TIERS[case.tier],
        category=case.category.replace("-", " "),
        reason=case.reason,
        opened=moments.when(case.opened_at),
        status=case.status,
        asked=case.asked_at is not None,
        headline=headline,
        next=following,
        told=tuple(
            (told.name, wording.told_line(told, moments)) for told in case.told if told.kind == "alert"
        )[-4:],
        plans=wording.plans(case, staff.person_id, staff.name) if staff else (),
        outcomes=wording.outcomes(case),
        note=case.note,
        quotes=tuple(quote(words, moments) for words in case.words),
    )  # fmt: skip


async def _whole(desk: Desk, staff: Staff, case_id: int) -> review.CaseHistory | None:
    """One case whole, if it is theirs to see."""
    mine, me = staff.caseload_of, staff.person_id
    return await desk.read(lambda connection: review.case_history(connection, case_id, mine, me))


async def _closed_since(desk: Desk, staff: Staff, ids: set[str]) -> Sequence[Case]:
    """The cases that the page still shows as waiting and that are closed by now."""
    found = []
    for id_ in sorted(ids)[:50]:
        if id_.isascii() and id_.isdigit() and int(id_) < 2**63:
            whole = await _whole(desk, staff, int(id_))
            found += [whole.case] if whole else []
    return found


async def _summary(desk: Desk, cases: Sequence[Case]) -> Summary:
    _, wrong = await troubles(desk)
    cases = [case for case in cases if not case.drill]
    nobody = [case for case in cases if case.status is EscalationStatus.OPEN]
    held = len(cases) - len(nobody)
    looked_after = f"{wording.counted(held, 'case')} {'is' if held == 1 else 'are'} with an adult." if held else ""
    if not nobody:
        return Summary("calm", "Nobody is waiting.", looked_after or "There is no open case.", 0, wrong)
    names = list(dict.fromkeys(case.person for case in nobody))
    verb = "needs" if len(names) == 1 else "need"
    headline = f"{names[0] if len(names) == 1 else wording.counted(len(names), 'student')} {verb} an adult now."
    who = "" if len(names) == 1 else f"{wording.people(names)}. "
    mood = "crisis" if nobody[0].tier == "crisis" else "waiting"
    return Summary(mood, headline, f"{who}{looked_after}".strip(), len(nobody), wrong)


async def _case_page(
    desk: Desk, request: Request, staff: Staff, case_id: int, refusal: str = "", draft: dict[str, object] | None = None
) -> HTMLResponse:
    whole = seen_or_404(await _whole(desk, staff, case_id))
    await desk.viewed(staff, "case", [(whole.case.person_id, case_id)])
    moments = desk.moments()
    told = [
        {"told": told, "line": wording.told_line(told, moments), "at": moments.when(told.created_at),
         "tries": [(moments.when(one.started_at), one.result, one.code) for one in told.attempts]}
        for told in whole.case.told
    ]  # fmt: skip
    views = [(moments.when(entry.at), entry.actor) for entry in whole.record if entry.action == VIEWED]
    record = [
        (
            moments.when(entry.at),
            entry.actor,
            wording.DONE.get(entry.action, entry.action),
            {**wording.OUTCOMES, **wording.PLANS}.get(entry.detail, entry.detail),
        )
        for entry in whole.record
        if entry.action != VIEWED
    ]
    return desk.page(
        request,
        "case.html",
        422 if refusal else 200,
        card=card(whole.case, moments, staff),
        told=told,
        record=record,
        views=views,
        refusal=refusal,
        draft=draft or _draft(),
        home=False,
    )


async def _card_again(
    desk: Desk, request: Request, staff: Staff, case_id: int, refusal: str, draft: dict[str, object]
) -> Response:
    whole = seen_or_404(await _whole(desk, staff, case_id))
    await desk.viewed(staff, "case", [(whole.case.person_id, case_id)])
    response = desk.page(
        request,
        "card.html",
        422 if refusal else 200,
        card=card(whole.case, desk.moments(), staff),
        refusal=refusal,
        draft=draft,
        home=True,
        acted=True,
    )
    response.headers["HX-Trigger-After-Settle"] = "cases-changed"  # once the page shows this card, not the old one
    return response


def _judge(kind: ActionKind, outcome: str, note: str) -> None:
    if kind is ActionKind.CLOSE and outcome not in wording.OUTCOMES:
        raise Refused("Please choose how it ended.")
    if len(note) > _NOTE_LENGTH:
        raise Refused(f"Please keep the note below {_NOTE_LENGTH} characters.")


def _draft(outcome: str = "", note: str = "", *, closing: bool = False) -> dict[str, object]:
    """What a form shows again after a refusal."""
    return {"outcome": outcome, "note": note, "closing": closing}
