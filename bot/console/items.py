"""Review items: what staff look at without a ladder, and marking it as looked at."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bot.console.desk import Desk, from_htmx, path_id, see_other, seen_or_404
from bot.console.why import quote
from bot.console.wording import Moments
from bot.domain import ActionKind, ReviewKind, StaffAction
from storage import review
from storage.accounts import Staff
from storage.review import Item


async def mark_item(desk: Desk, request: Request, staff: Staff) -> Response:
    """Mark a review item as looked at."""
    return await _item_done(desk, request, staff, ActionKind.REVIEW_ITEM)


async def unlink(desk: Desk, request: Request, staff: Staff) -> Response:
    """Take a chat away from whom it was linked to: it is not theirs."""
    return await _item_done(desk, request, staff, ActionKind.UNLINK)


async def _item_done(desk: Desk, request: Request, staff: Staff, kind: ActionKind) -> Response:
    item_id = path_id(request)
    mine = staff.caseload_of
    seen_or_404(await desk.read(lambda connection: review.item(connection, item_id, mine, staff.person_id)))
    refusal = await desk.hand_in(StaffAction(kind, staff.name, item_id, staff.person_id))
    if not from_htmx(request) and not refusal:
        return see_other("/staff/#items")
    item = seen_or_404(await desk.read(lambda connection: review.item(connection, item_id, mine, staff.person_id)))
    if item.words:
        await desk.viewed(staff, "review items", [(item.person_id, None)])
    view = item_view(item, desk.moments())
    template = "item.html" if from_htmx(request) else "item_alone.html"
    return desk.page(request, template, 422 if refusal else 200, item=view, refusal=refusal)


def item_view(item: Item, moments: Moments) -> dict[str, object]:
    """A review item as it is drawn."""
    return {
        "id": item.id,
        "reason": item.reason,
        "at": moments.when(item.at),
        "person_id": item.person_id,
        "person": item.person,
        "quote": quote(item.words, moments) if item.words else None,
        "wrote": _wrote(item),
        "linked": item.kind is ReviewKind.LINKED and item.words is not None and item.words.person_id == item.person_id,
        "reviewed_by": item.reviewed_by,
    }


def _wrote(item: Item) -> str:
    """Who wrote what an item shows: not always the person whom it is about."""
    if item.words is not None and item.words.person_id == item.person_id:
        return item.person or "Somebody unknown"
    return "Somebody unknown" if item.words is None or item.words.person_id is None else "Somebody else"
