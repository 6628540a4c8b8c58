"""Who in the workspace has an e-mail address: asked for people of the roster, at the pace that Slack allows."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from typing import Any

from bot.adapters.slack.answers import GONE, Answer
from bot.adapters.slack.web import Web
from bot.errors import Refused, SendError

_LONGEST_WAIT = 60.0


async def find(web: Web, workspace: str, emails: Collection[str]) -> dict[str, str]:
    """The ids of the accounts with these e-mail addresses, by address. Raises Refused with words for people."""
    team = str((await _asked(web, "auth.test", {})).body.get("team_id", ""))
    if team != workspace:
        raise Refused(f"The bot token is of the workspace {team[:20]}, and [slack] workspace says {workspace}.")
    found = {}
    for email in emails:
        user = (await _asked(web, "users.lookupByEmail", {"email": email})).body.get("user")
        if isinstance(user, Mapping) and isinstance(user.get("id"), str) and not user.get("deleted"):
            found[email] = user["id"]
    return found


async def _asked(web: Web, method: str, body: Mapping[str, Any]) -> Answer:
    """What Slack says, however long it makes us wait; an answer without anybody when it knows nobody."""
    while True:
        try:
            answer = await web.call(method, body)
        except SendError:
            raise Refused("Slack cannot be reached, or did not answer. Try it again in a while.") from None
        if answer.is_too_many:
            await asyncio.sleep(min(answer.seconds or 1.0, _LONGEST_WAIT))
        elif answer.error and answer.error not in GONE:
            raise Refused(f"Slack refused: {answer.error[:40]}. See docs/slack.md for what the tokens must be allowed.")
        else:
            return answer
