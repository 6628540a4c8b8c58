"""The list of students and one student's timeline with the mood line. Every view of a timeline is recorded first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from bot.console import wording
from bot.console.answers import line_view
from bot.console.desk import Desk, from_htmx, path_id, see_other, seen_or_404
from bot.console.svg import MOODS, Point, mood_line
from bot.console.wording import Moments
from bot.domain import ActionKind, PersonStatus, Role, StaffAction
from storage import timeline
from storage.accounts import Staff
from storage.timeline import Cursor, Entry, Mood, Profile

_MOODS_SHOWN = timedelta(days=183)
_STATUS = {PersonStatus.ACTIVE: "", PersonStatus.PAUSED: "Paused", PersonStatus.STOPPED: "Stopped"}
_ROLES = {Role.MENTEE: "Mentees", Role.MENTOR: "Mentors"}


async def people_page(desk: Desk, request: Request, staff: Staff) -> Response:
    """Students, mentees first."""
    found = await desk.read(lambda connection: timeline.people(connection, staff.caseload_of, staff.person_id))
    moments = desk.moments()
    groups = [
        (
            title,
            [
                {"line": one, "status": _STATUS[one.status],
                 "wrote": moments.when(one.last_wrote) if one.last_wrote else None}
                for one in found
                if one.role is role
            ],
        )
        for role, title in _ROLES.items()
    ]  # fmt: skip
    return desk.page(request, "people.html", groups=groups)


async def person_page(desk: Desk, request: Request, staff: Staff) -> Response:
    """One student: who belongs to them, moods, and everything that happened."""
    return await _person_page(desk, request, staff, path_id(request))


async def resume(desk: Desk, request: Request, staff: Staff) -> Response:
    """Let a student's check-ins go on."""
    person_id = path_id(request)
    profile = seen_or_404(await _profile(desk, staff, person_id))
    if not _waits_for_adult(profile):  # or the reader must not know that they do
        return await _person_page(desk, request, staff, person_id)
    refusal = await desk.hand_in(StaffAction(ActionKind.RESUME, staff.name, person_id, staff.person_id))
    if refusal or from_htmx(request):
        return await _person_page(desk, request, staff, person_id, refusal)
    return see_other(f"/staff/people/{person_id}")


async def _person_page(desk: Desk, request: Request, staff: Staff, person_id: int, refusal: str = "") -> Response:
    profile = seen_or_404(await _profile(desk, staff, person_id))
    before = _cursor(request.query_params.get("before", ""))
    since = desk.clock.now() - _MOODS_SHOWN
    entries, more = await desk.read(
        lambda connection: timeline.timeline(connection, person_id, staff.person_id, before=before)
    )
    moods = await desk.read(lambda connection: timeline.moods(connection, person_id, since))
    await desk.viewed(staff, "timeline", [(person_id, None)])
    moments = desk.moments()
    return desk.page(
        request,
        "person.html",
        422 if refusal else 200,
        profile=profile,
        standing=_standing(profile, moments),
        can_resume=_waits_for_adult(profile),
        mood=_mood_view(profile, moods, moments),
        days=_days(entries, moments),
        older=f"{int(more.at.timestamp() * 1000)}-{more.id}" if more else "",
        first=before is None,
        refusal=refusal,
    )


async def _profile(desk: Desk, staff: Staff, person_id: int) -> Profile | None:
    mine, me = staff.caseload_of, staff.person_id
    return await desk.read(lambda connection: timeline.profile(connection, person_id, mine, me))


def _waits_for_adult(profile: Profile) -> bool:
    paused = profile.status is PersonStatus.PAUSED and profile.paused_until is None
    return profile.suspended or paused or any(match.paused for match in profile.matches)


def _standing(profile: Profile, moments: Moments) -> str:
    if any(match.paused for match in profile.matches):
        return "Reminders to meet are on hold until an adult lets them go on. The mentor is not told why."
    if _waits_for_adult(profile):
        return "Check-ins are on hold until an adult lets them go on."
    if profile.status is PersonStatus.PAUSED and profile.paused_until:
        return f"Paused check-ins until {moments.when(profile.paused_until).text}."
    if profile.status is PersonStatus.STOPPED:
        return "Has stopped check-ins."
    return ""


def _cursor(text: str) -> Cursor | None:
    """The `milliseconds-id` of an older page, or None for what is none."""
    found = re.fullmatch(r"(\d{1,13})-(\d{1,18})", text, re.ASCII)
    return Cursor(datetime.fromtimestamp(int(found[1]) / 1000, UTC), int(found[2])) if found else None


def _mood_view(profile: Profile, moods: Sequence[Mood], moments: Moments) -> dict[str, object]:
    """The line, its summary in words, and its table."""
    points = [Point(mood.at, mood.value, moments.day(mood.at)) for mood in moods]
    summary = _mood_summary(points)
    line = mood_line(points, f"Moods of {profile.name}", summary) if points else Markup("")
    return {"line": line, "summary": summary, "table": [(one.label, MOODS[one.value], one.value) for one in points]}


def _mood_summary(points: Sequence[Point]) -> str:
    if not points:
        return "No mood has been shared in the last six months."
    last = points[-1]
    if len(points) == 1:
        return f"One mood shared: {MOODS[last.value].lower()} on {last.label}."
    lowest = min(points, key=lambda one: (one.value, -one.at.timestamp()))
    change = last.value - points[-2].value
    moved = "the same as" if not change else "better than" if change > 0 else "lower than"
    return (
        f"Last mood: {MOODS[last.value].lower()} on {last.label}, {moved} the time before. "
        f"Lowest of {len(points)}: {MOODS[lowest.value].lower()} on {lowest.label}."
    )


def _days(entries: Sequence[Entry], moments: Moments) -> list[tuple[str, list[dict[str, object]]]]:
    """Entries as they are drawn, under their days, newest first."""
    return [
        (day, [_entry_view(entry, moments) for entry in of_day])
        for day, of_day in groupby(entries, key=lambda entry: moments.day(entry.at))
    ]


def _entry_view(entry: Entry, moments: Moments) -> dict[str, object]:
    return {
        "kind": entry.kind.value,
        "id": entry.id,
        "at": moments.clock(entry.at),
        "pieces": wording.pieces(entry.text, entry.marks),
        "status": wording.SENDING.get(entry.status, "") if entry.kind == "sent" and entry.status != "sent" else "",
        "media": entry.kind == "said" and entry.status == "media",
        "changed": entry.kind == "said" and entry.status == "edit",
        "deleted": entry.kind == "said" and entry.status == "deleted",
        "answer": line_view(entry.answer, moments) if entry.answer else None,
        "tier": entry.tier.value if entry.tier else "",
        "tier_word": wording.TIERS[entry.tier] if entry.tier else "",
        "closed": entry.status == "closed",
    }
