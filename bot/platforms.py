"""Builds the adapters of the platforms that a school's settings switch on. A platform's needs are loaded only then."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Mapping
from typing import Any

from bot.adapters.base import Adapter, load
from bot.clock import SystemClock
from bot.domain import EMAIL, SMS, WEBHOOK
from bot.errors import Refused, SendError
from bot.program import Program
from bot.proxy import proxy_for
from config.reach import Email, Sms, Webhook
from config.slack import Slack
from config.telegram import Telegram
from storage import people


def platforms(program: Program) -> list[Adapter]:
    """Of each platform that a school has switched on; the web chat always."""
    settings = program.settings
    found = [web_adapter(program)]
    if settings.telegram.account:
        found.append(telegram_adapter(settings.telegram, settings.server.public_url))
    if settings.slack.account:
        found.append(slack_adapter(settings.slack))
    if settings.email.account:
        found.append(email_adapter(settings.email))
    if settings.sms.token.get_secret_value():
        found.append(sms_adapter(settings.sms, settings.server.public_url))
    if settings.webhook.account:
        found.append(webhook_adapter(settings.webhook))
    return found


def web_adapter(program: Program) -> Adapter:
    """The web chat of a program."""
    from bot.server import asset  # with the web framework: only where there is a web chat

    return load(people.WEB)(people.WEB_ACCOUNT, public_url=program.settings.server.public_url, asset=asset)


def telegram_adapter(settings: Telegram, public_url: str = "") -> Adapter:
    """A bot on Telegram. `public_url`: where the school's pages are served, if that is known outside."""
    from bot.adapters.telegram.network import BotApi
    from bot.adapters.telegram.webhook import PATH

    token = settings.token.get_secret_value()
    return load("telegram")(
        settings.account,
        BotApi(token, settings.base_url, proxy_for(settings.base_url)),
        polls=not settings.webhook,
        hook=f"{public_url}{PATH}" if public_url else "",
        # Every program of the school makes the same of the token, and nobody makes the token of it.
        secret=hmac.new(token.encode(), b"nearpeer webhook", "sha256").hexdigest(),
        min_age=settings.min_age,
        per_second=settings.per_second,
        per_chat_second=settings.per_chat_second,
    )


def telegram_link(settings: Telegram) -> str:
    """How a link begins that opens a chat with the school's bot and says a code there. Raises Refused."""
    from bot.adapters.telegram.network import BotApi

    async def ask() -> Mapping[str, Any]:
        api = BotApi(settings.token.get_secret_value(), settings.base_url, proxy_for(settings.base_url))
        try:
            return await api("getMe", {})
        finally:
            await api.close()

    if not settings.account:
        raise Refused("There is no bot yet: put its token in place, and name the file in [telegram]. docs/telegram.md")
    try:
        answer = asyncio.run(ask())
    except SendError as error:
        raise Refused(f"Telegram cannot be reached ({error.code}): is this computer online? docs/telegram.md") from None
    bot = answer.get("result")
    if not answer.get("ok") or not isinstance(bot, Mapping) or not isinstance(bot.get("username"), str):
        raise Refused("Telegram refuses the bot's token: copy it again from BotFather. docs/telegram.md")
    return f"https://t.me/{bot['username']}?start="


def slack_adapter(settings: Slack) -> Adapter:
    """A school's app in its Slack workspace."""
    return load("slack")(
        settings.account,
        settings.bot_token.get_secret_value(),
        app_token=settings.app_token.get_secret_value(),
        signing_secret=settings.signing_secret.get_secret_value(),
        base_url=settings.base_url,
        min_age=settings.min_age,
        per_second=settings.per_second,
        per_chat_second=settings.per_chat_second,
    )


def email_adapter(settings: Email) -> Adapter:
    """The school's mail server."""
    return load(EMAIL)(
        settings.account,
        host=settings.host,
        port=settings.port,
        security=settings.security,
        user=settings.user,
        password=settings.password.get_secret_value(),
        sender=settings.sender,
    )


def sms_adapter(settings: Sms, public_url: str) -> Adapter:
    """An SMS provider."""
    return load(SMS)(
        settings.account,
        token=settings.token.get_secret_value(),
        sender=settings.sender,
        public_url=public_url,
        base_url=settings.base_url,
    )


def webhook_adapter(settings: Webhook) -> Adapter:
    """A system of the school's own."""
    secret, wall = settings.secret.get_secret_value(), SystemClock().wall
    return load(WEBHOOK)(settings.account, url=settings.url, secret=secret, wall=wall)
