"""The answers page, and marking an answer as looked at."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from bot.console import wording
from bot.console.desk import Desk, from_htmx, path_id, query_id, see_other, seen_or_404
from bot.console.wording import Moments
from bot.domain import ActionKind, StaffAction
from storage import answers
from storage.accounts import Staff
from storage.answers import Line

SHOWN = {"to-review": False, "reviewed": True, "all": None}


async def answers_page(desk: Desk, request: Request, staff: Staff) -> Response:
    """Answers, newest first: those to review, those reviewed, or all."""
    show = request.query_params.get("show", "to-review")
    show = show if show in SHOWN else "to-review"
    before = query_id(request, "before")
    lines, more = await desk.read(
        lambda connection: answers.page(
            connection, staff.caseload_of, staff.person_id, reviewed=SHOWN[show], before=before
        )
    )
    await desk.viewed(staff, "answers", ((line.person_id, None) for line in lines))
    moments = desk.moments()
    return desk.page(
        request,
        "answers.html",
        show=show,
        first=before is None,
        answers=[line_view(line, moments) for line in lines],
        more=more,
        refusal="",
    )


async def mark_answer(desk: Desk, request: Request, staff: Staff) -> Response:
    """Mark an answer as reviewed."""
    answer_id = path_id(request)
    seen_or_404(await _line(desk, staff, answer_id))
    refusal = await desk.hand_in(StaffAction(ActionKind.REVIEW_ANSWER, staff.name, answer_id, staff.person_id))
    if not from_htmx(request) and not refusal:
        return see_other("/staff/answers")
    line = seen_or_404(await _line(desk, staff, answer_id))
    await desk.viewed(staff, "answers", [(line.person_id, None)])
    view = line_view(line, desk.moments())
    template = "answer.html" if from_htmx(request) else "answer_alone.html"
    return desk.page(request, template, 422 if refusal else 200, answer=view, refusal=refusal)


def line_view(line: Line, moments: Moments) -> dict[str, object]:
    """An answer as it is drawn."""
    return {
        "id": line.id,
        "at": moments.when(line.at),
        "person_id": line.person_id,
        "person": line.person,
        "flow": line.flow.replace("-", " "),
        "question": line.question or line.topic or line.step.replace("_", " "),
        "kind": wording.ANSWER_KINDS.get(line.kind, line.kind),
        "protected": line.sensitivity.startswith("protected"),
        "pieces": wording.pieces(line.reply, line.marks),
        "meaning": line.meaning,
        "skipped": line.kind == "skipped",
        "reviewed_by": line.reviewed_by,
        "reviewed_at": moments.when(line.reviewed_at) if line.reviewed_at else None,
    }


async def _line(desk: Desk, staff: Staff, answer_id: int) -> Line | None:
    return await desk.read(lambda connection: answers.one(connection, answer_id, staff.caseload_of, staff.person_id))
