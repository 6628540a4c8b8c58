"""Builds the adapters of the platforms that a school's settings switch on. A platform's needs are loaded only then."""

from __future__ import annotations

from bot.adapters.base import Adapter, load
from bot.clock import SystemClock
from bot.domain import EMAIL, SMS, WEBHOOK
from bot.program import Program
from config.reach import Email, Sms, Webhook
from config.slack import Slack
from config.telegram import Telegram
from storage import people


def platforms(program: Program) -> list[Adapter]:
    """Of each platform that a school has switched on; the web chat always."""
    settings = program.settings
    found = [web_adapter(program)]
    if settings.telegram.account:
        found.append(telegram_adapter(settings.telegram))
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


def telegram_adapter(settings: Telegram) -> Adapter:
    """A bot on Telegram."""
    from bot.adapters.telegram.network import BotApi, proxy_for

    api = BotApi(settings.token.get_secret_value(), settings.base_url, proxy_for(settings.base_url))
    return load("telegram")(
        settings.account,
        api,
        min_age=settings.min_age,
        per_second=settings.per_second,
        per_chat_second=settings.per_chat_second,
    )


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
