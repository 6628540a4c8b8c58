"""Is a bot set up as it should be? Asked with harmless calls; nothing is fetched, and nobody is written to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from bot.adapters.base import Finding
from bot.adapters.telegram.reading import KINDS
from bot.adapters.telegram.words import COMMANDS, DESCRIPTIONS, LANGUAGES
from bot.errors import SendError

Ask = Callable[[str, Mapping[str, Any]], Awaitable[Mapping[str, Any]]]
_REFUSED = (401, 404)
_CONFLICT = 409
LISTENING = 4
"""Seconds in which another poller would have asked again."""


async def examine(
    ask: Ask, introduce: Callable[[], Awaitable[None]], *, polls: bool, fix: bool, running: bool
) -> list[Finding]:
    """What can be seen of a bot from outside. `fix`: set its commands with `introduce` if they are others,
    and a description where there is none."""
    try:
        me = await ask("getMe", {})
    except SendError as error:
        how = "Is this computer allowed to reach it? A school's network may need HTTPS_PROXY."
        return [Finding("telegram.reached", "Telegram answers.", f"It cannot be reached ({error.code}). {how}")]
    if not me.get("ok"):
        wrong = f"Telegram answers with an error ({me.get('error_code')})."
        if me.get("error_code") in _REFUSED:
            wrong = "Telegram refuses the token. Get the bot's token from @BotFather again, and put it into token_file."
        return [Finding("telegram.token", "Telegram knows the bot.", wrong)]
    bot = me["result"]
    found = [
        Finding("telegram.token", f"Telegram knows the bot: @{bot.get('username', '?')}."),
        Finding(
            "telegram.groups",
            "The bot cannot be added to groups.",
            "It can; it keeps nothing there and leaves. To end that: @BotFather, /setjoingroups, Disable."
            if bot.get("can_join_groups")
            else "",
            warns=True,
        ),
        Finding(
            "telegram.privacy",
            "The bot does not read along in groups.",
            "Its privacy mode is off: @BotFather, /setprivacy, Enable."
            if bot.get("can_read_all_group_messages")
            else "",
            warns=True,
        ),
    ]
    webhook = await _webhook(ask, polls)
    found += [webhook, await _commands(ask, introduce, fix), await _descriptions(ask, fix)]
    if polls and not running and not webhook.wrong:  # with a webhook nobody at all can poll, and that was said
        found.append(await _alone(ask))
    return found


async def _webhook(ask: Ask, polls: bool) -> Finding:
    sentence = "Updates come the way that the settings say."
    hook = (await _result(ask, "getWebhookInfo", {}) or {}).get("url", "")
    wrong = ""
    if polls and hook:
        wrong = (
            "A webhook is set, so nothing can be polled: another program uses this bot. Stop it, or make another bot."
        )
    elif not polls and not hook:
        wrong = "No webhook is set: it is set when Nearpeer starts."
    return Finding("telegram.webhook", sentence, wrong)


async def _alone(ask: Ask) -> Finding:
    """Whether somebody else polls. Who asks last is heard, and ends the other's poll: so nobody of ours may run.

    Without an offset nothing is confirmed: what waits goes on waiting.
    """
    try:
        answer = await ask("getUpdates", {"limit": 1, "timeout": LISTENING, "allowed_updates": KINDS})
    except SendError:
        answer = {}
    wrong = ""
    if answer.get("error_code") == _CONFLICT:
        wrong = "Another program polls with this token: often an old copy of Nearpeer on another computer. End it."
    return Finding("telegram.alone", "No other program polls for this bot.", wrong)


async def _commands(ask: Ask, introduce: Callable[[], Awaitable[None]], fix: bool) -> Finding:
    sentence = "The bot offers its commands in every language."
    if await _offered(ask):
        return Finding("telegram.commands", sentence)
    if fix:
        await introduce()
        if await _offered(ask):
            return Finding("telegram.commands", "The bot's commands have been set.")
    wrong = "They are not set: they are when Nearpeer starts, or now with nearpeer doctor DIR --fix."
    return Finding("telegram.commands", sentence, wrong, warns=True)


async def _descriptions(ask: Ask, fix: bool) -> Finding:
    sentence = "Who opens the bot reads what it is, before they press Start."
    missing = await _undescribed(ask)
    if missing and fix:
        for language in missing:
            await _result(ask, "setMyDescription", {"description": DESCRIPTIONS[language]} | _code(language))
        missing = await _undescribed(ask)
    wrong = "It has no description: @BotFather, /setdescription, or now with nearpeer doctor DIR --fix."
    return Finding("telegram.description", sentence, wrong if missing else "", warns=True)


async def _undescribed(ask: Ask) -> list[str]:
    """Languages without one. What a school wrote of its own, in whichever language, is left alone."""
    found = {
        one: (await _result(ask, "getMyDescription", _code(one)) or {}).get("description", "") for one in LANGUAGES
    }
    return [language for language, text in found.items() if not text]


def _code(language: str) -> dict[str, str]:
    """The first language stands for everybody whose own has nothing."""
    return {"language_code": language} if language != LANGUAGES[0] else {}


async def _offered(ask: Ask) -> bool:
    for language in LANGUAGES:
        asked = {"scope": {"type": "all_private_chats"}} | _code(language)
        offered = await _result(ask, "getMyCommands", asked) or []
        if [(one.get("command"), one.get("description")) for one in offered] != list(COMMANDS[language]):
            return False
    return True


async def _result(ask: Ask, method: str, parameters: Mapping[str, Any]) -> Any:
    try:
        answer = await ask(method, parameters)
    except SendError:
        return None
    return answer.get("result") if answer.get("ok") else None
