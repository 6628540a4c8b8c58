"""What goes between a chat page and us: lines as chat.js reads them, and what a page posts."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

from bot.adapters.base import Shown
from bot.domain import Outbound


def line_of(line: Shown | Outbound) -> dict[str, Any]:
    """A line as chat.js reads it. Ids are text: they are longer than a JavaScript number is exact."""
    ours, at, replaces = (
        (True, line.created_at, line.replaces) if isinstance(line, Outbound) else (line.ours, line.at, "")
    )
    return {
        "id": str(line.id),
        "ours": ours,
        "kind": str(line.kind),
        "text": line.text,
        "choices": [{"label": choice.label, "token": choice.token} for choice in line.choices],
        "at": at.isoformat() if at else "",
        "replaces": replaces,
    }


async def posted(request: Request) -> dict[str, Any]:
    """What a page posted. Raises HTTPException for anything but a JSON object."""
    try:
        found = json.loads(await request.body())
    except (ValueError, RecursionError):
        raise HTTPException(400) from None
    if not isinstance(found, dict):
        raise HTTPException(400)
    return found


def clean(text: object) -> str:
    """Text that every database takes: without NUL, and with half characters replaced."""
    if not isinstance(text, str):
        raise HTTPException(400)
    return text.replace("\0", "").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
