"""Builds the adapters of the platforms that a school's settings switch on. A platform's needs are loaded only then."""

from __future__ import annotations

from bot.adapters.base import Adapter, load
from bot.program import Program
from config.slack import Slack
from config.telegram import Telegram
from storage import people


def platforms(program: Program) -> list[Adapter]:
    """Of each platform that a school has switched on; the web chat always."""
    telegram, slack = program.settings.telegram, program.settings.slack
    return [
        web_adapter(program),
        *([telegram_adapter(telegram)] if telegram.account else []),
        *([slack_adapter(slack)] if slack.account else []),
    ]


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
