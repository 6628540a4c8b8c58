"""Is a school's app set up as its manifest says? Asked with harmless calls; nobody is written to."""

from __future__ import annotations

from bot.adapters.base import Finding
from bot.adapters.slack.answers import DEAD, Answer
from bot.adapters.slack.manifest import SCOPES
from bot.adapters.slack.web import Web
from bot.errors import SendError


async def examine(web: Web, app_web: Web | None, workspace: str, *, posts: bool) -> list[Finding]:
    """What can be seen of an app from outside."""
    known = await _called(web, "auth.test")
    if known is None or known.error:
        return [_no_answer("slack.bot-token", "Slack knows the app.", "bot_token_file", known)]
    team = str(known.body.get("team_id", ""))
    missing = sorted(SCOPES.keys() - set(known.scopes)) if known.scopes else []
    how = "Compare the app with nearpeer slack manifest, and install it again"
    found = [
        Finding("slack.bot-token", f"Slack knows the app in {known.body.get('team', team)}."),
        Finding(
            "slack.workspace",
            "It is the workspace of the settings.",
            ""
            if team == workspace
            else f'The token is one of another workspace: set workspace = "{team}" or take its token.',
        ),
        Finding(
            "slack.scopes",
            "The app may do what it needs to.",
            f"These scopes are missing: {', '.join(missing)}. {how}." if missing else "",
        ),
    ]
    if app_web is not None:
        opened = await _called(app_web, "apps.connections.open")
        if opened is None or opened.error:
            found.append(_no_answer("slack.app-token", "Slack opens sockets.", "app_token_file", opened))
        else:
            found.append(Finding("slack.app-token", "Slack opens sockets."))
    elif posts:
        found.append(Finding("slack.posts", "Slack posts here, and signs: whether it can reach us only Slack knows."))
    return found


async def _called(web: Web, method: str) -> Answer | None:
    web.open()
    try:
        return await web.call(method)
    except SendError:
        return None
    finally:
        await web.close()


def _no_answer(id_: str, sentence: str, setting: str, answer: Answer | None) -> Finding:
    if answer is None:
        how = "Is this computer allowed to reach it? A school's network may need HTTPS_PROXY."
        return Finding(id_, sentence, f"It cannot be reached. {how}")
    if answer.error in DEAD:
        return Finding(id_, sentence, f"Slack refuses the token of {setting} ({answer.error}). Copy it there again.")
    return Finding(id_, sentence, f"Slack answers with an error ({answer.error}): see docs/slack.md.")
